//! What lies parked: looked through, written down where SQS parked it by itself, sent again, given
//! up or erased.
//!
//! Identity is the medium's ([`media::identity`]), never SQS's: what is sent again is a new
//! message, and if its medium is stored meanwhile the download function says so and is done.

mod drop;
mod erase;
mod redrive;

use std::{collections::HashSet, time::Duration};

use aws::{
    error::AwsError,
    ledger::{Ledger, WriteOutcome},
    queues::{JobsQueue, ParkedMessage, ParkedQueue, Receipt},
};
use media::parked::ParkedJob;

pub use crate::{
    drop::DropSummary,
    erase::{EraseSummary, Sorts},
    redrive::{Mode, RedriveSummary},
};

/// How long a message is hidden while it is looked at. Whoever crashes here hides it no longer than
/// this.
const HIDDEN: Duration = Duration::from_mins(5);

/// The parked queue, and what is needed to act on it.
#[derive(Debug)]
pub struct Parking {
    parked: ParkedQueue,
    jobs: JobsQueue,
    ledger: Ledger,
}

/// What a look through the queue found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookSummary {
    /// Messages.
    pub messages: usize,
    /// Records that parking had left behind, mostly SQS's own, and that say `parked` now.
    pub reconciled: usize,
}

/// What becomes of a message that was looked at.
enum Look {
    Release,
    Removed,
}

impl Parking {
    /// Takes both queues and the table.
    #[must_use]
    pub fn new(parked: ParkedQueue, jobs: JobsQueue, ledger: Ledger) -> Self {
        Self { parked, jobs, ledger }
    }

    /// Looks at every parked message once and puts it back. What SQS parked by itself, because it
    /// was received too often, is written into its record on the way. `now` is in seconds since
    /// 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the queue cannot be read. Nothing is lost: what was taken is seen again
    /// within five minutes.
    pub async fn look(
        &self,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<LookSummary, AwsError> {
        self.visit(now, async |taken| {
            each(&taken.parked);
            Look::Release
        })
        .await
    }

    /// Takes messages until none is left that was not seen, and puts back at the end what stays:
    /// before that it would be seen again and again.
    async fn visit(
        &self,
        now: i64,
        mut each: impl AsyncFnMut(&ParkedMessage) -> Look,
    ) -> Result<LookSummary, AwsError> {
        let mut seen = LookSummary::default();
        let mut ids = HashSet::new();
        let mut staying: Vec<Receipt> = Vec::new();
        let outcome = loop {
            let batch = match self.parked.receive(HIDDEN).await {
                Ok(batch) if batch.is_empty() => break Ok(()),
                Ok(batch) => batch,
                Err(error) => break Err(error),
            };
            let count = ids.len();
            for taken in batch {
                if ids.insert(taken.sqs_message_id.clone()) {
                    seen.messages += 1;
                    seen.reconciled += usize::from(self.reconcile(&taken.parked, now).await);
                    if let Look::Removed = each(&taken).await {
                        continue;
                    }
                }
                staying.push(taken.receipt);
            }
            if ids.len() == count {
                break Ok(());
            }
        };
        for receipt in &staying {
            if let Err(error) = self.parked.release(receipt).await {
                tracing::warn!(%error, "a parked message is seen again in some minutes");
            }
        }
        outcome.map(|()| seen)
    }

    /// Writes down what only SQS knows. A record that cannot be written now is written at the next
    /// look.
    async fn reconcile(&self, parked: &ParkedJob, now: i64) -> bool {
        let (Some(job), true) = (parked.job(), parked.is_unrecorded) else {
            return false;
        };
        let (class, reason) = (parked.class, parked.reason.as_str());
        match self.ledger.note_parked(job, class, reason, now).await {
            Ok(WriteOutcome::Yes) => true,
            Ok(WriteOutcome::Overtaken) => false,
            Err(error) => {
                tracing::warn!(instance = %job.instance, message_id = %job.message.message_id, %error, "a parked job's record could not be written");
                false
            }
        }
    }
}
