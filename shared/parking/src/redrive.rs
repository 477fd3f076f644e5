//! Sends parked jobs again: those that are meant, one by one, or all of them by SQS itself.

use std::{collections::HashSet, time::Duration};

use aws::{error::AwsError, queues::ParkedMessage};
use media::{
    job::QueuedJob,
    parked::{Filter, ParkedJob},
    sha256::Sha256,
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Look, LookSummary, Parking};

/// Whether anything is really sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only count.
    DryRun,
    /// Send, no more than so many in a second.
    Send {
        /// At least one.
        per_second: u32,
    },
}

/// What a redrive came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedriveSummary {
    /// What was looked at.
    pub seen: LookSummary,
    /// Messages that the filter admits.
    pub admitted: usize,
    /// Sent again, and no longer parked.
    pub sent: usize,
    /// Not parked any longer because the medium is stored already, or was erased.
    pub stored_already: usize,
    /// Still parked: AWS failed on the way.
    pub failed: usize,
}

impl Parking {
    /// Sends again what the filter admits: each is sent first and removed then, never the reverse,
    /// so that a crash between the two leaves it twice and not nowhere. It gets a new life, because
    /// its old one may be over. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn redrive(
        &self,
        filter: &Filter,
        mode: Mode,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<RedriveSummary, AwsError> {
        let mut redriven = RedriveSummary::default();
        let mut pace = match mode {
            Mode::DryRun => None,
            Mode::Send { per_second } => Some(interval(Duration::from_secs(1) / per_second.max(1))),
        };
        if let Some(pace) = &mut pace {
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let counts = &mut redriven;
        // What fails at once is parked again while this still looks: it would go round for ever.
        let mut sent = HashSet::new();
        let seen = self.visit(now, async |taken| {
            let is_back = sent.contains(&Sha256::from_data(taken.body.as_bytes()));
            if is_back || !filter.matches_job(&taken.parked, now) {
                return Look::Release;
            }
            counts.admitted += 1;
            each(&taken.parked);
            let Some(pace) = &mut pace else {
                return Look::Release;
            };
            pace.tick().await;
            let body = again(taken, now);
            match self.requeue(taken, &body).await {
                Ok(Again::Sent) => {
                    sent.insert(Sha256::from_data(body.as_bytes()));
                    counts.sent += 1;
                }
                Ok(Again::NotNeeded) => counts.stored_already += 1,
                Err(error) => {
                    tracing::warn!(%error, "a job stays parked");
                    counts.failed += 1;
                    return Look::Release;
                }
            }
            Look::Removed
        });
        let seen = seen.await?;
        redriven.seen = seen;
        Ok(redriven)
    }

    /// Has SQS move every parked message to the jobs queue, at most `per_second` of them in a
    /// second.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn redrive_all(&self, per_second: u32) -> Result<(), AwsError> {
        /// What SQS allows.
        const MAX_PER_SECOND: u32 = 500;
        let rate = per_second.clamp(1, MAX_PER_SECOND).try_into().unwrap_or(i32::MAX);
        self.parked.move_all(&self.jobs, rate).await
    }

    async fn requeue(&self, taken: &ParkedMessage, body: &str) -> Result<Again, AwsError> {
        if let Some(job) = taken.parked.job()
            && self.ledger.is_settled(job).await?
        {
            self.parked.remove(&taken.receipt).await?;
            return Ok(Again::NotNeeded);
        }
        self.jobs.requeue(body, taken.parked.tenant()).await?;
        self.parked.remove(&taken.receipt).await?;
        Ok(Again::Sent)
    }
}

/// The body that is sent: the job with a new life, or what is no job as it is. The life of jobs
/// that are made of an unread body begins when they are made.
fn again(taken: &ParkedMessage, now: i64) -> String {
    let job = taken.parked.job().cloned();
    let renewed = job.and_then(|job| QueuedJob::for_redrive(job, now).to_json().ok());
    renewed.unwrap_or_else(|| taken.body.clone())
}

/// What was done with one message.
enum Again {
    Sent,
    NotNeeded,
}
