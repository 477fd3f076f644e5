//! Webhooks that never arrive: W-API's log has them, and the back-fill finds them.

use std::time::Duration;

use simulation::{
    fault::Fault,
    plan::{CUSTOMERS, OutsideEvent, Plan, PlannedMedia},
    run_world,
};
use stand_in::Kind;

const HOUR: Duration = Duration::from_hours(1);

/// Six media messages of all customers.
fn six_files() -> Vec<PlannedMedia> {
    let named = |n: usize| {
        let customer = CUSTOMERS[n % CUSTOMERS.len()];
        let planned = PlannedMedia::healthy(Kind::Image, &format!("of six: {n}"));
        planned.with_spec(|spec| spec.instance(customer.instance))
    };
    (0..6).map(named).collect()
}

/// The API, the network or the stack was away: not one webhook was posted here.
#[test]
fn webhooks_that_never_arrive_are_found() {
    let silent = six_files().into_iter().map(|planned| PlannedMedia { posts: 0, ..planned });
    let mut plan = Plan::healthy(silent.collect());
    plan.backfills = vec![HOUR];
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
    assert_eq!((account.accepted, account.stored), (6, 6), "{trace}");
}

/// Each sender posts once, and every answer is an error: no table, no queue.
#[test]
fn a_door_that_refuses_everything_loses_nothing() {
    let mut plan = Plan::healthy(six_files()).with_faults(|call| {
        let (status, code) = (400, "AccessDeniedException");
        if call.process.starts_with("webhook") {
            Fault::Refused { status, code }
        } else {
            Fault::None
        }
    });
    plan.sender_tries = 1;
    plan.backfills = vec![HOUR, 2 * HOUR];
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
    assert_eq!(account.stored, 6, "{trace}");
}

/// The first run dies, and with it the message that only the queue had. Its record says that it is
/// tried again, and no hour's pass reads as far back as the time at which this proves to be wrong.
#[test]
fn a_purge_during_a_first_run_loses_nothing() {
    let mut plan = Plan::healthy(six_files()).with_faults(|call| {
        let is_first = call.operation == "s3:PutObject" && call.nth_of_operation == 1;
        if is_first { Fault::Killed } else { Fault::None }
    });
    plan.outside_events = vec![(Duration::from_mins(20), OutsideEvent::QueuesEmptied)];
    plan.backfills = (1..=30).map(|hour| HOUR * hour).collect();
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
    assert_eq!(account.stored, 6, "{trace}");
}

/// What arrived is not sent again, so the metric of what was found stays at 0.
#[test]
fn what_arrived_is_not_found_again() {
    let mut plan = Plan::healthy(six_files());
    plan.backfills = vec![HOUR, 2 * HOUR];
    let outcome = run_world(plan);
    assert!(outcome.account.is_clean(), "{}", outcome.account);
    let sends = |line: &&String| line.contains("backfill-") && line.contains("sqs:SendMessage");
    let sent: Vec<_> = outcome.trace.iter().filter(sends).collect();
    assert!(sent.is_empty(), "{sent:?}");
    let reads = |line: &&String| line.contains("backfill-") && line.contains("GetItem media/");
    assert!(outcome.trace.iter().any(|line| reads(&line)), "it read nothing");
}
