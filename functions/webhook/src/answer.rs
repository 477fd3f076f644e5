//! What W-API is told, and the one log line that says the same to the operator.

use lambda_http::{
    Body, Error, Response,
    http::{StatusCode, header},
};
use media::access::VerifiedInstance;
use serde_json::{Value, json};
use wapi::webhook::{Announcement, Event, Refusal, UnreadReason};

/// Seconds after which W-API, or whoever repeats the request, should try again.
const RETRY_AFTER: &str = "30";

/// One answer: a status, a small JSON body, and what the log needs.
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
        }
    }

    fn on_behalf_of(self, verified: &VerifiedInstance) -> Self {
        let tenant = Some(verified.tenant().to_string());
        Self { tenant, instance: Some(verified.instance().to_string()), ..self }
    }

    fn about(self, announcement: &Announcement) -> Self {
        Self {
            event: Some(announcement.event),
            unknown_wrappers: announcement.unknown_wrappers,
            not_understood: announcement.not_understood,
            ..self
        }
    }

    /// 200: every announced media message is in the queue.
    pub(crate) fn queued(verified: &VerifiedInstance, announcement: &Announcement) -> Self {
        let queued = announcement.media.len();
        let answer = Self::new(StatusCode::OK, "queued", json!({ "queued": queued }));
        let answer = Self { queued, ..answer };
        answer.about(announcement).on_behalf_of(verified)
    }

    /// 200: all or some of the body could not be read, and it lies in the queue as it came.
    pub(crate) fn unread(verified: &VerifiedInstance, why: UnreadReason) -> Self {
        let word = why.as_str();
        let answer = Self::new(StatusCode::OK, "unread", json!({ "unread": word }));
        let reason = Some(word.to_owned());
        Self { reason, ..answer }.on_behalf_of(verified)
    }

    /// 200: what was understood is in the queue, and the body beside it, because of the rest.
    pub(crate) fn partly_queued(verified: &VerifiedInstance, announcement: &Announcement) -> Self {
        let (word, queued) = (UnreadReason::NotUnderstood.as_str(), announcement.media.len());
        if announcement.media.is_empty() {
            return Self::unread(verified, UnreadReason::NotUnderstood).about(announcement);
        }
        let body = json!({ "queued": queued, "unread": word });
        let answer =
            Self { body, reason: Some(word.to_owned()), ..Self::queued(verified, announcement) };
        answer.about(announcement)
    }

    /// 413: what could not be read is too large for the queue.
    pub(crate) fn too_large_to_keep(verified: &VerifiedInstance, queued: usize) -> Self {
        const WORD: &str = "unread_too_large";
        let body = json!({ "error": WORD });
        let answer = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "refused", body);
        let reason = Some(WORD.to_owned());
        let answer = Self { reason, queued, ..answer };
        answer.on_behalf_of(verified)
    }

    /// 200: understood, and nothing to store.
    pub(crate) fn ignored(
        verified: &VerifiedInstance,
        announcement: &Announcement,
        reason: &'static str,
    ) -> Self {
        let answer = Self::new(StatusCode::OK, "ignored", json!({ "ignored": reason }));
        let reason = Some(reason.to_owned());
        let answer = Self { reason, ..answer };
        answer.about(announcement).on_behalf_of(verified)
    }

    /// 401, the same for an unknown instance and a wrong secret. It names nobody, in the log too:
    /// what was sent is a stranger's text.
    pub(crate) fn unauthorized() -> Self {
        let answer =
            Self::new(StatusCode::UNAUTHORIZED, "refused", json!({ "error": "unauthorized" }));
        Self { reason: Some("unauthorized".to_owned()), ..answer }
    }

    /// 400: the body holds nothing, or is another instance's.
    pub(crate) fn bad_request(verified: &VerifiedInstance, refused: Refusal) -> Self {
        let reason = refused.as_str();
        let body = json!({ "error": reason, "message": refused.to_string() });
        let answer = Self::new(StatusCode::BAD_REQUEST, "refused", body);
        Self { reason: Some(reason.to_owned()), ..answer }.on_behalf_of(verified)
    }

    /// 413.
    pub(crate) fn too_large(verified: &VerifiedInstance) -> Self {
        let answer =
            Self::new(StatusCode::PAYLOAD_TOO_LARGE, "refused", json!({ "error": "too_large" }));
        Self { reason: Some("too_large".to_owned()), ..answer }.on_behalf_of(verified)
    }

    /// 503: the media could not be made durable, so the webhook must be sent again. Of somebody who
    /// could not be verified nothing is logged.
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
            Some(verified) => answer.on_behalf_of(verified),
            None => answer,
        }
    }

    /// Writes the request's one log line.
    pub(crate) fn log(&self) {
        let unknown_event = u8::from(matches!(self.event, Some(Event::Unknown | Event::Missing)));
        let event = self.event.map(Event::as_str);
        let (reason, tenant, instance) =
            (self.reason.as_deref(), self.tenant.as_deref(), self.instance.as_deref());
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    outcome = self.outcome,
                    status = self.status.as_u16(),
                    tenant,
                    instance,
                    event,
                    reason,
                    queued = self.queued,
                    unknown_event,
                    unknown_wrapper = self.unknown_wrappers,
                    not_understood = self.not_understood,
                    "webhook"
                )
            };
        }
        match self.status.as_u16() {
            500.. => line!(error),
            400.. => line!(warn),
            _ => line!(info),
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
