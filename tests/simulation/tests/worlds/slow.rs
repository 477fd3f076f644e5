//! Slow sources: one that cannot deliver within a run does not keep a faster one from its turn.

use std::{sync::Arc, time::Duration};

use media::strategy::{Strategy, StrategyOrder};
use simulation::{
    Outcome,
    accounting::Fate,
    fault::Fault,
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Format, Kind, Role, WapiScenario};

/// The time of an invocation here, of which a run gets 192 s: a third of Lambda's ten minutes, so
/// that a third of the bytes is enough.
const INVOCATION: Duration = Duration::from_secs(200);

/// A size that takes 221 s at [`TOO_SLOW`], 144 s at [`SLOW`]: longer than a run, and longer than
/// half of one.
const SIZE: u64 = 3_750_000;

/// In bytes per second; the speed limit of a body is 16 KiB.
const TOO_SLOW: u64 = 17_000;

/// In bytes per second.
const SLOW: u64 = 26_000;

/// Runs a world with one document; returns what stored it.
fn store_by(wapi: WapiScenario, cdn: CdnScenario) -> (Outcome, String) {
    store_in_order(StrategyOrder::default(), wapi, cdn)
}

/// As [`store_by`], with this order of strategies.
fn store_in_order(order: StrategyOrder, wapi: WapiScenario, cdn: CdnScenario) -> (Outcome, String) {
    let planned = PlannedMedia::healthy(Kind::Document, "slow")
        .with_spec(|spec| spec.format(Format::Random).size(SIZE).wapi(wapi).cdn(cdn))
        .with_fate(Fate::Stored);
    let mut plan = Plan::healthy(vec![planned]).with_order(order);
    plan.time_left = Arc::new(|_| INVOCATION);
    let outcome = run_world(plan);
    assert!(outcome.account.is_clean(), "{}\n{}", outcome.trace.join("\n"), outcome.account);
    let facts = outcome.evidence.objects.first().and_then(|one| one.facts.as_ref());
    let strategy = facts.and_then(|facts| facts.strategy.clone()).unwrap_or_default();
    (outcome, strategy)
}

/// W-API's bytes are wrong, and a slow table leaves the first run no time for the CDN: a later run
/// asks it, instead of keeping the wrong bytes.
#[test]
fn contradicted_bytes_wait_for_a_run_with_time() {
    let planned = PlannedMedia::healthy(Kind::Document, "cut short")
        .with_spec(|spec| spec.wapi(WapiScenario::FlipBit { at: 100 }));
    let mut plan = Plan::healthy(vec![planned]).with_faults(|call| {
        let is_first = call.operation == "kms:Decrypt" && call.nth_of_operation == 1;
        if is_first { Fault::Slow(Duration::from_secs(18)) } else { Fault::None }
    });
    let whole = Duration::from_mins(10);
    plan.time_left = Arc::new(move |nth| if nth <= 1 { Duration::from_secs(85) } else { whole });
    let outcome = run_world(plan);
    let trace = outcome.trace.join("\n");
    assert!(outcome.account.is_clean(), "{trace}\n{}", outcome.account);
}

#[test]
fn a_slow_source_leaves_time_for_the_next() {
    let slow = WapiScenario::SlowDrip { bytes_per_second: TOO_SLOW };
    let (outcome, strategy) = store_by(slow, CdnScenario::Ok);
    assert_eq!(strategy, "cdn");
    assert!(outcome.took < INVOCATION, "{:?}", outcome.took);
}

#[test]
fn a_slow_cdn_before_wapi_leaves_it_time() {
    let order = StrategyOrder::new([Strategy::Cdn, Strategy::Wapi, Strategy::WapiAlternate]);
    let slow = CdnScenario::SlowDrip { bytes_per_second: TOO_SLOW };
    let (outcome, strategy) = store_in_order(order, WapiScenario::Ok, slow);
    assert_eq!(strategy, "wapi");
    assert!(outcome.took < INVOCATION, "{:?}", outcome.took);
}

/// The job is retried until the only source recovers, and W-API is never asked.
#[test]
fn a_strategy_that_is_left_out_is_never_used() {
    let order = StrategyOrder::new([Strategy::Cdn]);
    let (outcome, strategy) = store_in_order(order, WapiScenario::Ok, CdnScenario::fail_times(4));
    assert_eq!(strategy, "cdn");
    assert!(outcome.requests.iter().all(|one| one.role != Role::Wapi), "{:?}", outcome.requests);
}

/// The CDN would be too slow for what is left of the run at the end of W-API's share.
#[test]
fn a_source_too_slow_for_its_share_is_left_early() {
    let slow = WapiScenario::SlowDrip { bytes_per_second: TOO_SLOW };
    let (outcome, strategy) = store_by(slow, CdnScenario::SlowDrip { bytes_per_second: SLOW });
    assert_eq!(strategy, "cdn");
    assert!(outcome.took < INVOCATION, "{:?}", outcome.took);
}

/// Neither source delivers the file within a whole run. A person is told after three runs, instead
/// of after six days of downloads that cannot end.
#[test]
fn a_file_too_large_for_a_run_is_parked_soon() {
    let planned = PlannedMedia::healthy(Kind::Document, "slow everywhere")
        .with_spec(|spec| {
            spec.format(Format::Random)
                .size(6_000_000)
                .wapi(WapiScenario::SlowDrip { bytes_per_second: TOO_SLOW })
                .cdn(CdnScenario::SlowDrip { bytes_per_second: TOO_SLOW })
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
                .wapi(WapiScenario::SlowDrip { bytes_per_second: TOO_SLOW })
                .cdn(CdnScenario::SlowDrip { bytes_per_second: TOO_SLOW })
        })
        .with_fate(Fate::Stored);
    let mut plan = Plan::healthy(vec![planned]);
    plan.time_left = Arc::new(|n| Duration::from_secs(if n <= 4 { 90 } else { 250 }));
    let outcome = run_world(plan);
    let trace = outcome.trace.join("\n");
    assert!(outcome.account.is_clean(), "{trace}\n{}", outcome.account);
    assert_eq!(outcome.account.stored, 1, "{trace}");
}

/// The CDN is too slow for what W-API leaves it, and fast enough for a whole run.
#[test]
fn after_a_deadline_the_cdn_gets_the_whole_run() {
    let slow = WapiScenario::SlowDrip { bytes_per_second: TOO_SLOW };
    let (outcome, strategy) = store_by(slow, CdnScenario::SlowDrip { bytes_per_second: 22_000 });
    assert_eq!(strategy, "cdn");
    assert!(outcome.took < 3 * INVOCATION, "{:?}", outcome.took);
}

/// The CDN is too slow for any run, and W-API recovers.
#[test]
fn a_hopeless_cdn_does_not_starve_wapi() {
    let recovers = WapiScenario::FailTimes {
        times: 2,
        first: Box::new(WapiScenario::CallStatus { status: 503 }),
        then: Box::new(WapiScenario::Ok),
    };
    let too_slow = CdnScenario::SlowDrip { bytes_per_second: TOO_SLOW };
    let (outcome, strategy) = store_by(recovers, too_slow);
    assert!(["wapi", "wapi_alternate"].contains(&strategy.as_str()), "{strategy}");
    assert!(outcome.took < 6 * INVOCATION, "{:?}", outcome.took);
}

/// As before, and W-API then takes its time to answer. It is not left for the CDN, which would take
/// the whole run each time.
#[test]
fn a_hopeless_cdn_does_not_starve_a_late_answer() {
    let late = WapiScenario::Delay { millis: 40_000, then: Box::new(WapiScenario::Ok) };
    let recovers = WapiScenario::FailTimes {
        times: 2,
        first: Box::new(WapiScenario::CallStatus { status: 503 }),
        then: Box::new(late),
    };
    let too_slow = CdnScenario::SlowDrip { bytes_per_second: TOO_SLOW };
    let (outcome, strategy) = store_by(recovers, too_slow);
    assert!(["wapi", "wapi_alternate"].contains(&strategy.as_str()), "{strategy}");
    assert!(outcome.took < 6 * INVOCATION, "{:?}", outcome.took);
}

/// The CDN is too slow for any run, and W-API needs a whole one.
#[test]
fn a_slow_wapi_gets_the_whole_run_in_its_turn() {
    let slow = WapiScenario::SlowDrip { bytes_per_second: SLOW };
    let too_slow = CdnScenario::SlowDrip { bytes_per_second: TOO_SLOW };
    let (outcome, strategy) = store_by(slow, too_slow);
    assert!(["wapi", "wapi_alternate"].contains(&strategy.as_str()), "{strategy}");
    assert!(outcome.took < 10 * INVOCATION, "{:?}", outcome.took);
}
