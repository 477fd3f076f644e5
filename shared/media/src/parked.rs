//! Parked jobs, from the parked queue or from the jobs table, and filters to select them.

use std::time::Duration;

use crate::{
    failure::FailureClass,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    job::Job,
    kind::MediaKind,
    unread::UnreadSummary,
};

/// What is parked, from a queue or from an index of the jobs table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A media file to fetch, as an index of the jobs table has it, without the job.
    Entry(Box<EntrySummary>),
    /// A media file to fetch.
    Job(Box<Job>),
    /// A webhook body that could not be read.
    Unread(UnreadSummary),
    /// A message of another kind, or a job that is not of its instance's tenant.
    Unknown(UnknownSummary),
}

/// What is known of a parked message that is no job of its instance's tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownSummary {
    /// The tenant that it names.
    pub tenant: Option<TenantId>,
    /// The instance that it names.
    pub instance: Option<InstanceId>,
    /// Until when a person should have acted, in seconds since 1970.
    pub until: Option<i64>,
}

/// What the jobs table's indexes say of a parked job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntrySummary {
    /// The tenant.
    pub tenant: TenantId,
    /// The instance.
    pub instance: InstanceId,
    /// The key of the entry and of the record.
    pub key: RecordKey,
    /// The kind of the media file; `None` if this version does not know it.
    pub kind: Option<MediaKind>,
    /// Until when the file can be expected to exist, in seconds since 1970.
    pub recoverable_until: i64,
}

/// A parked job or webhook, as far as it can be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedJob {
    /// What the message contains.
    pub content: Content,
    /// Why it was parked. If another version wrote an unknown class, the class that such a message
    /// has without one.
    pub class: FailureClass,
    /// The class as another version wrote it, if this version does not know it.
    pub unknown_class: Option<String>,
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

    /// The job, if the message is one.
    #[must_use]
    pub fn job(&self) -> Option<&Job> {
        match &self.content {
            Content::Job(job) => Some(job),
            Content::Entry(_) | Content::Unread(_) | Content::Unknown(_) => None,
        }
    }

    /// The entry of the jobs table, if it is known from there.
    #[must_use]
    pub fn entry(&self) -> Option<&EntrySummary> {
        match &self.content {
            Content::Entry(entry) => Some(entry),
            Content::Job(_) | Content::Unread(_) | Content::Unknown(_) => None,
        }
    }

    /// The id of the message, if it is a job.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        match &self.content {
            Content::Entry(entry) => Some(entry.key.message_id()),
            Content::Job(job) => Some(job.message.message_id.as_str()),
            Content::Unread(_) | Content::Unknown(_) => None,
        }
    }

    /// The kind of the media file, if it is a job.
    #[must_use]
    pub fn kind(&self) -> Option<MediaKind> {
        match &self.content {
            Content::Entry(entry) => entry.kind,
            Content::Job(job) => Some(job.message.kind),
            Content::Unread(_) | Content::Unknown(_) => None,
        }
    }

    /// What may be shown of the unread body, if the message is one.
    #[must_use]
    pub fn unread(&self) -> Option<&UnreadSummary> {
        match &self.content {
            Content::Unread(unread) => Some(unread),
            Content::Entry(_) | Content::Job(_) | Content::Unknown(_) => None,
        }
    }

    /// The tenant, if known.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        match &self.content {
            Content::Entry(entry) => Some(&entry.tenant),
            Content::Job(job) => Some(&job.tenant),
            Content::Unread(unread) => Some(&unread.tenant),
            Content::Unknown(unknown) => unknown.tenant.as_ref(),
        }
    }

    /// The instance, if known.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        match &self.content {
            Content::Entry(entry) => Some(&entry.instance),
            Content::Job(job) => Some(&job.instance),
            Content::Unread(unread) => Some(&unread.instance),
            Content::Unknown(unknown) => unknown.instance.as_ref(),
        }
    }

    /// The word of its class, also if this version does not know the class.
    #[must_use]
    pub fn class_word(&self) -> &str {
        let unknown = self.unknown_class.as_deref();
        unknown.unwrap_or_else(|| self.class.as_str())
    }

    /// Until when the file can be expected to exist, in seconds since 1970.
    #[must_use]
    pub fn recoverable_until(&self) -> Option<i64> {
        match &self.content {
            Content::Entry(entry) => Some(entry.recoverable_until),
            Content::Job(job) => Some(job.message.recoverable_until()),
            Content::Unread(unread) => Some(unread.recoverable_until()),
            Content::Unknown(unknown) => unknown.until,
        }
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

    /// Whether the message matches every rule. A message that is not ours has no tenant, instance
    /// or expiry, so rules about those exclude it. `now` is in seconds since 1970.
    #[must_use]
    pub fn matches_job(&self, parked: &ParkedJob, now: i64) -> bool {
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
