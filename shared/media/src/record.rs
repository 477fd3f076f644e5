//! The record of a media message: its state, its proof and every attempt.

use serde::{Deserialize, Serialize};

pub use crate::integrity::Integrity;
use crate::{
    failure::FailureClass,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    open::Proof,
    policy::SkipRule,
    strategy::Strategy,
};

/// One attempt with one strategy, for people to read. It holds no secret and no full URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The strategy used.
    pub strategy: Strategy,
    /// The host of the last request, without path or query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// HTTP status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's error message, redacted, at most 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// Body bytes received, over all requests of the attempt.
    pub received_bytes: u64,
    /// Duration of the attempt, in milliseconds.
    pub duration_ms: u64,
    /// `stored`, or one sentence that says why not.
    pub verdict: String,
}

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The object is in the bucket, proven as far as `proof.integrity` says.
    Stored {
        /// The object's key.
        object_key: String,
        /// The strategy that fetched it.
        strategy: Strategy,
        /// The proof of its bytes.
        proof: Proof,
    },
    /// The attempt failed; the queue delivers the job again.
    Retrying {
        /// Class of the failure.
        class: FailureClass,
        /// The reason, for people.
        reason: String,
    },
    /// No more attempts; the job is in the parked queue with its reason.
    Parked {
        /// Class of the failure.
        class: FailureClass,
        /// The reason, for people.
        reason: String,
    },
    /// Not stored because of a rule of the tenant. This is no failure, and no request was sent.
    Skipped {
        /// The rule.
        rule: SkipRule,
    },
}

impl State {
    /// The word in records and logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stored { .. } => "stored",
            Self::Retrying { .. } => "retrying",
            Self::Parked { .. } => "parked",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// The right to write a record, for as long as an invocation can live. The owner token alone
/// identifies the holder: a run that lost its lease can neither overwrite the record nor end the
/// next run's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Token of this run.
    pub owner: String,
    /// When another run may take the lease, in seconds since 1970.
    pub until: i64,
}

/// How many runs of a job have ended since it was queued or redriven. Deliveries that led to no run
/// do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Runs that ended with a result, whatever it was.
    pub ended: u32,
    /// Of these, runs whose time was over before any source had delivered the file.
    pub late: u32,
}

/// One item of the media table, to be written.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The tenant of the job.
    pub tenant: &'a TenantId,
    /// The instance that received or sent the message.
    pub instance: &'a InstanceId,
    /// The announced media message.
    pub message: &'a MediaMessage,
    /// Key of the record, found by the claim.
    pub key: &'a RecordKey,
    /// State of the job.
    pub state: &'a State,
    /// The attempts of earlier runs and of this one, oldest first.
    pub attempts: &'a [Attempt],
    /// When the file was first found lost, if every run since then found the same; in seconds since
    /// 1970.
    pub lost_since: Option<i64>,
    /// The runs so far, this one included; 0 once the job is not retried any more.
    pub runs: RunCounts,
    /// The current time in seconds since 1970.
    pub now: i64,
    /// From when the record, and the entry of a parked job, may be removed under the tenant's
    /// retention, in seconds since 1970. `None`: they have no end. A job that is retried never has
    /// one.
    pub forget_at: Option<i64>,
}
