//! Decides what happens to the bytes that a verified sender posts: they become jobs, are kept, or
//! are refused.

use media::{
    access::VerifiedInstance,
    unread::{TooLargeToKeep, UnreadBody},
};

use super::{Announcement, AnnouncementError, BodyError, WebhookBody};

/// How much of the bytes was understood. The webhook function reads them when they arrive, the
/// download function when it has a newer version of this reader.
#[derive(Debug)]
pub enum Reading {
    /// All was understood: the announced media messages, if any, can be queued.
    Whole(Announcement),
    /// A webhook in which something cannot be identified, besides the media messages that it
    /// announces.
    Part {
        /// The part that was understood.
        announcement: Announcement,
        /// The body without the values that no job needs.
        body: WebhookBody,
    },
    /// Nothing was understood: the bytes must be kept.
    Unread {
        /// The reason.
        why: UnreadReason,
        /// The body without the values that no job needs, if it is a webhook.
        body: Option<WebhookBody>,
    },
    /// There is nothing to keep here.
    Refused(Refusal),
}

/// Why a body of a verified sender is kept, to be read again after a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreadReason {
    /// The body is not JSON, even after repair, or is nested too deeply, or has too many values.
    BadBody,
    /// No webhook was found in the body.
    NoWebhook,
    /// The body holds several webhooks.
    SeveralWebhooks,
    /// The body holds more media objects than any message has.
    TooManyMedia,
    /// The body holds something that may be media but cannot be identified as such.
    NotUnderstood,
}

impl UnreadReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::BadBody,
        Self::NoWebhook,
        Self::SeveralWebhooks,
        Self::TooManyMedia,
        Self::NotUnderstood,
    ];

    /// The word in the answer, the log, the queue and the reason of a parked body.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadBody => BodyError::NotJson.as_str(),
            Self::NoWebhook => BodyError::NoWebhook.as_str(),
            Self::SeveralWebhooks => BodyError::SeveralWebhooks.as_str(),
            Self::TooManyMedia => AnnouncementError::TooManyMedia.as_str(),
            Self::NotUnderstood => "not_understood",
        }
    }

    /// Keeps the bytes for this reason as they came or, if they are too large, without the values
    /// that no job needs; for this, `read` must have found a webhook in them. `accepted_at` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`TooLargeToKeep`]: no queue message can hold the body.
    pub fn keep_body(
        self,
        verified: &VerifiedInstance,
        bytes: &[u8],
        read: Option<&WebhookBody>,
        accepted_at: i64,
    ) -> Result<UnreadBody, TooLargeToKeep> {
        let keep = |bytes: &[u8]| verified.keep_unread(bytes, self.as_str(), accepted_at);
        match (keep(bytes), read) {
            (Err(TooLargeToKeep), Some(read)) => keep(read.as_value().to_string().as_bytes()),
            (kept, _) => kept,
        }
    }

    /// One sentence for an operator. It never quotes the body.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::BadBody => "the body is not JSON, also after repair",
            Self::NoWebhook => "the body holds no webhook of W-API",
            Self::SeveralWebhooks => "the body holds several webhooks of W-API",
            Self::TooManyMedia => "the body holds more media objects than any message has",
            Self::NotUnderstood => "something in the body may be media but cannot be identified",
        }
    }
}

/// Why a body is not kept. The sender gets a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// [`BodyError::NotAnObject`].
    #[error(transparent)]
    Nothing(BodyError),
    /// [`AnnouncementError::OtherInstance`].
    #[error(transparent)]
    OtherInstance(AnnouncementError),
}

impl Refusal {
    /// The word in the answer and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing(error) => error.as_str(),
            Self::OtherInstance(error) => error.as_str(),
        }
    }
}

impl Reading {
    /// Reads the bytes for the instance for which the sender was verified.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], verified: &VerifiedInstance) -> Self {
        match WebhookBody::parse(bytes) {
            Ok(body) => Self::from_body(body, verified),
            Err(error) => Self::from_body_error(error),
        }
    }

    /// Reads a webhook that was found in an instance's log, for this instance.
    #[must_use]
    pub fn from_body(body: WebhookBody, verified: &VerifiedInstance) -> Self {
        match body.announcement(verified) {
            Ok(announcement) if announcement.not_understood == 0 => Self::Whole(announcement),
            Ok(announcement) => Self::Part { announcement, body },
            Err(AnnouncementError::TooManyMedia) => {
                Self::Unread { why: UnreadReason::TooManyMedia, body: Some(body) }
            }
            Err(error @ AnnouncementError::OtherInstance) => {
                Self::Refused(Refusal::OtherInstance(error))
            }
        }
    }

    fn from_body_error(error: BodyError) -> Self {
        let why = match error {
            BodyError::NotAnObject => return Self::Refused(Refusal::Nothing(error)),
            BodyError::NotJson => UnreadReason::BadBody,
            BodyError::NoWebhook => UnreadReason::NoWebhook,
            BodyError::SeveralWebhooks => UnreadReason::SeveralWebhooks,
        };
        Self::Unread { why, body: None }
    }
}
