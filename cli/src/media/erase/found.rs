//! How much of what is erased there is, was and remains, and how a person is told.

use std::collections::HashMap;

use indicatif::DecimalBytes;
use operator::erase::FilesCount;
use serde::Serialize;

/// How much of what is meant there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct EraseCount {
    #[serde(flatten)]
    pub(super) files: FilesCount,
    pub(super) records: u64,
    /// Records that a run holds at this moment, among the records.
    pub(super) busy: u64,
    pub(super) parked_jobs: u64,
    /// Parked webhooks that could not be read and have the number or id in them.
    pub(super) unread_bodies: u64,
    /// Such of which nobody can say what is in them.
    pub(super) unclear_bodies: u64,
    /// Marks that keep queued jobs from bringing a media message back.
    pub(super) marks: u64,
}

impl EraseCount {
    pub(super) fn is_nothing(&self) -> bool {
        self.files.is_empty() && self.records + self.parked_jobs + self.unread_bodies == 0
    }

    pub(super) fn words(&self) -> String {
        let FilesCount { versions, bytes, delete_markers, uploads, .. } = self.files;
        format!(
            "{versions} versions of files ({}), {delete_markers} delete markers, {uploads} unfinished uploads, \
             {} records, {} parked jobs, {} unread webhooks",
            DecimalBytes(bytes),
            self.records,
            self.parked_jobs,
            self.unread_bodies
        )
    }

    pub(super) fn counts(&self) -> HashMap<String, u64> {
        [
            ("versions", self.files.versions),
            ("bytes", self.files.bytes),
            ("delete_markers", self.files.delete_markers),
            ("uploads", self.files.uploads),
            ("records", self.records),
            ("parked_jobs", self.parked_jobs),
            ("unread_bodies", self.unread_bodies),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
    }
}

/// What was removed, and what is left, in sentences.
pub(super) fn told(removed: &EraseCount, left: &EraseCount, hidden: u64) -> String {
    let mut lines = vec![format!("Removed: {}.", removed.words())];
    if removed.marks > 0 {
        lines.push(format!(
            "{} of them had a job in the queue: a mark that names only instance and message id keeps it from coming back, for 22 days.",
            removed.marks
        ));
    }
    if left.is_nothing() && hidden == 0 && removed.files.failed == 0 {
        lines.push("Proof: looked for again, nothing is left.".to_owned());
    } else {
        lines.push(format!("Left: {}. Run the same command again.", left.words()));
    }
    if left.busy > 0 {
        lines.push(format!(
            "{} media are being fetched at this moment: run it again in eleven minutes.",
            left.busy
        ));
    }
    if hidden > 0 {
        lines.push(format!(
            "{hidden} parked jobs are being looked at by someone else: run it again in five minutes."
        ));
    }
    lines.push(
        "Not reached from here: W-API's own log (30 days), DynamoDB's backups (35 days)."
            .to_owned(),
    );
    lines.join("\n")
}

/// What remains that may be of it, and what a person can do about it. `owner` is an option of the
/// command.
pub(super) fn told_unclear(owner: &str, found: &EraseCount) -> String {
    if found.unclear_bodies == 0 {
        return String::new();
    }
    format!(
        "\n{} webhooks that could not be read are parked, and nobody can tell whether it is in \
         them. To drop all that could not be read: \
         `wapi-media parked drop {owner} --class unread`.",
        found.unclear_bodies
    )
}

#[cfg(test)]
mod tests {
    use super::{EraseCount, told_unclear};

    #[test]
    fn what_nobody_can_search_is_told_with_the_command_that_drops_it() {
        let mut found = EraseCount::default();
        assert_eq!(told_unclear("--tenant acme", &found), "");
        found.unclear_bodies = 3;
        let told = told_unclear("--tenant acme", &found);
        assert!(told.contains("3 webhooks"), "{told}");
        let drop = "wapi-media parked drop --tenant acme --class unread";
        assert!(told.contains(drop), "{told}");
        assert!(found.is_nothing() && found.counts()["unread_bodies"] == 0);
        found.unread_bodies = 1;
        assert!(!found.is_nothing() && found.words().contains("1 unread webhooks"));
    }
}
