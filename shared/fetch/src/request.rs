//! What to fetch: one media message of one instance.

use media::{
    ids::InstanceId,
    message::{MediaMessage, Secret},
};
use tokio::time::Instant;

use crate::{body::TimeLimit, slot::Slot};

/// What to fetch, for which instance, and within which time.
#[derive(Debug, Clone, Copy)]
pub struct FetchRequest<'a> {
    /// The media message to fetch.
    pub message: &'a MediaMessage,
    /// The instance whose credentials are used with W-API.
    pub instance: &'a InstanceId,
    /// The instance's token, for the strategies that use W-API. Sent to W-API's configured base and
    /// nowhere else.
    pub token: Option<&'a Secret>,
    /// Whether to accept W-API's bytes that contradict the sender's hash; see
    /// [`ExpectedHashes::keep_mismatch`](media::open::ExpectedHashes::keep_mismatch).
    pub keep_mismatch: bool,
    /// Maximum bytes of the file, if lower than [`Limits::max_bytes`](crate::Limits::max_bytes).
    pub max_bytes: Option<u64>,
    /// Whether to try an origin whose circuit is open: on a job's last attempt, or with new
    /// credentials.
    pub insist: bool,
    /// When the whole attempt must have ended.
    pub deadline: Instant,
    /// Whether the deadline is only this strategy's share of a run, so that another strategy is
    /// tried after it. A source that cannot finish before it is then left at once.
    pub is_share: bool,
    /// Whether W-API is left for the CDN if it does not answer soon
    /// ([`Limits::answer_before_cdn`](crate::Limits::answer_before_cdn)), and asked again after it.
    pub is_cdn_next: bool,
    /// The current time in seconds since 1970, for comparing expiries.
    pub now: i64,
    /// The slot that is given to others while the attempt waits for W-API.
    pub slot: Option<&'a Slot>,
}

impl FetchRequest<'_> {
    pub(crate) fn time_limit(&self) -> TimeLimit {
        TimeLimit { deadline: self.deadline, is_share: self.is_share }
    }
}
