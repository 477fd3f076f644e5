//! Drops parked jobs: an operator decides that their media files are no longer wanted.

use aws::{
    body_key::BodyKey,
    entry_key::EntryKey,
    error::AwsError,
    ledger::{EntryBody, NoteTerms, ParkedKey, WriteOutcome},
};
use media::{
    ids::{InstanceId, TenantId},
    job::Job,
    parked::{Filter, ParkedJob},
};

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
    /// Jobs and webhooks that stay parked because they are held.
    pub held: usize,
    /// Jobs and webhooks that stay parked because an AWS call failed, and what failed first.
    pub failures: Failures,
}

/// What may be held: whose it is, and the job if there is one that can be read.
pub type MaybeHeld<'a> = (&'a TenantId, &'a InstanceId, Option<&'a Job>);

/// What became of a job or webhook that an operator drops.
enum DropOutcome {
    Dropped,
    InUse,
    Held,
}

impl From<WriteOutcome> for DropOutcome {
    fn from(written: WriteOutcome) -> Self {
        match written {
            WriteOutcome::Yes => Self::Dropped,
            WriteOutcome::Overtaken => Self::InUse,
        }
    }
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
        each: impl FnMut(&ParkedJob),
    ) -> Result<DropSummary, AwsError> {
        self.drop_unless_held(filter, now, async |_: MaybeHeld<'_>| Ok(false), each).await
    }

    /// As [`Self::drop`], but what `is_held` says of stays parked. A message that is neither a job
    /// nor a webhook is nobody's, and not held.
    ///
    /// # Errors
    /// As [`Self::drop`].
    pub async fn drop_unless_held(
        &self,
        filter: &Filter,
        now: i64,
        mut is_held: impl AsyncFnMut(MaybeHeld<'_>) -> Result<bool, AwsError>,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<DropSummary, AwsError> {
        let mut summary = DropSummary::default();
        let counts = &mut summary;
        self.visit_entries(filter, now, async |job, key| {
            each(job);
            counts.count(match key {
                ParkedKey::Job(entry) => self.drop_entry(job, entry, now, &mut is_held).await,
                ParkedKey::Body(key) => self.drop_body(job, key, now, &mut is_held).await,
            });
        })
        .await?;
        Ok(summary)
    }

    /// A message that was read or dropped meanwhile is gone as well.
    async fn drop_body(
        &self,
        parked: &ParkedJob,
        key: &BodyKey,
        now: i64,
        is_held: &mut impl AsyncFnMut(MaybeHeld<'_>) -> Result<bool, AwsError>,
    ) -> Result<DropOutcome, AwsError> {
        if let (Some(tenant), Some(instance)) = (parked.tenant(), parked.instance())
            && is_held((tenant, instance, None)).await?
        {
            return Ok(DropOutcome::Held);
        }
        self.ledger.jobs.settle_body(key, now).await.map(|_| DropOutcome::Dropped)
    }

    async fn drop_entry(
        &self,
        parked: &ParkedJob,
        entry: &EntryKey,
        now: i64,
        is_held: &mut impl AsyncFnMut(MaybeHeld<'_>) -> Result<bool, AwsError>,
    ) -> Result<DropOutcome, AwsError> {
        let Some(EntryBody { body, job }) = self.ledger.find_entry_body(entry).await? else {
            return Ok(DropOutcome::InUse);
        };
        // What was ordered to be erased leaves no record that says `skipped`.
        if let Some(job) = &job
            && self.erase_if_ordered(job, now).await?
        {
            self.ledger.jobs.delete_entry(entry, &body).await?;
            return Ok(DropOutcome::Dropped);
        }
        let Some(tenant) = parked.tenant() else {
            let terms = NoteTerms { now, retention: None };
            return Ok(self.ledger.drop_parked(entry, terms).await?.into());
        };
        if is_held((tenant, &entry.instance, job.as_ref())).await? {
            return Ok(DropOutcome::Held);
        }
        let terms = self.note_terms((tenant, &entry.instance), now).await?;
        Ok(self.ledger.drop_parked(entry, terms).await?.into())
    }
}

impl DropSummary {
    /// Counts the result of one drop.
    fn count(&mut self, dropped: Result<DropOutcome, AwsError>) {
        self.admitted += 1;
        match dropped {
            Ok(DropOutcome::Dropped) => self.dropped += 1,
            Ok(DropOutcome::InUse) => self.in_use += 1,
            Ok(DropOutcome::Held) => self.held += 1,
            Err(error) => self.failures.add(error),
        }
    }
}
