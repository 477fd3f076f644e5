//! The steps of the model, and the ways to break the protocol.

use crate::world::World;

/// One atomic step: one call to AWS and its effect, or a time that comes. The comment of a step
/// names the function that makes the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Webhook function, `send_jobs`: SQS takes the job.
    Send,
    /// Webhook function: SQS does not, and an entry is put unless there is one.
    PutEntry,
    /// `claim_job`, `Ledger::claim`: the run gets the lease.
    Claim,
    /// `claim_job`: the job was accepted before the latest redrive or drop.
    RefuseStale,
    /// `claim_job`: the media message is stored or erased.
    RefuseSettled,
    /// `fetch_media`, `write_intent`: the bytes are verified; what they are is written.
    WriteIntent,
    /// `Bucket::store`: the object is put if it is absent.
    Commit,
    /// `record_result`, `write_record`: stored; the entry is deleted with it.
    RecordStored,
    /// `record_result`, `write_record`: the policy skips the media message; the same.
    RecordSkipped,
    /// `record_result`, `write_record`: retried after a short wait, by the queue.
    RetrySoon,
    /// `record_result`, `write_record`: retried after a long wait, in the ledger.
    RetryLater,
    /// `park_claimed`, `write_record`: record and entry say `parked`.
    ParkClaimed,
    /// `park_claimed`, `park_job`: the parked queue takes the message.
    ParkJob,
    /// `park_job`: the parked queue does not answer.
    ParkJobFails,
    /// `park_claimed`, `write_record`: record and entry are set back.
    SetBack,
    /// `park_claimed`, `Ledger::release`: the lease ends.
    Release,
    /// `claim_job`: the entry of a stored or erased media message is deleted.
    DeleteEntry,
    /// `handle_batch`: the message is acknowledged.
    Acknowledge,
    /// `settle_unrecorded`: the table does not answer, and the job's time is over.
    SettleUnrecorded,
    /// The invocation ends before a run could commit.
    StopAtDeadline,
    /// Watch function, `send_due`: the entry is updated.
    SendDue,
    /// Watch function, `send_orphans`: the entry is updated.
    SendOrphans,
    /// `send_due` and `send_orphans`: the message is sent.
    SendEntry,
    /// `send_due` and `send_orphans`: sending fails, and the entry is set back.
    PutBack,
    /// `Parking::look` finds a message that is one too many.
    Look,
    /// `Parking::look`, `reconcile`: record and entry are written.
    Reconcile,
    /// `Parking::look` deletes the message.
    DeleteParked,
    /// `Parking::redrive`.
    Redrive,
    /// `Parking::redrive_all`: SQS moves a message to the jobs queue.
    RedriveAll,
    /// `Parking::drop`.
    Drop,
    /// `media erase`, `Ledger::erase`: the mark is written.
    Erase,
    /// `media erase`, `Operator::erase_files`: the object is deleted.
    EraseFiles,
    /// Time: the entry becomes due.
    DuePasses,
    /// Time: the lease of a dead run ends.
    LeaseEnds,
    /// Fault: the lease of a live run ends.
    Overtake,
    /// Fault: a run ends without writing anything more.
    CrashRun,
    /// Fault: the watch function ends without doing anything more.
    CrashWatch,
    /// Fault: the command ends without doing anything more.
    CrashOperator,
    /// SQS parks a message after too many receives.
    ParkBySqs,
    /// Fault: the jobs queue loses messages.
    LoseJob,
    /// Fault, or the end of its retention: the parked queue loses messages.
    LoseParked,
}

impl Step {
    /// Every step, to find out which were never taken.
    pub const ALL: [Self; 41] = [
        Self::Send,
        Self::PutEntry,
        Self::Claim,
        Self::RefuseStale,
        Self::RefuseSettled,
        Self::WriteIntent,
        Self::Commit,
        Self::RecordStored,
        Self::RecordSkipped,
        Self::RetrySoon,
        Self::RetryLater,
        Self::ParkClaimed,
        Self::ParkJob,
        Self::ParkJobFails,
        Self::SetBack,
        Self::Release,
        Self::DeleteEntry,
        Self::Acknowledge,
        Self::SettleUnrecorded,
        Self::StopAtDeadline,
        Self::SendDue,
        Self::SendOrphans,
        Self::SendEntry,
        Self::PutBack,
        Self::Look,
        Self::Reconcile,
        Self::DeleteParked,
        Self::Redrive,
        Self::RedriveAll,
        Self::Drop,
        Self::Erase,
        Self::EraseFiles,
        Self::DuePasses,
        Self::LeaseEnds,
        Self::Overtake,
        Self::CrashRun,
        Self::CrashWatch,
        Self::CrashOperator,
        Self::ParkBySqs,
        Self::LoseJob,
        Self::LoseParked,
    ];

    /// Whether the step is taken while all fetches end in this way.
    pub(crate) fn is_taken(self, outlook: Outlook) -> bool {
        let outlook_of_step = [
            (Self::WriteIntent, Some(Outlook::Stored)),
            (Self::RecordSkipped, Some(Outlook::Skipped)),
            (Self::ParkClaimed, Some(Outlook::Parked)),
            (Self::RetrySoon, None),
            (Self::RetryLater, None),
        ];
        let only_while = outlook_of_step.into_iter().find(|(step, _)| *step == self);
        only_while.is_none_or(|(_, needed)| needed == Some(outlook))
    }
}

/// How all fetches end from some time on: no job is retried for ever, because it is parked when its
/// time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    Stored,
    Skipped,
    Parked,
}

/// Whether a step must happen in the end, or only may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It happens in the end if it stays possible: code that runs, time that passes.
    Fair,
    /// It may happen at any time, any number of times, or never: a fault, a person, a webhook.
    Free,
}

/// A step, and the state after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transition {
    pub(crate) step: Step,
    pub(crate) nature: Nature,
    pub(crate) world: World,
}

/// The transitions from one state, as they are found.
#[derive(Debug, Default)]
pub(crate) struct Transitions(pub(crate) Vec<Transition>);

impl Transitions {
    pub(crate) fn add_fair(&mut self, step: Step, world: World) {
        self.add(step, Nature::Fair, world);
    }

    pub(crate) fn add_free(&mut self, step: Step, world: World) {
        self.add(step, Nature::Free, world);
    }

    pub(crate) fn add(&mut self, step: Step, nature: Nature, world: World) {
        self.0.push(Transition { step, nature, world });
    }
}

/// One way to break the protocol, or one assumption that is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The protocol as it is meant.
    Nothing,
    /// A run that retries later acknowledges its message before it writes the entry.
    AcknowledgeBeforeEntry,
    /// A run writes the entry by itself, and not in one transaction with its record.
    EntryWithoutLease,
    /// A run writes `stored` although it could not commit yet.
    RecordBeforeCommit,
    /// The commit overwrites an object that is there.
    CommitOverwrites,
    /// A run whose lease has ended commits: more than the minute between the end of every
    /// invocation and the end of its lease has passed.
    LateCommit,
    /// The jobs queue is purged before the first run of a job has ended: the job has no entry yet.
    LossBeforeEntry,
    /// A run that stores the media file does not delete the entry.
    RecordStoredKeepsEntry,
    /// A run that parks the job writes no entry.
    ParkWithoutEntry,
    /// A run that retries a parked job soon takes its entry for one with a due time.
    RetryKeepsParkedEntry,
    /// A run whose claim is refused does not delete the entry that its message was sent from.
    DuplicateKeepsEntry,
    /// A run works on a message whose job was accepted before the latest redrive or drop.
    ClaimsStaleCopies,
    /// The watch function sends a message before the entry says so.
    SendBeforeUpdate,
    /// The watch function never sends again what was sent once.
    NoOrphans,
    /// The watch function sends again what was sent once, although the jobs queue has messages.
    OrphansDespiteBacklog,
    /// The watch function sets `due_at` back without the condition that it is unchanged.
    PutBackUnconditionally,
    /// The look parks a job because of a message that is older than the latest redrive or drop.
    LookBelievesStaleCopies,
    /// The look believes a message that a run parked, although the record says `retrying` since.
    LookBelievesTickets,
    /// The look, a redrive and a drop leave an ended lease in the record.
    NotesKeepLease,
    /// A redrive changes the entry although a run has the lease.
    RedriveIgnoresLease,
    /// Erasing leaves the entry.
    EraseWithoutEntry,
    /// Erasing replaces only a `retrying` record by a mark, and deletes any other.
    EraseWithoutMark,
    /// Erasing does not search for an entry without a record.
    EraseSkipsUnrecorded,
}

impl Broken {
    /// Whether a run that has lost its lease writes nothing more.
    pub(crate) fn is_fenced(self) -> bool {
        !matches!(self, Self::EntryWithoutLease | Self::LateCommit)
    }
}
