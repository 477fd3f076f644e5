//! A job that lies in the parked queue, and which of them a person means.

use std::time::Duration;

use crate::{
    failure::FailureClass,
    ids::{InstanceId, TenantId},
    job::Job,
    unread::Unread,
};

/// What a message of the parked queue holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A medium to fetch.
    Job(Box<Job>),
    /// A webhook's body that could not be read.
    Unread(Unread),
    /// Neither: nobody can say whose it is.
    Unknown,
}

/// A message of the parked queue, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedJob {
    /// What it holds.
    pub content: Content,
    /// Why it lies here; of another version's word what is said of no class at all.
    pub class: FailureClass,
    /// The class as another version wrote it, if this one does not know the word.
    pub unknown_class: Option<String>,
    /// The reason, for a person.
    pub reason: String,
    /// How often it had been received before, if that was written down.
    pub receives: Option<u32>,
    /// When it was parked, in seconds since 1970. Of what SQS moved by itself this is when it was first
    /// queued: SQS keeps that time.
    pub parked_at: i64,
    /// SQS moved it, because it was received too often: no run of ours wrote the ticket or the record.
    pub is_moved_by_sqs: bool,
    /// Nobody wrote into its record that it is parked: SQS moved it, or the table did not answer.
    pub is_unrecorded: bool,
}

impl ParkedJob {
    /// The reason of what SQS moved by itself.
    pub const MOVED_BY_SQS: &str =
        "received too often without an end: the function crashed, was throttled or ran out of time";

    /// The medium to fetch, if that is what it holds.
    #[must_use]
    pub fn job(&self) -> Option<&Job> {
        match &self.content {
            Content::Job(job) => Some(job),
            Content::Unread(_) | Content::Unknown => None,
        }
    }

    /// What may be shown of the unread body, if that is what it holds.
    #[must_use]
    pub fn unread(&self) -> Option<&Unread> {
        match &self.content {
            Content::Unread(unread) => Some(unread),
            Content::Job(_) | Content::Unknown => None,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        match &self.content {
            Content::Job(job) => Some(&job.tenant),
            Content::Unread(unread) => Some(&unread.tenant),
            Content::Unknown => None,
        }
    }

    /// The instance that it is of.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        match &self.content {
            Content::Job(job) => Some(&job.instance),
            Content::Unread(unread) => Some(&unread.instance),
            Content::Unknown => None,
        }
    }

    /// The word of its class, whoever wrote it.
    #[must_use]
    pub fn class_word(&self) -> &str {
        let unknown = self.unknown_class.as_deref();
        unknown.unwrap_or_else(|| self.class.as_str())
    }

    /// Until when the medium can be counted on, in seconds since 1970.
    #[must_use]
    pub fn recoverable_until(&self) -> Option<i64> {
        match &self.content {
            Content::Job(job) => Some(job.message.recoverable_until()),
            Content::Unread(unread) => Some(unread.recoverable_until()),
            Content::Unknown => None,
        }
    }
}

/// Which parked jobs are meant: those that pass every rule given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Of this instance.
    pub instance: Option<InstanceId>,
    /// Of this class.
    pub class: Option<FailureClass>,
    /// Parked at least this long ago.
    pub older_than: Option<Duration>,
    /// Of media that can be counted on no longer than this.
    pub expiring_within: Option<Duration>,
}

impl Filter {
    /// Whether it lets everything pass.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the job is meant. A message that is not ours has no tenant, instance or expiry, so a
    /// rule about those leaves it out. `now` is in seconds since 1970.
    #[must_use]
    pub fn admits(&self, parked: &ParkedJob, now: i64) -> bool {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let is_of_tenant = |tenant: &TenantId| parked.tenant() == Some(tenant);
        let is_of_instance = |instance: &InstanceId| parked.instance() == Some(instance);
        let is_of_class =
            |class: FailureClass| parked.unknown_class.is_none() && parked.class == class;
        let is_older = |age| parked.parked_at <= now.saturating_sub(seconds(age));
        let expires_within = |time| {
            let until = parked.recoverable_until();
            until.is_some_and(|until| until <= now.saturating_add(seconds(time)))
        };
        self.tenant.as_ref().is_none_or(is_of_tenant)
            && self.instance.as_ref().is_none_or(is_of_instance)
            && self.class.is_none_or(is_of_class)
            && self.older_than.is_none_or(is_older)
            && self.expiring_within.is_none_or(expires_within)
    }
}
