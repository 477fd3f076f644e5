//! A webhook body that could not be read: reads it again, sends its jobs, and parks it if something
//! of it is still not read.

use aws::queues::ParkingTicket;
use media::{failure::FailureClass, message::MediaMessage, parked::Content, unread::UnreadBody};
use wapi::webhook::{Reading, UnreadReason};

use crate::{
    kept_body::{KeepOutcome, keep_parked, settle_message},
    message::{Acknowledgement, QueueMessage},
    order::{end_body_if_named, end_body_if_ordered},
    worker::Worker,
};

/// What a body gave this time.
struct BodyReading {
    media: Vec<MediaMessage>,
    /// What is still not read, and why.
    rest: Option<UnreadRest>,
}

/// Why something of a body is still not read.
struct UnreadRest {
    /// One word, for queries.
    word: &'static str,
    /// A sentence, for people.
    meaning: String,
}

impl UnreadRest {
    fn new(why: UnreadReason) -> Self {
        Self { word: why.as_str(), meaning: why.explanation().to_owned() }
    }
}

/// Reads the body. The function does not await, so that only one body is decoded at a time.
fn read_body(body: &UnreadBody) -> BodyReading {
    let none = Vec::new;
    let (media, rest) = match Reading::from_bytes(body.expose(), &body.verified_instance()) {
        Reading::Whole(announcement) => (announcement.media, None),
        Reading::Part { announcement, .. } => {
            (announcement.media, Some(UnreadRest::new(UnreadReason::NotUnderstood)))
        }
        Reading::Unread { why, .. } => (none(), Some(UnreadRest::new(why))),
        Reading::Refused(why) => {
            let (word, meaning) = (why.as_str(), why.to_string());
            (none(), Some(UnreadRest { word, meaning }))
        }
    };
    BodyReading { media, rest }
}

/// Sends the jobs of what this version can read, and parks the body if something of it is still not
/// read. A job that was sent before ends as a duplicate, by its record.
pub(crate) async fn read_again(
    worker: &Worker,
    body: &UnreadBody,
    message: &QueueMessage<'_>,
) -> Acknowledgement {
    match end_body_if_ordered(worker, body).await {
        Some(Acknowledgement::Done) => return settle_message(worker, message).await,
        Some(retry) => return retry,
        None => {}
    }
    let BodyReading { media, rest } = read_body(body);
    let (verified, accepted_at, now) = (body.verified_instance(), body.accepted_at(), worker.now());
    // A message without a time of its own is as old as its webhook.
    let job = |message| verified.create_late_job(message, accepted_at, now);
    let jobs: Vec<_> = media.into_iter().map(job).collect();
    if let Err(error) = worker.jobs.send(body.tenant(), &jobs).await {
        tracing::error!(
            tenant = %body.tenant(), instance = %body.instance(), %error,
            "sending the jobs of an unread body failed; it is retried"
        );
        return Acknowledgement::AFTER_FAILED_WRITE;
    }
    let queued = jobs.len();
    match rest {
        Some(rest) => park_unread(worker, body, message, &rest, queued).await,
        None => {
            tracing::info!(
                tenant = %body.tenant(), instance = %body.instance(), outcome = "read", queued,
                "unread body"
            );
            settle_message(worker, message).await
        }
    }
}

/// The body belongs to no record; the jobs table keeps it whole.
async fn park_unread(
    worker: &Worker,
    body: &UnreadBody,
    message: &QueueMessage<'_>,
    rest: &UnreadRest,
    queued: usize,
) -> Acknowledgement {
    // What can be read of it obeys the orders about each message.
    match end_body_if_named(worker, body).await {
        Some(Acknowledgement::Done) => return settle_message(worker, message).await,
        Some(retry) => return retry,
        None => {}
    }
    let (class, about) = (FailureClass::Unread, body.summary());
    let UnreadRest { word, meaning } = rest;
    let ticket = ParkingTicket {
        class,
        reason: &format!("{word}: {meaning}"),
        tenant: Some(body.tenant()),
        recoverable_until: Some(about.recoverable_until()),
        receives: message.receives,
        is_unrecorded: false,
    };
    match keep_parked(worker, message, &Content::Unread(about.clone()), &ticket).await {
        KeepOutcome::Parked => {}
        KeepOutcome::Settled => return Acknowledgement::Done,
        KeepOutcome::Failed => return Acknowledgement::AFTER_FAILED_WRITE,
    }
    tracing::error!(
        tenant = %about.tenant, instance = %about.instance, outcome = "parked", class = %class,
        reason = word, queued, size_bytes = about.size_bytes, "unread body"
    );
    Acknowledgement::Done
}
