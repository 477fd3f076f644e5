//! Drops parked jobs: an operator decides that their media files are no longer wanted.

use aws::{
    entry_key::EntryKey,
    error::AwsError,
    ledger::{JobState, NoteTerms, WriteOutcome},
    queues::ParkedMessage,
};
use media::parked::{Filter, ParkedJob};

use crate::{
    entries::is_in_queue,
    failures::Failures,
    look::{AfterLook, LookSummary, Parking},
};

/// The result of a drop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DropSummary {
    /// What was looked at.
    pub seen: LookSummary,
    /// Jobs and webhooks that match the filter.
    pub admitted: usize,
    /// Jobs and webhooks that were dropped.
    pub dropped: usize,
    /// Jobs that stay parked because a run has the media message.
    pub in_use: usize,
    /// Jobs and webhooks that stay parked because an AWS call failed, and what failed first.
    pub failures: Failures,
}

impl Parking {
    /// Drops the parked jobs and webhooks that match the filter. Each record is written with the
    /// deletion of its entry, or before its message is deleted, so that after a crash between the
    /// two the message is still parked. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the table or the queue cannot be read.
    pub async fn drop(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<DropSummary, AwsError> {
        let mut summary = DropSummary::default();
        if is_in_queue(filter) {
            let counts = &mut summary;
            let seen = self.visit(now, async |message, has_entry| {
                if has_entry || !filter.matches_job(&message.parked, now) {
                    return AfterLook::Release;
                }
                each(&message.parked);
                let dropped = self.drop_message(message, now).await;
                if counts.count(dropped) { AfterLook::Deleted } else { AfterLook::Release }
            });
            let seen = seen.await?;
            summary.seen = seen;
        }
        let counts = &mut summary;
        self.visit_entries(filter, now, async |job, entry| {
            each(job);
            counts.count(self.drop_entry(job, entry, now).await);
        })
        .await?;
        Ok(summary)
    }

    async fn drop_entry(
        &self,
        job: &ParkedJob,
        entry: &EntryKey,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let terms = match job.tenant() {
            Some(tenant) => self.note_terms((tenant, &entry.instance), now).await?,
            None => NoteTerms { now, retention: None },
        };
        self.ledger.drop_parked(entry, terms).await
    }

    async fn drop_message(
        &self,
        message: &ParkedMessage,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        if let Some(job) = message.parked.job() {
            let reason = &message.parked.reason;
            let reason = format!("dropped by an operator; it was parked because: {reason}");
            let class = message.parked.class;
            let terms = self.note_terms((&job.tenant, &job.instance), now).await?;
            let written = self.ledger.note_dropped(job, class, &reason, terms).await?;
            // Already stored or erased: there is nothing to record, and the message is deleted.
            if written == WriteOutcome::Overtaken
                && self.ledger.read_job_state(job, now).await? != JobState::StoredOrErased
            {
                return Ok(WriteOutcome::Overtaken);
            }
        }
        self.parked.delete(&message.receipt).await?;
        Ok(WriteOutcome::Yes)
    }
}

impl DropSummary {
    /// Counts the result of one drop, and returns whether it was dropped.
    fn count(&mut self, dropped: Result<WriteOutcome, AwsError>) -> bool {
        self.admitted += 1;
        let is_dropped = matches!(dropped, Ok(WriteOutcome::Yes));
        match dropped {
            Ok(WriteOutcome::Yes) => self.dropped += 1,
            Ok(WriteOutcome::Overtaken) => self.in_use += 1,
            Err(error) => self.failures.add(error),
        }
        is_dropped
    }
}
