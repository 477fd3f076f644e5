//! A batch of the stream: which records are events, and from which one on Lambda must send them
//! again.

use std::time::Duration;

use aws::{changes::Change, delivery_sender::SentDeliveries, event_bus::MAX_EVENTS};
use aws_lambda_events::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use futures_util::future::join_all;
use media::event::PublishedEvent;
use tokio::time::{Instant, timeout_at};

use crate::{Events, error::PublishError};

/// The time at the end of an invocation in which nothing is begun, and the answer is sent.
const TIME_TO_ANSWER: Duration = Duration::from_secs(2);

/// Publishes the events of a batch, in its order, a few at a time. Lambda sends the batch again
/// from the first record on that could not be published. For those that follow it, what was done is
/// remembered and not done again, as long as the process lives.
pub async fn handle_batch(
    events: &Events,
    batch: StreamEvent,
    deadline: Instant,
) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    let mut meant = Vec::with_capacity(batch.records.len());
    for record in batch.records {
        let sequence_number = record.change.sequence_number.clone();
        let change = read_change(record, events.now());
        let dropped = timeout_at(deadline - TIME_TO_ANSWER, events.drop_links(&change)).await;
        if !matches!(dropped, Ok(Ok(()))) {
            match dropped {
                Ok(Err(error)) => {
                    tracing::error!(%error, "the links of a record that is gone were not removed");
                }
                Ok(Ok(())) | Err(_) => {
                    tracing::warn!("links were not removed in time; the rest is sent again");
                }
            }
            // What comes before is published, and Lambda sends the rest again from here on.
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
        meant.extend(change.into_event().map(|event| (sequence_number, event)));
    }
    for some in meant.chunks(MAX_EVENTS) {
        let published = timeout_at(deadline - TIME_TO_ANSWER, publish(events, some)).await;
        let failed = match published {
            Ok(failed) => failed,
            Err(_late) => {
                tracing::warn!("events were not published in time; they are sent again");
                Some(0)
            }
        };
        let published = some.get(..failed.unwrap_or(some.len())).unwrap_or_default();
        events.forget(published.iter().map(|(_, event)| event));
        if let Some((sequence_number, _)) = failed.and_then(|index| some.get(index)) {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = sequence_number.clone();
            response.batch_item_failures = vec![failure];
            return response;
        }
    }
    response
}

/// The change that a record of the stream is.
fn read_change(record: EventRecord, now: i64) -> Change {
    let EventRecord { change, event_id, .. } = record;
    let written_at = change.approximate_creation_date_time.timestamp();
    Change {
        id: event_id,
        // A record may come without its time.
        at: if written_at > 0 { written_at } else { now },
        before: change.old_image,
        after: change.new_image,
    }
}

/// Publishes up to [`MAX_EVENTS`] events. Returns the index of the first that is not published
/// everywhere.
async fn publish(events: &Events, some: &[(Option<String>, PublishedEvent)]) -> Option<usize> {
    let mut passed_on = Vec::with_capacity(some.len());
    for (_, event) in some {
        passed_on.push(Box::pin(events.pass_on(event)));
    }
    let for_bus: Vec<_> = some.iter().map(|(_, event)| event).collect();
    let (passed_on, put) =
        futures_util::future::join(join_all(passed_on), events.put_on_bus(&for_bus)).await;
    let mut first_failed = None;
    for (index, ((_, event), result)) in some.iter().zip(passed_on.into_iter().zip(put)).enumerate()
    {
        let result = result.0.and_then(|sent| result.1.map(|()| sent));
        log_event(event, &result);
        if result.is_err() {
            first_failed = first_failed.or(Some(index));
        }
    }
    first_failed
}

/// One line for each event and attempt.
fn log_event(event: &PublishedEvent, result: &Result<SentDeliveries, PublishError>) {
    let (tenant, instance) = (event.tenant(), event.instance());
    let (word, delivery_id) = (event.type_word(), event.id());
    match result {
        Ok(sent) => tracing::info!(
            outcome = "published", event = word, %delivery_id, %tenant, %instance,
            receivers = sent.queued, "media event"
        ),
        Err(error) => {
            let reason = error.to_string();
            tracing::error!(
                outcome = "unpublished", event = word, %delivery_id, %tenant, %instance, reason,
                "media event"
            );
        }
    }
}
