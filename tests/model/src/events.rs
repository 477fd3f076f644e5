//! What happens without the code of the project: webhooks, time, SQS, and losses.

use crate::{
    queue::{JobMessage, Kind, Messages, ParkedMessage, take},
    step::{Broken, Step, Transitions},
    world::{Entry, Owner, World},
};

/// The webhook function: `send_jobs`. W-API may announce a media message again at any time.
pub(crate) fn add_webhooks(world: &World, out: &mut Transitions) {
    let mut sent = World { is_dropped: false, ..*world };
    sent.jobs.insert(JobMessage::Plain);
    out.add_free(Step::Send, sent);
    // SQS did not take it, or took it and its answer was lost.
    for mut after in [World { is_dropped: false, ..*world }, sent] {
        if after.entry == Entry::Absent {
            after.set_entry(Entry::DUE);
        }
        out.add_free(Step::PutEntry, after);
    }
}

/// Adds what time, SQS and faults do.
pub(crate) fn add_events(broken: Broken, world: &World, out: &mut Transitions) {
    pass_due_time(world, out);
    end_lease(world, out);
    for message in world.jobs.iter() {
        park_by_sqs(world, message, out);
    }
    // Until the first run of a job has ended, its message is its only copy.
    if world.is_covered() || broken == Broken::LossBeforeEntry {
        lose(world.jobs, |jobs| out.add_free(Step::LoseJob, World { jobs, ..*world }));
        lose(world.parked, |parked| out.add_free(Step::LoseParked, World { parked, ..*world }));
    }
}

/// Time changes no item: the watch function still finds the entry as it wrote it.
fn pass_due_time(world: &World, out: &mut Transitions) {
    if let Entry::Retrying { place, is_due: false } = world.entry {
        let entry = Entry::Retrying { place, is_due: true };
        out.add_fair(Step::DuePasses, World { entry, ..*world });
    }
}

/// The lease of a dead run ends at its time. That of a live run ends only if the run is late: a
/// frozen process, or a wrong clock.
fn end_lease(world: &World, out: &mut Transitions) {
    let mut after = *world;
    let Some(lease) = after.record.lease.as_mut().filter(|lease| !lease.has_ended) else {
        return;
    };
    lease.has_ended = true;
    match lease.owner {
        Owner::Dead => out.add_fair(Step::LeaseEnds, after),
        Owner::Run(_) => out.add_free(Step::Overtake, after),
    }
}

/// SQS parks a message by itself, after too many receives. If a run had parked it before, it still
/// has the attributes that the run gave it.
fn park_by_sqs(world: &World, message: JobMessage, out: &mut Transitions) {
    let was_parked = world.record.has_entry || world.is_legacy;
    let parked: &[_] = match message {
        JobMessage::Plain if was_parked => &[ParkedMessage::Unrecorded, ParkedMessage::Ticketed],
        JobMessage::Plain | JobMessage::Marked => &[ParkedMessage::Unrecorded],
        JobMessage::Stale => &[ParkedMessage::Stale],
    };
    for kind in parked {
        let mut after = *world;
        after.parked.insert(*kind);
        take(world.jobs, message, |jobs, _| {
            out.add_free(Step::ParkBySqs, World { jobs, ..after });
        });
    }
}

/// A purge, or the end of a queue's retention.
fn lose<K: Kind>(queue: Messages<K>, mut each: impl FnMut(Messages<K>)) {
    for message in queue.iter() {
        let mut without = queue;
        without.remove(message);
        each(without);
    }
}
