//! Why an origin's bytes could not be had. Each variant's doc says what the job does.

use std::time::Duration;

use media::{failure::Disposition, open::OpenError};
use wapi::download::Refusal;

use crate::guard::Forbidden;

/// One strategy's failure. No variant holds a URL, a key or a body.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The HTTP client could not be built. The function does not start.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
    /// The address guard refused the URL or every address of its host. Not applicable.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No connection, or it broke. Comes back.
    #[error("the connection failed")]
    Transport(#[source] reqwest::Error),
    /// The origin kept silent too long. Comes back.
    #[error("no {0} in time")]
    TimedOut(Wait),
    /// W-API's answer had no file. The refusal's row says what to do.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file link, or the CDN, answered with a status that may pass. Comes back.
    #[error("the origin answered {status}")]
    Status {
        /// HTTP status.
        status: u16,
        /// `Retry-After`.
        after: Option<Duration>,
    },
    /// W-API's file link answered 401 or 403, with the token too. Needs a person.
    #[error("the file link refused the instance's credentials")]
    LinkUnauthorized,
    /// The CDN says the blob of a signed path is gone (401, 403, 404, 410), which holds for every host. Lost
    /// if it says so twice.
    #[error("WhatsApp's copy is gone or has expired")]
    Gone,
    /// The signed path has expired by its own word, and nobody was asked. Lost.
    #[error("the link to WhatsApp's copy has expired by its own word")]
    Expired,
    /// The CDN refuses a path that has no signature, which it does with media that are there. Not applicable.
    #[error(
        "WhatsApp's CDN refuses a path without a signature, and the webhook announced no other"
    )]
    Unsigned,
    /// What the CDN gives is encrypted, and no key was announced. Nothing opens it.
    #[error("the file came encrypted, and the webhook announced no media key")]
    Keyless,
    /// Status 200, but the body is an error page. Comes back.
    #[error("the body is a web page or an error text, not the file")]
    NotTheFile,
    /// Fewer or more bytes than announced. Comes back.
    #[error("the body ended after {received_bytes} bytes, not as announced")]
    Incomplete {
        /// Bytes received.
        received_bytes: u64,
    },
    /// The rest was asked for and something else came. Comes back, from the start.
    #[error("the origin did not resume where it was asked to")]
    NotResumed,
    /// More bytes than any message may have. Refused.
    #[error("the file is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// The bytes are not what the sender sent, or the key does not open them.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The strategy failed too often in a row and was not asked. Comes back, or needs a person if what it
    /// failed with was a refusal of the instance's credentials.
    #[error("not asked: it failed too often in a row, and rests for {} s", left.as_secs())]
    Spared {
        /// For how long yet.
        left: Duration,
        /// The refusal was of the instance's credentials.
        is_unauthorized: bool,
    },
    /// The strategy cannot serve this medium; it says nothing of the others.
    #[error("not applicable: {0}")]
    NotApplicable(&'static str),
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The answer's status and headers.
    Answer,
    /// The next bytes of a body.
    Bytes,
    /// Enough bytes of a body: it drips.
    Speed,
    /// Anything, before the invocation's deadline.
    Deadline,
    /// A buffer of the pool.
    Buffer,
    /// The instance's turn, behind other media of its own.
    Turn,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Answer => "answer",
            Self::Bytes => "further bytes",
            Self::Speed => "bytes at a useful speed",
            Self::Deadline => "end before the invocation's deadline",
            Self::Buffer => "free buffer",
            Self::Turn => "turn among the instance's media",
        })
    }
}

impl FetchError {
    /// Wraps a transport error without its URL, which is a credential.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        Self::Transport(error.without_url())
    }

    /// The error and what caused it, in one line fit for a log.
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
            | Self::NotTheFile
            | Self::Incomplete { .. }
            | Self::NotResumed
            | Self::Client(_) => LATER,
            Self::Status { after, .. } => Disposition::Retry { after: *after },
            Self::Refused(refusal) => refusal.row.disposition(),
            Self::LinkUnauthorized
            | Self::Spared {
                is_unauthorized: true,
                ..
            } => Disposition::Unauthorized,
            Self::Spared { left, .. } => Disposition::Retry { after: Some(*left) },
            Self::Gone => Disposition::Gone,
            Self::Expired => Disposition::Expired,
            Self::Keyless => Disposition::Unopenable,
            Self::TooLarge { .. } => Disposition::OverLimit,
            Self::Forbidden(_) | Self::NotApplicable(_) | Self::Unsigned => {
                Disposition::NotApplicable
            }
            Self::Open(open) => disposition_of_open(*open),
        }
    }

    /// Whether bytes were complete and contradict the sender's hash, with nothing else against them.
    #[must_use]
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Open(OpenError::HashDiffers))
    }

    /// Whether the same bytes may come intact from elsewhere or by asking for the rest.
    pub(crate) fn is_of_transfer(&self) -> bool {
        matches!(
            self,
            Self::Transport(_)
                | Self::TimedOut(Wait::Bytes | Wait::Speed)
                | Self::Incomplete { .. }
        )
    }
}

fn disposition_of_open(error: OpenError) -> Disposition {
    match error {
        OpenError::Empty
        | OpenError::BadLength { .. }
        | OpenError::EncHashDiffers
        | OpenError::HashDiffers
        | OpenError::StillSealed
        | OpenError::Cipher => Disposition::Retry { after: None },
        OpenError::MacDiffers { .. } | OpenError::BadPadding | OpenError::WasPlain => {
            Disposition::Unopenable
        }
    }
}
