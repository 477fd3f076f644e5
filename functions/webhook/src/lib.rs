//! Turns a webhook of W-API into durable jobs: authenticate, read, queue, and only then say 200.

pub mod answer;
pub mod config;
mod request;

use std::time::Duration;

use aws::{
    clients::Clients,
    instances::{Instance, InstanceError, Instances},
    queues::{JobsQueue, SendError},
};
use lambda_http::{Body, Error, Request, RequestExt, Response};
use media::{
    access::{SecretHashes, VerifiedInstance},
    ids::InstanceId,
    job::QueuedJob,
    message::MediaMessage,
    unread::TooLargeToKeep,
};
use tokio::time::Instant;
use wapi::webhook::{Announcement, Reading, UnreadReason, WebhookBody};

pub use crate::request::without_query;
use crate::{answer::Answer, config::Config};

/// Largest body read, in bytes: what Lambda hands to a function, so nothing that arrives is refused
/// for its size. Real ones have 4 to 16 KB, or a megabyte with the picture of a document's first
/// page. API Gateway takes 10 MB and answers what lies between by itself.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// Nobody who is not verified is answered sooner than this after the request: looking an instance
/// up takes a few milliseconds and a remembered one takes none, and neither must show.
const STRANGERS_WAIT: Duration = Duration::from_millis(100);

/// No call of AWS takes longer: three of them in a row still leave time to answer within the ten
/// seconds that the function has.
pub const MAX_CALL_TIME: Duration = Duration::from_secs(3);

/// A record this old is read again when a secret does not match it: the secret may have been
/// changed.
const RECHECKED_AFTER: Duration = Duration::from_secs(10);

/// The function between two requests.
#[derive(Debug)]
pub struct Webhook {
    instances: Instances,
    queue: JobsQueue,
}

impl Webhook {
    /// Builds the clients, once.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config)
    }

    /// The same, over clients that are there already.
    #[must_use]
    pub fn with_clients(clients: &Clients, config: Config) -> Self {
        Self {
            instances: Instances::new(clients, config.instances_table),
            queue: JobsQueue::new(clients, config.jobs_queue_url),
        }
    }

    /// Opens connections while the function starts, when it has a whole processor for itself.
    pub async fn connect(&self) {
        tokio::join!(self.instances.connect(), self.queue.connect());
    }

    /// Answers one request. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Only if the answer itself cannot be built, which does not happen.
    pub async fn handle(&self, request: &Request, now: i64) -> Result<Response<Body>, Error> {
        let answer = self.answer(request, now).await;
        answer.log();
        answer.into_response()
    }

    async fn answer(&self, request: &Request, now: i64) -> Answer {
        let started = Instant::now();
        let path = request.path_parameters();
        let (id, secret) = (
            path.first("instanceId").unwrap_or_default(),
            path.first("secret").unwrap_or_default(),
        );
        let verified = match self.verify(id, secret, now).await {
            Ok(Some(verified)) => verified,
            stranger => {
                tokio::time::sleep_until(started + STRANGERS_WAIT).await;
                return match stranger {
                    Err(error) => Answer::unavailable(None, &error),
                    Ok(_) => Answer::unauthorized(),
                };
            }
        };
        let body: &[u8] = request.body();
        if body.len() > MAX_BODY_BYTES {
            return Answer::too_large(&verified);
        }
        let accepted = VerifiedRequest { verified: &verified, body, now };
        self.take(accepted).await
    }

    /// Reads the body and makes durable what must not be lost: the media it announces, and the
    /// body itself unless all of it was understood.
    async fn take(&self, accepted: VerifiedRequest<'_>) -> Answer {
        let verified = accepted.verified;
        match Reading::from_bytes(accepted.body, verified) {
            Reading::Whole(announcement) => self.queue(accepted, &announcement).await,
            Reading::Part { announcement, body } => {
                self.queue_part(accepted, &announcement, &body).await
            }
            Reading::Unread { why, body } => match self.keep(accepted, why, body.as_ref()).await {
                Ok(()) => Answer::unread(verified, why),
                Err(not_kept) => not_kept.answer(verified, 0),
            },
            Reading::Refused(refused) => Answer::bad_request(verified, refused),
        }
    }

    /// Whether the secret is one of the instance's. An id that cannot be one, an unknown instance,
    /// a paused one and a wrong secret take the same steps and end alike: also while the table
    /// fails, when only who has the right secret of a remembered instance is told apart.
    async fn verify(
        &self,
        id: &str,
        secret: &str,
        now: i64,
    ) -> Result<Option<VerifiedInstance>, InstanceError> {
        let Ok(id) = InstanceId::parse(id) else {
            SecretHashes::refuse_unknown(secret);
            return Ok(None);
        };
        let remembered = self.instances.find(&id).await?;
        let verified = check(remembered.as_deref(), secret, now);
        if verified.is_some() || remembered.is_none() {
            return Ok(verified);
        }
        let reread = self.instances.find_fresh(&id, RECHECKED_AFTER).await?;
        Ok(check(reread.as_deref(), secret, now))
    }

    /// Queues what a body announces, if anything.
    async fn queue(&self, accepted: VerifiedRequest<'_>, announcement: &Announcement) -> Answer {
        let verified = accepted.verified;
        if let Some(reason) = announcement.ignored_because() {
            return Answer::ignored(verified, announcement, reason);
        }
        match self.send(accepted, announcement).await {
            Ok(()) => Answer::queued(verified, announcement),
            Err(error) => Answer::unavailable(Some(verified), &error),
        }
    }

    /// Queues what was understood, and then the body for the sake of the rest.
    async fn queue_part(
        &self,
        accepted: VerifiedRequest<'_>,
        announcement: &Announcement,
        read: &WebhookBody,
    ) -> Answer {
        let verified = accepted.verified;
        if let Err(error) = self.send(accepted, announcement).await {
            return Answer::unavailable(Some(verified), &error);
        }
        let kept = self.keep(accepted, UnreadReason::NotUnderstood, Some(read));
        match kept.await {
            Ok(()) => Answer::partly_queued(verified, announcement),
            Err(not_kept) => not_kept.answer(verified, announcement.media.len()),
        }
    }

    /// Makes every announced media message durable; a single failure means that none is
    /// acknowledged.
    async fn send(
        &self,
        accepted: VerifiedRequest<'_>,
        announcement: &Announcement,
    ) -> Result<(), SendError> {
        let VerifiedRequest { verified, now, .. } = accepted;
        let job = |message: &MediaMessage| verified.create_job(message.clone(), now);
        let jobs: Vec<QueuedJob> = announcement.media.iter().map(job).collect();
        self.queue.send(verified.tenant(), &jobs).await
    }

    /// Makes the body durable as it came, or, if that is too large, without what no job needs.
    async fn keep(
        &self,
        accepted: VerifiedRequest<'_>,
        why: UnreadReason,
        read: Option<&WebhookBody>,
    ) -> Result<(), NotKept> {
        let VerifiedRequest { verified, body, now } = accepted;
        let keep = |body: &[u8]| verified.keep_unread(body, why.as_str(), now);
        let unread = match (keep(body), read) {
            (Err(TooLargeToKeep), Some(read)) => keep(read.as_value().to_string().as_bytes()),
            (kept, _) => kept,
        };
        let unread = unread.map_err(|TooLargeToKeep| NotKept::TooLarge)?;
        self.queue.send_unread(&unread).await.map_err(NotKept::Queue)
    }
}

/// A body, whose it is, and when it came.
#[derive(Clone, Copy)]
struct VerifiedRequest<'a> {
    verified: &'a VerifiedInstance,
    body: &'a [u8],
    now: i64,
}

/// Why a body that could not be read is not in the queue.
enum NotKept {
    /// No queue takes it: 413.
    TooLarge,
    /// SQS did not take it: 503.
    Queue(SendError),
}

impl NotKept {
    /// `queued` are the jobs that were queued before.
    fn answer(self, verified: &VerifiedInstance, queued: usize) -> Answer {
        match self {
            Self::TooLarge => Answer::too_large_to_keep(verified, queued),
            Self::Queue(error) => Answer::unavailable(Some(verified), &error),
        }
    }
}

/// A paused instance has no valid secret.
fn check(instance: Option<&Instance>, secret: &str, now: i64) -> Option<VerifiedInstance> {
    let Some(instance) = instance else {
        SecretHashes::refuse_unknown(secret);
        return None;
    };
    let secrets = instance.secrets_at(now);
    VerifiedInstance::verify(&instance.tenant, &instance.id, &secrets, secret)
}
