//! Records that were not understood in full: a command goes on past them, and says so at its end.

use operator::records::MediaRecord;

use crate::{exit::Exit, screen};

/// Records that are named; of the others only the number is told.
const MAX_NAMED: usize = 20;

/// The states that this version writes.
const STATES: [&str; 5] = ["stored", "retrying", "parked", "skipped", MediaRecord::ERASED];

/// Those that were met so far.
#[derive(Debug, Default)]
pub(crate) struct OddRecords {
    count: u64,
    named: Vec<String>,
}

impl OddRecords {
    /// Looks at a record that a command uses.
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

    /// Takes note of something else that is not understood: what it is, and of what.
    pub(crate) fn add_note(&mut self, what: String) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(what);
        }
    }

    /// The same records as they come, each looked at.
    pub(crate) fn inspect_all(&mut self, records: Vec<MediaRecord>) -> Vec<MediaRecord> {
        records.iter().for_each(|record| self.inspect_record(record));
        records
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The first of them, and what is odd about it.
    pub(crate) fn first(&self) -> Option<&str> {
        self.named.first().map(String::as_str)
    }

    /// The sentence about them; nothing if there are none.
    pub(crate) fn to_sentence(&self) -> Option<String> {
        let count = self.count;
        let more = count.saturating_sub(self.named.len() as u64);
        let mut lines = self.named.clone();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        (count > 0).then(|| {
            format!("{count} records were not understood in full:\n  {}", lines.join("\n  "))
        })
    }

    /// How a command that did its work ends: with this told, where nothing that reads its output
    /// is disturbed.
    pub(crate) fn print_and_exit(&self) -> Exit {
        match self.to_sentence() {
            None => Exit::Ok,
            Some(told) => {
                eprintln!("{}", screen::replace_control(&told));
                Exit::Findings
            }
        }
    }
}
