//! Drops parked jobs: an operator decides that their media files are no longer wanted.

use aws::{
    body_key::BodyKey,
    entry_key::EntryKey,
    error::AwsError,
    ledger::{NoteTerms, ParkedKey, WriteOutcome},
};
use media::parked::{Filter, ParkedJob};

use crate::{failures::Failures, look::Parking};

/// The result of a drop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DropSummary {
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
    /// Drops the parked jobs and webhooks that match the filter. A job's record is written with the
    /// deletion of its entry; a webhook leaves an entry without it, so that its copy in the parked
    /// queue does not bring it back. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the table cannot be read.
    pub async fn drop(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<DropSummary, AwsError> {
        let mut summary = DropSummary::default();
        let counts = &mut summary;
        self.visit_entries(filter, now, async |job, key| {
            each(job);
            counts.count(match key {
                ParkedKey::Job(entry) => self.drop_entry(job, entry, now).await,
                ParkedKey::Body(key) => self.drop_body(key, now).await,
            });
        })
        .await?;
        Ok(summary)
    }

    /// A message that was read or dropped meanwhile is gone as well.
    async fn drop_body(&self, key: &BodyKey, now: i64) -> Result<WriteOutcome, AwsError> {
        self.ledger.jobs.settle_body(key, now).await.map(|_| WriteOutcome::Yes)
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
}

impl DropSummary {
    /// Counts the result of one drop.
    fn count(&mut self, dropped: Result<WriteOutcome, AwsError>) {
        self.admitted += 1;
        match dropped {
            Ok(WriteOutcome::Yes) => self.dropped += 1,
            Ok(WriteOutcome::Overtaken) => self.in_use += 1,
            Err(error) => self.failures.add(error),
        }
    }
}
