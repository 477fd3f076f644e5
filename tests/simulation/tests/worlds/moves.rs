//! Instances that are removed, added again or moved while the functions remember what was before.

use std::time::Duration;

use simulation::{
    Outcome,
    fault::Fault,
    plan::{CUSTOMERS, Customer, OutsideEvent, Plan, PlannedMedia, PriorState},
    run_world,
};
use stand_in::Kind;

/// A job that is in the queue at this time, so that the download function looks the instance up
/// and the webhook function does not.
fn queued_at(name: &str, minutes: u64) -> PlannedMedia {
    PlannedMedia::healthy(Kind::Image, name)
        .with_prior_state(PriorState { job: true, ..PriorState::default() })
        .announced_at(Duration::from_mins(minutes))
}

fn run_with_one_function(media: Vec<PlannedMedia>, events: Vec<(u64, OutsideEvent)>) -> Outcome {
    let mut plan = Plan::healthy(media);
    plan.downloads = 1;
    let timed = |(seconds, event)| (Duration::from_secs(seconds), event);
    plan.outside_events = events.into_iter().map(timed).collect();
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean() && account.parked == 0, "{trace}\n{account}");
    outcome
}

/// The webhook function learns the new tenant first; the download function remembers the former one
/// for up to five minutes.
#[test]
fn media_after_a_move_are_stored_for_the_new_tenant() {
    let moved = Customer { tenant: "bravo", ..CUSTOMERS[0] };
    let after = PlannedMedia::healthy(Kind::Image, "after").announced_at(Duration::from_mins(6));
    let events = vec![(299, OutsideEvent::Removed(moved)), (300, OutsideEvent::Added(moved))];
    let outcome = run_with_one_function(vec![queued_at("before", 4), after], events);
    let folders: Vec<_> =
        outcome.evidence.objects.iter().map(|one| one.key.split('/').next()).collect();
    assert_eq!(folders, [Some("acme"), Some("bravo")], "{:?}", outcome.evidence.objects);
}

/// A run stored the file and died before its record; the instance moved before the job was
/// delivered again. The record says where the file is, and nothing is parked.
#[test]
fn a_file_stored_before_a_move_is_recorded() {
    let moved = Customer { tenant: "bravo", ..CUSTOMERS[0] };
    let mut plan = Plan::healthy(vec![PlannedMedia::healthy(Kind::Image, "before")]);
    let after = |seconds, event| (Duration::from_secs(seconds), event);
    plan.outside_events =
        vec![after(60, OutsideEvent::Removed(moved)), after(61, OutsideEvent::Added(moved))];
    let plan = plan.with_faults(|call| {
        let is_first = call.operation == "s3:PutObject" && call.nth_of_operation == 1;
        if is_first { Fault::DoneKilled } else { Fault::default() }
    });
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean() && account.parked == 0, "{trace}\n{account}");
    let record = outcome.evidence.records.first().expect("a record");
    assert_eq!(record.state, "stored", "{trace}");
    assert!(outcome.evidence.objects[0].key.starts_with("acme/"), "{trace}");
}

/// A job that is received while the instance is absent, and one soon after.
#[test]
fn media_around_an_addition_are_stored() {
    let media = vec![queued_at("while it is absent", 5), queued_at("soon after", 6)];
    let events =
        vec![(290, OutsideEvent::Removed(CUSTOMERS[0])), (350, OutsideEvent::Added(CUSTOMERS[0]))];
    let outcome = run_with_one_function(media, events);
    assert_eq!(outcome.evidence.objects.len(), 2, "{:?}", outcome.evidence.objects);
}
