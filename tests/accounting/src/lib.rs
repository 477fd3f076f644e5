//! Audits announced media files against what is stored, parked and queued, and lists every
//! contradiction.
//!
//! The audit does not know how the evidence was gathered, so it judges a simulated world and a
//! deployed stack alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Identifies a media file in all kinds of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The instance that received or sent the message.
    pub instance: String,
    /// The message's id, as the sender chose it.
    pub message_id: String,
    /// The chat and the SHA-256 of the plain bytes, which distinguish media files of one message
    /// id. Empty if the evidence does not contain them.
    pub content: String,
}

impl Identity {
    /// Identifies a media file by its message alone.
    #[must_use]
    pub fn new(instance: impl Into<String>, message_id: impl Into<String>) -> Self {
        Self { instance: instance.into(), message_id: message_id.into(), content: String::new() }
    }

    /// Adds the chat, given as an address or as a folder, and the SHA-256 of the plain bytes.
    #[must_use]
    pub fn with_content(mut self, chat: &str, sha256: &str) -> Self {
        let user = chat.split(['@', ':']).next().unwrap_or_default();
        let sorts = ["group-", "channel-", "lid-"];
        let bare = sorts.iter().find_map(|sort| user.strip_prefix(sort));
        self.content = format!("{} {sha256}", bare.unwrap_or(user));
        self
    }

    /// Identifies an unreadable webhook by its instance and its bytes, in base64.
    #[must_use]
    pub fn from_unread(instance: &str, base64: &str) -> Self {
        Self::new(instance, format!("unread {base64}"))
    }

    /// Reads the identity from a queue message. One that is neither a job nor an unread body is
    /// identified by its whole text, under the instance `-`.
    #[must_use]
    pub fn from_body(body: &str) -> Self {
        let job: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        if let (Some("unread-1"), Some(instance), Some(base64)) = (
            job.get("version").and_then(Value::as_str),
            text(job.get("instance")),
            text(job.get("body")),
        ) {
            return Self::from_unread(&instance, &base64);
        }
        let message_id = job.get("message").and_then(|it| it.get("message_id"));
        match (text(job.get("instance")), text(message_id)) {
            (Some(instance), Some(message_id)) => {
                let of_message = |name: &str| text(job.get("message").and_then(|it| it.get(name)));
                let named = Self::new(instance, message_id);
                match (of_message("chat"), of_message("file_sha256")) {
                    (Some(chat), Some(sha256)) => named.with_content(&chat, &sha256),
                    (Some(_) | None, _) => named,
                }
            }
            (Some(_) | None, _) => Self::new("-", body),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.instance, self.message_id)
    }
}

/// How the webhook function answered the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderAnswer {
    /// 200, queued: the job must not be lost.
    Accepted,
    /// Any other answer, or none: the job may have been queued all the same.
    Unsure,
}

/// The outcome that is allowed for a media file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A source has the file: it must be stored, and parking it is a fault.
    Stored,
    /// The sources are gone or return wrong bytes: it must be parked, and storing it is a fault.
    Parked,
    /// A rule of the tenant leaves it out: its record must be `skipped`, and nothing else may
    /// exist.
    Skipped,
    /// Any outcome is allowed: it depends on when the sources are asked.
    Either,
}

/// A media file that was announced.
#[derive(Debug, Clone)]
pub struct AnnouncedMedia {
    /// What it is identified by in the evidence.
    pub identity: Identity,
    /// Its tenant, which is the first folder of its object.
    pub tenant: String,
    /// SHA-256 of the bytes the sender sent, lower-case hex.
    pub sha256: String,
    /// How the sender was answered.
    pub told: SenderAnswer,
    /// The outcome that the sources and the tenant's rules allow.
    pub fate: Fate,
}

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
    fn list_contradictions(&self, other: &Self) -> Vec<String> {
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
    /// Keys of multipart uploads that were neither completed nor aborted, after those older than
    /// a day were swept.
    pub uploads: Vec<String>,
}

/// The result of an audit. The last four lists must be empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    /// Media files that were accepted from the sender.
    pub accepted: usize,
    /// Announced media files that are in the bucket.
    pub stored: usize,
    /// Announced media files that are parked.
    pub parked: usize,
    /// Announced media files that a rule left out.
    pub skipped: usize,
    /// Announced media files that still wait.
    pub queued: usize,
    /// Parked messages beyond the first of a media file. An answer of SQS that got lost makes one;
    /// without a fault there is none.
    pub parked_again: usize,
    /// Accepted, and found nowhere.
    pub lost: Vec<String>,
    /// Stored in more than one object, or in one that was overwritten.
    pub twice: Vec<String>,
    /// Wrong bytes, a wrong folder, a contradicting record, an available file that is parked, or
    /// a file that was never announced.
    pub unexpected: Vec<String>,
    /// Uploads that were neither completed nor aborted.
    pub orphans: Vec<String>,
}

impl Account {
    /// Compares what was found with what was announced.
    #[must_use]
    pub fn new(announced: &[AnnouncedMedia], evidence: &Evidence) -> Self {
        let evidence = &complete_identities(announced, evidence);
        let found = EvidenceIndex::new(evidence);
        let mut account = Self { orphans: evidence.uploads.clone(), ..Self::default() };
        for one in announced {
            account.judge_media(one, &found);
        }
        let known: BTreeSet<_> = announced.iter().map(|one| &one.identity).collect();
        for identity in found.identities().filter(|one| !known.contains(one)) {
            let complaint = format!("{identity}: was never announced");
            account.unexpected.push(complaint);
        }
        account
    }

    /// Whether there are no complaints.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.list_complaints().next().is_none()
    }

    /// Every complaint, prefixed with the list it belongs to.
    pub fn list_complaints(&self) -> impl Iterator<Item = String> {
        let named = [
            ("lost", &self.lost),
            ("twice", &self.twice),
            ("unexpected", &self.unexpected),
            ("orphan", &self.orphans),
        ];
        named
            .into_iter()
            .flat_map(|(word, list)| list.iter().map(move |one| format!("{word}: {one}")))
    }

    /// Adds the result of another world.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.stored += other.stored;
        self.parked += other.parked;
        self.skipped += other.skipped;
        self.queued += other.queued;
        self.parked_again += other.parked_again;
        self.lost.extend(other.lost);
        self.twice.extend(other.twice);
        self.unexpected.extend(other.unexpected);
        self.orphans.extend(other.orphans);
    }

    fn judge_media(&mut self, one: &AnnouncedMedia, found: &EvidenceIndex<'_>) {
        let here = found.find_evidence(&one.identity);
        self.accepted += usize::from(one.told == SenderAnswer::Accepted);
        self.stored += usize::from(!here.objects.is_empty());
        self.parked += usize::from(!here.parked.is_empty());
        self.skipped += usize::from(here.is_skipped());
        self.queued += usize::from(here.queued);
        self.parked_again += here.parked.len().saturating_sub(1);
        let id = &one.identity;
        if one.told == SenderAnswer::Accepted && here.is_nowhere() {
            self.lost.push(format!("{id}: accepted, and found nowhere"));
        }
        let writes: u32 = here.objects.iter().map(|object| object.writes).sum();
        if writes > 1 {
            let keys: Vec<_> = here.objects.iter().map(|one| one.key.as_str()).collect();
            self.twice.push(format!("{id}: written {writes} times: {keys:?}"));
        }
        let complaints = here
            .check_objects(one)
            .into_iter()
            .chain(here.check_parked(one))
            .chain(here.check_rules(one))
            .chain(here.check_record());
        self.unexpected.extend(complaints.map(|complaint| format!("{id}: {complaint}")));
    }
}

/// Completes identities without content: each is assigned to an announced media file of its
/// message that is not in the bucket, or to any of them if all are.
fn complete_identities(announced: &[AnnouncedMedia], evidence: &Evidence) -> Evidence {
    let mut evidence = evidence.clone();
    let is_stored =
        |one: &Identity, objects: &[Object]| objects.iter().any(|it| it.identity == *one);
    let (objects, mut taken) = (evidence.objects.clone(), BTreeSet::new());
    let mut resolve = |identity: &mut Identity| {
        let is_known = announced.iter().any(|one| one.identity == *identity);
        if is_known || !identity.content.is_empty() {
            return;
        }
        let is_of_message = |one: &&AnnouncedMedia| {
            one.identity.instance == identity.instance
                && one.identity.message_id == identity.message_id
        };
        // Files that are not stored need this evidence most. A file that already took a piece of
        // evidence comes after one that took none.
        let mut candidates: Vec<_> = announced.iter().filter(is_of_message).collect();
        candidates
            .sort_by_key(|one| (is_stored(&one.identity, &objects), taken.contains(&one.identity)));
        if let Some(first) = candidates.first() {
            taken.insert(first.identity.clone());
            *identity = first.identity.clone();
        }
    };
    evidence.records.iter_mut().for_each(|one| resolve(&mut one.identity));
    evidence.parked.iter_mut().for_each(|one| resolve(&mut one.identity));
    evidence.queued.iter_mut().for_each(resolve);
    evidence
}

/// The evidence by identity.
struct EvidenceIndex<'a>(BTreeMap<&'a Identity, MediaEvidence<'a>>);

/// The evidence about one media file.
#[derive(Clone, Default)]
struct MediaEvidence<'a> {
    objects: Vec<&'a Object>,
    parked: Vec<&'a ParkedTicket>,
    queued: bool,
    record: Option<&'a Record>,
}

impl<'a> EvidenceIndex<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let mut all: BTreeMap<&Identity, MediaEvidence<'_>> = BTreeMap::new();
        for object in &evidence.objects {
            all.entry(&object.identity).or_default().objects.push(object);
        }
        for parked in &evidence.parked {
            all.entry(&parked.identity).or_default().parked.push(parked);
        }
        for queued in &evidence.queued {
            all.entry(queued).or_default().queued = true;
        }
        for record in &evidence.records {
            all.entry(&record.identity).or_default().record = Some(record);
        }
        Self(all)
    }

    fn find_evidence(&self, identity: &Identity) -> MediaEvidence<'a> {
        self.0.get(identity).cloned().unwrap_or_default()
    }

    fn identities(&self) -> impl Iterator<Item = &'a Identity> {
        self.0.keys().copied()
    }
}

impl MediaEvidence<'_> {
    fn is_nowhere(&self) -> bool {
        self.objects.is_empty() && self.parked.is_empty() && !self.queued && !self.is_skipped()
    }

    fn is_skipped(&self) -> bool {
        self.record.is_some_and(|record| record.state == "skipped")
    }

    fn check_objects(&self, one: &AnnouncedMedia) -> Vec<String> {
        let folder = format!("{}/{}/", one.tenant, one.identity.instance);
        let mut complaints = Vec::new();
        for object in &self.objects {
            if !object.key.starts_with(&folder) {
                complaints.push(format!("{} is not under {folder}", object.key));
            }
            if object.sha256 != one.sha256 {
                complaints.push(format!("{} differs from the bytes that were sent", object.key));
            }
        }
        let may_be_stored = matches!(one.fate, Fate::Stored | Fate::Either);
        if !may_be_stored && !self.objects.is_empty() {
            complaints.push("stored although no source has it or a rule skips it".to_owned());
        }
        complaints
    }

    fn check_parked(&self, one: &AnnouncedMedia) -> Vec<String> {
        let mut complaints = Vec::new();
        for parked in &self.parked {
            if one.fate == Fate::Stored {
                let reason = parked.reason.as_deref().unwrap_or("no reason");
                complaints.push(format!("parked although a source has it: {reason}"));
            }
            if parked.class.is_none() || parked.reason.as_deref().is_none_or(str::is_empty) {
                complaints.push("parked without a class or a reason".to_owned());
            }
        }
        complaints
    }

    fn check_rules(&self, one: &AnnouncedMedia) -> Option<String> {
        match one.fate {
            Fate::Stored | Fate::Parked if self.is_skipped() => {
                Some("skipped without a rule".to_owned())
            }
            Fate::Skipped if !self.is_skipped() && !self.queued => Some("not skipped".to_owned()),
            Fate::Stored | Fate::Parked | Fate::Skipped | Fate::Either => None,
        }
    }

    /// Checks that the record and the object agree about the bytes.
    fn check_bytes(&self, record: &Record) -> Option<String> {
        let is_named = |object: &&&Object| Some(&object.key) == record.object_key.as_ref();
        let object = self.objects.iter().find(is_named)?;
        let contradictions = record.facts.list_contradictions(object.facts.as_ref()?);
        let is_said = !contradictions.is_empty();
        is_said.then(|| format!("the record contradicts the object: {}", contradictions.join(", ")))
    }

    /// Checks that the record has the class of the parked message.
    fn check_class(&self, record: &Record) -> Option<String> {
        let is_same = |parked: &&ParkedTicket| parked.class == record.class;
        let classes = || self.parked.iter().map(|one| one.class.as_deref().unwrap_or("none"));
        (!self.parked.iter().any(is_same)).then(|| {
            let classes: Vec<_> = classes().collect();
            let class = record.class.as_deref().unwrap_or("none");
            format!("the record says {class}, the parked message {}", classes.join(", "))
        })
    }

    /// Checks that the record's state is true. While a job waits, its record may lag behind.
    fn check_record(&self) -> Option<String> {
        let (is_stored, is_parked) = (!self.objects.is_empty(), !self.parked.is_empty());
        let Some(record) = self.record else {
            let is_silent = is_stored && !self.queued;
            return is_silent.then(|| "stored, not queued, and without a record".to_owned());
        };
        let keys = || self.objects.iter().map(|object| Some(object.key.as_str()));
        match record.state.as_str() {
            "stored" if !is_stored => {
                Some("the record says stored, the bucket is empty".to_owned())
            }
            "stored" if keys().all(|key| key != record.object_key.as_deref()) => {
                Some(format!("the record names {:?}", record.object_key))
            }
            "stored" => self.check_bytes(record),
            other if is_stored && !self.queued => {
                Some(format!("stored, not queued, and the record says {other}"))
            }
            "parked" if !is_parked => {
                Some("the record says parked, the parked queue is empty".to_owned())
            }
            "parked" => self.check_class(record),
            "skipped" => None,
            other if !self.queued => Some(format!("the record says {other}, nothing is queued")),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_header([
            "accepted",
            "stored",
            "parked",
            "skipped",
            "queued",
            "lost",
            "twice",
            "unexpected",
            "orphans",
        ]);
        table.add_row(
            [
                self.accepted,
                self.stored,
                self.parked,
                self.skipped,
                self.queued,
                self.lost.len(),
                self.twice.len(),
                self.unexpected.len(),
                self.orphans.len(),
            ]
            .map(|count| count.to_string()),
        );
        write!(f, "{table}")?;
        for complaint in self.list_complaints() {
            write!(f, "\n{complaint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced_media(fate: Fate) -> AnnouncedMedia {
        AnnouncedMedia {
            identity: Identity::new("I", "m"),
            tenant: "acme".to_owned(),
            sha256: "aa".to_owned(),
            told: SenderAnswer::Accepted,
            fate,
        }
    }

    fn sample_object(key: &str, sha256: &str) -> Object {
        Object {
            key: key.to_owned(),
            identity: Identity::new("I", "m"),
            sha256: sha256.to_owned(),
            writes: 1,
            facts: None,
        }
    }

    fn sample_record(state: &str) -> Record {
        Record {
            identity: Identity::new("I", "m"),
            state: state.to_owned(),
            object_key: Some("acme/I/k".to_owned()),
            class: (state == "parked").then(|| "expired".to_owned()),
            facts: FileFacts::default(),
        }
    }

    fn sample_ticket(reason: Option<&str>) -> ParkedTicket {
        ParkedTicket {
            identity: Identity::new("I", "m"),
            class: Some("expired".to_owned()),
            reason: reason.map(str::to_owned),
        }
    }

    fn count_complaints(fate: Fate, evidence: &Evidence) -> [usize; 4] {
        let account = Account::new(&[announced_media(fate)], evidence);
        [account.lost.len(), account.twice.len(), account.unexpected.len(), account.orphans.len()]
    }

    #[test]
    fn stored_once_with_a_record_is_clean() {
        let evidence = Evidence {
            objects: vec![sample_object("acme/I/k", "aa")],
            records: vec![sample_record("stored")],
            ..Evidence::default()
        };
        assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 0, 0]);
    }

    #[test]
    fn what_is_nowhere_is_lost() {
        assert_eq!(count_complaints(Fate::Stored, &Evidence::default()), [1, 0, 0, 0]);
    }

    #[test]
    fn two_objects_or_writes_are_twice() {
        let mut evidence = Evidence {
            objects: vec![sample_object("acme/I/k", "aa"), sample_object("acme/I/l", "aa")],
            records: vec![sample_record("stored")],
            ..Evidence::default()
        };
        assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 1, 0, 0]);
        evidence.objects = vec![Object { writes: 2, ..sample_object("acme/I/k", "aa") }];
        assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 1, 0, 0]);
    }

    #[test]
    fn wrong_bytes_folders_and_records_are_unexpected() {
        let of = |objects: Vec<Object>, state: &str| Evidence {
            objects,
            records: vec![sample_record(state)],
            ..Evidence::default()
        };
        let good = || vec![sample_object("acme/I/k", "aa")];
        for evidence in [
            of(vec![sample_object("acme/I/k", "bb")], "stored"),
            of(good(), "retrying"),
            of(good(), "parked"),
        ] {
            assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 1, 0], "{evidence:?}");
        }
        // The record names another key as well.
        let elsewhere = of(vec![sample_object("other/I/k", "aa")], "stored");
        assert_eq!(count_complaints(Fate::Stored, &elsewhere), [0, 0, 2, 0]);
        for state in ["stored", "retrying", "parked"] {
            let empty = of(Vec::new(), state);
            assert_eq!(count_complaints(Fate::Either, &empty), [1, 0, 1, 0], "{state}");
        }
    }

    #[test]
    fn parking_needs_a_reason_and_no_source() {
        let of = |reason| Evidence {
            parked: vec![sample_ticket(reason)],
            records: vec![sample_record("parked")],
            ..Evidence::default()
        };
        assert_eq!(count_complaints(Fate::Parked, &of(Some("gone"))), [0, 0, 0, 0]);
        assert_eq!(count_complaints(Fate::Stored, &of(Some("gone"))), [0, 0, 1, 0]);
        assert_eq!(count_complaints(Fate::Parked, &of(None)), [0, 0, 1, 0]);
    }

    #[test]
    fn a_parked_file_has_its_records_class() {
        let of = |parked: Vec<ParkedTicket>| Evidence {
            parked,
            records: vec![sample_record("parked")],
            ..Evidence::default()
        };
        let twice = of(vec![sample_ticket(Some("gone")), sample_ticket(Some("gone"))]);
        let account = Account::new(&[announced_media(Fate::Parked)], &twice);
        assert_eq!((account.parked, account.parked_again), (1, 1));
        let other =
            ParkedTicket { class: Some("corrupt".to_owned()), ..sample_ticket(Some("gone")) };
        assert_eq!(count_complaints(Fate::Parked, &of(vec![other])), [0, 0, 1, 0]);
    }

    #[test]
    fn skipping_needs_a_rule() {
        let evidence = Evidence { records: vec![sample_record("skipped")], ..Evidence::default() };
        assert_eq!(count_complaints(Fate::Skipped, &evidence), [0, 0, 0, 0]);
        assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 1, 0]);
        assert_eq!(count_complaints(Fate::Skipped, &Evidence::default()), [1, 0, 1, 0]);
    }

    #[test]
    fn unannounced_files_and_open_uploads_are_reported() {
        let evidence = Evidence {
            queued: vec![Identity::new("I", "m"), Identity::new("I", "other")],
            uploads: vec!["acme/I/k".to_owned()],
            ..Evidence::default()
        };
        assert_eq!(count_complaints(Fate::Stored, &evidence), [0, 0, 1, 1]);
    }

    #[test]
    fn chat_and_bytes_distinguish_one_message_id() {
        let of = |chat: &str, sha256: &str| AnnouncedMedia {
            identity: Identity::new("I", "m").with_content(chat, sha256),
            sha256: sha256.to_owned(),
            ..announced_media(Fate::Stored)
        };
        let all = [of("1", "aa"), of("1", "bb"), of("2@g.us", "aa")];
        let object = |chat: &str, sha256: &str| Object {
            identity: Identity::new("I", "m").with_content(chat, sha256),
            ..sample_object(&format!("acme/I/{chat}/{sha256}"), sha256)
        };
        let record = |chat: &str, sha256: &str| Record {
            identity: Identity::new("I", "m").with_content(chat, sha256),
            object_key: Some(format!("acme/I/{chat}/{sha256}")),
            ..sample_record("stored")
        };
        let places = [("1", "aa"), ("1", "bb"), ("group-2", "aa")];
        let evidence = Evidence {
            objects: places.map(|(chat, sha256)| object(chat, sha256)).to_vec(),
            records: places.map(|(chat, sha256)| record(chat, sha256)).to_vec(),
            ..Evidence::default()
        };
        assert!(Account::new(&all, &evidence).is_clean());
        for n in 0..3 {
            let mut short = evidence.clone();
            short.objects.remove(n);
            let account = Account::new(&all, &short);
            assert_eq!((account.lost.len(), account.stored), (1, 2), "{account}");
        }
    }

    #[test]
    fn a_record_contradicting_its_object_is_reported() {
        let is = FileFacts {
            size_bytes: Some(3),
            sha256: Some("aa".to_owned()),
            integrity: Some("sha256".to_owned()),
            strategy: Some("wapi".to_owned()),
        };
        let text = |text: &str| Some(text.to_owned());
        for said in [
            FileFacts { size_bytes: Some(4), ..is.clone() },
            FileFacts { sha256: text("bb"), ..is.clone() },
            FileFacts { integrity: text("mac-only"), ..is.clone() },
            FileFacts { strategy: text("cdn"), ..is.clone() },
        ] {
            let of = |said: &FileFacts| Evidence {
                objects: vec![Object {
                    facts: Some(is.clone()),
                    ..sample_object("acme/I/k", "aa")
                }],
                records: vec![Record { facts: said.clone(), ..sample_record("stored") }],
                ..Evidence::default()
            };
            assert_eq!(count_complaints(Fate::Stored, &of(&is)), [0, 0, 0, 0]);
            assert_eq!(count_complaints(Fate::Stored, &of(&said)), [0, 0, 1, 0], "{said:?}");
        }
    }
}
