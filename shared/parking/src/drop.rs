//! Gives parked jobs up: a person says that nobody wants these media any more.

use aws::{error::AwsError, ledger::WriteOutcome, queues::ParkedMessage};
use media::parked::{Filter, ParkedJob};

use crate::{Look, LookSummary, Parking};

/// What a drop came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DropSummary {
    /// What was looked at.
    pub seen: LookSummary,
    /// Messages that the filter admits.
    pub admitted: usize,
    /// No longer parked; their records say that they were given up.
    pub dropped: usize,
    /// Still parked: AWS failed on the way, or a run is at the medium.
    pub failed: usize,
}

impl Parking {
    /// Gives up what the filter admits: first its record says so, then the message is removed, so
    /// that a crash between the two leaves it parked. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn drop(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<DropSummary, AwsError> {
        let mut dropped = DropSummary::default();
        let counts = &mut dropped;
        let seen = self.visit(now, async |taken| {
            if !filter.matches_job(&taken.parked, now) {
                return Look::Release;
            }
            counts.admitted += 1;
            each(&taken.parked);
            match self.give_up(taken, now).await {
                Ok(WriteOutcome::Yes) => {
                    counts.dropped += 1;
                    Look::Removed
                }
                Ok(WriteOutcome::Overtaken) => {
                    counts.failed += 1;
                    Look::Release
                }
                Err(error) => {
                    tracing::warn!(%error, "a job stays parked");
                    counts.failed += 1;
                    Look::Release
                }
            }
        });
        let seen = seen.await?;
        dropped.seen = seen;
        Ok(dropped)
    }

    async fn give_up(&self, taken: &ParkedMessage, now: i64) -> Result<WriteOutcome, AwsError> {
        if let Some(job) = taken.parked.job() {
            let reason = &taken.parked.reason;
            let reason = format!("given up by an operator; it was parked because: {reason}");
            let written = self.ledger.note_given_up(job, &reason, now).await?;
            // What was stored or erased meanwhile needs no word, and its message may go.
            if written == WriteOutcome::Overtaken && !self.ledger.is_settled(job).await? {
                return Ok(WriteOutcome::Overtaken);
            }
        }
        self.parked.remove(&taken.receipt).await?;
        Ok(WriteOutcome::Yes)
    }
}
