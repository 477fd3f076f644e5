//! The door as it is: API Gateway answers in the function's place, nobody repeats a webhook, and
//! processes start cold or wake with dead connections.

use std::{sync::Arc, time::Duration};

use simulation::{
    Outcome,
    door::DoorFault,
    fault::{Fault, MAX_IDLE},
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::Kind;

const HOUR: Duration = Duration::from_hours(1);

fn must_be_clean(outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
}

/// Media messages that are announced this far apart.
fn files_every(step: Duration, count: u32) -> Vec<PlannedMedia> {
    let named = |n: u32| PlannedMedia::healthy(Kind::Image, &format!("one of several: {n}"));
    (0..count).map(|n| named(n).announced_at(step * n)).collect()
}

/// The function never sees them, and no sender repeats them.
#[test]
fn what_api_gateway_refuses_is_found_in_the_log() {
    for status in [429, 503, 504] {
        let mut plan = Plan::healthy(files_every(Duration::from_secs(1), 4));
        plan.sender_tries = 1;
        plan.door = Arc::new(move |_| DoorFault::Refused(status));
        plan.backfills = vec![HOUR];
        let outcome = run_world(plan);
        must_be_clean(&outcome);
        let reached = outcome.trace.iter().any(|line| line.contains("webhook-"));
        assert!(!reached && outcome.account.stored == 4, "{}", outcome.account);
    }
}

/// The webhook was handled, and its answer came too late: it is posted again.
#[test]
fn an_answer_that_was_too_late_stores_once() {
    let mut plan = Plan::healthy(files_every(Duration::from_secs(1), 4));
    plan.door = Arc::new(|knock| match knock.repeat {
        0 => DoorFault::Replaced(504),
        _ => DoorFault::None,
    });
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.accepted, outcome.account.stored), (4, 4));
    // The second job ends as a duplicate, without a download.
    let commits = outcome.trace.iter().filter(|line| line.contains("s3:PutObject"));
    assert_eq!(commits.count(), 4, "{}", outcome.trace.join("\n"));
}

/// Between two webhooks Lambda freezes the process, and its connections die: broken, or silent.
#[test]
fn dead_connections_refuse_no_webhook() {
    for dead in [Fault::Broken, Fault::Silent] {
        let plan = Plan::healthy(files_every(Duration::from_mins(20), 4));
        let mut plan =
            plan.with_faults(move |call| if call.idle > MAX_IDLE { dead } else { Fault::None });
        plan.sender_tries = 1;
        let outcome = run_world(plan);
        must_be_clean(&outcome);
        assert!(outcome.trace.iter().any(|line| line.contains(" after a pause ")), "{dead:?}");
        assert_eq!((outcome.account.accepted, outcome.account.stored), (4, 4), "{dead:?}");
    }
}

#[test]
fn a_cold_start_refuses_no_webhook() {
    let mut plan = Plan::healthy(files_every(Duration::from_millis(300), 6));
    (plan.sender_tries, plan.max_cold_start) = (1, Duration::from_secs(6));
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.accepted, outcome.account.stored), (6, 6));
}
