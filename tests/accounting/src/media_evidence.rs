//! All evidence about one media file, and the checks of it.

use std::collections::BTreeMap;

use crate::{
    announced::{AnnouncedMedia, Fate},
    evidence::{Evidence, JobEntry, Object, ParkedTicket, Record},
    identity::Identity,
};

/// The evidence by identity.
pub(crate) struct EvidenceIndex<'a>(BTreeMap<&'a Identity, MediaEvidence<'a>>);

/// The evidence about one media file.
#[derive(Clone, Default)]
pub(crate) struct MediaEvidence<'a> {
    pub(crate) objects: Vec<&'a Object>,
    pub(crate) parked: Vec<&'a ParkedTicket>,
    pub(crate) queued: bool,
    dropped: bool,
    record: Option<&'a Record>,
    entry: Option<&'a JobEntry>,
    body: Option<&'a JobEntry>,
}

impl<'a> EvidenceIndex<'a> {
    pub(crate) fn new(evidence: &'a Evidence) -> Self {
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
        for dropped in &evidence.dropped {
            all.entry(dropped).or_default().dropped = true;
        }
        for entry in &evidence.entries {
            all.entry(&entry.identity).or_default().entry = Some(entry);
        }
        for body in &evidence.bodies {
            all.entry(&body.identity).or_default().body = Some(body);
        }
        for record in &evidence.records {
            all.entry(&record.identity).or_default().record = Some(record);
        }
        Self(all)
    }

    pub(crate) fn find_evidence(&self, identity: &Identity) -> MediaEvidence<'a> {
        self.0.get(identity).cloned().unwrap_or_default()
    }

    pub(crate) fn identities(&self) -> impl Iterator<Item = &'a Identity> {
        self.0.keys().copied()
    }
}

impl MediaEvidence<'_> {
    pub(crate) fn is_nowhere(&self) -> bool {
        let is_in_work = self.queued || self.entry.is_some() || self.body.is_some();
        let has_ended = self.dropped || self.is_skipped();
        self.objects.is_empty() && !self.is_parked() && !is_in_work && !has_ended
    }

    /// Whether an operator finds the job parked: in the jobs table, or in the parked queue.
    pub(crate) fn is_parked(&self) -> bool {
        let is_parked = |entry: Option<&JobEntry>| entry.is_some_and(|it| it.state == "parked");
        !self.parked.is_empty() || is_parked(self.entry) || is_parked(self.body)
    }

    pub(crate) fn is_skipped(&self) -> bool {
        self.record.is_some_and(|record| record.state == "skipped")
    }

    pub(crate) fn check_objects(&self, one: &AnnouncedMedia) -> Vec<String> {
        let tenants = || std::iter::once(&one.tenant).chain(&one.other_tenant);
        let folders = || tenants().map(|tenant| format!("{tenant}/{}/", one.identity.instance));
        let mut complaints = Vec::new();
        for object in &self.objects {
            if !folders().any(|folder| object.key.starts_with(&folder)) {
                let folders: Vec<_> = folders().collect();
                complaints.push(format!("{} is not under {}", object.key, folders.join(" or ")));
            }
            if object.sha256 != one.sha256 {
                complaints.push(format!("{} differs from the bytes that were sent", object.key));
            }
        }
        let may_be_stored = matches!(one.fate, Fate::Stored | Fate::Either);
        if !may_be_stored && !self.objects.is_empty() {
            let why = "no source has it, a rule skips it, or it was erased";
            complaints.push(format!("stored although {why}"));
        }
        complaints
    }

    pub(crate) fn check_parked(&self, one: &AnnouncedMedia) -> Vec<String> {
        let mut complaints = Vec::new();
        if one.fate == Fate::Stored
            && let Some(entry) = self.entry.filter(|entry| entry.state == "parked")
        {
            let reason = entry.reason.as_deref().unwrap_or("no reason");
            complaints.push(format!("an entry is parked although a source has it: {reason}"));
        }
        for parked in &self.parked {
            if one.fate == Fate::Stored {
                let reason = parked.reason.as_deref().unwrap_or("no reason");
                complaints.push(format!("parked although a source has it: {reason}"));
            }
            // What SQS parks has no ticket; an operator finds the reason in its entry.
            let has_reason = parked.class.is_some()
                && parked.reason.as_deref().is_some_and(|reason| !reason.is_empty());
            if !has_reason && self.body.is_none() {
                complaints.push("parked without a class or a reason".to_owned());
            }
        }
        complaints
    }

    pub(crate) fn check_rules(&self, one: &AnnouncedMedia) -> Option<String> {
        match one.fate {
            Fate::Stored | Fate::Parked if self.is_skipped() => {
                Some("skipped without a rule".to_owned())
            }
            Fate::Skipped if !self.is_skipped() && !self.queued => Some("not skipped".to_owned()),
            Fate::Stored | Fate::Parked | Fate::Skipped | Fate::Erased | Fate::Either => None,
        }
    }

    /// Checks that nothing is left of a media file that was ordered to be erased. Its objects are
    /// checked with the others.
    pub(crate) fn check_erased(&self, one: &AnnouncedMedia) -> Option<String> {
        let is_mark = self.record.is_some_and(|record| record.state == "erased");
        match one.fate {
            Fate::Either => return None,
            Fate::Stored | Fate::Parked | Fate::Skipped => {
                return is_mark.then(|| "erased without an order".to_owned());
            }
            Fate::Erased => {}
        }
        let is_entry_left = self.entry.is_some() || self.body.is_some();
        if !self.parked.is_empty() || is_entry_left || self.queued {
            return Some("its job is left although it was to be erased".to_owned());
        }
        let is_record_left = self.record.is_some() && !is_mark;
        is_record_left.then(|| "its record is left although it was to be erased".to_owned())
    }

    /// Checks that the record and the object agree about the bytes.
    fn check_bytes(&self, record: &Record) -> Option<String> {
        let is_named = |object: &&&Object| Some(&object.key) == record.object_key.as_ref();
        let object = self.objects.iter().find(is_named)?;
        let contradictions = record.facts.list_contradictions(object.facts.as_ref()?);
        let is_said = !contradictions.is_empty();
        is_said.then(|| format!("the record contradicts the object: {}", contradictions.join(", ")))
    }

    /// Checks the job entry: it is there while the job is not settled, says what the record says,
    /// and is gone with it.
    pub(crate) fn check_entry(&self) -> Option<String> {
        let record_state = self.record.map(|record| record.state.as_str());
        let Some(entry) = self.entry else {
            let is_unsettled = record_state == Some("parked") && self.objects.is_empty();
            return is_unsettled.then(|| "the record says parked, without an entry".to_owned());
        };
        if !self.objects.is_empty() && !self.queued {
            return Some(format!("stored, and the entry says {}", entry.state));
        }
        if entry.class.is_none() || entry.reason.as_deref().is_none_or(str::is_empty) {
            return Some("an entry without a class or a reason".to_owned());
        }
        let is_same = record_state == Some(entry.state.as_str());
        (!is_same).then(|| format!("the record says {record_state:?}, the entry {}", entry.state))
    }

    /// Checks what the jobs table keeps of a message that has no record: the parked queue's copy is
    /// never the only one, and what is kept says why.
    pub(crate) fn check_body(&self, identity: &Identity) -> Option<String> {
        let has_no_record = identity.message_id.starts_with("unread ") || identity.instance == "-";
        match self.body {
            Some(body)
                if body.class.is_none() || body.reason.as_deref().is_none_or(str::is_empty) =>
            {
                Some("kept without a class or a reason".to_owned())
            }
            None if has_no_record && !self.parked.is_empty() => {
                Some("only the parked queue has it".to_owned())
            }
            Some(_) | None => None,
        }
    }

    /// Checks that the record has the class of the parked message, if there is one.
    fn check_class(&self, record: &Record) -> Option<String> {
        if self.parked.is_empty() {
            return None;
        }
        let is_same = |parked: &&ParkedTicket| parked.class == record.class;
        let classes = || self.parked.iter().map(|one| one.class.as_deref().unwrap_or("none"));
        (!self.parked.iter().any(is_same)).then(|| {
            let classes: Vec<_> = classes().collect();
            let class = record.class.as_deref().unwrap_or("none");
            format!("the record says {class}, the parked message {}", classes.join(", "))
        })
    }

    /// Checks that the record's state is true. While a job waits, its record may lag behind.
    pub(crate) fn check_record(&self) -> Option<String> {
        let is_stored = !self.objects.is_empty();
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
            "parked" => self.check_class(record),
            "skipped" | "erased" => None,
            other if !self.queued => Some(format!("the record says {other}, nothing is queued")),
            _ => None,
        }
    }
}
