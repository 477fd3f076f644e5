//! The steps of the operator's command: `shared/parking/src`, and `media erase` of `cli`.

use crate::{
    queue::{JobMessage, ParkedMessage},
    step::{Broken, Step, Transitions},
    watch::remove_ended_lease,
    world::{Entry, Operator, Record, State, World},
};

/// Adds every step that an operator can make. An operator may do anything at any time, or nothing.
pub(crate) fn add_steps(broken: Broken, world: &World, out: &mut Transitions) {
    redrive(broken, world, out);
    redrive_all(world, out);
    drop_job(broken, world, out);
    erase(broken, world, out);
    if world.operator == Operator::Erasing {
        let after = World { objects: 0, operator: Operator::Idle, is_erased: true, ..*world };
        out.add_fair(Step::EraseFiles, after);
        out.add_free(Step::CrashOperator, World { operator: Operator::Idle, ..*world });
    }
}

/// `Parking::redrive`: record and entry in one transaction. The job is accepted anew, so that all
/// copies that exist are older.
fn redrive(broken: Broken, world: &World, out: &mut Transitions) {
    if world.entry != Entry::Parked {
        return;
    }
    let mut after = *world;
    if world.record.state == State::Parked && world.is_not_leased() {
        after.record.state = State::Retrying;
        remove_ended_lease(broken, &mut after);
    } else if broken != Broken::RedriveIgnoresLease {
        return;
    }
    after.set_entry(Entry::DUE);
    after.make_copies_stale();
    out.add_free(Step::Redrive, after);
}

/// `Parking::redrive_all`: SQS moves messages as they are, with their attributes.
fn redrive_all(world: &World, out: &mut Transitions) {
    for message in world.parked.iter() {
        let mut after = *world;
        after.parked.remove(message);
        // What SQS parked itself keeps the mark that it may have.
        let moved: &[_] = match message {
            ParkedMessage::Ticketed => &[JobMessage::Plain],
            ParkedMessage::Unrecorded => &[JobMessage::Plain, JobMessage::Marked],
            ParkedMessage::Stale => &[JobMessage::Stale],
        };
        for moved in moved {
            let mut after = after;
            after.jobs.insert(*moved);
            out.add_free(Step::RedriveAll, after);
        }
    }
}

/// `Parking::drop`.
fn drop_job(broken: Broken, world: &World, out: &mut Transitions) {
    let is_parked = world.record.state == State::Parked && world.entry == Entry::Parked;
    if !is_parked || !world.is_not_leased() {
        return;
    }
    let mut after = *world;
    after.record.state = State::Skipped;
    remove_ended_lease(broken, &mut after);
    after.set_entry(Entry::Absent);
    after.make_copies_stale();
    after.is_dropped = true;
    out.add_free(Step::Drop, after);
}

/// `Ledger::erase`, then `Operator::erase_files`. A media message without record and entry is not
/// found: only the queue has it.
fn erase(broken: Broken, world: &World, out: &mut Transitions) {
    let has_record = world.record.state != State::Absent;
    let is_known = has_record || world.entry != Entry::Absent;
    let may_erase = world.operator == Operator::Idle && world.is_not_leased();
    if !is_known || !may_erase || world.is_erased {
        return;
    }
    let mut after = World { operator: Operator::Erasing, is_dropped: false, ..*world };
    if has_record || broken != Broken::EraseSkipsUnrecorded {
        let is_queued = matches!(world.record.state, State::Absent | State::Retrying);
        let is_marked = is_queued || broken != Broken::EraseWithoutMark;
        let state = if is_marked { State::Erased } else { State::Absent };
        // The mark keeps what the record says of entries.
        let has_entry = is_marked && world.record.has_entry;
        after.record = Record { state, lease: None, has_entry };
        if broken != Broken::EraseWithoutEntry {
            after.set_entry(Entry::Absent);
        }
    }
    out.add_free(Step::Erase, after);
}
