//! The key of an entry of the jobs table, as tables and queue messages write it.

use media::{identity::RecordKey, ids::InstanceId};

/// The key of an entry of the jobs table, and of its record. A message that was sent from an entry
/// has it as an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryKey {
    /// The instance.
    pub instance: InstanceId,
    /// The sort key.
    pub key: RecordKey,
}

impl EntryKey {
    /// The name of the message attribute.
    pub const ATTRIBUTE: &str = "entry";

    /// Parses the attribute's text. `None` if it is not a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (instance, key) = text.split_once('/')?;
        let instance = InstanceId::parse(instance).ok()?;
        (!key.is_empty()).then(|| Self { instance, key: RecordKey::from_record(key.to_owned()) })
    }
}

impl std::fmt::Display for EntryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.instance, self.key.as_str())
    }
}
