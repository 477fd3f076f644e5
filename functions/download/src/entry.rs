//! Deletes the job entry that a message was sent from.

use crate::{
    kept_body::settle_message,
    message::{Acknowledgement, QueueMessage},
    worker::Worker,
};

/// Deletes the entry that a message was sent from, because its job turned out to be settled, and
/// returns the answer to the message.
pub(crate) async fn delete_entry(worker: &Worker, message: &QueueMessage<'_>) -> Acknowledgement {
    if message.body_entry.is_some() {
        return settle_message(worker, message).await;
    }
    let Some(entry) = &message.entry else {
        return Acknowledgement::Done;
    };
    match worker.ledger.jobs.delete_entry(entry, message.body).await {
        Ok(()) => Acknowledgement::Done,
        Err(error) => {
            tracing::warn!(instance = %entry.instance, %error, "deleting a job entry failed");
            Acknowledgement::AFTER_FAILED_WRITE
        }
    }
}
