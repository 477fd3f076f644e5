//! Drops parked jobs: an operator decides that their media files are no longer wanted.

use aws::{
    entry_key::EntryKey,
    error::AwsError,
    ledger::{JobState, NoteTerms, ParkedBody, WriteOutcome},
    queues::ParkedMessage,
};
use media::{
    ids::{InstanceId, TenantId},
    job::Job,
    parked::{Filter, ParkedJob},
};

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
        if is_in_queue(filter) {
            let counts = &mut summary;
            let seen = self.visit(now, async |message, has_entry| {
                if has_entry || !filter.matches_job(&message.parked, now) {
                    return AfterLook::Release;
                }
                each(&message.parked);
                let dropped = self.drop_message(message, now, &mut is_held).await;
                if counts.count(dropped) { AfterLook::Deleted } else { AfterLook::Release }
            });
            let seen = seen.await?;
            summary.seen = seen;
        }
        let counts = &mut summary;
        self.visit_entries(filter, now, async |job, entry| {
            each(job);
            counts.count(self.drop_entry(job, entry, now, &mut is_held).await);
        })
        .await?;
        Ok(summary)
    }

    async fn drop_entry(
        &self,
        parked: &ParkedJob,
        entry: &EntryKey,
        now: i64,
        is_held: &mut impl AsyncFnMut(MaybeHeld<'_>) -> Result<bool, AwsError>,
    ) -> Result<DropOutcome, AwsError> {
        let Some(ParkedBody { body, job }) = self.ledger.find_parked_body(entry).await? else {
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

    async fn drop_message(
        &self,
        message: &ParkedMessage,
        now: i64,
        is_held: &mut impl AsyncFnMut(MaybeHeld<'_>) -> Result<bool, AwsError>,
    ) -> Result<DropOutcome, AwsError> {
        let parked = &message.parked;
        if let (Some(tenant), Some(instance)) = (parked.tenant(), parked.instance())
            && is_held((tenant, instance, parked.job())).await?
        {
            return Ok(DropOutcome::Held);
        }
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
                return Ok(DropOutcome::InUse);
            }
        }
        self.parked.delete(&message.receipt).await?;
        Ok(DropOutcome::Dropped)
    }
}

impl DropSummary {
    /// Counts the result of one drop, and returns whether it was dropped.
    fn count(&mut self, dropped: Result<DropOutcome, AwsError>) -> bool {
        self.admitted += 1;
        let is_dropped = matches!(dropped, Ok(DropOutcome::Dropped));
        match dropped {
            Ok(DropOutcome::Dropped) => self.dropped += 1,
            Ok(DropOutcome::InUse) => self.in_use += 1,
            Ok(DropOutcome::Held) => self.held += 1,
            Err(error) => self.failures.add(error),
        }
        is_dropped
    }
}
