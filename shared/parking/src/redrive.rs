//! Redrives parked jobs: those that match a filter one by one, or all of them with a task in SQS.

use std::{collections::HashSet, time::Duration};

use aws::{
    body_key::BodyKey,
    entry_key::EntryKey,
    error::AwsError,
    ledger::{DueKey, ParkedKey, RedriveOutcome, WriteOutcome},
};
use media::{
    job::QueuedJob,
    parked::{Filter, ParkedJob},
};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{failures::Failures, look::Parking};

/// How long after it was sent a job counts as lost by the queue, in seconds.
const LOST_AFTER_SECONDS: i64 = 2 * 60 * 60;

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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveSummary {
    /// Jobs and webhooks that match the filter.
    pub admitted: usize,
    /// Jobs and webhooks that were sent again.
    pub sent: usize,
    /// Jobs and webhooks that were only removed, because nothing is left to do: the media file is
    /// stored, or an order to erase covers it.
    pub stored_already: usize,
    /// Jobs whose entry says `retrying` and which SQS did not take: the watch function sends them,
    /// within three hours.
    pub left_to_watch: usize,
    /// Jobs that stay parked because a run has the media message.
    pub in_use: usize,
    /// Jobs and webhooks for which an AWS call failed, and what failed first. None is lost: each is
    /// parked, or the jobs table says that it is tried again. Includes those of `left_to_watch`.
    pub failures: Failures,
}

impl Parking {
    /// Sends the parked jobs and webhooks that match the filter to the jobs queue. A job's entry
    /// says `retrying` before it is sent, so that after a crash between the two the watch function
    /// sends it. A webhook stays parked until a run has read it. A job's time for retries starts
    /// anew. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the table cannot be read.
    pub async fn redrive(
        &self,
        filter: &Filter,
        mode: RedriveMode,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<RedriveSummary, AwsError> {
        let mut summary = RedriveSummary::default();
        let mut pace = Pace::new(mode);
        let counts = &mut summary;
        // A body that fails at once is parked again during this loop, and must not be sent again.
        let mut bodies = HashSet::new();
        self.visit_entries(filter, now, async |job, key| {
            if let ParkedKey::Body(key) = key
                && !bodies.insert(key.clone())
            {
                return;
            }
            counts.admitted += 1;
            each(job);
            if !pace.wait().await {
                return;
            }
            counts.count(match key {
                ParkedKey::Job(entry) => self.redrive_entry(entry, now).await,
                ParkedKey::Body(key) => self.redrive_body(key, now).await,
            });
        })
        .await?;
        Ok(summary)
    }

    /// Sends the message of a body entry, which stays as it is: the run that reads the message
    /// removes it, and one that cannot says so in it.
    async fn redrive_body(&self, key: &BodyKey, now: i64) -> Result<RequeueOutcome, AwsError> {
        let Some(kept) = self.ledger.jobs.read_body(key).await? else {
            return Ok(RequeueOutcome::StoredOrErased);
        };
        if self.is_body_ordered(&kept.body).await? {
            self.ledger.jobs.settle_body(key, now).await?;
            return Ok(RequeueOutcome::StoredOrErased);
        }
        self.jobs.send_from_body(&kept.body, kept.tenant.as_ref(), key).await?;
        Ok(RequeueOutcome::Sent)
    }

    /// Redrives the job of an entry.
    async fn redrive_entry(&self, entry: &EntryKey, now: i64) -> Result<RequeueOutcome, AwsError> {
        let queued_until = now.saturating_add(LOST_AFTER_SECONDS);
        let (body, tenant) = match self.ledger.redrive_parked(entry, queued_until, now).await? {
            RedriveOutcome::Decided { body, tenant } => (body, tenant),
            RedriveOutcome::Settled => return Ok(RequeueOutcome::StoredOrErased),
            RedriveOutcome::Busy => return Ok(RequeueOutcome::Busy),
        };
        // The entry says `retrying` by now: after a crash, its next run obeys the order.
        if let Ok(job) = QueuedJob::parse(&body).map(QueuedJob::into_job)
            && self.erase_if_ordered(&job, now).await?
        {
            return Ok(RequeueOutcome::StoredOrErased);
        }
        let Err(error) = self.jobs.send_from_entry(&body, &tenant, entry).await else {
            return Ok(RequeueOutcome::Sent);
        };
        // The watch function sends it within a minute; if this fails as well, when the job counts
        // as lost by the queue.
        let due = DueKey { entry: entry.clone(), due_at: queued_until };
        let given = self.ledger.jobs.give_back_due(&due, queued_until, now).await;
        Ok(match given {
            // Another sender was faster.
            Ok(WriteOutcome::Overtaken) => RequeueOutcome::Sent,
            Ok(WriteOutcome::Yes) | Err(_) => RequeueOutcome::LeftToWatch(error),
        })
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
}

/// What was done with one parked job or webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
enum RequeueOutcome {
    Sent,
    StoredOrErased,
    /// SQS did not take it, and its entry says that it is tried again.
    LeftToWatch(AwsError),
    /// A run has the media message.
    Busy,
}

impl RedriveSummary {
    /// Counts the result for one job or webhook.
    fn count(&mut self, requeued: Result<RequeueOutcome, AwsError>) {
        match requeued {
            Ok(RequeueOutcome::Sent) => self.sent += 1,
            Ok(RequeueOutcome::StoredOrErased) => self.stored_already += 1,
            Ok(RequeueOutcome::LeftToWatch(error)) => {
                self.left_to_watch += 1;
                self.failures.add(error);
            }
            Ok(RequeueOutcome::Busy) => self.in_use += 1,
            Err(error) => self.failures.add(error),
        }
    }
}

/// The rate of a redrive, or a dry run.
struct Pace(Option<Interval>);

impl Pace {
    fn new(mode: RedriveMode) -> Self {
        let RedriveMode::Send { per_second } = mode else {
            return Self(None);
        };
        let mut pace = interval(Duration::from_secs(1) / per_second.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Some(pace))
    }

    /// Waits for the turn of the next job. `false`: nothing is sent.
    async fn wait(&mut self) -> bool {
        match &mut self.0 {
            Some(pace) => {
                pace.tick().await;
                true
            }
            None => false,
        }
    }
}
