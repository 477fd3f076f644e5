//! Records that could not be parsed in full. A command skips what it cannot parse, finishes its
//! work, and then lists them.

use operator::records::MediaRecord;

use crate::{exit::Exit, screen};

/// How many records are named. Of the others only the number is printed.
const MAX_NAMED: usize = 20;

/// The states that this version writes.
const STATES: [&str; 5] = ["stored", "retrying", "parked", "skipped", MediaRecord::ERASED];

/// The records found so far that could not be parsed in full.
#[derive(Debug, Default)]
pub(crate) struct OddRecords {
    count: u64,
    named: Vec<String>,
}

impl OddRecords {
    /// Notes the record if it has an unknown attribute or an unknown state.
    pub(crate) fn inspect_record(&mut self, record: &MediaRecord) {
        let mut odd = record.not_understood.clone();
        if !record.state.is_empty() && !STATES.contains(&record.state.as_str()) {
            odd.push(format!("state {}", record.state));
        }
        if !odd.is_empty() {
            let (instance, key) = (&record.instance, &record.key);
            self.add_note(format!("{instance} {key}: {}", odd.join(", ")));
        }
    }

    /// Notes something else that cannot be parsed. `what` names the item and the attribute.
    pub(crate) fn add_note(&mut self, what: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(what);
        }
    }

    /// Inspects every record, and returns them unchanged.
    pub(crate) fn inspect_all(&mut self, records: Vec<MediaRecord>) -> Vec<MediaRecord> {
        records.iter().for_each(|record| self.inspect_record(record));
        records
    }

    /// How many were noted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The first note.
    pub(crate) fn first(&self) -> Option<&str> {
        self.named.first().map(String::as_str)
    }

    /// The sentence that lists the notes; `None` without any.
    pub(crate) fn to_sentence(&self) -> Option<String> {
        let count = self.count;
        let more = count.saturating_sub(self.named.len() as u64);
        let mut lines = self.named.clone();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        (count > 0).then(|| {
            format!("{count} records could not be parsed in full:\n  {}", lines.join("\n  "))
        })
    }

    /// Prints the notes, if any, to standard error, and returns the exit code of a command that did
    /// its work. Standard output stays parseable.
    pub(crate) fn print_notes(&self) -> Exit {
        match self.to_sentence() {
            None => Exit::Ok,
            Some(told) => {
                screen::print_error(&told);
                Exit::Findings
            }
        }
    }
}
