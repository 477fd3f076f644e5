//! What is written down about a medium: its state, how it was proven, and every attempt made.

use serde::{Deserialize, Serialize};

use crate::{
    failure::FailureClass,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    open::Proof,
    policy::SkipRule,
    strategy::Strategy,
};

/// How far stored bytes are proven to be what the sender sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Integrity {
    /// The sender's MAC and the sender's plain hash both agree.
    #[serde(rename = "mac+sha256")]
    MacAndSha256,
    /// The sender's plain hash agrees; there was no MAC to check (W-API's link, channels).
    #[serde(rename = "sha256")]
    Sha256,
    /// The MAC agrees; the sender gave no plain hash. Older records say this of a contradicted one, too.
    #[serde(rename = "mac-only")]
    MacOnly,
    /// The MAC agrees and outranks the sender's plain hash, which contradicts it: kept, and flagged.
    #[serde(rename = "mac-sha256-mismatch")]
    MacAgainstSha256,
    /// Nothing was given to check against.
    #[serde(rename = "unverified")]
    Unverified,
    /// W-API's bytes contradict the sender's hash and no strategy could do better: kept, and flagged.
    #[serde(rename = "mismatch")]
    Mismatch,
}

impl Integrity {
    /// The word in records, metadata and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MacAndSha256 => "mac+sha256",
            Self::Sha256 => "sha256",
            Self::MacOnly => "mac-only",
            Self::MacAgainstSha256 => "mac-sha256-mismatch",
            Self::Unverified => "unverified",
            Self::Mismatch => "mismatch",
        }
    }
}

impl std::fmt::Display for Integrity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One try of one strategy, as evidence for people. It holds no secret and no full URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which way was tried.
    pub strategy: Strategy,
    /// The host asked last, without path or query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// HTTP status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's own error message, redacted, at most 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// Body bytes received, over all requests of the attempt.
    pub received_bytes: u64,
    /// Wall time of the attempt.
    pub duration_ms: u64,
    /// `stored`, or why not, in one sentence.
    pub verdict: String,
}

/// Where a medium's job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The object is in the bucket, proven as far as `proof.integrity` says.
    Stored {
        /// The object's key.
        object_key: String,
        /// The strategy that brought it.
        strategy: Strategy,
        /// What is proven of its bytes.
        proof: Proof,
        /// Another delivery had put the object there before this run did; a record of that one stands.
        was_there: bool,
    },
    /// Not now; the queue will bring the job back.
    Retrying {
        /// Why it did not work this time.
        class: FailureClass,
        /// The reason, for a person.
        reason: String,
    },
    /// Given up; the job lies in the parked queue with its reason.
    Parked {
        /// Why it never will work by itself.
        class: FailureClass,
        /// The reason, for a person.
        reason: String,
    },
    /// Not wanted, by a rule of the instance: no failure, and nothing was asked of anyone.
    Skipped {
        /// Which rule.
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

/// The right to write a record, for as long as an invocation can live. Whoever holds it is told apart by
/// the token alone: a run that was overtaken can neither overwrite what its successor wrote nor end the
/// successor's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Of this run and no other.
    pub owner: String,
    /// When another run may take over, in seconds since 1970.
    pub until: i64,
}

/// One item of the media table, about to be written.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Whose it is.
    pub tenant: &'a TenantId,
    /// The account that received or sent it.
    pub instance: &'a InstanceId,
    /// What was announced.
    pub message: &'a MediaMessage,
    /// Where the record is, as its claim found.
    pub key: &'a RecordKey,
    /// Where the job stands.
    pub state: &'a State,
    /// What was tried in this run.
    pub attempts: &'a [Attempt],
    /// When it was first found that nobody has the medium, if every run since then found the same; in
    /// seconds since 1970.
    pub lost_since: Option<i64>,
    /// Seconds since 1970.
    pub now: i64,
}
