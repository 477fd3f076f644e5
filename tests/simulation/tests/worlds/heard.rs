//! The events of records: whatever dies or fails between the table and a receiver, each end is
//! told.

use std::{sync::Arc, time::Duration};

use simulation::{
    fault::{Call, Fault},
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::Kind;

use crate::faults::tests_every_call;

/// The first invocation of the function makes at least so many calls: five or more for each file.
const MIN_CALLS: u32 = 15;

/// Three files, and a receiver of events.
fn plan(faults: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Plan {
    let media = ["one", "two", "three"].map(|name| PlannedMedia::healthy(Kind::Image, name));
    let mut plan = Plan::healthy(media.into()).with_faults(faults);
    plan.has_receivers = true;
    plan
}

fn must_be_told(plan: Plan, what: &str) -> String {
    let outcome = run_world(plan);
    let trace = outcome.trace.join("\n");
    assert!(outcome.account.is_clean(), "{what}: {}\n{trace}", outcome.account);
    assert!(trace.contains("events-0"), "{what}: nothing was published\n{trace}");
    trace
}

#[test]
fn killed_at_any_call_every_end_is_told() {
    for fault in [Fault::Killed, Fault::DoneKilled] {
        let calls = if tests_every_call() { u32::MAX } else { 5 };
        for nth in 1..=calls {
            let faults = move |call: &Call| {
                let is_it = call.process == "events-0" && call.life == 0;
                if is_it && call.nth_of_process == nth { fault } else { Fault::None }
            };
            let trace = must_be_told(plan(faults), &format!("{fault:?} at {nth}"));
            if !trace.contains("events-0 died: killed") {
                assert!(nth > MIN_CALLS, "call {nth} was never made\n{trace}");
                break;
            }
        }
    }
}

/// Neither the queue nor the table takes a delivery for ten minutes.
#[test]
fn what_no_place_takes_is_told_later() {
    let denied = Fault::Refused { status: 400, code: "AccessDeniedException" };
    let faults = move |call: &Call| {
        let is_write = ["sqs:SendMessage", "dynamodb:UpdateItem"].contains(&&*call.operation);
        let is_early = call.at < Duration::from_mins(10);
        if call.process == "events-0" && is_write && is_early { denied } else { Fault::None }
    };
    must_be_told(plan(faults), "both refuse");
}

/// The processor is taken away in the middle of a batch.
#[test]
fn a_stalled_invocation_is_repeated() {
    for millis in [0, 5, 20, 80] {
        let mut plan = plan(|_| Fault::None);
        plan.stalls = Arc::new(move |slot, nth| {
            (slot == "events-0" && nth <= 2).then_some(Duration::from_millis(millis))
        });
        must_be_told(plan, &format!("stalled after {millis} ms"));
    }
}
