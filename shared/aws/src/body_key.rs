//! The key of a body entry: the item of the jobs table with a message that has no record.

use media::{
    ids::InstanceId,
    job::{NotAJob, QueueBody},
    sha256::Sha256,
};

use crate::entry_key::EntryKey;

/// The partition of messages that name no instance. No instance has such an id.
const NO_INSTANCE: &str = "~";

/// The beginning of every sort key. No record of this version has such a key: it would contain `#`.
const PREFIX: &str = "~body.";

/// The key of an entry of the jobs table that has a whole message: an unread webhook, or a message
/// that is no job of its instance's tenant. It is made from the text alone, so that every copy of
/// the message has the same entry, and each item of the entry always has the same content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BodyKey {
    instance: Option<InstanceId>,
    digest: Sha256,
    size_bytes: usize,
}

impl BodyKey {
    /// The name of the message attribute.
    pub const ATTRIBUTE: &str = "body_entry";

    /// The key of a queue message with this body.
    #[must_use]
    pub fn from_body(body: &str) -> Self {
        let (instance, size_bytes) = match QueueBody::parse(body) {
            Ok(QueueBody::Unread(unread)) => {
                (Some(unread.instance().clone()), unread.summary().size_bytes)
            }
            Ok(QueueBody::Job(job)) => (Some(job.instance), body.len()),
            Err(NotAJob) => (None, body.len()),
        };
        Self { instance, digest: Sha256::from_data(body.as_bytes()), size_bytes }
    }

    /// Parses the key of an item. `None`: the item is not the first of a body entry.
    #[must_use]
    pub fn from_item(partition: &str, sort_key: &str) -> Option<Self> {
        let instance = match partition {
            NO_INSTANCE => None,
            instance => Some(InstanceId::parse(instance).ok()?),
        };
        let (digest, size) = sort_key.strip_prefix(PREFIX)?.split_once('.')?;
        let digest = Sha256::from_hex(digest).ok()?;
        let key = Self { instance, digest, size_bytes: size.parse().ok()? };
        // What is only similar is the id of a message.
        (key.sort_key() == sort_key).then_some(key)
    }

    /// Parses the key of an entry; `None` if it is a job's.
    #[must_use]
    pub fn from_entry(entry: &EntryKey) -> Option<Self> {
        Self::from_item(entry.instance.as_str(), entry.key.as_str())
    }

    /// Parses the text of the message attribute. `None` if it is not a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (partition, sort_key) = text.split_once('/')?;
        Self::from_item(partition, sort_key)
    }

    /// The instance, if the message names one.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        self.instance.as_ref()
    }

    /// The size of an unread webhook, or else of the whole message, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// The partition of the messages of an instance, or of those that name none.
    #[must_use]
    pub fn partition_of(instance: Option<&InstanceId>) -> &str {
        instance.map_or(NO_INSTANCE, InstanceId::as_str)
    }

    pub(crate) fn partition(&self) -> &str {
        Self::partition_of(self.instance.as_ref())
    }

    pub(crate) fn sort_key(&self) -> String {
        format!("{PREFIX}{}.{}", self.digest.to_hex(), self.size_bytes)
    }

    /// The sort key of the nth item of the entry, from 0.
    pub(crate) fn part_key(&self, nth: usize) -> String {
        match nth {
            0 => self.sort_key(),
            nth => format!("{}#{nth}", self.sort_key()),
        }
    }

    /// Whether an item is one of a body entry, the first or a later one.
    pub(crate) fn is_of_body(sort_key: &str) -> bool {
        let first = sort_key.split_once('#').map_or(sort_key, |(first, _)| first);
        Self::from_item(NO_INSTANCE, first).is_some()
    }

    /// What the sort keys of all body entries begin with.
    pub(crate) const SORT_KEY_PREFIX: &str = PREFIX;
}

impl std::fmt::Display for BodyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.partition(), self.sort_key())
    }
}
