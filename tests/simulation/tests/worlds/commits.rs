//! Commits that find an object (412): the record says what is in the bucket, whichever run put it
//! there.

use simulation::{
    Outcome,
    fault::Fault,
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

/// The sizes of a file that is stored by one `PutObject`, and of one that needs an upload.
const SIZES: [u64; 2] = [1000, 8 * 1024 * 1024 + 1000];

/// A document that W-API serves to its first requests only; the CDN serves it always.
fn first_by_wapi_then_by_cdn(wapi_serves: u64, size: u64) -> PlannedMedia {
    let wapi = WapiScenario::FailTimes {
        times: wapi_serves,
        first: Box::new(WapiScenario::Ok),
        then: Box::new(WapiScenario::CallStatus { status: 503 }),
    };
    PlannedMedia::healthy(Kind::Document, "by two runs")
        .with_spec(|spec| spec.format(Format::Random).size(size).wapi(wapi))
}

/// Runs a world in which the nth commit has the nth fault, and no later one has any. The object's
/// strategy, by its metadata.
fn strategy_after(planned: PlannedMedia, faults: &'static [Fault]) -> (Outcome, String) {
    let plan = Plan::healthy(vec![planned]).with_faults(move |call| {
        let is_commit =
            matches!(call.operation.as_str(), "s3:PutObject" | "s3:CompleteMultipartUpload");
        let nth = (call.nth_of_operation as usize).checked_sub(1).filter(|_| is_commit);
        nth.and_then(|nth| faults.get(nth)).copied().unwrap_or_default()
    });
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean() && account.stored == 1, "{trace}\n{account}");
    let object = outcome.evidence.objects.first().and_then(|one| one.facts.as_ref());
    let strategy = object.and_then(|facts| facts.strategy.clone()).unwrap_or_default();
    (outcome, strategy)
}

fn asked_for_tags(outcome: &Outcome) -> bool {
    outcome.trace.iter().any(|line| line.contains("s3:GetObjectTagging"))
}

/// The first run announced W-API's file and died before its commit; the second stores the CDN's,
/// and the answer is lost.
#[test]
fn a_lost_answer_is_not_an_earlier_run() {
    let planned = first_by_wapi_then_by_cdn(1, SIZES[0]);
    let (outcome, strategy) = strategy_after(planned, &[Fault::Killed, Fault::DoneBroken]);
    assert_eq!(strategy, "cdn");
    assert!(asked_for_tags(&outcome), "{}", outcome.trace.join("\n"));
}

/// The first run stored W-API's file and died before its record; the second finds it.
#[test]
fn the_object_of_a_run_that_died_stays_its_own() {
    for size in SIZES {
        let planned = first_by_wapi_then_by_cdn(1, size);
        let (outcome, strategy) = strategy_after(planned, &[Fault::DoneKilled]);
        assert_eq!(strategy, "wapi");
        assert!(asked_for_tags(&outcome), "{}", outcome.trace.join("\n"));
    }
}

/// Two runs died after they announced different files: the one that committed is found.
#[test]
fn the_run_that_committed_is_found_among_two() {
    for (faults, committed) in [
        (&[Fault::DoneKilled, Fault::Killed] as &[_], "wapi"),
        (&[Fault::Killed, Fault::DoneKilled], "cdn"),
    ] {
        for size in SIZES {
            let planned = first_by_wapi_then_by_cdn(1, size);
            assert_eq!(strategy_after(planned, faults).1, committed, "{faults:?} {size}");
        }
    }
}

/// The first run stored the file and died before its record; afterwards no source has it. It is
/// found in the bucket, and not parked as lost.
#[test]
fn a_stored_file_is_found_without_its_sources() {
    for size in SIZES {
        let planned = first_by_wapi_then_by_cdn(1, size)
            .with_spec(|spec| spec.cdn(CdnScenario::Gone { status: 404 }));
        assert_eq!(strategy_after(planned, &[Fault::DoneKilled]).1, "wapi");
    }
}
