//! The account of a run: how many media files ended where, and every complaint.

use std::{collections::BTreeSet, fmt};

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::{Deserialize, Serialize};

use crate::{
    announced::{AnnouncedMedia, Fate, SenderAnswer},
    evidence::{Evidence, Object},
    identity::Identity,
    media_evidence::EvidenceIndex,
};

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
            let complaint = format!("{identity} ({}): was never announced", identity.content);
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
        self.parked += usize::from(here.is_parked());
        self.skipped += usize::from(here.is_skipped());
        self.queued += usize::from(here.queued);
        self.parked_again += here.parked.len().saturating_sub(1);
        let id = &one.identity;
        let may_be_nowhere = one.fate == Fate::Erased || one.told != SenderAnswer::Accepted;
        if !may_be_nowhere && here.is_nowhere() {
            let what = &id.content;
            self.lost.push(format!("{id} ({what}): accepted, and found nowhere"));
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
            .chain(here.check_erased(one))
            .chain(here.check_record())
            .chain(here.check_entry())
            .chain(here.check_body(&one.identity));
        self.unexpected.extend(complaints.map(|complaint| format!("{id}: {complaint}")));
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
    evidence.entries.iter_mut().for_each(|one| resolve(&mut one.identity));
    evidence.bodies.iter_mut().for_each(|one| resolve(&mut one.identity));
    evidence.queued.iter_mut().for_each(&mut resolve);
    evidence.dropped.iter_mut().for_each(resolve);
    evidence
}
