//! One invocation: handles the messages of a batch side by side and answers with those that SQS
//! must deliver again.
//!
//! The event source must have `ReportBatchItemFailures`, or one failed message would repeat the
//! others.

use std::{panic::AssertUnwindSafe, time::Duration};

use aws::{deliveries::PROBE, ledger::RestingKey};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{FutureExt, StreamExt, stream};
use lambda_runtime::Error;
use tokio::time::{Instant, timeout_at};

use crate::{
    Deliver,
    message::{Acknowledgement, QueueMessage},
};

/// The part of the invocation's time that is kept for the answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(2);

/// The wait of a message that was not finished in time.
const NOT_FINISHED_WAIT: Duration = Duration::from_secs(30);

/// The wait of a message whose handling panicked: it may panic again.
const WAIT_AFTER_PANIC: Duration = Duration::from_mins(5);

/// Handles a batch and answers with the messages that must be delivered again. `deadline` is the
/// invocation's.
///
/// # Errors
/// When a message has no id: no answer could name it, so the whole batch must fail.
pub async fn handle_batch(
    deliver: &Deliver,
    event: SqsEvent,
    deadline: Instant,
) -> Result<SqsBatchResponse, Error> {
    if event.records.iter().any(|record| record.message_id.is_none()) {
        return Err("a message of the batch has no id".into());
    }
    let failed = stream::iter(&event.records)
        .map(|record| handle_record(deliver, record, deadline))
        .buffer_unordered(event.records.len().max(1))
        .filter_map(std::future::ready)
        .map(item_failure)
        .collect()
        .await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed;
    Ok(response)
}

fn item_failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

/// Handles one message and returns its id if it must be delivered again. A panic counts as a
/// failure of this message.
async fn handle_record(
    deliver: &Deliver,
    record: &SqsMessage,
    deadline: Instant,
) -> Option<String> {
    let id = record.message_id.clone().unwrap_or_default();
    let receives = record.attributes.get("ApproximateReceiveCount");
    let message = QueueMessage {
        body: record.body.as_deref().unwrap_or_default(),
        receives: receives.and_then(|n| n.parse().ok()).unwrap_or(1),
        rested: read_attribute(record, RestingKey::ATTRIBUTE).and_then(RestingKey::parse),
        is_probe: read_attribute(record, PROBE).is_some(),
    };
    let run = AssertUnwindSafe(Box::pin(deliver.handle_message(&message))).catch_unwind();
    let after = match timeout_at(deadline - TIME_TO_ANSWER, run).await {
        Ok(Ok(Acknowledgement::Done)) => return None,
        Ok(Ok(Acknowledgement::RetryAfter(after))) => after,
        Ok(Err(_panic)) => {
            tracing::error!(sqs_message_id = id, "a delivery panicked; it is retried");
            WAIT_AFTER_PANIC
        }
        Err(_late) => {
            tracing::warn!(sqs_message_id = id, "a delivery did not end in time; it is retried");
            NOT_FINISHED_WAIT
        }
    };
    let receipt = record.receipt_handle.as_deref().unwrap_or_default();
    let changed = deliver.queue.change_visibility(receipt, after);
    match timeout_at(deadline - TIME_TO_ANSWER / 4, changed).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "changing a delivery's visibility timeout failed; the queue's \
                own applies");
        }
        Err(_late) => tracing::warn!(
            "changing a delivery's visibility timeout took too long; the queue's own applies"
        ),
    }
    Some(id)
}

/// The text of a message attribute.
fn read_attribute<'a>(record: &'a SqsMessage, name: &str) -> Option<&'a str> {
    record.message_attributes.get(name)?.string_value.as_deref()
}
