//! Receives every parked message once, and reconciles the records of jobs that SQS parked.

use std::{collections::HashSet, time::Duration};

use aws::{
    error::AwsError,
    ledger::{Ledger, WriteOutcome},
    queues::{JobsQueue, ParkedMessage, ParkedQueue, Receipt},
};
use media::parked::ParkedJob;

/// For how long a received message is hidden. After a crash, it becomes visible again after this
/// time.
const VISIBILITY_TIMEOUT: Duration = Duration::from_mins(5);

/// The parked queue, with the jobs queue and the media table.
#[derive(Debug)]
pub struct Parking {
    pub(crate) parked: ParkedQueue,
    pub(crate) jobs: JobsQueue,
    pub(crate) ledger: Ledger,
}

/// What a look through the parked queue found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookSummary {
    /// Parked messages.
    pub messages: usize,
    /// Records that did not say `parked` before and say so now, mostly of jobs that SQS parked.
    pub reconciled: usize,
}

/// What becomes of a message after it was looked at.
pub(crate) enum AfterLook {
    /// It stays parked, and is made visible again at the end.
    Release,
    /// It was deleted.
    Deleted,
}

impl Parking {
    /// Uses these queues and this table.
    #[must_use]
    pub fn new(parked: ParkedQueue, jobs: JobsQueue, ledger: Ledger) -> Self {
        Self { parked, jobs, ledger }
    }

    /// Shows every parked message to `each` once, and keeps it parked. Also writes the records of
    /// jobs that SQS parked by itself, after too many receives. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the queue cannot be read. No message is lost: those already received
    /// become visible again within five minutes.
    pub async fn look(
        &self,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<LookSummary, AwsError> {
        self.visit(now, async |message| {
            each(&message.parked);
            AfterLook::Release
        })
        .await
    }

    /// Receives messages until a batch brings no new one. Messages that stay are released only at
    /// the end: otherwise they would be received again and again.
    pub(crate) async fn visit(
        &self,
        now: i64,
        mut each: impl AsyncFnMut(&ParkedMessage) -> AfterLook,
    ) -> Result<LookSummary, AwsError> {
        let mut summary = LookSummary::default();
        let mut ids = HashSet::new();
        let mut staying: Vec<Receipt> = Vec::new();
        let outcome = loop {
            let batch = match self.parked.receive(VISIBILITY_TIMEOUT).await {
                Ok(batch) if batch.is_empty() => break Ok(()),
                Ok(batch) => batch,
                Err(error) => break Err(error),
            };
            let count = ids.len();
            for message in batch {
                if ids.insert(message.sqs_message_id.clone()) {
                    summary.messages += 1;
                    summary.reconciled += usize::from(self.reconcile(&message.parked, now).await);
                    if let AfterLook::Deleted = each(&message).await {
                        continue;
                    }
                }
                staying.push(message.receipt);
            }
            if ids.len() == count {
                break Ok(());
            }
        };
        for receipt in &staying {
            if let Err(error) = self.parked.release(receipt).await {
                tracing::warn!(%error, "a parked message could not be released: hidden for minutes");
            }
        }
        outcome.map(|()| summary)
    }

    /// Writes the record of a job whose parking was not recorded, and returns whether it was
    /// written. After a failure, the next look tries again.
    async fn reconcile(&self, parked: &ParkedJob, now: i64) -> bool {
        let (Some(job), true) = (parked.job(), parked.is_unrecorded) else {
            return false;
        };
        let (class, reason) = (parked.class, parked.reason.as_str());
        match self.ledger.note_parked(job, class, reason, now).await {
            Ok(WriteOutcome::Yes) => true,
            Ok(WriteOutcome::Overtaken) => false,
            Err(error) => {
                let (instance, message_id) = (&job.instance, &job.message.message_id);
                tracing::warn!(%instance, %message_id, %error, "a parked job's record was not written");
                false
            }
        }
    }
}
