//! Adds up what the runs of one invocation led to, and writes the sums once, at its end.
//!
//! Counts are statistics: those of an invocation that died, or whose write failed, are missing. No
//! job depends on them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws::counters::Counters;
use futures_util::future::join_all;
use media::{
    counts::{CountsOwner, MediaCounts, RunEnd, format_day},
    job::Job,
};
use tokio::time::{Instant, timeout_at};

/// The time that all writes of an invocation may take together.
const MAX_WRITE_TIME: Duration = Duration::from_secs(2);

/// How long a day's counts are kept, in seconds: 400 days.
const KEPT_FOR: i64 = 400 * 24 * 60 * 60;

/// The sums of an invocation. It has at most as many as the batch has jobs.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<CountsOwner, MediaCounts>>);

impl Tally {
    /// Counts a run that ended and whose record says so. `now` is in seconds since 1970.
    pub(crate) fn add_run(&self, job: &Job, run: RunEnd<'_>, now: i64) {
        let owner = CountsOwner {
            tenant: job.tenant.clone(),
            instance: job.instance.clone(),
            day: format_day(now),
        };
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.entry(owner).or_default().add(&MediaCounts::from_run(run));
    }

    /// Writes the sums, one call for each tenant, instance and day, until `deadline` at most. What
    /// cannot be written is not counted: the answer to the batch does not depend on it.
    pub(crate) async fn write_sums(&self, counters: &Counters, now: i64, deadline: Instant) {
        let sums = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let until = deadline.min(Instant::now() + MAX_WRITE_TIME);
        let forget_at = now.saturating_add(KEPT_FOR);
        let writes = sums.iter().map(async |(owner, counts)| {
            let CountsOwner { tenant, instance, .. } = owner;
            match timeout_at(until, counters.add(owner, counts, forget_at)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(
                    %tenant, %instance, %error,
                    "adding the counts of an invocation failed; they are not counted"
                ),
                Err(_late) => tracing::warn!(
                    %tenant, %instance,
                    "adding the counts of an invocation took too long; they may not be counted"
                ),
            }
        });
        join_all(writes).await;
    }
}
