//! Every fault at every call of the functions, and a death before and after each call: nothing is
//! lost, nothing is stored twice, and no record is false.

use std::{collections::BTreeMap, time::Duration};

use simulation::{
    Outcome,
    accounting::Fate,
    fault::{self, Fault},
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

/// One media message that W-API has, one that only the CDN has, one that no source has.
fn three_files() -> Vec<PlannedMedia> {
    vec![
        PlannedMedia::healthy(Kind::Voice, "by W-API"),
        PlannedMedia::healthy(Kind::Document, "by the CDN")
            .with_spec(|spec| spec.wapi(WapiScenario::fail_500())),
        PlannedMedia::healthy(Kind::Image, "by nobody")
            .with_spec(|spec| {
                spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 410 })
            })
            .with_fate(Fate::Parked),
    ]
}

/// A file of two parts.
fn two_part_file() -> Vec<PlannedMedia> {
    let spec = |spec: stand_in::Spec| spec.format(Format::Random).size(8 * 1024 * 1024 + 1000);
    vec![PlannedMedia::healthy(Kind::Document, "of two parts").with_spec(spec)]
}

fn must_be_clean(name: &str, outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{name}\n{trace}\n{account}");
}

/// How many times each operation is called when nothing fails.
fn count_calls(media: Vec<PlannedMedia>) -> BTreeMap<String, u32> {
    let outcome = run_world(Plan::healthy(media));
    must_be_clean("healthy", &outcome);
    let mut calls = BTreeMap::new();
    let of_functions = outcome.trace.iter().filter(|line| !line.contains("operator"));
    for word in of_functions.filter_map(|line| line.split_whitespace().nth(2)) {
        let is_operation =
            ["sqs:", "s3:", "kms:", "dynamodb:"].iter().any(|it| word.starts_with(it));
        if is_operation {
            *calls.entry(word.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// Whether every call is tested, as `make prove` does, or only some of them.
pub(crate) fn tests_every_call() -> bool {
    std::env::var_os("WHOLE_PROOF").is_some()
}

/// Which of an operation's calls are tested: only the first, or all.
fn calls_to_test(times: u32) -> impl Iterator<Item = u32> {
    1..=if tests_every_call() { times } else { 1 }
}

/// Every operation has every fault that it can have, at the calls that are [`calls_to_test`], one
/// world each.
fn inject_every_fault(media: fn() -> Vec<PlannedMedia>, only: impl Fn(&str) -> bool) {
    let calls = count_calls(media());
    for (operation, times) in calls.into_iter().filter(|(operation, _)| only(operation)) {
        let mut faults = fault::common_faults(&operation);
        faults.extend(fault::operation_faults(&operation));
        for (nth, fault) in
            calls_to_test(times).flat_map(|nth| faults.iter().map(move |it| (nth, *it)))
        {
            let here = operation.clone();
            let plan = Plan::healthy(media()).with_faults(move |call| {
                let is_here = call.process != "operator" && call.operation == here;
                if is_here && call.nth_of_operation == nth { fault } else { Fault::None }
            });
            must_be_clean(&format!("{fault:?} at {operation} #{nth}"), &run_world(plan));
        }
    }
}

#[test]
fn queues_survive_every_fault() {
    inject_every_fault(three_files, |operation| operation.starts_with("sqs:"));
}

#[test]
fn tables_and_kms_survive_every_fault() {
    inject_every_fault(three_files, |operation| {
        operation.starts_with("dynamodb:") || operation.starts_with("kms:")
    });
}

#[test]
fn the_bucket_survives_every_fault() {
    inject_every_fault(three_files, |operation| operation.starts_with("s3:"));
}

#[test]
fn multipart_uploads_survive_every_fault() {
    inject_every_fault(two_part_file, |operation| operation.starts_with("s3:"));
}

/// All calls of one operation fail for two hours, then the world recovers.
#[test]
fn an_operation_down_two_hours_loses_nothing() {
    for operation in count_calls(three_files()).into_keys() {
        for fault in fault::common_faults(&operation) {
            let here = operation.clone();
            let plan = Plan::healthy(three_files()).with_faults(move |call| {
                let is_late = call.at > Duration::from_hours(2);
                let is_here = call.process != "operator" && call.operation == here;
                if is_here && !is_late { fault } else { Fault::None }
            });
            must_be_clean(&format!("{fault:?} at every {operation}"), &run_world(plan));
        }
    }
}

/// The first process dies at its k-th call, before or after AWS executes it, and each later one
/// likewise at a later call, until a life has fewer calls: at every call, or at every third.
fn kill_at_every_call(media: fn() -> Vec<PlannedMedia>, process: &'static str) {
    for death in [Fault::Killed, Fault::DoneKilled] {
        let step = if tests_every_call() { 1 } else { 3 };
        for k in (1_u32..).step_by(step) {
            let plan = Plan::healthy(media()).with_faults(move |call| {
                let is_here = call.process.starts_with(process) && call.life == 0;
                if is_here && call.nth_of_process == k { death } else { Fault::None }
            });
            let outcome = run_world(plan);
            must_be_clean(&format!("{death:?} of {process} at call {k}"), &outcome);
            if !outcome.trace.iter().any(|line| line.contains("died: killed")) {
                assert!(k > 2, "no process was killed");
                break;
            }
        }
    }
}

#[test]
fn download_killed_at_any_call_loses_nothing() {
    kill_at_every_call(three_files, "download");
}

#[test]
fn download_killed_during_an_upload_loses_nothing() {
    kill_at_every_call(two_part_file, "download");
}

#[test]
fn webhook_killed_at_any_call_loses_nothing() {
    kill_at_every_call(three_files, "webhook");
}
