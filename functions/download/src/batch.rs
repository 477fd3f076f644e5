//! One invocation: handles the records of a batch side by side and answers with those that SQS must
//! deliver again.
//!
//! The event source must have `ReportBatchItemFailures`, or one failed record would repeat the
//! others.

use std::{panic::AssertUnwindSafe, time::Duration};

use aws::{body_key::BodyKey, entry_key::EntryKey};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use fetch::slot::Slots;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_runtime::Error;
use media::job::announced_bytes;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{
    job::handle_message,
    message::{Acknowledgement, QueueMessage},
    worker::{BUFFERS, Worker},
};

/// A record is started only if this much time is left: W-API alone may take a minute to answer.
const MIN_TIME_TO_START: Duration = Duration::from_secs(80);

/// The part of the invocation's time that is kept for what follows the last byte: the commit, the
/// record, the acknowledgement.
const TIME_TO_END: Duration = Duration::from_secs(8);

/// When this much time is left, a record that hangs in a call to AWS is dropped and retried later;
/// otherwise the whole batch would fail with it.
const TIME_TO_ANSWER: Duration = Duration::from_secs(3);

/// When this much time is left, a call that sets a record's wait is given up: the queue's own
/// visibility timeout then applies to this record, and the others are answered. The counts are then
/// given up too.
const TIME_TO_RETURN: Duration = Duration::from_millis(500);

/// The wait of a record that could not be started or finished.
const NOT_STARTED_WAIT: Duration = Duration::from_secs(5);

/// The wait of a record that panicked: it may panic again.
const WAIT_AFTER_PANIC: Duration = Duration::from_mins(5);

/// Handles a batch and answers with the records that must be delivered again. `deadline` is the
/// invocation's.
///
/// # Errors
/// When a record has no message id: no answer could name it, so the whole batch must fail.
pub async fn handle_batch(
    worker: &Worker,
    event: SqsEvent,
    deadline: Instant,
) -> Result<SqsBatchResponse, Error> {
    if event.records.iter().any(|record| record.message_id.is_none()) {
        return Err("a record of the batch has no message id".into());
    }
    // As many at the same time as have room for their files, so that none waits long for a buffer.
    let slots = Slots::new(BUFFERS);
    let failed = stream::iter(&event.records)
        .map(|record| handle_record(worker, record, deadline, &slots))
        .buffer_unordered(event.records.len().max(1))
        .filter_map(std::future::ready)
        .map(item_failure)
        .collect()
        .await;
    worker.tally.write_sums(&worker.counters, worker.now(), deadline - TIME_TO_RETURN).await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed;
    Ok(response)
}

fn item_failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

/// Handles one record and returns its id if it must be delivered again. A panic counts as a failure
/// of this record.
async fn handle_record(
    worker: &Worker,
    record: &SqsMessage,
    deadline: Instant,
    slots: &Slots,
) -> Option<String> {
    let body = record.body.as_deref().unwrap_or_default();
    let slot = slots.take_slot(announced_bytes(body)).await;
    let id = record.message_id.clone().unwrap_or_default();
    let receipt = record.receipt_handle.as_deref().unwrap_or_default();
    if Instant::now() + MIN_TIME_TO_START > deadline {
        tracing::info!(
            sqs_message_id = id,
            outcome = "not_started",
            "a record was not started: too little of the invocation's time is left"
        );
        retry_later(worker, receipt, NOT_STARTED_WAIT, deadline).await;
        return Some(id);
    }
    let message = QueueMessage {
        body,
        receives: record
            .attributes
            .get("ApproximateReceiveCount")
            .and_then(|n| n.parse().ok())
            .unwrap_or(1),
        deadline: deadline - TIME_TO_END,
        entry: read_attribute(record, EntryKey::ATTRIBUTE).and_then(EntryKey::parse),
        body_entry: read_attribute(record, BodyKey::ATTRIBUTE).and_then(BodyKey::parse),
        slot: &slot,
    };
    let span = tracing::info_span!("record", sqs_message_id = id);
    let run = async {
        worker.planned_panic.panic_if_planned(message.body);
        handle_message(worker, &message).await
    };
    let run = AssertUnwindSafe(run.instrument(span)).catch_unwind();
    let after = match timeout_at(deadline - TIME_TO_ANSWER, run).await {
        Ok(Ok(Acknowledgement::Done)) => return None,
        Ok(Ok(Acknowledgement::RetryAfter { after })) => after,
        Ok(Err(_panic)) => {
            tracing::error!(
                sqs_message_id = id,
                outcome = "panicked",
                "a record panicked; it is retried"
            );
            WAIT_AFTER_PANIC
        }
        Err(_late) => {
            tracing::error!(
                sqs_message_id = id,
                outcome = "not_finished",
                "a record did not end in time; it is retried"
            );
            NOT_STARTED_WAIT
        }
    };
    retry_later(worker, receipt, after, deadline).await;
    Some(id)
}

/// The text of a message attribute.
fn read_attribute<'a>(record: &'a SqsMessage, name: &str) -> Option<&'a str> {
    record.message_attributes.get(name)?.string_value.as_deref()
}

/// Sets when SQS delivers the record again. If that fails, the queue's own visibility timeout
/// applies.
async fn retry_later(worker: &Worker, receipt: &str, after: Duration, deadline: Instant) {
    let changed = worker.jobs.change_visibility(receipt, after);
    match timeout_at(deadline - TIME_TO_RETURN, changed).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%error, "changing a record's visibility timeout failed; the queue's own applies");
        }
        Err(_late) => tracing::warn!(
            "changing a record's visibility timeout took too long; the queue's own applies"
        ),
    }
}
