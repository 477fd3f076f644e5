//! What must hold in every state, in every step, and in the end.

use crate::{
    queue::{JobMessage, ParkedMessage},
    step::Step,
    world::{Entry, Operator, Phase, Run, State, Watch, World},
};

/// What the protocol promises of one media message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// A job that is not settled is in an entry, in a queue, or with a live run.
    NothingIsLost,
    /// The object is created at most once.
    AtMostOneObject,
    /// `stored` means that the object is in the bucket.
    StoredMeansStored,
    /// Record and entry agree: `parked` here means `parked` there, and a job that is retried after
    /// a run is retried there.
    RecordsDoNotLie,
    /// After an erase, the object does not come back.
    ErasedStaysErased,
    /// A dropped job stays dropped until it is announced again, and a copy of a redriven job from
    /// before the redrive decides nothing.
    DecisionsHold,
    /// The look parks no job because of a message that a run left before it retried the job.
    LookBelievesNoCopy,
    /// An entry that is due is sent only after it says that it was sent.
    SentOnce,
    /// Without further faults, every way ends after finitely many steps, and leaves nothing behind.
    EveryJobEnds,
}

/// The property that a state violates.
pub(crate) fn check_state(world: &World) -> Option<Property> {
    let World { record, entry, objects, .. } = *world;
    let has_message = |run: &Run| match run {
        Run::Active { phase, .. } => *phase != Phase::Acknowledged,
        Run::Idle => false,
    };
    let has_live_run = world.runs.iter().any(has_message);
    let is_kept = record.state.is_settled()
        || entry != Entry::Absent
        || has_live_run
        || !world.jobs.is_empty()
        || !world.parked.is_empty();
    let agree = match (record.state, entry) {
        (State::Parked, Entry::Parked) => true,
        (State::Parked, _) => world.is_legacy,
        (_, Entry::Parked) => false,
        (State::Retrying, Entry::Absent) => !record.has_entry,
        _ => true,
    };
    let is_back = world.is_erased && objects > 0;
    let is_revived = world.is_dropped && !matches!(record.state, State::Skipped | State::Erased);
    if !is_kept {
        Some(Property::NothingIsLost)
    } else if objects > 1 {
        Some(Property::AtMostOneObject)
    } else if record.state == State::Stored && objects == 0 {
        Some(Property::StoredMeansStored)
    } else if !agree {
        Some(Property::RecordsDoNotLie)
    } else if is_back {
        Some(Property::ErasedStaysErased)
    } else if is_revived {
        Some(Property::DecisionsHold)
    } else {
        None
    }
}

/// The property that a step violates.
pub(crate) fn check_step(before: &World, step: Step, after: &World) -> Option<Property> {
    let is_written = before.record.state != after.record.state;
    if step == Step::Reconcile && is_written {
        let has_only = |kind| before.parked.iter().all(|message| message == kind);
        if has_only(ParkedMessage::Ticketed) && before.entry != Entry::Absent {
            return Some(Property::LookBelievesNoCopy);
        }
        return has_only(ParkedMessage::Stale).then_some(Property::DecisionsHold);
    }
    if step == Step::ParkClaimed && is_written {
        let by_stale = Run::Active { phase: Phase::Parking, message: JobMessage::Stale };
        let count = |world: &World| world.runs.iter().filter(|run| **run == by_stale).count();
        return (count(after) > count(before)).then_some(Property::DecisionsHold);
    }
    let is_unremembered = before.entry == Entry::DUE && before.watch == Watch::Idle;
    (step == Step::SendEntry && is_unremembered).then_some(Property::SentOnce)
}

/// Whether everything that must happen has happened: the job is settled and nothing is left of it,
/// or it is parked and waits for an operator.
pub(crate) fn is_at_rest(world: &World) -> bool {
    let is_idle = world.runs == [Run::Idle; 2]
        && world.watch == Watch::Idle
        && world.operator == Operator::Idle
        && world.jobs.is_empty();
    let is_over = match world.record.state {
        State::Stored | State::Skipped | State::Erased => {
            world.entry == Entry::Absent && world.parked.is_empty()
        }
        State::Parked => world.entry == Entry::Parked,
        State::Absent | State::Retrying => false,
    };
    is_idle && is_over
}
