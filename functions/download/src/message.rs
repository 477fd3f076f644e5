//! A message of the jobs queue, and the answer to it.

use std::time::Duration;

use aws::{body_key::BodyKey, entry_key::EntryKey};
use fetch::slot::Slot;
use tokio::time::Instant;

/// One message of the queue, without what only SQS needs.
#[derive(Clone)]
pub struct QueueMessage<'a> {
    /// Its body: a job, or an unread webhook.
    pub body: &'a str,
    /// How often SQS has delivered it, this delivery included.
    pub receives: u32,
    /// When its run must be over.
    pub deadline: Instant,
    /// The job entry that it was sent from.
    pub entry: Option<EntryKey>,
    /// The body entry that it was sent from.
    pub body_entry: Option<BodyKey>,
    /// Its right to be worked on.
    pub slot: &'a Slot,
}

/// Leaves out the body, which holds a media key.
impl std::fmt::Debug for QueueMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueMessage").field("receives", &self.receives).finish_non_exhaustive()
    }
}

/// What the batch tells SQS about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// SQS may delete it: the media file is stored, or the job is skipped or parked.
    Done,
    /// SQS must deliver it again.
    RetryAfter {
        /// How long from now.
        after: Duration,
    },
}

impl Acknowledgement {
    /// The wait after a record that could not be written, or a job that could not be parked.
    pub(crate) const AFTER_FAILED_WRITE: Self = Self::RetryAfter { after: Duration::from_mins(5) };
}
