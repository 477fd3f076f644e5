//! Redrives parked jobs: those that match a filter one by one, or all of them with a task in SQS.

use std::{collections::HashSet, time::Duration};

use aws::{
    entry_key::EntryKey,
    error::AwsError,
    ledger::{DueKey, JobState, RedriveOutcome, WriteOutcome},
    queues::ParkedMessage,
};
use media::{
    job::QueuedJob,
    parked::{Filter, ParkedJob},
    sha256::Sha256,
};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    entries::is_in_queue,
    failures::Failures,
    look::{AfterLook, LookSummary, Parking},
};

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
    /// What was looked at.
    pub seen: LookSummary,
    /// Jobs and webhooks that match the filter.
    pub admitted: usize,
    /// Jobs and webhooks that were sent again.
    pub sent: usize,
    /// Jobs that were only removed, because the media file is already stored or was erased.
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
    /// sends it. What is only in the parked queue is sent before it is deleted there, so that after
    /// a crash it exists twice, not nowhere. A job's time for retries starts anew. `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the table or the queue cannot be read.
    pub async fn redrive(
        &self,
        filter: &Filter,
        mode: RedriveMode,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<RedriveSummary, AwsError> {
        let mut summary = RedriveSummary::default();
        let mut pace = Pace::new(mode);
        if is_in_queue(filter) {
            let seen = self.redrive_messages(filter, &mut pace, now, (&mut summary, &mut each));
            let seen = seen.await?;
            summary.seen = seen;
        }
        let counts = &mut summary;
        self.visit_entries(filter, now, async |job, entry| {
            counts.admitted += 1;
            each(job);
            if pace.wait().await {
                counts.count(self.redrive_entry(entry, now).await);
            }
        })
        .await?;
        Ok(summary)
    }

    /// Redrives what is only in the parked queue.
    async fn redrive_messages(
        &self,
        filter: &Filter,
        pace: &mut Pace,
        now: i64,
        (counts, each): (&mut RedriveSummary, &mut impl FnMut(&ParkedJob)),
    ) -> Result<LookSummary, AwsError> {
        // A body that fails at once is parked again during this loop, and must not be sent again.
        let mut sent = HashSet::new();
        self.visit(now, async |message, has_entry| {
            let was_sent = sent.contains(&Sha256::from_data(message.body.as_bytes()));
            if has_entry || was_sent || !filter.matches_job(&message.parked, now) {
                return AfterLook::Release;
            }
            counts.admitted += 1;
            each(&message.parked);
            if !pace.wait().await {
                return AfterLook::Release;
            }
            let body = redriven_body(message, now);
            let requeued = self.requeue(message, &body, now).await;
            if matches!(requeued, Ok(RequeueOutcome::Sent)) {
                sent.insert(Sha256::from_data(body.as_bytes()));
            }
            if counts.count(requeued) { AfterLook::Deleted } else { AfterLook::Release }
        })
        .await
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
    /// Counts the result for one job, and returns whether its parked message is deleted.
    fn count(&mut self, requeued: Result<RequeueOutcome, AwsError>) -> bool {
        match requeued {
            Ok(RequeueOutcome::Sent) => self.sent += 1,
            Ok(RequeueOutcome::StoredOrErased) => self.stored_already += 1,
            Ok(RequeueOutcome::LeftToWatch(error)) => {
                self.left_to_watch += 1;
                self.failures.add(error);
                return false;
            }
            Ok(RequeueOutcome::Busy) => {
                self.in_use += 1;
                return false;
            }
            Err(error) => {
                self.failures.add(error);
                return false;
            }
        }
        true
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
