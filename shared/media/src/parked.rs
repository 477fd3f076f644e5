//! Jobs in the parked queue, and filters to select them.

use std::time::Duration;

use crate::{
    failure::FailureClass,
    ids::{InstanceId, TenantId},
    job::Job,
};

/// A message of the parked queue, as far as it can be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedJob {
    /// The job; `None` if the body is not a job.
    pub job: Option<Job>,
    /// Why it was parked.
    pub class: FailureClass,
    /// The reason, for people.
    pub reason: String,
    /// How often it had been received before, if known.
    pub receives: Option<u32>,
    /// When it was parked, in seconds since 1970. If SQS moved the message, this is when it was
    /// first queued, because SQS keeps that time.
    pub parked_at: i64,
    /// SQS moved it because it was received too often, so no run of ours added the reason or wrote
    /// the record.
    pub is_moved_by_sqs: bool,
    /// The record does not say that it is parked: SQS moved the message, or the table did not
    /// answer.
    pub is_unrecorded: bool,
}

impl ParkedJob {
    /// The reason for messages that SQS moved.
    pub const MOVED_BY_SQS: &str =
        "received too often without an end: the function crashed, was throttled or ran out of time";

    /// Until when the file can be expected to exist, in seconds since 1970.
    #[must_use]
    pub fn recoverable_until(&self) -> Option<i64> {
        self.job.as_ref().map(|job| job.message.recoverable_until())
    }
}

/// Selects parked jobs that match every given rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only jobs of this tenant.
    pub tenant: Option<TenantId>,
    /// Only jobs of this instance.
    pub instance: Option<InstanceId>,
    /// Only jobs of this class.
    pub class: Option<FailureClass>,
    /// Only jobs parked at least this long ago.
    pub older_than: Option<Duration>,
    /// Only jobs whose file may not exist beyond this time from now.
    pub expiring_within: Option<Duration>,
}

impl Filter {
    /// Whether no rule is given, so that every job matches.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the job matches every rule. A body that is not a job has no tenant, instance or
    /// expiry, so rules about those exclude it. `now` is in seconds since 1970.
    #[must_use]
    pub fn matches_job(&self, parked: &ParkedJob, now: i64) -> bool {
        let job = parked.job.as_ref();
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let is_of_tenant = |tenant: &TenantId| job.is_some_and(|job| job.tenant == *tenant);
        let is_of_instance =
            |instance: &InstanceId| job.is_some_and(|job| job.instance == *instance);
        let is_older = |age| parked.parked_at <= now.saturating_sub(seconds(age));
        let expires_within = |time| {
            let until = parked.recoverable_until();
            until.is_some_and(|until| until <= now.saturating_add(seconds(time)))
        };
        self.tenant.as_ref().is_none_or(is_of_tenant)
            && self.instance.as_ref().is_none_or(is_of_instance)
            && self.class.is_none_or(|class| parked.class == class)
            && self.older_than.is_none_or(is_older)
            && self.expiring_within.is_none_or(expires_within)
    }
}
