//! Why a job failed, in the classes that decide what happens next.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The class of a failed job. It is decided once, where the evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// Network errors, 408, 425, 429, 5xx, W-API's 500, S3 throttling. Retried later, unless no
    /// source delivers the file within the time of a run.
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
    /// A webhook body from which this version cannot create jobs. Parked.
    Unread,
    /// The job cannot be parsed, or its instance is unknown or another tenant's. Parked; if the
    /// instance is unknown, not in the first hour.
    Poison,
}

impl FailureClass {
    /// Every class. If the findings of a job allow several, the first in this order applies.
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::Transient,
        Self::Instance,
        Self::Expired,
        Self::Corrupt,
        Self::Unread,
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
            Self::Unread => "unread",
            Self::Poison => "poison",
        }
    }

    /// The findings that lead to this class, for the table in docs/failures.md.
    #[must_use]
    pub fn cause(self) -> &'static str {
        match self {
            Self::Transient => {
                "network, timeout, 408, 425, 429, 5xx, W-API's 500, a broken transfer, a failure \
                 of AWS"
            }
            Self::Instance => {
                "W-API answered 401 or 403, also after the token was read again: the token is \
                 wrong, or the instance is not connected"
            }
            Self::Refused => "the file is larger than the tenant's size limit, or than 4 GiB",
            Self::Expired => {
                "the file is gone from WhatsApp's CDN (401, 403, 404, 410, or past its own \
                 expiry), and W-API cannot deliver it either"
            }
            Self::Corrupt => {
                "the key does not decrypt what the CDN delivers, or the webhook lacks a field that \
                 is needed, and W-API delivers nothing"
            }
            Self::Unread => {
                "a webhook that came with the right secret and could not be read, whole or in \
                 part; the body is kept"
            }
            Self::Poison => {
                "the message is not a job that this version understands, or its instance is not \
                 registered or belongs to another tenant"
            }
        }
    }

    /// What happens to such a job automatically, for the table in docs/failures.md.
    #[must_use]
    pub fn consequence(self) -> &'static str {
        match self {
            Self::Transient => {
                "retried by the schedule, then parked; parked after three runs whose time was over \
                 before a source had delivered the file"
            }
            Self::Instance => "retried, at least 15 minutes apart, then parked",
            Self::Refused | Self::Unread => "parked at once",
            Self::Poison => {
                "parked at once; if the instance is not registered, only when an hour has passed \
                 since the webhook"
            }
            Self::Expired | Self::Corrupt => {
                "parked; if the message is younger than 14 days, only after a second run, an hour \
                 or more later, found the same, because one CDN edge or a deploy of W-API may \
                 answer 403 or 404 by mistake"
            }
        }
    }

    /// What an operator should do with parked jobs of this class, for the runbook in
    /// docs/failures.md.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Transient => {
                "No strategy delivered the file in time. The attempts show which origin failed. \
                 When it works again, redrive, beginning with the jobs that expire first. *No \
                 source delivers the file within one run*: redrive when a source is faster"
            }
            Self::Instance => {
                "Reconnect the instance in W-API, or register its current token (`wapi-media token \
                 rotate`); then redrive its jobs"
            }
            Self::Refused => {
                "If you want the file, raise the tenant's size limit (`wapi-media tenant set … \
                 --max-size`) and redrive; otherwise drop the job"
            }
            Self::Expired => {
                "Ask the sender to send it again: a new message is a new job. Redriving helps only \
                 if W-API has recovered the file in the meantime"
            }
            Self::Corrupt => {
                "Redrive once, in case the CDN was at fault. If it stays corrupt, the webhook \
                 itself was wrong: ask the sender to send it again"
            }
            Self::Unread => {
                "If a relay forwards the webhooks, see what it changes. Report the word of the \
                 reason, and update the stack. Then redrive: what can be read becomes jobs, the \
                 rest is parked again. Drop the bodies that you do not need"
            }
            Self::Poison => {
                "Register the missing instance (or deploy the version that wrote the job), then \
                 redrive. If the message is not a job of this stack, find out who else sends to \
                 the queue, and drop it"
            }
        }
    }

    /// Whether the same job may succeed later without being changed.
    #[must_use]
    pub fn is_retried(self) -> bool {
        match self {
            Self::Transient | Self::Instance => true,
            Self::Expired | Self::Corrupt | Self::Refused | Self::Unread | Self::Poison => false,
        }
    }
}

/// The text is not the name of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a class is one of transient, instance, refused, expired, corrupt, unread, poison")]
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
    /// The strategy cannot serve this media message. Others may.
    NotApplicable,
}

/// The class of a job whose strategies all failed.
///
/// A file that is over a limit stays so, whatever else may pass. Otherwise one strategy that may
/// succeed later makes the job retry. If no strategy was applicable, the announcement lacks what is
/// needed to fetch the file.
#[must_use]
pub fn class_from_findings(findings: &[Disposition]) -> FailureClass {
    let found = |wanted: fn(&Disposition) -> bool| findings.iter().any(wanted);
    if found(|one| *one == Disposition::OverLimit) {
        FailureClass::Refused
    } else if found(|one| matches!(one, Disposition::Retry { .. })) {
        FailureClass::Transient
    } else if found(|one| *one == Disposition::Unauthorized) {
        FailureClass::Instance
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
