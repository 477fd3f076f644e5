//! The steps of the watch function: `functions/watch/src`, and the look in `shared/parking/src`.

use crate::{
    queue::{JobMessage, ParkedMessage, take},
    step::{Broken, Nature, Step, Transitions},
    world::{Entry, Place, State, Watch, World},
};

/// Adds every step that the watch function can make.
pub(crate) fn add_steps(broken: Broken, world: &World, out: &mut Transitions) {
    match world.watch {
        Watch::Idle => {
            send_due(broken, world, out);
            send_orphans(broken, world, out);
            for message in world.parked.iter() {
                look(broken, world, message, out);
            }
            return;
        }
        Watch::Sending { is_unchanged, is_stale } => {
            let message = if is_stale { JobMessage::Stale } else { JobMessage::Marked };
            send_entry(broken, world, message, is_unchanged, out);
        }
        Watch::Deleting(message) => take(world.parked, message, |parked, is_last| {
            let nature = if is_last { Nature::Fair } else { Nature::Free };
            let after = World { parked, watch: Watch::Idle, ..*world };
            out.add(Step::DeleteParked, nature, after);
        }),
        Watch::Updating { is_unchanged } => {
            let mut after = World { watch: Watch::Idle, ..*world };
            if is_unchanged {
                after.entry = Entry::SENT;
            }
            out.add_fair(Step::SendDue, after);
        }
    }
    out.add_free(Step::CrashWatch, World { watch: Watch::Idle, ..*world });
}

/// `send_due`, every minute: what waits in the ledger and is due is first written as sent.
fn send_due(broken: Broken, world: &World, out: &mut Transitions) {
    if world.entry != Entry::DUE {
        return;
    }
    if broken == Broken::SendBeforeUpdate {
        let mut after = World { watch: Watch::Updating { is_unchanged: true }, ..*world };
        after.jobs.insert(JobMessage::Marked);
        out.add_fair(Step::SendEntry, after);
    } else {
        out.add_fair(Step::SendDue, begin_sending(world));
    }
}

/// `send_orphans`, hourly, while the jobs queue has no backlog: what was sent and did not come back
/// until its guard's time.
fn send_orphans(broken: Broken, world: &World, out: &mut Transitions) {
    let is_orphan = world.entry == Entry::Retrying { place: Place::Queue, is_due: true };
    let has_no_backlog = world.jobs.is_empty() || broken == Broken::OrphansDespiteBacklog;
    if is_orphan && has_no_backlog && broken != Broken::NoOrphans {
        out.add_fair(Step::SendOrphans, begin_sending(world));
    }
}

/// The update of the entry, on the condition that its `due_at` is still as it was read.
fn begin_sending(world: &World) -> World {
    let watch = Watch::Sending { is_unchanged: true, is_stale: false };
    World { entry: Entry::SENT, watch, ..*world }
}

/// The message is sent, is not, or is and the answer is lost. After a failure, `due_at` is set back
/// if it is unchanged.
fn send_entry(
    broken: Broken,
    world: &World,
    message: JobMessage,
    is_unchanged: bool,
    out: &mut Transitions,
) {
    let failed = World { watch: Watch::Idle, ..*world };
    let mut sent = failed;
    sent.jobs.insert(message);
    out.add_fair(Step::SendEntry, sent);
    for mut after in [failed, sent] {
        if is_unchanged || broken == Broken::PutBackUnconditionally {
            after.entry = Entry::DUE;
        }
        out.add_free(Step::PutBack, after);
    }
}

/// What the look does with a message of the parked queue.
enum AfterLook {
    Keep,
    /// The message is one too many.
    Delete,
    /// Record and entry are written as parked: SQS parked the job, or a run that did not reach the
    /// table.
    Park,
    /// An earlier version parked the job: the entry is made.
    MakeEntry,
}

/// `Parking::look` over one message.
fn look(broken: Broken, world: &World, message: ParkedMessage, out: &mut Transitions) {
    let mut after = *world;
    match decide(broken, world, message) {
        AfterLook::Keep => {}
        AfterLook::Delete => {
            after.watch = Watch::Deleting(message);
            out.add_fair(Step::Look, after);
        }
        AfterLook::Park => {
            after.record.state = State::Parked;
            after.record.has_entry = true;
            after.set_entry(Entry::Parked);
            remove_ended_lease(broken, &mut after);
            out.add_fair(Step::Reconcile, after);
        }
        AfterLook::MakeEntry => {
            after.record.has_entry = true;
            after.set_entry(Entry::Parked);
            remove_ended_lease(broken, &mut after);
            out.add_fair(Step::Reconcile, after);
        }
    }
}

fn decide(broken: Broken, world: &World, message: ParkedMessage) -> AfterLook {
    let is_stale = message == ParkedMessage::Stale && broken != Broken::LookBelievesStaleCopies;
    match world.record.state {
        State::Stored | State::Skipped | State::Erased => AfterLook::Delete,
        State::Absent | State::Retrying | State::Parked if is_stale => AfterLook::Delete,
        State::Absent | State::Retrying | State::Parked if !world.is_not_leased() => {
            AfterLook::Keep
        }
        State::Parked if world.entry == Entry::Absent => AfterLook::MakeEntry,
        State::Parked => AfterLook::Keep,
        State::Absent | State::Retrying => {
            let is_left_over = message == ParkedMessage::Ticketed
                && world.entry != Entry::Absent
                && broken != Broken::LookBelievesTickets;
            if is_left_over { AfterLook::Delete } else { AfterLook::Park }
        }
    }
}

/// The write of someone who is no run ends the lease of a run that was too late, so that the run
/// cannot write over it.
pub(crate) fn remove_ended_lease(broken: Broken, after: &mut World) {
    if broken != Broken::NotesKeepLease {
        after.record.lease = None;
    }
}
