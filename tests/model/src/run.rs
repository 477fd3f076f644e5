//! The steps of a run of the download function: `functions/download/src`.

use crate::{
    queue::{JobMessage, ParkedMessage, take},
    step::{Broken, Nature, Step, Transitions},
    world::{Entry, Lease, Owner, Phase, Run, State, World},
};

const SENT: Option<Entry> = Some(Entry::SENT);
const WAITING: Option<Entry> = Some(Entry::WAITING);

/// What a run's write does with the lease.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeaseAfter {
    Release,
    Keep,
}

/// Adds every step that a run, or the delivery of a message to one, can make.
pub(crate) fn add_steps(broken: Broken, world: &World, out: &mut Transitions) {
    if let Some(slot) = world.runs.iter().position(|run| *run == Run::Idle) {
        for message in world.jobs.iter() {
            claim(broken, world, slot, message, out);
            settle_unrecorded(world, message, out);
        }
    }
    for (slot, run) in world.runs.into_iter().enumerate() {
        if let Run::Active { phase, message } = run {
            RunSteps { broken, world, slot, message }.add(phase, out);
        }
    }
}

/// `claim_job` and `Ledger::claim`. A live lease of another run leaves the message in the queue.
fn claim(broken: Broken, world: &World, slot: usize, message: JobMessage, out: &mut Transitions) {
    let mut after = *world;
    let is_stale = message == JobMessage::Stale && broken != Broken::ClaimsStaleCopies;
    let (step, phase) = if matches!(world.record.state, State::Stored | State::Erased) {
        (Step::RefuseSettled, Phase::Refused)
    } else if is_stale {
        (Step::RefuseStale, Phase::Recorded)
    } else if world.is_not_leased() {
        after.record.lease = Some(Lease { owner: Owner::Run(slot), has_ended: false });
        if world.record.state == State::Absent {
            after.record.state = State::Retrying;
        }
        (Step::Claim, Phase::Claimed)
    } else {
        return;
    };
    if let Some(run) = after.runs.get_mut(slot) {
        *run = Run::Active { phase, message };
    }
    take(world.jobs, message, |jobs, is_last| {
        let nature = if is_last { Nature::Fair } else { Nature::Free };
        out.add(step, nature, World { jobs, ..after });
    });
}

/// `settle_unrecorded`: the table does not answer, and the job may not be retried any more.
fn settle_unrecorded(world: &World, message: JobMessage, out: &mut Transitions) {
    let mut after = *world;
    after.parked.insert(match message {
        JobMessage::Plain | JobMessage::Marked => ParkedMessage::Unrecorded,
        JobMessage::Stale => ParkedMessage::Stale,
    });
    take(world.jobs, message, |jobs, _| {
        out.add_free(Step::SettleUnrecorded, World { jobs, ..after });
    });
}

/// A run in one of the two slots.
struct RunSteps<'a> {
    broken: Broken,
    world: &'a World,
    slot: usize,
    message: JobMessage,
}

impl RunSteps<'_> {
    fn add(&self, phase: Phase, out: &mut Transitions) {
        match phase {
            Phase::Claimed => {
                self.fetch_media(out);
                self.record_result(out);
            }
            Phase::Intending => self.commit(out),
            Phase::Committed => self.record_stored(out),
            Phase::Parking => self.park_job(out),
            Phase::NotParked => self.retry_soon(Step::SetBack, SENT, out),
            Phase::ParkSent => self.release(out),
            Phase::Refused => self.delete_entry(out),
            Phase::Recorded => out.add_fair(Step::Acknowledge, self.end_run(*self.world)),
            Phase::Acknowledged => {
                let after = self.write_record(State::Retrying, LeaseAfter::Release, WAITING);
                let after = after.unwrap_or_else(|overtaken| overtaken);
                out.add_fair(Step::RetryLater, self.end_run(after));
            }
            Phase::Uncommitted => {
                let after = World { objects: self.world.objects.max(1), ..*self.world };
                out.add_fair(Step::Commit, self.go_on(after, Phase::Recorded));
            }
        }
        // A table that does not answer ends a run in the same way.
        let crashed = if phase == Phase::Acknowledged {
            self.end_run(*self.world)
        } else {
            self.give_back(*self.world)
        };
        out.add_free(Step::CrashRun, crashed);
    }

    /// `fetch_media` has verified bytes, and `write_intent` writes what they are.
    fn fetch_media(&self, out: &mut Transitions) {
        if self.broken == Broken::RecordBeforeCommit {
            let written = self.write_settled(State::Stored);
            out.add_fair(Step::RecordStored, self.go_on_or_fail(written, Phase::Uncommitted));
        } else if self.world.is_leased_to(self.slot) {
            out.add_fair(Step::WriteIntent, self.go_on(*self.world, Phase::Intending));
        } else {
            out.add_fair(Step::WriteIntent, self.give_back(*self.world));
        }
    }

    /// `record_result` of a run that has nothing to store: the policy skips the media message, or
    /// no source has it, for now or for good.
    fn record_result(&self, out: &mut Transitions) {
        let skipped = self.write_settled(State::Skipped);
        out.add_fair(Step::RecordSkipped, self.go_on_or_fail(skipped, Phase::Recorded));
        self.retry_soon(Step::RetrySoon, SENT, out);
        // The due time of the entry is still far enough away: only the record is written.
        let has_due_time = match self.world.entry {
            Entry::Retrying { is_due, .. } => !is_due,
            Entry::Parked => self.broken == Broken::RetryKeepsParkedEntry,
            Entry::Absent => false,
        };
        if self.world.record.has_entry && has_due_time {
            self.retry_soon(Step::RetrySoon, None, out);
        }
        self.retry_later(out);
        self.park_claimed(out);
    }

    /// After a short wait, the message becomes visible again by itself.
    fn retry_soon(&self, step: Step, entry: Option<Entry>, out: &mut Transitions) {
        let written = self.write_record(State::Retrying, LeaseAfter::Release, entry);
        out.add_fair(step, self.give_back(written.unwrap_or_else(|overtaken| overtaken)));
    }

    /// During a long wait the job is in the ledger, and the message is acknowledged.
    fn retry_later(&self, out: &mut Transitions) {
        if self.broken == Broken::AcknowledgeBeforeEntry {
            out.add_fair(Step::Acknowledge, self.go_on(*self.world, Phase::Acknowledged));
        } else {
            let written = self.write_record(State::Retrying, LeaseAfter::Release, WAITING);
            out.add_fair(Step::RetryLater, self.go_on_or_fail(written, Phase::Recorded));
        }
    }

    fn park_claimed(&self, out: &mut Transitions) {
        let entry = (self.broken != Broken::ParkWithoutEntry).then_some(Entry::Parked);
        let written = self.write_record(State::Parked, LeaseAfter::Keep, entry);
        out.add_fair(Step::ParkClaimed, self.go_on_or_fail(written, Phase::Parking));
    }

    /// `Bucket::store`: the object is created unless it is there. A run commits only within its
    /// lease, because its invocation ends a minute before.
    fn commit(&self, out: &mut Transitions) {
        let is_in_time = self.world.is_leased_to(self.slot) && !self.world.is_not_leased();
        if is_in_time || self.broken == Broken::LateCommit {
            let objects = if self.broken == Broken::CommitOverwrites {
                self.world.objects.saturating_add(1).min(2)
            } else {
                self.world.objects.max(1)
            };
            let after = World { objects, ..*self.world };
            out.add_fair(Step::Commit, self.go_on(after, Phase::Committed));
        } else {
            out.add_fair(Step::StopAtDeadline, self.give_back(*self.world));
        }
    }

    fn record_stored(&self, out: &mut Transitions) {
        let written = if self.broken == Broken::RecordStoredKeepsEntry {
            self.write_record(State::Stored, LeaseAfter::Release, None)
        } else {
            self.write_settled(State::Stored)
        };
        out.add_fair(Step::RecordStored, self.go_on_or_fail(written, Phase::Recorded));
    }

    /// The parked queue takes the message, does not, or takes it and its answer is lost.
    fn park_job(&self, out: &mut Transitions) {
        let mut sent = *self.world;
        sent.parked.insert(match self.message {
            JobMessage::Plain | JobMessage::Marked => ParkedMessage::Ticketed,
            JobMessage::Stale => ParkedMessage::Stale,
        });
        out.add_fair(Step::ParkJob, self.go_on(sent, Phase::ParkSent));
        out.add_free(Step::ParkJobFails, self.go_on(*self.world, Phase::NotParked));
        out.add_free(Step::ParkJobFails, self.go_on(sent, Phase::NotParked));
    }

    /// `Ledger::release`.
    fn release(&self, out: &mut Transitions) {
        let mut after = *self.world;
        if self.world.is_leased_to(self.slot) {
            after.record.lease = None;
        }
        out.add_fair(Step::Release, self.go_on(after, Phase::Recorded));
    }

    /// The claim found that nothing remains to be fetched: an entry is left over.
    fn delete_entry(&self, out: &mut Transitions) {
        let mut after = *self.world;
        if self.may_have_entry() && self.broken != Broken::DuplicateKeepsEntry {
            after.set_entry(Entry::Absent);
        }
        out.add_fair(Step::DeleteEntry, self.go_on(after, Phase::Recorded));
    }

    /// Whether the run knows that there may be an entry: the record says so, or its message does.
    fn may_have_entry(&self) -> bool {
        self.world.record.has_entry || self.message == JobMessage::Marked
    }

    /// `write_record` of a media message that is stored or skipped: the entry is deleted in the
    /// same transaction, if there may be one.
    fn write_settled(&self, state: State) -> Result<World, World> {
        let entry = self.may_have_entry().then_some(Entry::Absent);
        self.write_record(state, LeaseAfter::Release, entry)
    }

    /// `write_record`: the record alone, or record and entry in one transaction, if the run still
    /// has the lease. The error is the state after a refused write.
    fn write_record(
        &self,
        state: State,
        lease_after: LeaseAfter,
        entry: Option<Entry>,
    ) -> Result<World, World> {
        let mut after = *self.world;
        if let (Broken::EntryWithoutLease, Some(entry)) = (self.broken, entry) {
            after.set_entry(entry);
        }
        if !self.world.is_leased_to(self.slot) {
            return Err(after);
        }
        if let Some(entry) = entry {
            after.set_entry(entry);
            after.record.has_entry |= entry != Entry::Absent;
        }
        after.record.state = state;
        if lease_after == LeaseAfter::Release {
            after.record.lease = None;
        }
        Ok(after)
    }

    fn go_on_or_fail(&self, written: Result<World, World>, phase: Phase) -> World {
        match written {
            Ok(after) => self.go_on(after, phase),
            Err(overtaken) => self.give_back(overtaken),
        }
    }

    fn go_on(&self, mut after: World, phase: Phase) -> World {
        if let Some(run) = after.runs.get_mut(self.slot) {
            *run = Run::Active { phase, message: self.message };
        }
        after
    }

    /// The run is over. If it still has the lease, the lease lasts until its time.
    fn end_run(&self, mut after: World) -> World {
        if let Some(run) = after.runs.get_mut(self.slot) {
            *run = Run::Idle;
        }
        if let Some(lease) = &mut after.record.lease
            && lease.owner == Owner::Run(self.slot)
        {
            lease.owner = Owner::Dead;
        }
        after
    }

    /// The run is over, and SQS delivers its message again.
    fn give_back(&self, mut after: World) -> World {
        after.jobs.insert(self.message);
        self.end_run(after)
    }
}
