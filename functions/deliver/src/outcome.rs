//! How one receipt of a delivery ended, and its log line.

use std::time::Duration;

use aws::receivers::Receiver;
use fetch::receiver::{PostAnswer, PostError};
use media::delivery::{Delivery, MAX_ASKED_WAIT};

/// How one receipt of a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver answered 2xx.
    Delivered,
    /// The attempt failed, and the next one comes from the queue or from the jobs table.
    Retried,
    /// Nothing was tried: the receiver is paused or busy, its circuit is open, or it asked for a
    /// pause.
    Resting,
    /// The receiver was paused because of this attempt.
    Paused,
    /// The time to deliver it was over.
    Expired,
    /// The receiver was removed.
    Removed,
    /// It was ordered to be erased since its webhook was accepted.
    Erased,
    /// Its large body is not in the bucket any more.
    Gone,
    /// AWS failed, and nothing was tried.
    Unavailable,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retried => "retried",
            Self::Resting => "resting",
            Self::Paused => "paused",
            Self::Expired => "expired",
            Self::Removed => "removed",
            Self::Erased => "erased",
            Self::Gone => "gone",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What a receiver's answer, or the lack of one, means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    Delivered(u16),
    /// 410: it wants nothing any more.
    Gone,
    Failed {
        /// The status or a word, for the log and the table.
        what: String,
        /// What the receiver asked for, if anything.
        asked: Option<Duration>,
        /// Whether to leave it alone: 429, 502, 503, 504 or `Retry-After`.
        slows_down: bool,
    },
}

impl Attempt {
    pub(crate) fn from_answer(answer: Result<PostAnswer, PostError>) -> Self {
        match answer {
            Ok(PostAnswer { status: status @ 200..=299, .. }) => Self::Delivered(status),
            Ok(PostAnswer { status: 410, .. }) => Self::Gone,
            Ok(PostAnswer { status, retry_after }) => Self::Failed {
                what: status.to_string(),
                asked: retry_after.map(|asked| asked.min(MAX_ASKED_WAIT)),
                slows_down: retry_after.is_some() || matches!(status, 429 | 502..=504),
            },
            Err(error) => {
                Self::Failed { what: error.as_str().to_owned(), asked: None, slows_down: false }
            }
        }
    }

    fn word(&self) -> String {
        match self {
            Self::Delivered(status) => status.to_string(),
            Self::Gone => "410".to_owned(),
            Self::Failed { what, .. } => what.clone(),
        }
    }
}

/// Writes the log line of one receipt of a delivery. The host is all that it says of the URL.
pub(crate) fn log_delivery(
    delivery: &Delivery,
    receiver: Option<&Receiver>,
    (outcome, attempt): (Outcome, Option<&Attempt>),
    (attempts, now): (u32, i64),
) {
    let (answer, host) = (attempt.map(Attempt::word), receiver.map(|one| one.host.as_str()));
    let age_seconds = now.saturating_sub(delivery.accepted_at);
    macro_rules! log_line {
        ($level:ident) => {
            tracing::$level!(
                outcome = outcome.as_str(),
                tenant = %delivery.tenant,
                instance = %delivery.instance,
                receiver = %delivery.receiver,
                host,
                delivery_id = %delivery.id,
                event = delivery.event.as_deref(),
                answer,
                attempts,
                age_seconds,
                "delivery"
            )
        };
    }
    match outcome {
        Outcome::Delivered | Outcome::Resting | Outcome::Removed | Outcome::Erased => {
            log_line!(info)
        }
        Outcome::Retried | Outcome::Paused | Outcome::Expired | Outcome::Gone => log_line!(warn),
        Outcome::Unavailable => log_line!(error),
    }
}
