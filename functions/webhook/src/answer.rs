//! The answer to a webhook, and the log line with the same content.

use lambda_http::{
    Body, Error, Response,
    http::{StatusCode, header},
};
use media::access::VerifiedInstance;
use serde_json::{Value, json};
use wapi::webhook::{Announcement, Event, Refusal, UnreadReason};

use crate::pass_on::PassedOn;

/// `Retry-After` of a 503, in seconds.
const RETRY_AFTER: &str = "30";

/// An answer: status, JSON body, and the fields of the log line.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    body: Value,
    outcome: &'static str,
    reason: Option<String>,
    tenant: Option<String>,
    instance: Option<String>,
    event: Option<Event>,
    unknown_wrappers: usize,
    not_understood: usize,
    queued: usize,
    kept: usize,
    passed_on: PassedOn,
    source: Option<String>,
}

impl Answer {
    fn new(status: StatusCode, outcome: &'static str, body: Value) -> Self {
        Self {
            status,
            body,
            outcome,
            reason: None,
            tenant: None,
            instance: None,
            event: None,
            unknown_wrappers: 0,
            not_understood: 0,
            queued: 0,
            kept: 0,
            passed_on: PassedOn::default(),
            source: None,
        }
    }

    /// Adds how many of the jobs and bodies the jobs table has, because SQS did not take them.
    pub(crate) fn with_kept(self, kept: usize) -> Self {
        Self { kept, ..self }
    }

    /// Adds to how many receivers the body is passed on.
    pub(crate) fn with_passed_on(self, passed_on: PassedOn) -> Self {
        Self { passed_on, ..self }
    }

    fn for_instance(self, verified: &VerifiedInstance) -> Self {
        let tenant = Some(verified.tenant().to_string());
        Self { tenant, instance: Some(verified.instance().to_string()), ..self }
    }

    fn with_announcement(self, announcement: &Announcement) -> Self {
        Self {
            event: Some(announcement.event),
            unknown_wrappers: announcement.unknown_wrappers,
            not_understood: announcement.not_understood,
            ..self
        }
    }

    /// 200: every announced media message is in the queue, or in the jobs table.
    pub(crate) fn queued(verified: &VerifiedInstance, announcement: &Announcement) -> Self {
        let queued = announcement.media.len();
        let answer = Self::new(StatusCode::OK, "queued", json!({ "queued": queued }));
        let answer = Self { queued, ..answer };
        answer.with_announcement(announcement).for_instance(verified)
    }

    /// 200: all or part of the body could not be read; it is in the queue as it came, or in the
    /// jobs table.
    pub(crate) fn unread(verified: &VerifiedInstance, why: UnreadReason) -> Self {
        let word = why.as_str();
        let answer = Self::new(StatusCode::OK, "unread", json!({ "unread": word }));
        let reason = Some(word.to_owned());
        Self { reason, ..answer }.for_instance(verified)
    }

    /// 200: what was understood is in the queue, and the body too, because of the rest.
    pub(crate) fn partly_queued(verified: &VerifiedInstance, announcement: &Announcement) -> Self {
        let (word, queued) = (UnreadReason::NotUnderstood.as_str(), announcement.media.len());
        if announcement.media.is_empty() {
            return Self::unread(verified, UnreadReason::NotUnderstood)
                .with_announcement(announcement);
        }
        let body = json!({ "queued": queued, "unread": word });
        let answer =
            Self { body, reason: Some(word.to_owned()), ..Self::queued(verified, announcement) };
        answer.with_announcement(announcement)
    }

    /// 413: what could not be read is too large for the queue.
    pub(crate) fn too_large_to_keep(verified: &VerifiedInstance, queued: usize) -> Self {
        const WORD: &str = "unread_too_large";
        let body = json!({ "error": WORD });
        let answer = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "refused", body);
        let reason = Some(WORD.to_owned());
        let answer = Self { reason, queued, ..answer };
        answer.for_instance(verified)
    }

    /// 200: the body was understood and announces nothing to store.
    pub(crate) fn ignored(
        verified: &VerifiedInstance,
        announcement: &Announcement,
        reason: &'static str,
    ) -> Self {
        let answer = Self::new(StatusCode::OK, "ignored", json!({ "ignored": reason }));
        let reason = Some(reason.to_owned());
        let answer = Self { reason, ..answer };
        answer.with_announcement(announcement).for_instance(verified)
    }

    /// 401, the same for an unknown instance and a wrong secret. Neither the answer nor the log
    /// line repeats what the unverified sender sent. `source` is a name for its address.
    pub(crate) fn unauthorized(source: Option<String>) -> Self {
        let answer =
            Self::new(StatusCode::UNAUTHORIZED, "refused", json!({ "error": "unauthorized" }));
        Self { reason: Some("unauthorized".to_owned()), source, ..answer }
    }

    /// 400: the body is empty, or names another instance.
    pub(crate) fn bad_request(verified: &VerifiedInstance, refused: Refusal) -> Self {
        let reason = refused.as_str();
        let body = json!({ "error": reason, "message": refused.to_string() });
        let answer = Self::new(StatusCode::BAD_REQUEST, "refused", body);
        Self { reason: Some(reason.to_owned()), ..answer }.for_instance(verified)
    }

    /// 413: the body is larger than [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES).
    pub(crate) fn too_large(verified: &VerifiedInstance) -> Self {
        let answer =
            Self::new(StatusCode::PAYLOAD_TOO_LARGE, "refused", json!({ "error": "too_large" }));
        Self { reason: Some("too_large".to_owned()), ..answer }.for_instance(verified)
    }

    /// 503: the media messages could not be made durable, so the webhook must be sent again. The
    /// log line names the instance only if the sender is verified.
    pub(crate) fn unavailable(
        verified: Option<&VerifiedInstance>,
        error: &dyn std::error::Error,
    ) -> Self {
        let answer = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            json!({ "error": "unavailable" }),
        );
        let answer = Self { reason: Some(error.to_string()), ..answer };
        match verified {
            Some(verified) => answer.for_instance(verified),
            None => answer,
        }
    }

    /// Writes the log line of the request.
    pub(crate) fn log(&self) {
        let unknown_event = u8::from(matches!(self.event, Some(Event::Unknown | Event::Missing)));
        let event = self.event.map(Event::as_str);
        let (reason, tenant, instance) =
            (self.reason.as_deref(), self.tenant.as_deref(), self.instance.as_deref());
        let source = self.source.as_deref();
        macro_rules! log_webhook {
            ($level:ident) => {
                tracing::$level!(
                    outcome = self.outcome,
                    status = self.status.as_u16(),
                    tenant,
                    instance,
                    event,
                    reason,
                    queued = self.queued,
                    kept = self.kept,
                    passed_on = self.passed_on.queued,
                    put_to_rest = self.passed_on.rested,
                    not_passed_on = self.passed_on.refused,
                    unknown_event,
                    unknown_wrapper = self.unknown_wrappers,
                    not_understood = self.not_understood,
                    source,
                    "webhook"
                )
            };
        }
        match self.status.as_u16() {
            500.. => log_webhook!(error),
            400.. => log_webhook!(warn),
            _ => log_webhook!(info),
        }
    }

    /// The HTTP response.
    pub(crate) fn into_response(self) -> Result<Response<Body>, Error> {
        let response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CACHE_CONTROL, "no-store");
        let response = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => response.header(header::RETRY_AFTER, RETRY_AFTER),
            _ => response,
        };
        Ok(response.body(Body::Text(self.body.to_string()))?)
    }
}
