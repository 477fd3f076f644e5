//! A webhook's body that could not be read: read again, and its jobs sent, or parked.

use aws::queues::ParkingTicket;
use media::{failure::FailureClass, job::QueuedJob, message::MediaMessage, unread::UnreadBody};
use wapi::webhook::{Reading, UnreadReason};

use crate::{
    job::QueueMessage,
    settle::{AFTER_A_FAILED_WRITE, Acknowledgement},
    worker::Worker,
};

/// How far a body was read this time.
struct ReadAgain {
    media: Vec<MediaMessage>,
    /// What is still not read, and why.
    rest: Option<Rest>,
}

/// Why something of a body is still not read, in a word and in a sentence.
struct Rest {
    word: &'static str,
    means: String,
}

impl Rest {
    fn of(why: UnreadReason) -> Self {
        Self { word: why.as_str(), means: why.explanation().to_owned() }
    }
}

/// Reads the body. This does not await, so only one body is decoded at a time.
fn read(body: &UnreadBody) -> ReadAgain {
    let none = Vec::new;
    let (media, rest) = match Reading::from_bytes(body.expose(), &body.verified_instance()) {
        Reading::Whole(announcement) => (announcement.media, None),
        Reading::Part { announcement, .. } => {
            (announcement.media, Some(Rest::of(UnreadReason::NotUnderstood)))
        }
        Reading::Unread { why, .. } => (none(), Some(Rest::of(why))),
        Reading::Refused(why) => {
            let (word, means) = (why.as_str(), why.to_string());
            (none(), Some(Rest { word, means }))
        }
    };
    ReadAgain { media, rest }
}

impl Worker {
    /// Sends the jobs of what can be read by now, and parks the body if something of it still
    /// cannot. Jobs that were sent before are told apart by their media's records.
    pub(crate) async fn read_again(
        &self,
        body: &UnreadBody,
        received: &QueueMessage<'_>,
    ) -> Acknowledgement {
        let ReadAgain { media, rest } = read(body);
        let (verified, accepted_at, now) =
            (body.verified_instance(), body.accepted_at(), self.now());
        // A message without a time of its own is as old as its webhook. The job's life begins now.
        let job = |message| {
            QueuedJob::for_redrive(verified.create_job(message, accepted_at).into_job(), now)
        };
        let jobs: Vec<_> = media.into_iter().map(job).collect();
        if let Err(error) = self.jobs.send(body.tenant(), &jobs).await {
            tracing::error!(
                tenant = %body.tenant(), instance = %body.instance(), %error,
                "the jobs of an unread body could not be sent, and it comes back"
            );
            return Acknowledgement::RetryAfter { after: AFTER_A_FAILED_WRITE };
        }
        let queued = jobs.len();
        match rest {
            Some(rest) => self.park_unread(body, received, &rest, queued).await,
            None => {
                tracing::info!(
                    tenant = %body.tenant(), instance = %body.instance(), outcome = "read", queued,
                    "unread body"
                );
                Acknowledgement::Done
            }
        }
    }

    /// The body belongs to no record; the parked queue is where it is found.
    async fn park_unread(
        &self,
        body: &UnreadBody,
        received: &QueueMessage<'_>,
        rest: &Rest,
        queued: usize,
    ) -> Acknowledgement {
        let (class, about) = (FailureClass::Unread, body.summary());
        let Rest { word, means } = rest;
        let ticket = ParkingTicket {
            class,
            reason: &format!("{word}: {means}"),
            tenant: Some(body.tenant()),
            recoverable_until: Some(about.recoverable_until()),
            receives: received.receives,
            is_unrecorded: false,
        };
        if let Err(error) = self.parked.park(received.body, &ticket).await {
            tracing::error!(
                tenant = %about.tenant, instance = %about.instance, %error,
                "an unread body could not be parked and comes back"
            );
            return Acknowledgement::RetryAfter { after: AFTER_A_FAILED_WRITE };
        }
        tracing::error!(
            tenant = %about.tenant, instance = %about.instance, outcome = "parked", class = %class,
            reason = word, queued, size_bytes = about.size_bytes, "unread body"
        );
        Acknowledgement::Done
    }
}
