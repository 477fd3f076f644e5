//! Turns a webhook of W-API into durable jobs: authenticate, read, queue, and only then say 200.

pub mod answer;
pub mod config;
mod request;

use std::time::Duration;

use aws::{
    clients::Clients,
    instances::{Instance, InstanceError, Instances},
    queues::JobsQueue,
};
use lambda_http::{Body, Error, Request, RequestExt, Response};
use media::{
    access::{SecretHashes, VerifiedInstance},
    ids::InstanceId,
    job::QueuedJob,
    message::MediaMessage,
};
use tokio::time::Instant;
use wapi::webhook::{Announcement, WebhookBody};

pub use crate::request::without_query;
use crate::{answer::Answer, config::Config};

/// Largest body read, in bytes: what Lambda hands to a function, so nothing that arrives is refused
/// for its size. Real ones have 4 to 16 KB, or a megabyte with the picture of a document's first
/// page. API Gateway takes 10 MB and answers what lies between by itself.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// Nobody who is not verified is answered sooner than this after the request: looking an instance up takes a
/// few milliseconds and a remembered one takes none, and neither must show.
const STRANGERS_WAIT: Duration = Duration::from_millis(100);

/// No call of AWS takes longer: three of them in a row still leave time to answer within the ten seconds
/// that the function has.
pub const LONGEST_CALL: Duration = Duration::from_secs(3);

/// A record this old is read again when a secret does not match it: the secret may have been changed.
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
        let clients = Clients::for_lambda(&config.region, config.endpoint.as_deref(), LONGEST_CALL);
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
        let announcement = match WebhookBody::parse(body) {
            Err(error) => return Answer::bad_request(&verified, error.as_str(), &error),
            Ok(body) => match body.announcement(&verified) {
                Err(error) => return Answer::bad_request(&verified, error.as_str(), &error),
                Ok(announcement) => announcement,
            },
        };
        self.queue(&verified, announcement, now).await
    }

    /// Whether the secret is one of the instance's. An id that cannot be one, an unknown instance, a
    /// paused one and a wrong secret take the same steps and end alike: also while the table fails, when
    /// only who has the right secret of a remembered instance is told apart.
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
        let reread = self.instances.find_anew(&id, RECHECKED_AFTER).await?;
        Ok(check(reread.as_deref(), secret, now))
    }

    /// Makes every announced medium durable; a single failure means that none of it is acknowledged.
    async fn queue(
        &self,
        verified: &VerifiedInstance,
        announcement: Announcement,
        now: i64,
    ) -> Answer {
        if let Some(reason) = announcement.ignored_because() {
            return Answer::ignored(verified, &announcement, reason);
        }
        let job = |message: &MediaMessage| verified.create_job(message.clone(), now);
        let jobs: Vec<QueuedJob> = announcement.media.iter().map(job).collect();
        match self.queue.send(verified.tenant(), &jobs).await {
            Ok(()) => Answer::queued(verified, &announcement),
            Err(error) => Answer::unavailable(Some(verified), &error),
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
