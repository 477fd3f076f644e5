//! What becomes of the bytes that a verified sender posts: jobs, a place to wait, or a refusal.

use media::access::Verified;

use super::{Announcement, BodyError, NotAnnounced, WebhookBody};

/// How far the bytes were read. The webhook function and the download function ask the same, the
/// one when they come and the other when it has a newer version of this reader.
#[derive(Debug)]
pub enum Reading {
    /// All of it was understood: the media it announces, if any, can be queued.
    Whole(Announcement),
    /// A webhook with something in it that nothing says what it is, beside the media it announces.
    Part {
        /// What was understood.
        announcement: Announcement,
        /// The body without what no job needs.
        body: WebhookBody,
    },
    /// Nothing of it was understood: it must be kept.
    Unread {
        /// Why.
        why: Unread,
        /// The body without what no job needs, if it is a webhook at least.
        body: Option<WebhookBody>,
    },
    /// There is nothing to keep here.
    Refused(Refused),
}

/// Why a body of a verified sender is kept, to be read again after a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unread {
    /// Not JSON, also after repair; or nested too deep, or of too many values.
    BadBody,
    /// A relay's envelope, or anything else, and no webhook is in it.
    NoWebhook,
    /// Several webhooks.
    SeveralWebhooks,
    /// More media than any message has.
    TooManyMedia,
    /// What may be a medium, and nothing says that it is one.
    NotUnderstood,
}

impl Unread {
    /// Every word.
    pub const ALL: [Self; 5] = [
        Self::BadBody,
        Self::NoWebhook,
        Self::SeveralWebhooks,
        Self::TooManyMedia,
        Self::NotUnderstood,
    ];

    /// The word in the answer, the log, the queue and the reason of what is parked.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadBody => BodyError::NotJson.as_str(),
            Self::NoWebhook => BodyError::NoWebhook.as_str(),
            Self::SeveralWebhooks => BodyError::SeveralWebhooks.as_str(),
            Self::TooManyMedia => NotAnnounced::TooManyMedia.as_str(),
            Self::NotUnderstood => "not_understood",
        }
    }

    /// One sentence for a person. It says nothing of what the body is.
    #[must_use]
    pub fn means(self) -> &'static str {
        match self {
            Self::BadBody => "the body is not JSON, also after repair",
            Self::NoWebhook => "the body holds no webhook of W-API",
            Self::SeveralWebhooks => "the body holds several webhooks of W-API",
            Self::TooManyMedia => "the body holds more media than any message has",
            Self::NotUnderstood => "something in the body may be a medium, and nothing says so",
        }
    }
}

/// Why there is nothing to keep. The sender gets a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// [`BodyError::NotAnObject`].
    #[error(transparent)]
    Nothing(BodyError),
    /// [`NotAnnounced::OfAnotherInstance`].
    #[error(transparent)]
    OfAnotherInstance(NotAnnounced),
}

impl Refused {
    /// The word in the answer and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing(error) => error.as_str(),
            Self::OfAnotherInstance(error) => error.as_str(),
        }
    }
}

impl Reading {
    /// Reads the bytes on behalf of the instance that the sender was verified for.
    #[must_use]
    pub fn of(bytes: &[u8], verified: &Verified) -> Self {
        let body = match WebhookBody::parse(bytes) {
            Ok(body) => body,
            Err(error) => return Self::of_no_webhook(error),
        };
        match body.announcement(verified) {
            Ok(announcement) if announcement.not_understood == 0 => Self::Whole(announcement),
            Ok(announcement) => Self::Part { announcement, body },
            Err(NotAnnounced::TooManyMedia) => Self::Unread {
                why: Unread::TooManyMedia,
                body: Some(body),
            },
            Err(error @ NotAnnounced::OfAnotherInstance) => {
                Self::Refused(Refused::OfAnotherInstance(error))
            }
        }
    }

    fn of_no_webhook(error: BodyError) -> Self {
        let why = match error {
            BodyError::NotAnObject => return Self::Refused(Refused::Nothing(error)),
            BodyError::NotJson => Unread::BadBody,
            BodyError::NoWebhook => Unread::NoWebhook,
            BodyError::SeveralWebhooks => Unread::SeveralWebhooks,
        };
        Self::Unread { why, body: None }
    }
}
