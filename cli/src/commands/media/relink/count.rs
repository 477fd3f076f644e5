//! The counts of a relink, and the sentences about them.

use serde::Serialize;

/// What became of one media file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MoveResult {
    /// It is in the folder of the phone number, and nowhere else.
    Moved,
    /// It has a retention, which S3 would count anew for a copy.
    Retained,
    /// A hold covers it.
    Held,
    /// An order to erase covers it: the erasure removes it.
    Ordered,
    /// Its record is under a lease, or changed meanwhile.
    Busy,
    /// Its record names another person's number or LID.
    Doubtful,
    /// The bucket has no such file.
    Absent,
    /// Its bytes are not as recorded, or the record does not say them.
    Changed,
    /// Under the new key there is a file that is not proven to be the same.
    Occupied,
    /// S3 refuses to read it, or to delete the old one.
    Refused,
}

/// How many media files were moved, and how many were left and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct RelinkCount {
    moved: u64,
    retained: u64,
    held: u64,
    ordered: u64,
    busy: u64,
    doubtful: u64,
    absent: u64,
    changed: u64,
    occupied: u64,
    refused: u64,
    /// LIDs that belong to several numbers, or to one that has several LIDs.
    pub(super) unclear: u64,
}

impl RelinkCount {
    /// Nothing but LIDs of which it cannot be told whose they are.
    pub(super) fn of_unclear(unclear: u64) -> Self {
        Self { unclear, ..Self::default() }
    }

    pub(super) fn add(&mut self, result: MoveResult) {
        let count = match result {
            MoveResult::Moved => &mut self.moved,
            MoveResult::Retained => &mut self.retained,
            MoveResult::Held => &mut self.held,
            MoveResult::Ordered => &mut self.ordered,
            MoveResult::Busy => &mut self.busy,
            MoveResult::Doubtful => &mut self.doubtful,
            MoveResult::Absent => &mut self.absent,
            MoveResult::Changed => &mut self.changed,
            MoveResult::Occupied => &mut self.occupied,
            MoveResult::Refused => &mut self.refused,
        };
        *count += 1;
    }

    /// Whether nothing was left that a person has to look at.
    pub(super) fn is_whole(&self) -> bool {
        let left = [self.held, self.ordered, self.busy, self.doubtful, self.absent];
        let left = left.into_iter().chain([self.changed, self.occupied, self.refused]);
        left.sum::<u64>() == 0
    }

    pub(super) fn describe(&self) -> String {
        format!("Moved {} media files.{}", self.moved, self.describe_left())
    }

    /// A sentence for each reason for which something was left.
    pub(super) fn describe_left(&self) -> String {
        let reasons = [
            (
                self.retained,
                "files have a retention, which S3 would count anew: they stay where \
              they are, and end in time",
            ),
            (self.held, "files are held"),
            (self.ordered, "files are being erased"),
            (self.busy, "files are in use by another command: run this again in 15 minutes"),
            (self.doubtful, "files belong to a record that names another number or LID"),
            (self.absent, "files are recorded as stored, but the bucket has no such file"),
            (self.changed, "files are NOT as recorded: their bytes or their record changed"),
            (self.occupied, "files have another file under their new key"),
            (
                self.refused,
                "files cannot be read or deleted: a malware scan closes them, or you \
              have no right to: run this again later",
            ),
            (
                self.unclear,
                "LIDs were seen with several phone numbers, or their number with \
              several LIDs: nothing of theirs was moved",
            ),
        ];
        let told = reasons.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, why)| format!("\n{count} {why}.")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{MoveResult, RelinkCount};

    /// A retention is no fault; what a person has to look at is.
    #[test]
    fn what_was_left_is_said_and_counts() {
        let mut count = RelinkCount::default();
        count.add(MoveResult::Moved);
        count.add(MoveResult::Retained);
        assert!(count.is_whole(), "{count:?}");
        let said = count.describe();
        assert!(said.starts_with("Moved 1 media files.\n1 files have a retention"), "{said}");
        count.add(MoveResult::Held);
        assert!(!count.is_whole() && count.describe().contains("1 files are held"), "{count:?}");
    }
}
