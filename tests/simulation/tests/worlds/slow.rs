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

/// Both sources are too slow for their share of a run; the CDN is fast enough for a whole one.
#[test]
fn after_a_deadline_the_cdn_gets_the_whole_run() {
    let outcome = run_with_slow_wapi(CdnScenario::SlowDrip { bytes_per_second: 25_000 });
    assert!(outcome.took < Duration::from_mins(5), "{:?}", outcome.took);
}
