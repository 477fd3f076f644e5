//! W-API that does not answer, or not soon: the file comes from the CDN meanwhile, nobody else
//! waits, and what only W-API has is still waited for.

use std::{sync::Arc, time::Duration};

use media::strategy::{Strategy, StrategyOrder};
use simulation::{
    Outcome,
    clockwork::WORLD_START,
    fault::Fault,
    plan::{CUSTOMERS, Plan, PlannedMedia, PriorState},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

/// A length that takes a whole slot, of which a process has four.
const LARGE: &str = "50000000";

/// The seconds within which a file is stored that W-API does not give.
const SOON: f64 = 15.0;

/// A job of this customer that is in the queue from the beginning. Its sender said that the file is
/// large.
fn queued_media(customer: usize, n: usize, wapi: WapiScenario) -> PlannedMedia {
    let job = PriorState { job: true, ..PriorState::default() };
    PlannedMedia::healthy(Kind::Image, &format!("{customer} {n}"))
        .with_spec(|spec| spec.instance(CUSTOMERS[customer].instance).wapi(wapi))
        .with_changed_field("/msgContent/imageMessage/fileLength", LARGE)
        .with_prior_state(job)
}

fn answer_after(seconds: u64) -> WapiScenario {
    WapiScenario::Delay { millis: seconds * 1000, then: Box::new(WapiScenario::Ok) }
}

/// Runs the world, in which everything must be stored once.
fn run_clean(plan: Plan) -> Outcome {
    let expected = plan.media.len();
    let outcome = run_world(plan);
    let trace = outcome.trace.join("\n");
    assert!(outcome.account.is_clean(), "{trace}\n{}", outcome.account);
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    assert_eq!(outcome.account.stored, expected, "{trace}");
    outcome
}

/// The seconds at which the files of this tenant were stored.
fn store_times(outcome: &Outcome, tenant: &str) -> Vec<f64> {
    let folder = format!("/{tenant}/");
    let is_its = |line: &&String| line.contains(" s3:PutObject ") && line.contains(&folder);
    let time = |line: &String| line.split_whitespace().next().and_then(|at| at.parse().ok());
    outcome.trace.iter().filter(is_its).filter_map(time).collect()
}

/// The second at which the last of the tenant's files was stored.
fn last_of(outcome: &Outcome, tenant: &str, count: usize) -> f64 {
    let times = store_times(outcome, tenant);
    assert_eq!(times.len(), count, "{}", outcome.trace.join("\n"));
    times.into_iter().fold(0.0, f64::max)
}

/// The strategy that stored the only file.
fn stored_by(outcome: &Outcome) -> Option<String> {
    outcome.evidence.objects.first()?.facts.as_ref()?.strategy.clone()
}

/// Six of one batch hang, which is more than there are slots, and the four of the other instance
/// use the time.
#[test]
fn a_slow_instances_burst_does_not_delay_others() {
    for seed in 0..6 {
        for slow in [WapiScenario::Hang, answer_after(20)] {
            let slow = (0..6).map(|n| queued_media(0, n, slow.clone()));
            let others = (0..4).map(|n| queued_media(2, n, WapiScenario::Ok));
            let mut plan = Plan::healthy(slow.chain(others).collect());
            (plan.seed, plan.downloads) = (seed, 1);
            let outcome = run_clean(plan);
            let others = last_of(&outcome, CUSTOMERS[2].tenant, 4);
            assert!(others < 5.0, "seed {seed}: {others} s");
            let slow = last_of(&outcome, CUSTOMERS[0].tenant, 6);
            assert!(slow < SOON, "seed {seed}: {slow} s");
        }
    }
}

/// The whole batch is of one instance: none waits for the answers to the others.
#[test]
fn ten_of_one_instance_take_as_long_as_one() {
    let ten = (0..10).map(|n| queued_media(0, n, answer_after(8)));
    let mut plan = Plan::healthy(ten.collect());
    plan.downloads = 1;
    let outcome = run_clean(plan);
    let last = last_of(&outcome, CUSTOMERS[0].tenant, 10);
    assert!(last < 12.0, "{last} s");
}

/// The first run asks W-API again after the CDN, and waits for it.
#[test]
fn what_the_cdn_lost_comes_from_a_slow_wapi() {
    for status in [404, 410] {
        let mut planned = queued_media(0, 0, answer_after(40));
        planned.spec = planned.spec.cdn(CdnScenario::Gone { status });
        let outcome = run_clean(Plan::healthy(vec![planned]));
        assert_eq!(stored_by(&outcome).as_deref(), Some("wapi"));
        let stored = last_of(&outcome, CUSTOMERS[0].tenant, 1);
        // 10 s before the CDN, and 40 s after it. A second run would ask anew.
        assert!((50.0..55.0).contains(&stored), "{status}: {stored} s");
    }
}

/// By its clock the function finds that the path on the CDN has expired, and slow tables leave it
/// no time to ask W-API. Whether W-API has the file is not known, so the next run asks it.
#[test]
fn an_expired_path_does_not_end_a_run_that_is_cut() {
    const FAST_CLOCK: i64 = 300;
    let mut planned = queued_media(0, 0, WapiScenario::Ok);
    planned.spec = planned.spec.oe(WORLD_START.unsigned_abs() + 290);
    let order = StrategyOrder::new([Strategy::Cdn, Strategy::Wapi, Strategy::WapiAlternate]);
    let mut plan = Plan::healthy(vec![planned]).with_order(order).with_faults(|call| {
        let is_start = call.process.starts_with("download") && call.nth_of_process <= 4;
        if is_start { Fault::Slow(Duration::from_secs(19)) } else { Fault::None }
    });
    plan.downloads = 1;
    plan.skew = Arc::new(|process| if process.starts_with("download") { FAST_CLOCK } else { 0 });
    let whole = Duration::from_mins(10);
    plan.time_left = Arc::new(move |nth| if nth <= 1 { Duration::from_secs(81) } else { whole });
    let outcome = run_clean(plan);
    assert_eq!(stored_by(&outcome).as_deref(), Some("wapi"));
    let stored = last_of(&outcome, CUSTOMERS[0].tenant, 1);
    assert!(stored > 73.0, "the first run had time: {stored} s");
}

/// Nothing comes after the last try, so each source keeps its time. By its clock the function is
/// five minutes before the end of the job.
#[test]
fn the_last_try_waits_for_wapi() {
    const SIX_DAYS: i64 = 6 * 24 * 3600;
    let mut plan = Plan::healthy(vec![queued_media(0, 0, answer_after(30))]);
    plan.skew =
        Arc::new(|process| if process.starts_with("download") { SIX_DAYS - 300 } else { 0 });
    let outcome = run_clean(plan);
    // The link that W-API gives has ended by that clock, and the CDN has the file.
    let stored = last_of(&outcome, CUSTOMERS[0].tenant, 1);
    assert!((30.0..35.0).contains(&stored), "{stored} s");
}
