//! The books: every announced media against what is stored, parked and queued, and what does not add up.
//!
//! It knows nothing of how the evidence was gathered, so a seeded world and a deployed stack are judged by
//! the same table.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a media is known by, everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The account that received or sent it.
    pub instance: String,
    /// The message's id.
    pub message_id: String,
    /// Its chat and the SHA-256 of its plain bytes, which tell media of one message id apart. Empty where the
    /// evidence does not tell them.
    pub content: String,
}

impl Identity {
    /// Names a media.
    #[must_use]
    pub fn new(instance: impl Into<String>, message_id: impl Into<String>) -> Self {
        Self {
            instance: instance.into(),
            message_id: message_id.into(),
            content: String::new(),
        }
    }

    /// The same of these plain bytes in this chat, which is given as an address or as a folder.
    #[must_use]
    pub fn holding(mut self, chat: &str, sha256: &str) -> Self {
        let user = chat.split(['@', ':']).next().unwrap_or_default();
        let sorts = ["group-", "channel-", "lid-"];
        let bare = sorts.iter().find_map(|sort| user.strip_prefix(sort));
        self.content = format!("{} {sha256}", bare.unwrap_or(user));
        self
    }

    /// Of a webhook that could not be read: its instance and its bytes, in base64.
    #[must_use]
    pub fn of_unread(instance: &str, base64: &str) -> Self {
        Self::new(instance, format!("unread {base64}"))
    }

    /// Of a queue message. One that is neither a job nor unread is known by its whole body, under
    /// the instance `-`.
    #[must_use]
    pub fn of_body(body: &str) -> Self {
        let job: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        if let (Some("unread-1"), Some(instance), Some(base64)) = (
            job.get("version").and_then(Value::as_str),
            text(job.get("instance")),
            text(job.get("body")),
        ) {
            return Self::of_unread(&instance, &base64);
        }
        let message_id = job.get("message").and_then(|it| it.get("message_id"));
        match (text(job.get("instance")), text(message_id)) {
            (Some(instance), Some(message_id)) => {
                let of_message = |name: &str| text(job.get("message").and_then(|it| it.get(name)));
                let named = Self::new(instance, message_id);
                match (of_message("chat"), of_message("file_sha256")) {
                    (Some(chat), Some(sha256)) => named.holding(&chat, &sha256),
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

/// What the sender was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// 200, queued: the promise holds.
    Accepted,
    /// Anything else, or nothing: it may have been queued all the same.
    Unsure,
}

/// Where a media may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its sources can be had: it must be stored, and parking it would be a fault.
    Stored,
    /// Its sources are gone or lie: it must be parked, and storing it would be a fault.
    Parked,
    /// A rule of its tenant leaves it out: its record must say so, and nothing else may be there.
    Skipped,
    /// All are right: what happens to it depends on when it is asked for.
    Either,
}

/// A media that was announced.
#[derive(Debug, Clone)]
pub struct Announced {
    /// What it is known by.
    pub identity: Identity,
    /// Whose it is; the first folder of its object.
    pub tenant: String,
    /// SHA-256 of what the sender sent, lower-case hex.
    pub sha256: String,
    /// What the sender was told.
    pub told: Told,
    /// Where it may end.
    pub fate: Fate,
}

/// An object in the bucket.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Whose it says it is: the instance's folder and the metadata `message-id`.
    pub identity: Identity,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// How often something was written under this key.
    pub writes: u32,
    /// What it says of itself, if that was looked at.
    pub said: Option<Said>,
}

/// What an object's metadata and its length, or a record, say of the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Bytes.
    pub size_bytes: Option<u64>,
    /// SHA-256, lower-case hex.
    pub sha256: Option<String>,
    /// How far they are proven.
    pub integrity: Option<String>,
    /// Which way brought them.
    pub strategy: Option<String>,
}

impl Said {
    /// What another says otherwise. What either does not say is no contradiction.
    fn contradictions(&self, other: &Self) -> Vec<String> {
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
pub struct Parked {
    /// Of its body.
    pub identity: Identity,
    /// Its attribute `class`.
    pub class: Option<String>,
    /// Its attribute `reason`.
    pub reason: Option<String>,
}

/// An item of the media table.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its key.
    pub identity: Identity,
    /// `stored`, `retrying`, `parked`, …
    pub state: String,
    /// Where it says the object is.
    pub object_key: Option<String>,
    /// Why it is not stored, in one word.
    pub class: Option<String>,
    /// What it says of the object's bytes.
    pub said: Said,
}

/// All that was found.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// In the bucket.
    pub objects: Vec<Object>,
    /// In the parked queue.
    pub parked: Vec<Parked>,
    /// In the jobs queue, visible or not.
    pub queued: Vec<Identity>,
    /// In the media table.
    pub records: Vec<Record>,
    /// Keys of multipart uploads that nobody ended, after those older than a day were swept.
    pub uploads: Vec<String>,
}

/// The verdict. The last four lists must be empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    /// Media the sender was told of as accepted.
    pub accepted: usize,
    /// Announced media that are in the bucket.
    pub stored: usize,
    /// Announced media that are parked.
    pub parked: usize,
    /// Announced media that a rule left out.
    pub skipped: usize,
    /// Announced media that still wait.
    pub queued: usize,
    /// Parked messages beyond the first of a media file. An answer of SQS that got lost makes one;
    /// without a fault there is none.
    pub parked_again: usize,
    /// Accepted, and nowhere.
    pub lost: Vec<String>,
    /// More than one object, or one that was written over.
    pub twice: Vec<String>,
    /// Wrong bytes, wrong folder, a record that contradicts, a healthy media parked, something nobody announced.
    pub unexpected: Vec<String>,
    /// Uploads that nobody ended.
    pub orphans: Vec<String>,
}

impl Account {
    /// Holds what was found against what was announced.
    #[must_use]
    pub fn of(announced: &[Announced], evidence: &Evidence) -> Self {
        let evidence = &resolved(announced, evidence);
        let found = Found::sorted(evidence);
        let mut account = Self {
            orphans: evidence.uploads.clone(),
            ..Self::default()
        };
        for one in announced {
            account.judge(one, &found);
        }
        let known: BTreeSet<_> = announced.iter().map(|one| &one.identity).collect();
        for identity in found.identities().filter(|one| !known.contains(one)) {
            let complaint = format!("{identity}: nobody announced it");
            account.unexpected.push(complaint);
        }
        account
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.complaints().next().is_none()
    }

    /// Everything that is wrong, each with the word it is filed under.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
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

    /// Adds another world's account.
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

    fn judge(&mut self, one: &Announced, found: &Found<'_>) {
        let here = found.of(&one.identity);
        self.accepted += usize::from(one.told == Told::Accepted);
        self.stored += usize::from(!here.objects.is_empty());
        self.parked += usize::from(!here.parked.is_empty());
        self.skipped += usize::from(here.is_skipped());
        self.queued += usize::from(here.queued);
        self.parked_again += here.parked.len().saturating_sub(1);
        let id = &one.identity;
        if one.told == Told::Accepted && here.is_nowhere() {
            self.lost.push(format!("{id}: accepted, and nowhere"));
        }
        let writes: u32 = here.objects.iter().map(|object| object.writes).sum();
        if writes > 1 {
            let keys: Vec<_> = here.objects.iter().map(|one| one.key.as_str()).collect();
            self.twice
                .push(format!("{id}: written {writes} times: {keys:?}"));
        }
        let complaints = here
            .of_objects(one)
            .into_iter()
            .chain(here.of_parked(one))
            .chain(here.of_rules(one))
            .chain(here.of_record());
        self.unexpected
            .extend(complaints.map(|complaint| format!("{id}: {complaint}")));
    }
}

/// The evidence with whole identities: what tells no content is of that announced medium of its message which
/// is in no bucket, or, if all of them are, of any.
fn resolved(announced: &[Announced], evidence: &Evidence) -> Evidence {
    let mut evidence = evidence.clone();
    let is_stored =
        |one: &Identity, objects: &[Object]| objects.iter().any(|it| it.identity == *one);
    let (objects, mut taken) = (evidence.objects.clone(), BTreeSet::new());
    let mut resolve = |identity: &mut Identity| {
        let is_known = announced.iter().any(|one| one.identity == *identity);
        if is_known || !identity.content.is_empty() {
            return;
        }
        let is_of_message = |one: &&Announced| {
            one.identity.instance == identity.instance
                && one.identity.message_id == identity.message_id
        };
        let mut candidates: Vec<_> = announced.iter().filter(is_of_message).collect();
        candidates.sort_by_key(|one| {
            (
                is_stored(&one.identity, &objects),
                taken.contains(&one.identity),
            )
        });
        if let Some(first) = candidates.first() {
            taken.insert(first.identity.clone());
            *identity = first.identity.clone();
        }
    };
    evidence
        .records
        .iter_mut()
        .for_each(|one| resolve(&mut one.identity));
    evidence
        .parked
        .iter_mut()
        .for_each(|one| resolve(&mut one.identity));
    evidence.queued.iter_mut().for_each(resolve);
    evidence
}

/// The evidence by identity.
struct Found<'a>(BTreeMap<&'a Identity, Here<'a>>);

/// What there is of one media.
#[derive(Clone, Default)]
struct Here<'a> {
    objects: Vec<&'a Object>,
    parked: Vec<&'a Parked>,
    queued: bool,
    record: Option<&'a Record>,
}

impl<'a> Found<'a> {
    fn sorted(evidence: &'a Evidence) -> Self {
        let mut all: BTreeMap<&Identity, Here<'_>> = BTreeMap::new();
        for object in &evidence.objects {
            all.entry(&object.identity)
                .or_default()
                .objects
                .push(object);
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

    fn of(&self, identity: &Identity) -> Here<'a> {
        self.0.get(identity).cloned().unwrap_or_default()
    }

    fn identities(&self) -> impl Iterator<Item = &'a Identity> {
        self.0.keys().copied()
    }
}

impl Here<'_> {
    fn is_nowhere(&self) -> bool {
        self.objects.is_empty() && self.parked.is_empty() && !self.queued && !self.is_skipped()
    }

    fn is_skipped(&self) -> bool {
        self.record.is_some_and(|record| record.state == "skipped")
    }

    fn of_objects(&self, one: &Announced) -> Vec<String> {
        let folder = format!("{}/{}/", one.tenant, one.identity.instance);
        let mut complaints = Vec::new();
        for object in &self.objects {
            if !object.key.starts_with(&folder) {
                complaints.push(format!("{} is not under {folder}", object.key));
            }
            if object.sha256 != one.sha256 {
                complaints.push(format!("{} has other bytes than were sent", object.key));
            }
        }
        let may_be_stored = matches!(one.fate, Fate::Stored | Fate::Either);
        if !may_be_stored && !self.objects.is_empty() {
            complaints.push("stored although it cannot be had or must not be".to_owned());
        }
        complaints
    }

    fn of_parked(&self, one: &Announced) -> Vec<String> {
        let mut complaints = Vec::new();
        for parked in &self.parked {
            if one.fate == Fate::Stored {
                let reason = parked.reason.as_deref().unwrap_or("no reason");
                complaints.push(format!("parked although it can be had: {reason}"));
            }
            if parked.class.is_none() || parked.reason.as_deref().is_none_or(str::is_empty) {
                complaints.push("parked without a class or a reason".to_owned());
            }
        }
        complaints
    }

    fn of_rules(&self, one: &Announced) -> Option<String> {
        match one.fate {
            Fate::Stored | Fate::Parked if self.is_skipped() => {
                Some("left out without a rule".to_owned())
            }
            Fate::Skipped if !self.is_skipped() && !self.queued => Some("not left out".to_owned()),
            Fate::Stored | Fate::Parked | Fate::Skipped | Fate::Either => None,
        }
    }

    /// Whether the record says of the object what the object is and says.
    fn of_bytes(&self, record: &Record) -> Option<String> {
        let is_named = |object: &&&Object| Some(&object.key) == record.object_key.as_ref();
        let object = self.objects.iter().find(is_named)?;
        let contradictions = record.said.contradictions(object.said.as_ref()?);
        let is_said = !contradictions.is_empty();
        is_said.then(|| {
            format!(
                "the record contradicts the object: {}",
                contradictions.join(", ")
            )
        })
    }

    /// Whether the record gives the class that the parked message has.
    fn of_class(&self, record: &Record) -> Option<String> {
        let is_same = |parked: &&Parked| parked.class == record.class;
        let classes = || {
            self.parked
                .iter()
                .map(|one| one.class.as_deref().unwrap_or("none"))
        };
        (!self.parked.iter().any(is_same)).then(|| {
            let classes: Vec<_> = classes().collect();
            let class = record.class.as_deref().unwrap_or("none");
            format!(
                "the record says {class}, the parked message {}",
                classes.join(", ")
            )
        })
    }

    /// Whether the record says what is the case. While a job waits its record may lag behind.
    fn of_record(&self) -> Option<String> {
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
            "stored" => self.of_bytes(record),
            other if is_stored && !self.queued => {
                Some(format!("stored, not queued, and the record says {other}"))
            }
            "parked" if !is_parked => {
                Some("the record says parked, the parked queue is empty".to_owned())
            }
            "parked" => self.of_class(record),
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
        for complaint in self.complaints() {
            write!(f, "\n{complaint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(fate: Fate) -> Announced {
        Announced {
            identity: Identity::new("I", "m"),
            tenant: "acme".to_owned(),
            sha256: "aa".to_owned(),
            told: Told::Accepted,
            fate,
        }
    }

    fn object(key: &str, sha256: &str) -> Object {
        Object {
            key: key.to_owned(),
            identity: Identity::new("I", "m"),
            sha256: sha256.to_owned(),
            writes: 1,
            said: None,
        }
    }

    fn record(state: &str) -> Record {
        Record {
            identity: Identity::new("I", "m"),
            state: state.to_owned(),
            object_key: Some("acme/I/k".to_owned()),
            class: (state == "parked").then(|| "expired".to_owned()),
            said: Said::default(),
        }
    }

    fn parked(reason: Option<&str>) -> Parked {
        Parked {
            identity: Identity::new("I", "m"),
            class: Some("expired".to_owned()),
            reason: reason.map(str::to_owned),
        }
    }

    fn counts(fate: Fate, evidence: &Evidence) -> [usize; 4] {
        let account = Account::of(&[announced(fate)], evidence);
        [
            account.lost.len(),
            account.twice.len(),
            account.unexpected.len(),
            account.orphans.len(),
        ]
    }

    #[test]
    fn what_is_stored_once_and_recorded_is_in_order() {
        let evidence = Evidence {
            objects: vec![object("acme/I/k", "aa")],
            records: vec![record("stored")],
            ..Evidence::default()
        };
        assert_eq!(counts(Fate::Stored, &evidence), [0, 0, 0, 0]);
    }

    #[test]
    fn what_is_nowhere_is_lost() {
        assert_eq!(counts(Fate::Stored, &Evidence::default()), [1, 0, 0, 0]);
    }

    #[test]
    fn two_objects_and_an_overwritten_one_are_twice() {
        let mut evidence = Evidence {
            objects: vec![object("acme/I/k", "aa"), object("acme/I/l", "aa")],
            records: vec![record("stored")],
            ..Evidence::default()
        };
        assert_eq!(counts(Fate::Stored, &evidence), [0, 1, 0, 0]);
        evidence.objects = vec![Object {
            writes: 2,
            ..object("acme/I/k", "aa")
        }];
        assert_eq!(counts(Fate::Stored, &evidence), [0, 1, 0, 0]);
    }

    #[test]
    fn wrong_bytes_wrong_folders_and_records_that_contradict_are_unexpected() {
        let of = |objects: Vec<Object>, state: &str| Evidence {
            objects,
            records: vec![record(state)],
            ..Evidence::default()
        };
        let good = || vec![object("acme/I/k", "aa")];
        for evidence in [
            of(vec![object("acme/I/k", "bb")], "stored"),
            of(good(), "retrying"),
            of(good(), "parked"),
        ] {
            assert_eq!(
                counts(Fate::Stored, &evidence),
                [0, 0, 1, 0],
                "{evidence:?}"
            );
        }
        // The record names another key, too.
        let elsewhere = of(vec![object("other/I/k", "aa")], "stored");
        assert_eq!(counts(Fate::Stored, &elsewhere), [0, 0, 2, 0]);
        for state in ["stored", "retrying", "parked"] {
            let empty = of(Vec::new(), state);
            assert_eq!(counts(Fate::Either, &empty), [1, 0, 1, 0], "{state}");
        }
    }

    #[test]
    fn a_healthy_media_may_not_be_parked_and_none_without_a_reason() {
        let of = |reason| Evidence {
            parked: vec![parked(reason)],
            records: vec![record("parked")],
            ..Evidence::default()
        };
        assert_eq!(counts(Fate::Parked, &of(Some("gone"))), [0, 0, 0, 0]);
        assert_eq!(counts(Fate::Stored, &of(Some("gone"))), [0, 0, 1, 0]);
        assert_eq!(counts(Fate::Parked, &of(None)), [0, 0, 1, 0]);
    }

    #[test]
    fn a_parked_file_has_its_records_class_and_copies_are_counted() {
        let of = |parked: Vec<Parked>| Evidence {
            parked,
            records: vec![record("parked")],
            ..Evidence::default()
        };
        let twice = of(vec![parked(Some("gone")), parked(Some("gone"))]);
        let account = Account::of(&[announced(Fate::Parked)], &twice);
        assert_eq!((account.parked, account.parked_again), (1, 1));
        let other = Parked {
            class: Some("corrupt".to_owned()),
            ..parked(Some("gone"))
        };
        assert_eq!(counts(Fate::Parked, &of(vec![other])), [0, 0, 1, 0]);
    }

    #[test]
    fn what_a_rule_leaves_out_is_in_order_only_where_there_is_a_rule() {
        let evidence = Evidence {
            records: vec![record("skipped")],
            ..Evidence::default()
        };
        assert_eq!(counts(Fate::Skipped, &evidence), [0, 0, 0, 0]);
        assert_eq!(counts(Fate::Stored, &evidence), [0, 0, 1, 0]);
        assert_eq!(counts(Fate::Skipped, &Evidence::default()), [1, 0, 1, 0]);
    }

    #[test]
    fn what_nobody_announced_is_unexpected_and_an_open_upload_an_orphan() {
        let evidence = Evidence {
            queued: vec![Identity::new("I", "m"), Identity::new("I", "other")],
            uploads: vec!["acme/I/k".to_owned()],
            ..Evidence::default()
        };
        assert_eq!(counts(Fate::Stored, &evidence), [0, 0, 1, 1]);
    }

    #[test]
    fn media_of_one_message_id_are_told_apart_by_chat_and_bytes() {
        let of = |chat: &str, sha256: &str| Announced {
            identity: Identity::new("I", "m").holding(chat, sha256),
            sha256: sha256.to_owned(),
            ..announced(Fate::Stored)
        };
        let all = [of("1", "aa"), of("1", "bb"), of("2@g.us", "aa")];
        let object = |chat: &str, sha256: &str| Object {
            identity: Identity::new("I", "m").holding(chat, sha256),
            ..object(&format!("acme/I/{chat}/{sha256}"), sha256)
        };
        let record = |chat: &str, sha256: &str| Record {
            identity: Identity::new("I", "m").holding(chat, sha256),
            object_key: Some(format!("acme/I/{chat}/{sha256}")),
            ..record("stored")
        };
        let places = [("1", "aa"), ("1", "bb"), ("group-2", "aa")];
        let evidence = Evidence {
            objects: places.map(|(chat, sha256)| object(chat, sha256)).to_vec(),
            records: places.map(|(chat, sha256)| record(chat, sha256)).to_vec(),
            ..Evidence::default()
        };
        assert!(Account::of(&all, &evidence).is_clean());
        for n in 0..3 {
            let mut short = evidence.clone();
            short.objects.remove(n);
            let account = Account::of(&all, &short);
            assert_eq!((account.lost.len(), account.stored), (1, 2), "{account}");
        }
    }

    #[test]
    fn a_record_that_says_other_bytes_than_are_there_is_found_out() {
        let is = Said {
            size_bytes: Some(3),
            sha256: Some("aa".to_owned()),
            integrity: Some("sha256".to_owned()),
            strategy: Some("wapi".to_owned()),
        };
        let text = |text: &str| Some(text.to_owned());
        for said in [
            Said {
                size_bytes: Some(4),
                ..is.clone()
            },
            Said {
                sha256: text("bb"),
                ..is.clone()
            },
            Said {
                integrity: text("mac-only"),
                ..is.clone()
            },
            Said {
                strategy: text("cdn"),
                ..is.clone()
            },
        ] {
            let of = |said: &Said| Evidence {
                objects: vec![Object {
                    said: Some(is.clone()),
                    ..object("acme/I/k", "aa")
                }],
                records: vec![Record {
                    said: said.clone(),
                    ..record("stored")
                }],
                ..Evidence::default()
            };
            assert_eq!(counts(Fate::Stored, &of(&is)), [0, 0, 0, 0]);
            assert_eq!(counts(Fate::Stored, &of(&said)), [0, 0, 1, 0], "{said:?}");
        }
    }
}
