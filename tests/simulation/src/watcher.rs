//! The schedules of the watch function: a pass over the due jobs at every full minute, and a look
//! at every full hour.
//!
//! A minute in which nothing is due passes without an invocation: it would find nothing, and a
//! world lasts for days. So does an hour in which the queue has lost nothing, but every sixth of
//! the first two days, and one a day later.

use std::{sync::Arc, time::Duration};

use aws::ledger::{BY_DUE, DUE_SHARDS};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use watch::{Pass, Watch};

use crate::{
    clockwork::WORLD_START,
    cloud::Cloud,
    function::{JOBS_TABLE, ProcessContext, Slot},
};

const MINUTE: Duration = Duration::from_mins(1);

const HOUR: Duration = Duration::from_hours(1);

/// The longest time without a look in the first two days, when most happens.
const MAX_EARLY_PAUSE: Duration = Duration::from_hours(6);

/// The longest time without a look later.
const MAX_LATE_PAUSE: Duration = Duration::from_hours(24);

/// Runs the watch function on its schedules.
pub(crate) struct Watcher {
    around: Arc<ProcessContext>,
    slot: Mutex<Slot<Arc<Watch>>>,
}

impl Watcher {
    /// Builds a watcher before its first pass.
    pub(crate) fn new(around: &Arc<ProcessContext>) -> Arc<Self> {
        let slot = Mutex::new(Slot::new(around, "watch-0".to_owned()));
        Arc::new(Self { around: Arc::clone(around), slot })
    }

    /// Runs passes without end.
    pub(crate) async fn run(self: Arc<Self>) {
        let cloud = &self.around.cloud;
        let mut last_look = Duration::ZERO;
        loop {
            let now = cloud.clock.now();
            let due = next_due(cloud, "table").map(|due| next_full(MINUTE, due.max(now)));
            let lost = next_due(cloud, "queue").map(|due| next_full(HOUR, due.max(last_look)));
            let is_early = last_look < Duration::from_hours(48);
            let latest_look = last_look + if is_early { MAX_EARLY_PAUSE } else { MAX_LATE_PAUSE };
            let look = lost.map_or(latest_look, |lost| lost.min(latest_look));
            let (at, pass) = match due {
                Some(due) if due < look => (due, Pass::Due),
                Some(_) | None => (look, Pass::Look),
            };
            // What a run writes may be due sooner.
            let changed = cloud.wait_for_queue_change();
            tokio::select! {
                () = cloud.clock.sleep_until(at) => {}
                () = changed => continue,
            }
            if pass == Pass::Look {
                last_look = cloud.clock.now();
            }
            self.run_pass(pass).await;
        }
    }

    /// Runs one pass, to its end or to the death of its process.
    pub(crate) async fn run_pass(&self, pass: Pass) {
        let ended = self.slot.lock().await.watch_pass(pass).await;
        let cloud = &self.around.cloud;
        cloud.log.add_line(cloud.clock.now(), format!("watch pass {pass:?}: {ended:?}"));
    }
}

/// The first full minute or hour after this time.
fn next_full(unit: Duration, at: Duration) -> Duration {
    unit * u32::try_from(at.as_secs() / unit.as_secs() + 1).unwrap_or(u32::MAX)
}

/// When the first entry of the jobs table is due whose job is in this place, the table or the
/// queue; in time since the world began. `None` if none ever is.
pub(crate) fn next_due(cloud: &Cloud, place: &str) -> Option<Duration> {
    let due = cloud.tables.find_time(place, || {
        let due = (0..DUE_SHARDS).filter_map(|shard| first_due(cloud, &format!("{place}-{shard}")));
        due.min()
    })?;
    let since_start = u64::try_from(due.saturating_sub(WORLD_START)).unwrap_or_default();
    Some(Duration::from_secs(since_start))
}

/// When the first entry of a partition is due, as the index has it.
fn first_due(cloud: &Cloud, shard: &str) -> Option<i64> {
    let query = json!({
        "TableName": JOBS_TABLE, "IndexName": BY_DUE, "Limit": 1,
        "KeyConditionExpression": "due_shard = :shard",
        "ExpressionAttributeValues": { ":shard": { "S": shard } },
    });
    let answer = cloud.tables.answer_call("Query", &query);
    let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    answer["Items"][0]["due_at"]["N"].as_str()?.parse().ok()
}
