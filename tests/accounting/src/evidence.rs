//! What was found: objects, parked messages, queued jobs, records, job entries and open uploads.

use crate::identity::Identity;

/// An object in the bucket.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its key, `tenant/instance/…`.
    pub key: String,
    /// Its identity, from the instance's folder and the metadata `message-id`.
    pub identity: Identity,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// How many times an object was written under this key.
    pub writes: u32,
    /// What its metadata says, if it was read.
    pub facts: Option<FileFacts>,
}

/// What an object's metadata and length, or a record, say about the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Length of the file in bytes.
    pub size_bytes: Option<u64>,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: Option<String>,
    /// How far the bytes are proven.
    pub integrity: Option<String>,
    /// The strategy that fetched them.
    pub strategy: Option<String>,
}

impl FileFacts {
    /// Lists the facts in which two descriptions differ. A fact that one of them lacks is no
    /// contradiction.
    pub(crate) fn list_contradictions(&self, other: &Self) -> Vec<String> {
        let pairs = [
            ("sha256", &self.sha256, &other.sha256),
            ("integrity", &self.integrity, &other.integrity),
            ("strategy", &self.strategy, &other.strategy),
        ];
        let texts = pairs.into_iter().filter_map(|(name, one, other)| {
            let (one, other) = (one.as_ref()?, other.as_ref()?);
            (one != other).then(|| format!("{name} {one} is {other}"))
        });
        let sizes = self.size_bytes.zip(other.size_bytes);
        let sizes = sizes.filter(|(one, other)| one != other);
        let sizes = sizes.map(|(one, other)| format!("size_bytes {one} is {other}"));
        texts.chain(sizes).collect()
    }
}

/// A message of the parked queue.
#[derive(Debug, Clone)]
pub struct ParkedTicket {
    /// The identity in its body.
    pub identity: Identity,
    /// Its attribute `class`.
    pub class: Option<String>,
    /// Its attribute `reason`.
    pub reason: Option<String>,
}

/// An item of the media table.
#[derive(Debug, Clone)]
pub struct Record {
    /// The identity in its key.
    pub identity: Identity,
    /// `stored`, `retrying`, `parked`, …
    pub state: String,
    /// The object's key in the record.
    pub object_key: Option<String>,
    /// The failure class, if the file is not stored.
    pub class: Option<String>,
    /// What the record says about the object's bytes.
    pub facts: FileFacts,
}

/// An item of the jobs table.
#[derive(Debug, Clone)]
pub struct JobEntry {
    /// The identity in its body.
    pub identity: Identity,
    /// `retrying` or `parked`.
    pub state: String,
    /// The failure class.
    pub class: Option<String>,
    /// The reason.
    pub reason: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Objects in the bucket.
    pub objects: Vec<Object>,
    /// Messages in the parked queue.
    pub parked: Vec<ParkedTicket>,
    /// Jobs in the jobs queue, visible or not.
    pub queued: Vec<Identity>,
    /// Items in the media table.
    pub records: Vec<Record>,
    /// Items in the jobs table, under the keys of their records.
    pub entries: Vec<JobEntry>,
    /// Items in the jobs table with messages that have no record.
    pub bodies: Vec<JobEntry>,
    /// Jobs without a record that a person dropped, as it was seen from outside.
    pub dropped: Vec<Identity>,
    /// Keys of multipart uploads that were neither completed nor aborted, after those older than
    /// a day were swept.
    pub uploads: Vec<String>,
}
