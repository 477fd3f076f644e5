//! Slow sources: one that cannot deliver within a run does not keep a faster one from its turn.

use std::{sync::Arc, time::Duration};

use simulation::{
    Outcome,
    accounting::Fate,
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

/// What an invocation has here: 92 s are left for a run. Lambda's ten minutes take as long, with
/// files that are six times as large.
const INVOCATION: Duration = Duration::from_secs(100);

/// A size that takes longer than a run at 17 KB/s, which is too fast for the speed limit of a body.
const SIZE: u64 = 1_800_000;

fn run_with_slow_wapi(cdn: CdnScenario) -> Outcome {
    let wapi = WapiScenario::SlowDrip { bytes_per_second: 17_000 };
    let planned = PlannedMedia::healthy(Kind::Document, "slow by W-API")
        .with_spec(|spec| spec.format(Format::Random).size(SIZE).wapi(wapi).cdn(cdn))
        .with_fate(Fate::Stored);
    let mut plan = Plan::healthy(vec![planned]);
    plan.time_left = Arc::new(|_| INVOCATION);
    let outcome = run_world(plan);
    assert!(outcome.account.is_clean(), "{}\n{}", outcome.trace.join("\n"), outcome.account);
    let facts = outcome.evidence.objects.first().and_then(|one| one.facts.as_ref());
    assert_eq!(facts.and_then(|facts| facts.strategy.as_deref()), Some("cdn"));
    outcome
}

#[test]
fn a_slow_source_leaves_time_for_the_next() {
    let outcome = run_with_slow_wapi(CdnScenario::Ok);
    assert!(outcome.took < INVOCATION, "{:?}", outcome.took);
}

/// The CDN would be too slow for the half of the run that is left at the end of W-API's share.
#[test]
fn a_source_too_slow_for_its_share_is_left_early() {
    let outcome = run_with_slow_wapi(CdnScenario::SlowDrip { bytes_per_second: 28_000 });
    assert!(outcome.took < INVOCATION, "{:?}", outcome.took);
}

/// Neither source delivers the file within a whole run. A person is told after three runs, instead
/// of after six days of downloads that cannot end.
#[test]
fn a_file_too_large_for_a_run_is_parked_soon() {
    let slow = 17_000;
    let planned = PlannedMedia::healthy(Kind::Document, "slow everywhere")
        .with_spec(|spec| {
            spec.format(Format::Random)
                .size(6_000_000)
                .wapi(WapiScenario::SlowDrip { bytes_per_second: slow })
                .cdn(CdnScenario::SlowDrip { bytes_per_second: slow })
        })
        .with_fate(Fate::Parked);
    let mut plan = Plan::healthy(vec![planned]);
    // The least time of a run that counts.
    plan.time_left = Arc::new(|_| Duration::from_secs(310));
    let outcome = run_world(plan);
    let trace = outcome.trace.join("\n");
    assert!(outcome.account.is_clean(), "{trace}\n{}", outcome.account);
    let [parked] = outcome.evidence.parked.as_slice() else {
        panic!("{:?}", outcome.evidence.parked);
    };
    assert_eq!(parked.class.as_deref(), Some("transient"));
    let reason = parked.reason.as_deref().unwrap_or_default();
    assert!(reason.starts_with("no source delivers the file within one run: "), "{reason}");
    assert!(outcome.took < Duration::from_hours(1), "{:?}", outcome.took);
}

/// A run that began late in its batch has less time and says nothing of the sources.
#[test]
fn short_runs_park_nothing() {
    let planned = PlannedMedia::healthy(Kind::Document, "short runs at first")
        .with_spec(|spec| {
            spec.format(Format::Random)
                .size(SIZE)
                .wapi(WapiScenario::SlowDrip { bytes_per_second: 17_000 })
                .cdn(CdnScenario::SlowDrip { bytes_per_second: 17_000 })
        })
        .with_fate(Fate::Stored);
    let mut plan = Plan::healthy(vec![planned]);
    plan.time_left = Arc::new(|n| Duration::from_secs(if n <= 4 { 90 } else { 200 }));
    let outcome = run_world(plan);
    let trace = outcome.trace.join("\n");
    assert!(outcome.account.is_clean(), "{trace}\n{}", outcome.account);
    assert_eq!(outcome.account.stored, 1, "{trace}");
}

/// Both sources are too slow for their share of a run; the CDN is fast enough for a whole one.
#[test]
fn after_a_deadline_the_cdn_gets_the_whole_run() {
    let outcome = run_with_slow_wapi(CdnScenario::SlowDrip { bytes_per_second: 25_000 });
    assert!(outcome.took < Duration::from_mins(5), "{:?}", outcome.took);
}
