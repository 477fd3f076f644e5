//! Every fault at every call of both functions, and a death before and after each of them: nothing is lost,
//! nothing is stored twice, and no record says what is not so.

use std::{collections::BTreeMap, time::Duration};

use simulation::{
    Outcome,
    accounting::Fate,
    fault::{self, Fault},
    live,
    plan::{Medium, Plan},
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

/// One that W-API has, one that only the CDN has, one that nobody has.
fn three() -> Vec<Medium> {
    vec![
        Medium::healthy(Kind::Voice, "by W-API"),
        Medium::healthy(Kind::Document, "by the CDN")
            .with(|spec| spec.wapi(WapiScenario::fail_500())),
        Medium::healthy(Kind::Image, "by nobody")
            .with(|spec| {
                spec.wapi(WapiScenario::NotFound404)
                    .cdn(CdnScenario::Gone { status: 410 })
            })
            .ending(Fate::Parked),
    ]
}

/// One of two parts.
fn large() -> Vec<Medium> {
    let spec = |spec: stand_in::Spec| spec.format(Format::Random).size(8 * 1024 * 1024 + 1000);
    vec![Medium::healthy(Kind::Document, "of two parts").with(spec)]
}

fn must_be_clean(name: &str, outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{name}\n{trace}\n{account}");
}

/// How often each operation of the functions is called when all is well.
fn calls(media: Vec<Medium>) -> BTreeMap<String, u32> {
    let outcome = live(Plan::healthy(media));
    must_be_clean("healthy", &outcome);
    let mut calls = BTreeMap::new();
    let of_functions = outcome
        .trace
        .iter()
        .filter(|line| !line.contains("operator"));
    for word in of_functions.filter_map(|line| line.split_whitespace().nth(2)) {
        let is_operation = ["sqs:", "s3:", "kms:", "dynamodb:"]
            .iter()
            .any(|it| word.starts_with(it));
        if is_operation {
            *calls.entry(word.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// Whether every call is to be tried, as `make prove` does; else some of them are.
fn is_whole() -> bool {
    std::env::var_os("WHOLE_PROOF").is_some()
}

/// Which of an operation's calls meet the faults: the first, or all of them.
fn tried(times: u32) -> impl Iterator<Item = u32> {
    1..=if is_whole() { times } else { 1 }
}

/// Every operation meets every fault it can meet, at the calls that are [`tried`], one world each.
fn every_fault_at_every_call(media: fn() -> Vec<Medium>, only: impl Fn(&str) -> bool) {
    let calls = calls(media());
    for (operation, times) in calls.into_iter().filter(|(operation, _)| only(operation)) {
        let mut faults = fault::of_any_call(&operation);
        faults.extend(fault::of_operation(&operation));
        for (nth, fault) in tried(times).flat_map(|nth| faults.iter().map(move |it| (nth, *it))) {
            let here = operation.clone();
            let plan = Plan::healthy(media()).with_faults(move |call| {
                let is_here = call.process != "operator" && call.operation == here;
                if is_here && call.nth_of_operation == nth {
                    fault
                } else {
                    Fault::None
                }
            });
            must_be_clean(&format!("{fault:?} at {operation} #{nth}"), &live(plan));
        }
    }
}

#[test]
fn every_fault_at_every_call_of_the_queues() {
    every_fault_at_every_call(three, |operation| operation.starts_with("sqs:"));
}

#[test]
fn every_fault_at_every_call_of_the_tables_and_of_kms() {
    every_fault_at_every_call(three, |operation| {
        operation.starts_with("dynamodb:") || operation.starts_with("kms:")
    });
}

#[test]
fn every_fault_at_every_call_of_the_bucket() {
    every_fault_at_every_call(three, |operation| operation.starts_with("s3:"));
}

#[test]
fn every_fault_at_every_call_of_an_upload_in_parts() {
    every_fault_at_every_call(large, |operation| operation.starts_with("s3:"));
}

/// The fault stays: every call of one operation fails for two hours, then the world heals.
#[test]
fn an_operation_that_fails_for_two_hours_parks_nothing_and_loses_nothing() {
    for operation in calls(three()).into_keys() {
        for fault in fault::of_any_call(&operation) {
            let here = operation.clone();
            let plan = Plan::healthy(three()).with_faults(move |call| {
                let is_late = call.at > Duration::from_hours(2);
                let is_here = call.process != "operator" && call.operation == here;
                if is_here && !is_late {
                    fault
                } else {
                    Fault::None
                }
            });
            must_be_clean(&format!("{fault:?} at every {operation}"), &live(plan));
        }
    }
}

/// The first life of every process ends at its k-th call, before or after AWS has done it; then at a later
/// one, until a life has fewer calls: at every call, or at every third.
fn killed_at_every_call(media: fn() -> Vec<Medium>, process: &'static str) {
    for death in [Fault::Killed, Fault::DoneKilled] {
        let step = if is_whole() { 1 } else { 3 };
        for k in (1_u32..).step_by(step) {
            let plan = Plan::healthy(media()).with_faults(move |call| {
                let is_here = call.process.starts_with(process) && call.life == 0;
                if is_here && call.nth_of_process == k {
                    death
                } else {
                    Fault::None
                }
            });
            let outcome = live(plan);
            must_be_clean(&format!("{death:?} of {process} at call {k}"), &outcome);
            if !outcome
                .trace
                .iter()
                .any(|line| line.contains("died: killed"))
            {
                assert!(k > 2, "nobody was killed");
                break;
            }
        }
    }
}

#[test]
fn a_download_function_killed_at_any_call_loses_nothing() {
    killed_at_every_call(three, "download");
}

#[test]
fn a_download_function_killed_at_any_call_of_an_upload_in_parts_loses_nothing() {
    killed_at_every_call(large, "download");
}

#[test]
fn a_webhook_function_killed_at_any_call_loses_nothing_that_was_accepted() {
    killed_at_every_call(three, "webhook");
}
