//! A message of the deliveries queue, and what becomes of it.

use std::time::Duration;

use aws::ledger::RestingKey;

/// A message of the deliveries queue.
#[derive(Debug)]
pub(crate) struct QueueMessage<'a> {
    pub(crate) body: &'a str,
    /// How often SQS has delivered it, this time included.
    pub(crate) receives: u32,
    /// Where it rested, if it was sent from there.
    pub(crate) rested: Option<RestingKey>,
    /// Whether it is tried although the circuit of its receiver is open.
    pub(crate) is_probe: bool,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledgement {
    /// SQS deletes it.
    Done,
    /// SQS delivers it again after this time.
    RetryAfter(Duration),
}
