//! Why a medium could not be stored, in the classes that decide what happens next.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The class of a failed job. Decided once, where the evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// Network, 408, 425, 429, 5xx, W-API's 500, S3's throttling: comes back by itself.
    Transient,
    /// 401 or 403 from W-API: the token or the connection needs a person. Retried all the same, because
    /// the person's work makes the next try succeed.
    Instance,
    /// WhatsApp's copy is gone and W-API has none either. Parked.
    Expired,
    /// The key does not open what the CDN gives, or what is needed was never announced, and W-API gives
    /// nothing. Parked.
    Corrupt,
    /// Against a rule of the tenant. Parked.
    Refused,
    /// The job itself cannot be understood or belongs to no one. Parked.
    Poison,
}

impl FailureClass {
    /// The word in records, queue attributes and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Instance => "instance",
            Self::Expired => "expired",
            Self::Corrupt => "corrupt",
            Self::Refused => "refused",
            Self::Poison => "poison",
        }
    }

    /// Whether the same job can succeed later without being changed.
    #[must_use]
    pub fn is_retried(self) -> bool {
        match self {
            Self::Transient | Self::Instance => true,
            Self::Expired | Self::Corrupt | Self::Refused | Self::Poison => false,
        }
    }
}

impl std::fmt::Display for FailureClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one strategy's failure means for the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The same strategy may succeed later, not sooner than `after` if the origin said so.
    Retry {
        /// `Retry-After` of the origin.
        after: Option<Duration>,
    },
    /// The origin refuses the instance's credentials: retry, and tell a person.
    Unauthorized,
    /// The origin has lost the bytes for good.
    Gone,
    /// The bytes are there and cannot be opened with what was announced.
    Unopenable,
    /// The bytes are there and against a rule: too many of them.
    OverLimit,
    /// This strategy has no way to serve this medium; it is no evidence about the others.
    NotApplicable,
}

/// The class of a job whose every strategy failed, from what each of them found.
///
/// The hopeful finding wins: one strategy that may work later keeps the job alive. A job for which no
/// strategy was applicable was announced without what is needed to fetch it.
#[must_use]
pub fn class_of(findings: &[Disposition]) -> FailureClass {
    let found = |wanted: fn(&Disposition) -> bool| findings.iter().any(wanted);
    if found(|one| matches!(one, Disposition::Retry { .. })) {
        FailureClass::Transient
    } else if found(|one| *one == Disposition::Unauthorized) {
        FailureClass::Instance
    } else if found(|one| *one == Disposition::OverLimit) {
        FailureClass::Refused
    } else if found(|one| *one == Disposition::Gone) {
        FailureClass::Expired
    } else {
        FailureClass::Corrupt
    }
}

/// The longest wait an origin asked for.
#[must_use]
pub fn longest_wait(findings: &[Disposition]) -> Option<Duration> {
    let asked = |finding: &Disposition| match finding {
        Disposition::Retry { after } => *after,
        Disposition::Unauthorized
        | Disposition::Gone
        | Disposition::Unopenable
        | Disposition::OverLimit
        | Disposition::NotApplicable => None,
    };
    findings.iter().filter_map(asked).max()
}
