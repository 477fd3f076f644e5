//! One invocation: runs the records of a batch side by side, each on its own, and says which to
//! bring back.
//!
//! The event source must have `ReportBatchItemFailures`, or one failed record would repeat the
//! others.

use std::{panic::AssertUnwindSafe, time::Duration};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{FutureExt, StreamExt, stream};
use lambda_runtime::Error;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{
    job::{self, QueueMessage},
    settle::Acknowledgement,
    worker::Worker,
};

/// Records under way at the same time: as many as there are buffers, so none waits for one for
/// long.
const AT_ONCE: usize = 4;

/// No record is started when less than this is left: W-API alone may take a minute to answer.
const TIME_TO_START: Duration = Duration::from_secs(80);

/// Kept from the invocation's time for what comes after the last byte: commit, record, hand-back.
const TIME_TO_END: Duration = Duration::from_secs(8);

/// At the very last this much is left: a record that hangs in a call of AWS is then dropped and
/// handed back, or the whole batch would fail with it.
const TIME_TO_ANSWER: Duration = Duration::from_secs(3);

/// A record that could not be started comes back after this.
const NOT_STARTED_WAIT: Duration = Duration::from_secs(5);

/// A record that panicked comes back after this: not at once, because it may panic again.
const AFTER_A_PANIC: Duration = Duration::from_mins(5);

/// Runs a batch and answers with the records that must come back. `deadline` is the invocation's.
///
/// # Errors
/// When a record came without a message id: then no answer could name it, and the whole batch must
/// fail.
pub async fn run(
    worker: &Worker,
    event: SqsEvent,
    deadline: Instant,
) -> Result<SqsBatchResponse, Error> {
    if event.records.iter().any(|record| record.message_id.is_none()) {
        return Err("a record of the batch has no message id".into());
    }
    let failed = stream::iter(&event.records)
        .map(|record| run_one(worker, record, deadline))
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .map(failure)
        .collect()
        .await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed;
    Ok(response)
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

/// Ends one record, and gives its id if it must come back. A panic counts as a failure of this
/// record.
async fn run_one(worker: &Worker, record: &SqsMessage, deadline: Instant) -> Option<String> {
    let id = record.message_id.clone().unwrap_or_default();
    let receipt = record.receipt_handle.as_deref().unwrap_or_default();
    if Instant::now() + TIME_TO_START > deadline {
        tracing::info!(
            sqs_message_id = id,
            outcome = "not_started",
            "the invocation's time is nearly over"
        );
        hand_back(worker, receipt, NOT_STARTED_WAIT).await;
        return Some(id);
    }
    let received = QueueMessage {
        body: record.body.as_deref().unwrap_or_default(),
        receives: record
            .attributes
            .get("ApproximateReceiveCount")
            .and_then(|n| n.parse().ok())
            .unwrap_or(1),
        deadline: deadline - TIME_TO_END,
    };
    let span = tracing::info_span!("record", sqs_message_id = id);
    let run = async {
        worker.planned_panic.strike(received.body);
        job::run(worker, received).await
    };
    let run = AssertUnwindSafe(run.instrument(span)).catch_unwind();
    let after = match timeout_at(deadline - TIME_TO_ANSWER, run).await {
        Ok(Ok(Acknowledgement::Done)) => return None,
        Ok(Ok(Acknowledgement::RetryAfter { after })) => after,
        Ok(Err(_panic)) => {
            tracing::error!(
                sqs_message_id = id,
                outcome = "panicked",
                "a record panicked and comes back"
            );
            AFTER_A_PANIC
        }
        Err(_late) => {
            tracing::error!(
                sqs_message_id = id,
                outcome = "not_finished",
                "a record hung to the last moment and comes back"
            );
            NOT_STARTED_WAIT
        }
    };
    hand_back(worker, receipt, after).await;
    Some(id)
}

/// Sets when SQS brings the record back. If that fails, it is the queue's own visibility timeout.
async fn hand_back(worker: &Worker, receipt: &str, after: Duration) {
    if let Err(error) = worker.jobs.change_visibility(receipt, after).await {
        tracing::warn!(%error, "a record comes back when the queue's visibility timeout is over");
    }
}
