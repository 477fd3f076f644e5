//! What has no record: unread webhooks and messages that are no jobs end in the jobs table, with a
//! reason, and no queue's retention takes them from an operator.

use std::time::Duration;

use serde_json::json;
use simulation::{
    Outcome,
    accounting::JobEntry,
    fault::Fault,
    plan::{OutsideEvent, Plan, PlannedMedia},
    run_world,
};
use stand_in::Kind;

const HOUR: Duration = Duration::from_hours(1);

fn must_be_clean(outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
}

/// A webhook that nothing can read, and a message that is no job; and a media message at the end,
/// so that the world goes on until then.
fn plan_until(end: Duration) -> Plan {
    let later = PlannedMedia::healthy(Kind::Image, "later").announced_at(end);
    let mut plan = Plan::healthy(vec![later]);
    plan.unreadable = vec![(Duration::ZERO, json!({ "headers": {}, "body": { "number": 1 } }))];
    plan.foreign_messages = vec![(Duration::ZERO, "a stranger, not a job".to_owned())];
    plan
}

fn classes(entries: &[JobEntry]) -> Vec<&str> {
    let mut classes: Vec<_> = entries.iter().filter_map(|entry| entry.class.as_deref()).collect();
    classes.sort_unstable();
    classes
}

/// The parked queue keeps messages for 14 days.
#[test]
fn bodies_outlive_the_parked_queue() {
    let mut plan = plan_until(20 * 24 * HOUR);
    plan.min_time = 20 * 24 * HOUR;
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert!(outcome.evidence.parked.is_empty(), "the queue kept them");
    assert_eq!(classes(&outcome.evidence.bodies), ["poison", "unread"]);
    assert!(outcome.evidence.bodies.iter().all(|one| one.state == "parked"));
}

/// The queue forgot them, and an operator redrives them: nothing can read them, and they stay.
#[test]
fn bodies_are_redriven_after_the_queue_forgot_them() {
    let mut plan = plan_until(24 * HOUR);
    plan.outside_events =
        vec![(10 * HOUR, OutsideEvent::QueuesEmptied), (12 * HOUR, OutsideEvent::Redriven)];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    let sent = |line: &&String| line.contains("operator") && line.contains("sqs:SendMessage");
    assert_eq!(outcome.trace.iter().filter(sent).count(), 2, "{}", outcome.trace.join("\n"));
    assert_eq!(classes(&outcome.evidence.bodies), ["poison", "unread"]);
    assert!(outcome.evidence.parked.is_empty(), "{:?}", outcome.evidence.parked);
}

/// The copies in the parked queue are removed by the look, and SQS's own move brings nothing back.
#[test]
fn dropped_bodies_stay_dropped() {
    for moved_at in [5 * HOUR + Duration::from_secs(30), 30 * HOUR] {
        let mut plan = plan_until(40 * HOUR);
        plan.outside_events =
            vec![(5 * HOUR, OutsideEvent::Dropped), (moved_at, OutsideEvent::ParkedMoved)];
        let outcome = run_world(plan);
        must_be_clean(&outcome);
        let left = (&outcome.evidence.bodies, &outcome.evidence.parked);
        assert!(left.0.is_empty() && left.1.is_empty(), "{left:?}");
    }
}

/// SQS takes nothing from the webhook function for an hour: the table does, and the watch function
/// sends it.
#[test]
fn the_table_takes_a_body_that_sqs_refuses() {
    let mut plan = plan_until(6 * HOUR).with_faults(|call| {
        let is_door = call.process.starts_with("webhook") && call.operation == "sqs:SendMessage";
        if is_door && call.at < HOUR {
            Fault::Refused { status: 403, code: "AccessDenied" }
        } else {
            Fault::None
        }
    });
    plan.sender_tries = 1;
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    // Both posts were told 200: the body and the picture.
    assert!(outcome.account.accepted >= 2, "{}", outcome.account);
    assert_eq!(classes(&outcome.evidence.bodies), ["poison", "unread"]);
}

/// Each run dies: SQS parks the messages by itself, and the look makes their entries.
#[test]
fn bodies_that_sqs_parks_get_entries() {
    let mut plan = plan_until(7 * 24 * HOUR).with_faults(|call| {
        let is_parking = call.operation == "dynamodb:TransactWriteItems"
            && call.process.starts_with("download")
            && call.at < 6 * 24 * HOUR;
        if is_parking { Fault::Killed } else { Fault::None }
    });
    plan.min_time = 7 * 24 * HOUR;
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    let by_sqs = outcome.evidence.parked.iter().filter(|one| one.class.is_none()).count();
    let entries = classes(&outcome.evidence.bodies);
    assert_eq!((by_sqs, entries), (2, vec!["poison", "unread"]));
}
