//! Why a job failed, in the classes that decide what happens next.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The class of a failed job. It is decided once, where the evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// Network errors, 408, 425, 429, 5xx, W-API's 500, S3 throttling. Retried later.
    Transient,
    /// 401 or 403 from W-API: a person must fix the token or the connection. Retried later, because
    /// the next attempt succeeds once that is done.
    Instance,
    /// WhatsApp's copy is gone and W-API has none. Parked once that is confirmed.
    Expired,
    /// The key does not open the CDN's file, or the announcement lacks what is needed, and W-API
    /// serves nothing. Parked once that is confirmed.
    Corrupt,
    /// The file is larger than a limit. Parked.
    Refused,
    /// The job cannot be parsed, or its instance is unknown or another tenant's. Parked.
    Poison,
}

impl FailureClass {
    /// Every class. If the findings of a job allow several, the first in this order applies.
    pub const ALL: [Self; 6] = [
        Self::Transient,
        Self::Instance,
        Self::Refused,
        Self::Expired,
        Self::Corrupt,
        Self::Poison,
    ];

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

    /// The findings that lead to this class, for the table in the README.
    #[must_use]
    pub fn cause(self) -> &'static str {
        match self {
            Self::Transient => {
                "network error, timeout, 408, 425, 429, 5xx, W-API's 500, damaged transfer, AWS \
                 failure"
            }
            Self::Instance => {
                "401 or 403 from W-API, also after reading the token again: the token is wrong, \
                 or the instance is not connected"
            }
            Self::Refused => "larger than the tenant's cap, or than 4 GiB",
            Self::Expired => {
                "gone from WhatsApp's CDN (401, 403, 404, 410, or an expired signature), and \
                 W-API cannot serve it either"
            }
            Self::Corrupt => {
                "the key does not open the CDN's file, or the announcement lacks what is needed, \
                 and W-API serves nothing"
            }
            Self::Poison => {
                "not a job that this version can parse, or its instance is not registered or \
                 belongs to another tenant"
            }
        }
    }

    /// What happens to such a job automatically, for the table in the README.
    #[must_use]
    pub fn consequence(self) -> &'static str {
        match self {
            Self::Transient => "retried by the schedule, then parked",
            Self::Instance => "retried, at least 15 minutes apart, then parked",
            Self::Refused | Self::Poison => "parked at once",
            Self::Expired | Self::Corrupt => {
                "parked; if the message is younger than 14 days, only after a second attempt at \
                 least an hour later finds the same, because one CDN edge or W-API during a \
                 deploy (403, 404, …) may be wrong"
            }
        }
    }

    /// What an operator should do with parked jobs of this class, for the runbook in the README.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Transient => {
                "No origin served the file during the job's lifetime. The attempts show which one \
                 failed; redrive when it works again, starting with the files that expire soonest"
            }
            Self::Instance => {
                "Reconnect the instance in W-API, or store its current token (`wapi-media token \
                 rotate`); then redrive the instance"
            }
            Self::Refused => {
                "Raise the tenant's cap if the file is wanted (`wapi-media tenant set … \
                 --max-size`), then redrive; otherwise drop it"
            }
            Self::Expired => {
                "Ask the sender to send it again, which creates a new media message. A redrive \
                 helps only if W-API has recovered the file since"
            }
            Self::Corrupt => {
                "Redrive once, in case the CDN was at fault. If it fails again, the announcement \
                 was wrong: ask the sender to send it again"
            }
            Self::Poison => {
                "Register the missing instance (or deploy the version that wrote the job), then \
                 redrive. If the body is not a job of this system, find out who else sends to the \
                 queue, and drop it"
            }
        }
    }

    /// Whether the same job may succeed later without being changed.
    #[must_use]
    pub fn is_retried(self) -> bool {
        match self {
            Self::Transient | Self::Instance => true,
            Self::Expired | Self::Corrupt | Self::Refused | Self::Poison => false,
        }
    }
}

/// The text is not the name of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a class is one of transient, instance, refused, expired, corrupt, poison")]
pub struct UnknownClass;

impl std::str::FromStr for FailureClass {
    type Err = UnknownClass;
    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        let named = Self::ALL.into_iter().find(|class| class.as_str() == text);
        named.ok_or(UnknownClass)
    }
}

impl std::fmt::Display for FailureClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the failure of one strategy means for the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The same strategy may succeed later, but not before the wait that the origin asked for.
    Retry {
        /// The wait that the origin's `Retry-After` asks for.
        after: Option<Duration>,
    },
    /// The origin refuses the instance's credentials: retry, and notify a person.
    Unauthorized,
    /// The origin says that the file is gone. One server of many may be wrong.
    Gone,
    /// The signature's expiry has passed, which later attempts cannot change.
    Expired,
    /// The origin does not know what was requested: W-API's 404, which also occurs during its
    /// deploys.
    Absent,
    /// The file exists but cannot be opened with what was announced.
    Unopenable,
    /// The file exists but is larger than a limit.
    OverLimit,
    /// The strategy cannot serve this media message, which says nothing about other strategies.
    NotApplicable,
}

/// The class of a job whose strategies all failed.
///
/// One strategy that may succeed later makes the job retry. If no strategy was applicable, the
/// announcement lacks what is needed to fetch the file.
#[must_use]
pub fn class_from_findings(findings: &[Disposition]) -> FailureClass {
    let found = |wanted: fn(&Disposition) -> bool| findings.iter().any(wanted);
    if found(|one| matches!(one, Disposition::Retry { .. })) {
        FailureClass::Transient
    } else if found(|one| *one == Disposition::Unauthorized) {
        FailureClass::Instance
    } else if found(|one| *one == Disposition::OverLimit) {
        FailureClass::Refused
    } else if found(|one| matches!(one, Disposition::Gone | Disposition::Expired)) {
        FailureClass::Expired
    } else {
        FailureClass::Corrupt
    }
}

/// The longest wait that an origin asked for.
#[must_use]
pub fn max_retry_after(findings: &[Disposition]) -> Option<Duration> {
    let wait_of = |finding: &Disposition| match finding {
        Disposition::Retry { after } => *after,
        Disposition::Unauthorized
        | Disposition::Gone
        | Disposition::Expired
        | Disposition::Absent
        | Disposition::Unopenable
        | Disposition::OverLimit
        | Disposition::NotApplicable => None,
    };
    findings.iter().filter_map(wait_of).max()
}

/// Whether a run that found the file lost may be wrong, so that a later run must confirm it. See
/// [`crate::schedule::confirmation_wait`].
#[must_use]
pub fn may_be_mistaken(findings: &[Disposition]) -> bool {
    let is_final =
        !class_from_findings(findings).is_retried() && !findings.contains(&Disposition::OverLimit);
    let may_change = |one: &Disposition| matches!(one, Disposition::Gone | Disposition::Absent);
    is_final && findings.iter().any(may_change)
}
