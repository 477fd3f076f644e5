//! Why a strategy could not fetch a file. Each variant's doc says what happens to the job.

use std::time::Duration;

use media::{failure::Disposition, open::OpenError};
use wapi::download::Refusal;

use crate::guard::GuardError;

/// The failure of one strategy. No variant holds a URL, a key or a body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be built. The function does not start.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
    /// The address guard refused the URL or every address of its host. The strategy does not apply.
    #[error(transparent)]
    Forbidden(#[from] GuardError),
    /// The connection could not be opened, or it broke. Retried later.
    #[error("the connection failed")]
    Transport(#[source] reqwest::Error),
    /// Something took too long. Retried later.
    #[error("no {0} in time")]
    TimedOut(Wait),
    /// At its speed so far, the body cannot end within the strategy's share of the run, so it was
    /// left for the next strategy. Retried later.
    #[error("at this speed the file takes longer than the strategy's share of the run")]
    TooSlow,
    /// W-API had not answered yet, and the CDN can be asked meanwhile. W-API is asked again after
    /// it in the same run.
    #[error("no answer after {} s, so the CDN is asked first", waited.as_secs())]
    NoAnswerYet {
        /// How long the answer was waited for.
        waited: Duration,
    },
    /// W-API's answer held no file link. The refusal's row decides what happens.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file link or the CDN answered with a status that may be temporary. Retried later.
    #[error("the origin answered {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// The wait that `Retry-After` asks for.
        after: Option<Duration>,
    },
    /// W-API's file link answered 401 or 403, also with the token. A person must act.
    #[error("the file link refused the instance's credentials")]
    LinkUnauthorized,
    /// The CDN answered 401, 403, 404 or 410 for a signed path, which holds for every host. The
    /// file is lost if a second attempt finds the same.
    #[error("WhatsApp's copy is gone or has expired")]
    Gone,
    /// The signature's expiry has passed, so no request was sent. The file is lost.
    #[error("the link to WhatsApp's copy has expired")]
    Expired,
    /// The CDN refuses a path without a signature, even for files that exist. The strategy does not
    /// apply.
    #[error(
        "WhatsApp's CDN refuses a path without a signature, and the webhook announced no other"
    )]
    Unsigned,
    /// The CDN's file is encrypted and no key was announced, so it cannot be opened.
    #[error("the file came encrypted, and the webhook announced no media key")]
    Keyless,
    /// Status 200, but the body is an error page. Retried later.
    #[error("the body is a web page or an error text, not the file")]
    NotTheFile,
    /// The body had fewer or more bytes than announced. Retried later.
    #[error("the body ended after {received_bytes} bytes, not as announced")]
    Incomplete {
        /// Bytes received.
        received_bytes: u64,
    },
    /// A range request was answered with something else. Retried later, from the start.
    #[error("the origin did not resume where it was asked to")]
    NotResumed,
    /// The body is larger than the limit. The job is refused.
    #[error("the file is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// The bytes differ from what the sender sent, or the key does not open them.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The strategy's circuit is open, so no request was sent. Retried later; a person must act if
    /// the circuit opened because credentials were refused.
    #[error("not tried: it failed too often in a row; next attempt in {} s", left.as_secs())]
    CircuitOpen {
        /// Time left until the next probe.
        left: Duration,
        /// Whether the circuit opened because the instance's credentials were refused.
        is_unauthorized: bool,
    },
    /// The strategy cannot serve this media message. Other strategies may.
    #[error("not applicable: {0}")]
    NotApplicable(&'static str),
}

/// What a timeout waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The answer's status and headers.
    Answer,
    /// The next bytes of a body.
    Bytes,
    /// Enough bytes of a body per period; the body came too slowly.
    Speed,
    /// The end of the attempt, before the invocation's deadline.
    Deadline,
    /// A free buffer of the pool.
    Buffer,
    /// Room for the file, behind other media messages of the batch.
    Slot,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Answer => "answer",
            Self::Bytes => "further bytes",
            Self::Speed => "bytes at a useful speed",
            Self::Deadline => "end before the invocation's deadline",
            Self::Buffer => "free buffer",
            Self::Slot => "room among the batch's media",
        })
    }
}

impl FetchError {
    /// Wraps a transport error and removes its URL, which is a credential.
    pub(crate) fn from_transport(error: reqwest::Error) -> Self {
        Self::Transport(error.without_url())
    }

    /// The error and its causes in one line, redacted for the log.
    pub(crate) fn with_sources(&self) -> String {
        let causes =
            std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        let texts: Vec<_> = causes.map(ToString::to_string).collect();
        wapi::excerpt::redact(&texts.join(": "))
    }

    /// What the failure means for the job.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        const LATER: Disposition = Disposition::Retry { after: None };
        match self {
            Self::Transport(_)
            | Self::TimedOut(_)
            | Self::TooSlow
            | Self::NoAnswerYet { .. }
            | Self::NotTheFile
            | Self::Incomplete { .. }
            | Self::NotResumed
            | Self::Client(_) => LATER,
            Self::Status { after, .. } => Disposition::Retry { after: *after },
            Self::Refused(refusal) => refusal.row.disposition(),
            Self::LinkUnauthorized | Self::CircuitOpen { is_unauthorized: true, .. } => {
                Disposition::Unauthorized
            }
            Self::CircuitOpen { left, .. } => Disposition::Retry { after: Some(*left) },
            Self::Gone => Disposition::Gone,
            Self::Expired => Disposition::Expired,
            Self::Keyless => Disposition::Unopenable,
            Self::TooLarge { .. } => Disposition::OverLimit,
            Self::Forbidden(_) | Self::NotApplicable(_) | Self::Unsigned => {
                Disposition::NotApplicable
            }
            Self::Open(open) => open_error_disposition(*open),
        }
    }

    /// Whether an attempt's verdict says that it ran out of its time, or would have: the source was
    /// too slow for the share of the run that it had.
    #[must_use]
    pub fn is_deadline_verdict(verdict: &str) -> bool {
        [Self::TimedOut(Wait::Deadline), Self::TooSlow].iter().any(|one| one.to_string() == verdict)
    }

    /// Whether W-API was left because the CDN can be asked meanwhile.
    #[must_use]
    pub fn is_for_cdn(&self) -> bool {
        matches!(self, Self::NoAnswerYet { .. })
    }

    /// Whether the bytes were complete and failed only the sender's plain hash.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Open(OpenError::HashDiffers))
    }

    /// Whether another host, or a request for the rest, may still bring the same bytes intact.
    pub(crate) fn is_transfer_error(&self) -> bool {
        matches!(
            self,
            Self::Transport(_)
                | Self::TimedOut(Wait::Bytes | Wait::Speed)
                | Self::Incomplete { .. }
        )
    }
}

fn open_error_disposition(error: OpenError) -> Disposition {
    match error {
        OpenError::Empty
        | OpenError::BadLength { .. }
        | OpenError::EncHashDiffers
        | OpenError::HashDiffers
        | OpenError::StillEncrypted
        | OpenError::Cipher => Disposition::Retry { after: None },
        OpenError::MacDiffers { .. } | OpenError::BadPadding | OpenError::WasPlain => {
            Disposition::Unopenable
        }
    }
}
