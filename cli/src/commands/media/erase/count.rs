//! The counts of what is erased, before and after, and the sentences about them.

use std::collections::HashMap;

use indicatif::DecimalBytes;
use media::ids::TenantId;
use operator::erase::FilesCount;
use serde::Serialize;

use super::scope::EraseScope;
use crate::person::describe_folders;

/// How much there is of what is erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct EraseCount {
    #[serde(flatten)]
    pub(super) files: FilesCount,
    pub(super) records: u64,
    /// Records, among these, whose media file is being fetched at the moment.
    pub(super) busy: u64,
    pub(super) parked_jobs: u64,
    /// Jobs in the jobs table: they are tried again, or parked.
    pub(super) entries: u64,
    /// Parked unread webhooks that contain the phone number or the message id, in the jobs table;
    /// and those that are only in the parked queue.
    pub(super) unread_bodies: u64,
    /// Webhooks and media events that rest for a receiver, and the bodies of large ones.
    pub(super) deliveries: u64,
    /// Captions and file names whose record was erased without them.
    pub(super) texts: u64,
    /// Links whose file's record was erased without them.
    pub(super) links: u64,
    /// Days of counts: only of everything.
    pub(super) counters: u64,
    /// Parked unread webhooks that contain it and that a hold keeps, because they may contain what
    /// is held as well.
    pub(super) held_bodies: u64,
    /// Parked unread webhooks that cannot be searched, for example compressed ones.
    pub(super) unclear_bodies: u64,
    /// Webhooks on their way to receivers that cannot be searched, for example compressed ones.
    pub(super) unclear_deliveries: u64,
    /// Parked messages of a kind that this version does not know, so their owner is unknown.
    pub(super) unknown_messages: u64,
}

impl EraseCount {
    /// Adds what another pass removed.
    pub(super) fn add(&mut self, other: &Self) {
        self.files.add(other.files);
        self.records += other.records;
        self.parked_jobs += other.parked_jobs;
        self.entries += other.entries;
        self.unread_bodies += other.unread_bodies;
        self.deliveries += other.deliveries;
        self.texts += other.texts;
        self.links += other.links;
        self.counters += other.counters;
    }

    /// What two searches found: of each sort, as many as the one that found more.
    pub(super) fn or_more(mut self, other: &Self) -> Self {
        let (files, its) = (&mut self.files, &other.files);
        files.versions = files.versions.max(its.versions);
        files.bytes = files.bytes.max(its.bytes);
        files.delete_markers = files.delete_markers.max(its.delete_markers);
        files.uploads = files.uploads.max(its.uploads);
        self.records = self.records.max(other.records);
        self.entries = self.entries.max(other.entries);
        self.deliveries = self.deliveries.max(other.deliveries);
        self.unclear_deliveries = self.unclear_deliveries.max(other.unclear_deliveries);
        self.texts = self.texts.max(other.texts);
        self.links = self.links.max(other.links);
        self.counters = self.counters.max(other.counters);
        self
    }

    /// Whether nothing is there but counts, which are of no person: the next run makes new ones.
    pub(super) fn is_nothing(&self) -> bool {
        let jobs = self.parked_jobs + self.entries;
        let counts = [self.records, jobs, self.unread_bodies, self.deliveries];
        let others = self.texts + self.links;
        self.files.is_empty() && counts.iter().sum::<u64>() + others == 0
    }

    /// Whether something is parked, or on its way to a receiver, that contains or may contain what
    /// is erased.
    pub(super) fn is_doubtful(&self) -> bool {
        let unclear = self.unclear_bodies + self.unclear_deliveries;
        self.held_bodies + unclear + self.unknown_messages > 0
    }

    pub(super) fn describe_counts(&self) -> String {
        let FilesCount { versions, bytes, delete_markers, uploads, .. } = self.files;
        let mut text = format!(
            "{versions} versions of files ({}), {delete_markers} delete markers, \
             {uploads} unfinished uploads, {} records, {} jobs in the jobs table, {} parked jobs, \
             {} unread webhooks",
            DecimalBytes(bytes),
            self.records,
            self.entries,
            self.parked_jobs,
            self.unread_bodies
        );
        for (count, what) in [
            (self.deliveries, "webhooks and events on their way to receivers"),
            (self.texts, "captions without a record"),
            (self.links, "links without a record"),
            (self.counters, "days of counts"),
        ] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        text
    }

    pub(super) fn to_audit_counts(self) -> HashMap<String, u64> {
        [
            ("versions", self.files.versions),
            ("bytes", self.files.bytes),
            ("delete_markers", self.files.delete_markers),
            ("uploads", self.files.uploads),
            ("records", self.records),
            ("entries", self.entries),
            ("parked_jobs", self.parked_jobs),
            ("unread_bodies", self.unread_bodies),
            ("deliveries", self.deliveries),
            ("texts", self.texts),
            ("links", self.links),
            ("counters", self.counters),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
    }
}

/// What was removed, and what a second search found.
pub(super) struct EraseResult {
    pub(super) removed: EraseCount,
    pub(super) left: EraseCount,
    /// Parked jobs that another command uses.
    pub(super) hidden: u64,
    /// Whether nothing is left, as the audit table says.
    pub(super) is_proven: bool,
}

impl EraseResult {
    /// The sentences about what was removed, what is left, and what the order does from now on.
    pub(super) fn describe(&self, order: &str, scope: &EraseScope) -> String {
        let mut lines = vec![
            format!("Removed: {}.", self.removed.describe_counts()),
            format!(
                "Order {order}: what was announced until now is not stored, although a queue or \
                 W-API's log still has it. \
                 To search again: wapi-media media verify {order} --tenant {}",
                scope.tenant
            ),
        ];
        lines.push(self.describe_proof());
        let unread = match scope.is_all() {
            true => "",
            false => {
                "unread webhooks that still wait in the jobs queue (minutes; then they end, if they \
                 name it in clear), "
            }
        };
        lines.push(format!(
            "Not erased: webhooks that a receiver has, or gets within the next minute (its \
             application must erase them), {unread}W-API's own log (30 days), DynamoDB's backups (35 days)."
        ));
        if scope.is_all() {
            lines.push(
                "The registrations of instances and tenants stay: remove them yourself.".to_owned(),
            );
        }
        lines.join("\n")
    }

    /// The sentences about what is left. Only a proof says that nothing is.
    pub(super) fn describe_proof(&self) -> String {
        let Self { removed, left, hidden, is_proven } = self;
        let mut lines = Vec::new();
        if *is_proven {
            lines.push("Proof: a second search found nothing.".to_owned());
        } else if !left.is_nothing() || removed.files.failed > 0 {
            lines.push(format!("Left: {}. Run media erase again.", left.describe_counts()));
        }
        if left.busy > 0 {
            lines.push(format!(
                "{} media files are being fetched at the moment, and will not be stored: \
                 run media verify in eleven minutes.",
                left.busy
            ));
        }
        if *hidden > 0 {
            lines.push(format!(
                "{hidden} parked jobs are in use by another command: \
                 run media verify in five minutes."
            ));
        }
        lines.join("\n")
    }
}

impl EraseScope {
    /// The sentences about the folders that were searched, which nobody can look up afterwards, and
    /// about so many pairs that are in instances of other tenants by now.
    pub(super) fn describe_names(&self, of_others: usize) -> String {
        let mut text = match self.chats.is_empty() {
            true => String::new(),
            false => describe_folders(&self.chats),
        };
        if of_others > 0 {
            text += &format!(
                "\nNot this tenant's any more: {of_others} pairs of LID and phone number, or \
                 numbers without a LID, in instances that moved to another tenant. If the person \
                 is that tenant's, too, erase there as well."
            );
        }
        text
    }
}

/// A sentence about what is in folders whose owner cannot be told; empty if there is nothing.
pub(super) fn describe_undecided(count: u64) -> String {
    match count {
        0 => String::new(),
        count => format!(
            "\n{count} files and records are in their folders: whether they are this person's is not \
             decided, so nothing is proven."
        ),
    }
}

/// The sentences about parked messages of a tenant that may contain what is erased. `owner` is the
/// option that selects them, such as `--tenant acme`.
pub(super) fn describe_unclear(tenant: &TenantId, owner: &str, found: &EraseCount) -> String {
    let mut text = String::new();
    if found.held_bodies > 0 {
        text += &format!(
            "\n{} parked webhooks that could not be read contain it and stay, because they may \
             contain what a hold keeps. See: `wapi-media hold list --tenant {tenant}`.",
            found.held_bodies
        );
    }
    if found.unclear_bodies > 0 {
        text += &format!(
            "\n{} parked webhooks could not be searched, for example because they are compressed: \
             what is erased may be in them. To drop all webhooks that could not be read: \
             `wapi-media parked drop {owner} --class unread`.",
            found.unclear_bodies
        );
    }
    if found.unclear_deliveries > 0 {
        text += &format!(
            "\n{} webhooks that wait for receivers could not be searched, for example because they \
             are compressed: what is erased may be in them. They end within six days: then run \
             media verify.",
            found.unclear_deliveries
        );
    }
    if found.unknown_messages > 0 {
        text += &format!(
            "\n{} parked messages are of a kind that this version does not know: what is erased \
             may be in them. See: `wapi-media parked list --class poison`.",
            found.unknown_messages
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use media::ids::TenantId;

    use super::{EraseCount, EraseResult, describe_unclear};

    #[test]
    fn proof_is_printed_only_if_given() {
        let nothing = EraseCount::default();
        let result =
            |is_proven| EraseResult { removed: nothing, left: nothing, hidden: 0, is_proven };
        assert!(result(true).describe_proof().contains("Proof"));
        let said = result(false).describe_proof();
        assert!(!said.contains("Proof") && !said.contains("Left"), "{said}");
    }

    #[test]
    fn unsearchable_webhooks_are_named_with_a_command() {
        let (mut found, tenant) = (EraseCount::default(), TenantId::parse("acme").expect("an id"));
        let describe_unclear = |owner, found: &_| describe_unclear(&tenant, owner, found);
        assert_eq!(describe_unclear("--tenant acme", &found), "");
        found.unclear_bodies = 3;
        let told = describe_unclear("--tenant acme", &found);
        assert!(told.contains("3 parked webhooks") && found.is_doubtful(), "{told}");
        let drop = "wapi-media parked drop --tenant acme --class unread";
        assert!(told.contains(drop), "{told}");
        assert!(found.is_nothing() && found.to_audit_counts()["unread_bodies"] == 0);
        found.unknown_messages = 2;
        let told = describe_unclear("--tenant acme", &found);
        assert!(told.contains("2 parked messages"), "{told}");
        found.held_bodies = 1;
        let told = describe_unclear("--instance LITE-AAAAAA-BBBBBB", &found);
        assert!(told.contains("wapi-media hold list --tenant acme"), "{told}");
        found.unread_bodies = 1;
        assert!(!found.is_nothing() && found.describe_counts().contains("1 unread webhooks"));
    }
}
