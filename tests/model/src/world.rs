//! The state of the model: one media message, its copies in the queues, and who works on it.

use std::fmt;

use crate::queue::{JobMessage, Messages, ParkedMessage};

/// What the record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    /// There is no record.
    Absent,
    Retrying,
    Parked,
    Stored,
    Skipped,
    /// The mark of an erased media message.
    Erased,
}

impl State {
    /// Whether nothing remains to be fetched.
    pub(crate) fn is_settled(self) -> bool {
        matches!(self, Self::Stored | Self::Skipped | Self::Erased)
    }
}

/// Who holds a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// The run in one of the two slots.
    Run(usize),
    /// A run that crashed or gave up. No write is made under its lease any more.
    Dead,
}

/// The lease in the record. A lease of a dead run that has ended is no lease at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    pub(crate) owner: Owner,
    /// Its time is over, but its run may still be alive: a frozen process, a wrong clock.
    pub(crate) has_ended: bool,
}

/// The item in the media table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) state: State,
    pub(crate) lease: Option<Lease>,
    /// A job entry was made for it at some time.
    pub(crate) has_entry: bool,
}

/// Where the job of a `retrying` entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// It waits in the ledger, and the watch function sends it.
    Ledger,
    /// It was sent to the jobs queue; `due_at` is a guard against its loss there.
    Queue,
}

/// The item in the jobs table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Entry {
    Absent,
    Retrying {
        place: Place,
        /// Whether its `due_at` has passed.
        is_due: bool,
    },
    Parked,
}

impl Entry {
    /// Due at once, in the ledger.
    pub(crate) const DUE: Self = Self::Retrying { place: Place::Ledger, is_due: true };
    /// Waits in the ledger.
    pub(crate) const WAITING: Self = Self::Retrying { place: Place::Ledger, is_due: false };
    /// Sent to the queue, under a guard.
    pub(crate) const SENT: Self = Self::Retrying { place: Place::Queue, is_due: false };
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// It has claimed the record and fetches.
    Claimed,
    /// It has written its intent, and commits.
    Intending,
    /// The object is in the bucket; the record is to be written.
    Committed,
    /// The record says `parked`; the message is to be sent to the parked queue.
    Parking,
    /// The parked queue did not take the message; the record is to be set back.
    NotParked,
    /// The parked queue has the message; the lease is to be released.
    ParkSent,
    /// The claim was refused because nothing remains to be fetched; the entry is to be deleted.
    Refused,
    /// All is written; the message is to be acknowledged.
    Recorded,
    /// Only in a broken protocol: the message is acknowledged, the record and entry are not
    /// written.
    Acknowledged,
    /// Only in a broken protocol: the record says `stored`, and the object is to be committed.
    Uncommitted,
}

/// A run of the download function, with the message that it received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Run {
    Idle,
    Active { phase: Phase, message: JobMessage },
}

/// The watch function, between two of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Watch {
    Idle,
    /// The entry says `sent to the queue`; the message is to be sent.
    Sending {
        /// Whether the entry is still as the watch function wrote it.
        is_unchanged: bool,
        /// Whether an operator redrove or dropped the job since.
        is_stale: bool,
    },
    /// It has decided to delete a message of the parked queue.
    Deleting(ParkedMessage),
    /// Only in a broken protocol: the message is sent, and the entry is to be updated.
    Updating {
        is_unchanged: bool,
    },
}

/// The operator's command, between two of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Operator {
    Idle,
    /// The mark is written; the object is to be deleted.
    Erasing,
}

/// One media message, and everyone who works on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) record: Record,
    pub(crate) entry: Entry,
    pub(crate) jobs: Messages<JobMessage>,
    pub(crate) parked: Messages<ParkedMessage>,
    /// How often the object was created since it was last deleted. One key, so at most once.
    pub(crate) objects: u8,
    pub(crate) runs: [Run; 2],
    pub(crate) watch: Watch,
    pub(crate) operator: Operator,
    /// An operator dropped the job, and it was not announced again.
    pub(crate) is_dropped: bool,
    /// An operator's erase ran to its end.
    pub(crate) is_erased: bool,
    /// An earlier version parked the job, and made no entry.
    pub(crate) is_legacy: bool,
}

impl World {
    /// How it begins. The webhook was answered 200, and the job is in the jobs queue, or, because
    /// SQS did not take it, in an entry. Or an earlier version, which knew no entries, has left a
    /// job that it retries, or one that it parked.
    pub(crate) fn starts() -> [Self; 4] {
        let record = Record { state: State::Absent, lease: None, has_entry: false };
        let entered = Self {
            record,
            entry: Entry::DUE,
            jobs: Messages::EMPTY,
            parked: Messages::EMPTY,
            objects: 0,
            runs: [Run::Idle; 2],
            watch: Watch::Idle,
            operator: Operator::Idle,
            is_dropped: false,
            is_erased: false,
            is_legacy: false,
        };
        let mut queued = Self { entry: Entry::Absent, ..entered };
        queued.jobs.insert(JobMessage::Plain);
        let retried = Self { record: Record { state: State::Retrying, ..record }, ..queued };
        let mut parked = Self { is_legacy: true, jobs: Messages::EMPTY, ..retried };
        parked.record.state = State::Parked;
        parked.parked.insert(ParkedMessage::Ticketed);
        [queued, entered, retried, parked]
    }

    /// No run has the lease: there is none, or it has ended.
    pub(crate) fn is_not_leased(&self) -> bool {
        self.record.lease.is_none_or(|lease| lease.has_ended)
    }

    /// The run has the lease, ended or not: the condition of all its writes.
    pub(crate) fn is_leased_to(&self, slot: usize) -> bool {
        self.record.lease.is_some_and(|lease| lease.owner == Owner::Run(slot))
    }

    /// Writes the entry. The watch function, which may be between two steps, finds it changed.
    pub(crate) fn set_entry(&mut self, entry: Entry) {
        self.entry = entry;
        match &mut self.watch {
            Watch::Sending { is_unchanged, .. } | Watch::Updating { is_unchanged } => {
                *is_unchanged = false;
            }
            Watch::Idle | Watch::Deleting(_) => {}
        }
    }

    /// An operator decided: every copy that exists now is older than the decision.
    pub(crate) fn make_copies_stale(&mut self) {
        if !self.jobs.is_empty() {
            self.jobs = Messages::EMPTY;
            self.jobs.insert(JobMessage::Stale);
        }
        if !self.parked.is_empty() {
            self.parked = Messages::EMPTY;
            self.parked.insert(ParkedMessage::Stale);
        }
        for run in &mut self.runs {
            if let Run::Active { message, .. } = run {
                *message = JobMessage::Stale;
            }
        }
        match &mut self.watch {
            Watch::Sending { is_stale, .. } => *is_stale = true,
            Watch::Deleting(message) => *message = ParkedMessage::Stale,
            Watch::Idle | Watch::Updating { .. } => {}
        }
    }

    /// One state for all states from which the same follows. `is_fenced`: a run writes nothing
    /// after it has lost its lease.
    pub(crate) fn normalize(mut self, is_fenced: bool) -> Self {
        self.is_legacy &= self.record.state == State::Parked && !self.record.has_entry;
        if self.record.lease == Some(Lease { owner: Owner::Dead, has_ended: true }) {
            self.record.lease = None;
        }
        if self.record.has_entry {
            self.forget_marks();
        }
        if is_fenced {
            self.merge_overtaken();
        }
        let [first, second] = self.runs;
        if second < first {
            self.runs = [second, first];
            if let Some(Lease { owner: Owner::Run(slot), .. }) = &mut self.record.lease {
                *slot = 1 - *slot;
            }
        }
        self
    }

    /// The mark of a message says that there may be an entry. A record that says so too says it for
    /// ever.
    fn forget_marks(&mut self) {
        if self.jobs.iter().any(|message| message == JobMessage::Marked) {
            self.jobs.remove(JobMessage::Marked);
            self.jobs.insert(JobMessage::Plain);
        }
        for run in &mut self.runs {
            if let Run::Active { message: message @ JobMessage::Marked, .. } = run {
                *message = JobMessage::Plain;
            }
        }
    }

    /// A number that no other state has: what a search remembers of a state.
    pub(crate) fn to_number(self) -> u64 {
        let lease = self.record.lease.map_or(0, |lease| {
            1 + 2
                * (match lease.owner {
                    Owner::Run(slot) => slot as u64,
                    Owner::Dead => 2,
                })
                + u64::from(lease.has_ended)
        });
        let entry = match self.entry {
            Entry::Absent => 0,
            Entry::Parked => 1,
            Entry::Retrying { place, is_due } => 2 + 2 * place as u64 + u64::from(is_due),
        };
        let [first, second] = self.runs.map(|run| match run {
            Run::Idle => 0,
            Run::Active { phase, message } => 1 + 3 * phase as u64 + message as u64,
        });
        let watch = match self.watch {
            Watch::Idle => 0,
            Watch::Sending { is_unchanged, is_stale } => {
                1 + 2 * u64::from(is_unchanged) + u64::from(is_stale)
            }
            Watch::Deleting(message) => 5 + message as u64,
            Watch::Updating { is_unchanged } => 8 + u64::from(is_unchanged),
        };
        // Each with the number of its values.
        let digits = [
            (self.record.state as u64, 6),
            (lease, 7),
            (self.record.has_entry.into(), 2),
            (entry, 6),
            (self.jobs.to_number(), 8),
            (self.parked.to_number(), 8),
            (self.objects.into(), 3),
            (first, 31),
            (second, 31),
            (watch, 10),
            (self.operator as u64, 2),
            (self.is_dropped.into(), 2),
            (self.is_erased.into(), 2),
            (self.is_legacy.into(), 2),
        ];
        digits.into_iter().fold(0, |number, (digit, values)| {
            debug_assert!(digit < values, "{self:?}");
            number * values + digit
        })
    }

    /// A run that has lost its lease never gets it back. Wherever it is, it can only give its
    /// message back, unless the parked queue gets, or has, the message.
    fn merge_overtaken(&mut self) {
        for slot in 0..self.runs.len() {
            if self.is_leased_to(slot) {
                continue;
            }
            let Some(Run::Active { phase, .. }) = self.runs.get_mut(slot) else {
                continue;
            };
            if matches!(*phase, Phase::Intending | Phase::Committed | Phase::NotParked) {
                *phase = Phase::Claimed;
            } else if *phase == Phase::ParkSent {
                *phase = Phase::Recorded;
            }
        }
    }

    /// Whether the job is durable without the queues: they may lose what they have.
    pub(crate) fn is_covered(&self) -> bool {
        self.entry != Entry::Absent || self.record.state.is_settled()
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, entry, objects, watch, .. } = self;
        write!(f, "record {:?}", record.state)?;
        if let Some(Lease { owner, has_ended }) = record.lease {
            let ended = if has_ended { ", ended" } else { "" };
            write!(f, " (lease {owner:?}{ended})")?;
        }
        write!(f, ", entry {entry:?}, objects {objects}")?;
        let (jobs, parked): (Vec<_>, Vec<_>) =
            (self.jobs.iter().collect(), self.parked.iter().collect());
        write!(f, ", jobs {jobs:?}, parked {parked:?}")?;
        for (slot, run) in self.runs.iter().enumerate() {
            if let Run::Active { phase, message } = run {
                write!(f, ", run {slot} {phase:?} with {message:?}")?;
            }
        }
        write!(f, ", watch {watch:?}")
    }
}
