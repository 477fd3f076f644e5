//! Turns a webhook from W-API into durable jobs: authenticate, read, queue, and only then answer
//! 200.

pub mod answer;
pub mod config;
mod pass_on;
mod people;
mod request;

use std::time::Duration;

use aws::{
    body_key::BodyKey,
    clients::Clients,
    error::AwsError,
    instance_states::InstanceStates,
    instances::InstanceError,
    ledger::{JobsTable, MAX_ENTRY_BODY_BYTES, NoteTerms, ParkedBody},
    queues::{JobsQueue, SendError},
    source_keys::SourceKeys,
    webhook_access::{AccessTable, WebhookAccess, WebhookRules},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use lambda_http::{Body, Error, Request, RequestExt, Response};
use media::{
    access::{SecretHashes, VerifiedInstance},
    failure::FailureClass,
    ids::InstanceId,
    job::QueuedJob,
    message::MediaMessage,
    parked::Content,
    policy::Revoked,
    unread::{TooLargeToKeep, UnreadBody},
};
use tokio::time::{Instant, timeout_at};
use wapi::webhook::{Announcement, Event, Reading, UnreadReason, WebhookBody};

pub use crate::request::without_query;
use crate::{
    answer::Answer,
    config::Config,
    pass_on::{PassOn, Receipt},
    people::{People, Told},
    request::{VerifiedRequest, source_address},
};

/// The largest body that is read, in bytes: Lambda's own limit, so that nothing which arrives is
/// refused for its size. Typical bodies have 4 to 16 KB, or a megabyte with the thumbnail of a
/// document. API Gateway accepts 10 MB and answers bodies between the two limits itself.
pub const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// Unverified requests are answered no sooner than this, so that the response time does not reveal
/// whether the instance exists.
const MIN_UNVERIFIED_TIME: Duration = Duration::from_millis(100);

/// The time limit of a call to AWS, its three attempts included: three calls in a row still leave
/// time to answer within the function's ten seconds: the instance's record, the queue and, if that
/// fails, the jobs table.
pub const MAX_CALL_TIME: Duration = Duration::from_secs(3);

/// After this time no job is written into the jobs table any more: the rest of the function's ten
/// seconds is for the answer.
const MAX_TIME_TO_KEEP: Duration = Duration::from_millis(8500);

/// Jobs that are written into the jobs table at the same time.
const MAX_KEPT_AT_ONCE: usize = 16;

/// The state of the function between two requests.
#[derive(Debug)]
pub struct Webhook {
    access: AccessTable,
    queue: JobsQueue,
    table: JobsTable,
    people: People,
    states: InstanceStates,
    pass_on: PassOn,
    sources: SourceKeys,
}

impl Webhook {
    /// Builds the clients, once.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config)
    }

    /// Builds the function from existing clients.
    #[must_use]
    pub fn with_clients(clients: &Clients, config: Config) -> Self {
        let pass_on = PassOn::new(clients, &config);
        Self {
            pass_on,
            access: AccessTable::new(clients, config.instances_table),
            queue: JobsQueue::new(clients, config.jobs_queue_url),
            sources: SourceKeys::new(clients, config.jobs_table.clone()),
            table: JobsTable::new(clients, config.jobs_table),
            states: InstanceStates::new(clients, config.marks_table),
            people: People::new(
                clients,
                config.people_table,
                config.orders_table,
                config.asks_lids,
            ),
        }
    }

    /// Opens the connections during init, when Lambda gives the function a whole processor.
    pub async fn connect(&self) {
        tokio::join!(self.access.connect(), self.queue.connect());
    }

    /// Answers one request. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Only if the answer itself cannot be built, which does not happen.
    pub async fn handle_request(
        &self,
        request: &Request,
        now: i64,
    ) -> Result<Response<Body>, Error> {
        let answer = self.answer_request(request, now).await;
        answer.log();
        answer.into_response()
    }

    async fn answer_request(&self, request: &Request, now: i64) -> Answer {
        let started = Instant::now();
        let path = request.path_parameters();
        let (id, secret) = (
            path.first("instanceId").unwrap_or_default(),
            path.first("secret").unwrap_or_default(),
        );
        let (verified, rules) = match self.verify_sender(id, secret, now).await {
            Ok(Some(sender)) => sender,
            unverified => {
                let answer = match unverified {
                    Err(error) => Answer::unavailable(None, &error),
                    Ok(_) => Answer::unauthorized(self.name_source(request).await),
                };
                tokio::time::sleep_until(started + MIN_UNVERIFIED_TIME).await;
                return answer;
            }
        };
        let body: &[u8] = request.body();
        let keep_until = started + MAX_TIME_TO_KEEP;
        if body.len() > MAX_BODY_BYTES {
            return Answer::too_large(&verified);
        }
        let accepted = VerifiedRequest { verified: &verified, rules, body, now, keep_until };
        self.accept_body(accepted, &Receipt::of_request(request)).await
    }

    /// The name of the address from which a refused request came, for the log line.
    async fn name_source(&self, request: &Request) -> Option<String> {
        let address = source_address(request)?;
        Some(self.sources.find().await?.name_source(address))
    }

    /// Reads the body and makes durable what must not be lost: what the body leads to here, and, at
    /// the same time, the body on its way to each receiver.
    async fn accept_body(&self, accepted: VerifiedRequest<'_>, receipt: &Receipt) -> Answer {
        let verified = accepted.verified;
        let reading = Reading::from_bytes(accepted.body, verified);
        let passing = Box::pin(self.pass_on.pass_on(accepted, receipt, &reading));
        let passing = timeout_at(accepted.keep_until, passing);
        let (answer, passed_on) =
            tokio::join!(Box::pin(self.take_reading(accepted, &reading)), passing);
        match passed_on.unwrap_or_else(|_late| Err(out_of_time().into())) {
            Ok(passed_on) => answer.with_passed_on(passed_on),
            Err(error) => {
                tracing::warn!(instance = %verified.instance(), %error, "a webhook was not passed \
                    on");
                Answer::unavailable(Some(verified), &error)
            }
        }
    }

    /// Makes durable the media messages that a body announces, and the body itself unless all of it
    /// was understood.
    async fn take_reading(&self, accepted: VerifiedRequest<'_>, reading: &Reading) -> Answer {
        let verified = accepted.verified;
        if let Reading::Whole(announcement) | Reading::Part { announcement, .. } = reading {
            let (retention, now) = (accepted.rules.retention, accepted.now);
            let told = Told { retention, now, announced_at: announcement.announced_at(now) };
            self.people.learn_all(verified, &announcement.people, told);
            if let Some(phone) = &announcement.open_phone {
                self.people.note_open(verified, phone, told);
            }
            self.note_connection(verified, announcement.event).await;
            if let Err(error) = self.queue_revocation(accepted, announcement).await {
                return Answer::unavailable(Some(verified), &error);
            }
        }
        match reading {
            Reading::Whole(announcement) => self.queue_announced(accepted, announcement).await,
            Reading::Part { announcement, body } => {
                self.queue_part(accepted, announcement, body).await
            }
            Reading::Unread { why, body } => {
                match self.keep_body(accepted, *why, body.as_ref()).await {
                    Ok(kept) => Answer::unread(verified, *why).with_kept(kept),
                    Err(not_kept) => not_kept.into_answer(verified, 0),
                }
            }
            Reading::Refused(refused) => Answer::bad_request(verified, *refused),
        }
    }

    /// Verifies that the secret is one of the instance's, and tells its tenant's rules. An invalid
    /// id, an unknown instance, a paused instance and a wrong secret take the same steps and get
    /// the same result. While the table fails, only the right secret of a remembered instance gets
    /// another one.
    async fn verify_sender(
        &self,
        id: &str,
        secret: &str,
        now: i64,
    ) -> Result<Option<Sender>, InstanceError> {
        let Ok(id) = InstanceId::parse(id) else {
            SecretHashes::refuse_unknown(secret);
            return Ok(None);
        };
        let remembered = self.access.find(&id).await?;
        let verified = verify_secret(remembered.as_deref(), secret, now);
        if verified.is_some() || remembered.is_none() {
            return Ok(verified);
        }
        let reread = self.access.find_changed(&id).await?;
        Ok(verify_secret(reread.as_deref(), secret, now))
    }

    /// Queues the media messages that a body announces, if any.
    async fn queue_announced(
        &self,
        accepted: VerifiedRequest<'_>,
        announcement: &Announcement,
    ) -> Answer {
        let verified = accepted.verified;
        if let Some(reason) = announcement.ignored_because() {
            return Answer::ignored(verified, announcement, reason);
        }
        match self.send_jobs(accepted, announcement).await {
            Ok(kept) => Answer::queued(verified, announcement).with_kept(kept),
            Err(error) => Answer::unavailable(Some(verified), &error),
        }
    }

    /// Queues that a message was deleted by who sent it, if the tenant's rule is not to keep it.
    async fn queue_revocation(
        &self,
        accepted: VerifiedRequest<'_>,
        announcement: &Announcement,
    ) -> Result<(), SendError> {
        let VerifiedRequest { verified, rules, now, .. } = accepted;
        match &announcement.revoked {
            Some(message) if rules.revoked != Revoked::Keep => {
                let revocation = verified.create_revocation(message.clone(), now);
                self.queue.send_revocation(&revocation).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Notes that an instance was connected or disconnected. If that fails, the back-fill function
    /// asks W-API within the hour.
    async fn note_connection(&self, verified: &VerifiedInstance, event: Event) {
        let is_connected = match event {
            Event::Connected => true,
            Event::Disconnected => false,
            Event::Received
            | Event::Delivery
            | Event::Status
            | Event::Presence
            | Event::Unknown
            | Event::Missing => return,
        };
        let (tenant, instance) = (verified.tenant(), verified.instance());
        let noted = Box::pin(self.states.note_connection((tenant, instance), is_connected)).await;
        if let Err(error) = noted {
            tracing::warn!(%instance, %error, "the connection of an instance was not noted");
        }
    }

    /// Queues what was understood, and then the body, because of the rest.
    async fn queue_part(
        &self,
        accepted: VerifiedRequest<'_>,
        announcement: &Announcement,
        read: &WebhookBody,
    ) -> Answer {
        let verified = accepted.verified;
        let kept = match self.send_jobs(accepted, announcement).await {
            Ok(kept) => kept,
            Err(error) => return Answer::unavailable(Some(verified), &error),
        };
        let kept_body = self.keep_body(accepted, UnreadReason::NotUnderstood, Some(read));
        match kept_body.await {
            Ok(bodies) => Answer::partly_queued(verified, announcement).with_kept(kept + bodies),
            Err(not_kept) => not_kept.into_answer(verified, announcement.media.len()),
        }
    }

    /// Makes every announced media message durable, in the queue or, if SQS does not take them, in
    /// the jobs table; a single failure means that none is acknowledged. Returns how many are in
    /// the table.
    async fn send_jobs(
        &self,
        accepted: VerifiedRequest<'_>,
        announcement: &Announcement,
    ) -> Result<usize, SendError> {
        let VerifiedRequest { verified, now, keep_until, .. } = accepted;
        // All media of a webhook are of one chat.
        let phone = self.people.find_phone(verified, &announcement.media);
        let phone = Box::pin(phone).await;
        let job = |message: &MediaMessage| {
            let message = message.clone();
            let message = match &phone {
                Some(phone) => message.with_phone(phone),
                None => message,
            };
            verified.create_job(message, now)
        };
        let jobs: Vec<QueuedJob> = announcement.media.iter().map(job).collect();
        let Err(error) = self.queue.send(verified.tenant(), &jobs).await else {
            return Ok(0);
        };
        let count = jobs.len();
        // Boxed, so that every request need not have the room for it.
        let keep = timeout_at(keep_until, Box::pin(self.keep_jobs(jobs, now)));
        match keep.await.unwrap_or_else(|_late| Err(out_of_time().into())) {
            Ok(()) => {
                tracing::warn!(instance = %verified.instance(), %error, "the jobs table has jobs \
                    that the queue did not take");
                Ok(count)
            }
            Err(not_kept) => {
                tracing::warn!(instance = %verified.instance(), error = %not_kept, "the jobs \
                    table did not take jobs either");
                Err(error)
            }
        }
    }

    /// Writes an entry for each job into the jobs table, from which the watch function sends them.
    /// A job that the queue has taken, too, ends as a duplicate.
    async fn keep_jobs(&self, jobs: Vec<QueuedJob>, now: i64) -> Result<(), SendError> {
        let kept = stream::iter(jobs).map(|job| self.keep_job(job, now));
        kept.buffer_unordered(MAX_KEPT_AT_ONCE).try_collect::<()>().await
    }

    async fn keep_job(&self, job: QueuedJob, now: i64) -> Result<(), SendError> {
        let body = job.to_json()?;
        if body.len() > MAX_ENTRY_BODY_BYTES {
            let problem = "the job is too large for an item";
            return Err(AwsError::unexpected("dynamodb:UpdateItem", problem).into());
        }
        Ok(self.table.keep_job(&job.into_job(), &body, now).await?)
    }

    /// Makes the body durable as it came, or, if it is too large, without what no job needs: in the
    /// queue or, if SQS does not take it, in the jobs table. Returns how many are in the table.
    async fn keep_body(
        &self,
        accepted: VerifiedRequest<'_>,
        why: UnreadReason,
        read: Option<&WebhookBody>,
    ) -> Result<usize, KeepError> {
        let VerifiedRequest { verified, body, now, keep_until, .. } = accepted;
        let unread = why.keep_body(verified, body, read, now);
        let unread = unread.map_err(|TooLargeToKeep| KeepError::TooLarge)?;
        let Err(error) = self.queue.send_unread(&unread).await else {
            return Ok(0);
        };
        // Boxed, as for jobs.
        let keep = timeout_at(keep_until, Box::pin(self.keep_in_table(&unread, now)));
        match keep.await.unwrap_or_else(|_late| Err(out_of_time().into())) {
            Ok(()) => {
                tracing::warn!(instance = %verified.instance(), %error, "the jobs table has an \
                    unread body that the queue did not take");
                Ok(1)
            }
            Err(not_kept) => {
                tracing::warn!(instance = %verified.instance(), error = %not_kept, "the jobs \
                    table did not take an unread body either");
                Err(KeepError::Queue(error))
            }
        }
    }

    /// Writes an entry for the body into the jobs table, from which the watch function sends it.
    async fn keep_in_table(&self, unread: &UnreadBody, now: i64) -> Result<(), SendError> {
        let (body, about) = (unread.to_json()?, unread.summary());
        let reason = format!("{}: the jobs queue did not take it", about.why);
        let (key, why) = (BodyKey::from_body(&body), (FailureClass::Unread, reason.as_str()));
        let (content, terms) = (Content::Unread(about), NoteTerms { now, retention: None });
        let kept = ParkedBody::new((&key, &body), &content, why, terms);
        Ok(self.table.keep_body(&kept).await?)
    }
}

/// The jobs table took too long.
fn out_of_time() -> AwsError {
    AwsError::unexpected("dynamodb:UpdateItem", "no time left to answer")
}

/// The instance that proved to have sent a webhook, and its tenant's rules.
type Sender = (VerifiedInstance, WebhookRules);

/// Why an unread body is not kept.
enum KeepError {
    /// No queue takes it: 413.
    TooLarge,
    /// Neither SQS nor the jobs table took it: 503.
    Queue(SendError),
}

impl KeepError {
    /// The answer to the webhook. `queued`: the number of jobs that were queued before.
    fn into_answer(self, verified: &VerifiedInstance, queued: usize) -> Answer {
        match self {
            Self::TooLarge => Answer::too_large_to_keep(verified, queued),
            Self::Queue(error) => Answer::unavailable(Some(verified), &error),
        }
    }
}

/// Verifies a secret against an instance's record. A paused instance has no valid secret.
fn verify_secret(access: Option<&WebhookAccess>, secret: &str, now: i64) -> Option<Sender> {
    let Some(access) = access else {
        SecretHashes::refuse_unknown(secret);
        return None;
    };
    Some((access.verify_secret(secret, now)?, access.rules()))
}
