//! Redrives parked jobs: those that match a filter one by one, or all of them with a task in SQS.

use std::{collections::HashSet, time::Duration};

use aws::{error::AwsError, ledger::JobState, queues::ParkedMessage};
use media::{
    job::QueuedJob,
    parked::{Filter, ParkedJob},
    sha256::Sha256,
};
use tokio::time::{MissedTickBehavior, interval};

use crate::look::{AfterLook, LookSummary, Parking};

/// Whether messages are sent or only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedriveMode {
    /// Only counts.
    DryRun,
    /// Sends, at a limited rate.
    Send {
        /// Maximum number of messages per second; 0 counts as 1.
        per_second: u32,
    },
}

/// The result of a redrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RedriveSummary {
    /// What was looked at.
    pub seen: LookSummary,
    /// Messages that match the filter.
    pub admitted: usize,
    /// Messages that were sent again, and deleted from the parked queue.
    pub sent: usize,
    /// Messages that were only deleted, because the media file is already stored or was erased.
    pub stored_already: usize,
    /// Messages that stay parked because an AWS call failed.
    pub failed: usize,
}

impl Parking {
    /// Sends the messages that match the filter to the jobs queue. Each is sent before it is
    /// deleted from the parked queue, so that after a crash between the two it exists twice, not
    /// nowhere. The job's time for retries starts anew. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn redrive(
        &self,
        filter: &Filter,
        mode: RedriveMode,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<RedriveSummary, AwsError> {
        let mut summary = RedriveSummary::default();
        let mut pace = match mode {
            RedriveMode::DryRun => None,
            RedriveMode::Send { per_second } => {
                Some(interval(Duration::from_secs(1) / per_second.max(1)))
            }
        };
        if let Some(pace) = &mut pace {
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let counts = &mut summary;
        // A job that fails at once is parked again during this loop, and must not be sent again.
        let mut sent = HashSet::new();
        let seen = self.visit(now, async |message| {
            let was_sent = sent.contains(&Sha256::from_data(message.body.as_bytes()));
            if was_sent || !filter.matches_job(&message.parked, now) {
                return AfterLook::Release;
            }
            counts.admitted += 1;
            each(&message.parked);
            let Some(pace) = &mut pace else {
                return AfterLook::Release;
            };
            pace.tick().await;
            let body = redriven_body(message, now);
            match self.requeue(message, &body, now).await {
                Ok(RequeueOutcome::Sent) => {
                    sent.insert(Sha256::from_data(body.as_bytes()));
                    counts.sent += 1;
                }
                Ok(RequeueOutcome::StoredOrErased) => counts.stored_already += 1,
                Err(error) => {
                    tracing::warn!(%error, "a parked message could not be redriven");
                    counts.failed += 1;
                    return AfterLook::Release;
                }
            }
            AfterLook::Deleted
        });
        let seen = seen.await?;
        summary.seen = seen;
        Ok(summary)
    }

    /// Starts a task in SQS that moves every parked message to the jobs queue, at most `per_second`
    /// per second.
    ///
    /// # Errors
    /// [`AwsError`] when the task cannot be started.
    pub async fn redrive_all(&self, per_second: u32) -> Result<(), AwsError> {
        /// The maximum rate that SQS allows.
        const MAX_PER_SECOND: u32 = 500;
        let per_second = per_second.clamp(1, MAX_PER_SECOND).try_into().unwrap_or(i32::MAX);
        self.parked.start_move_task(&self.jobs, per_second).await
    }

    async fn requeue(
        &self,
        message: &ParkedMessage,
        body: &str,
        now: i64,
    ) -> Result<RequeueOutcome, AwsError> {
        if let Some(job) = message.parked.job()
            && self.ledger.read_job_state(job, now).await? == JobState::StoredOrErased
        {
            self.parked.delete(&message.receipt).await?;
            return Ok(RequeueOutcome::StoredOrErased);
        }
        self.jobs.requeue(body, message.parked.tenant()).await?;
        self.parked.delete(&message.receipt).await?;
        Ok(RequeueOutcome::Sent)
    }
}

/// The body to send: a job with a new time of acceptance, any other body unchanged. The jobs that
/// are made of an unread body get theirs when they are made.
fn redriven_body(message: &ParkedMessage, now: i64) -> String {
    let job = message.parked.job().cloned();
    let renewed = job.and_then(|job| QueuedJob::for_redrive(job, now).to_json().ok());
    renewed.unwrap_or_else(|| message.body.clone())
}

/// What was done with one message.
enum RequeueOutcome {
    Sent,
    StoredOrErased,
}
