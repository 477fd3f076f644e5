//! Drops parked jobs: an operator decides that their media files are no longer wanted.

use aws::{
    error::AwsError,
    ledger::{JobState, WriteOutcome},
    queues::ParkedMessage,
};
use media::parked::{Filter, ParkedJob};

use crate::look::{AfterLook, LookSummary, Parking};

/// The result of a drop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DropSummary {
    /// What was looked at.
    pub seen: LookSummary,
    /// Messages that match the filter.
    pub admitted: usize,
    /// Messages that were dropped: deleted, after their records were written.
    pub dropped: usize,
    /// Messages that stay parked, because an AWS call failed or a run has the media message.
    pub failed: usize,
}

impl Parking {
    /// Drops the messages that match the filter. Each record is written before its message is
    /// deleted, so that after a crash between the two the message is still parked. `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn drop(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<DropSummary, AwsError> {
        let mut summary = DropSummary::default();
        let counts = &mut summary;
        let seen = self.visit(now, async |message| {
            if !filter.matches_job(&message.parked, now) {
                return AfterLook::Release;
            }
            counts.admitted += 1;
            each(&message.parked);
            match self.drop_message(message, now).await {
                Ok(WriteOutcome::Yes) => {
                    counts.dropped += 1;
                    AfterLook::Deleted
                }
                Ok(WriteOutcome::Overtaken) => {
                    counts.failed += 1;
                    AfterLook::Release
                }
                Err(error) => {
                    tracing::warn!(%error, "a parked message could not be dropped");
                    counts.failed += 1;
                    AfterLook::Release
                }
            }
        });
        let seen = seen.await?;
        summary.seen = seen;
        Ok(summary)
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
            let written = self.ledger.note_dropped(job, class, &reason, now).await?;
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
