//! A burst of an instance whose downloads are slow at W-API, in one batch with another instance's.

use std::time::Duration;

use simulation::{
    Outcome,
    plan::{CUSTOMERS, Plan, PlannedMedia, PriorState},
    run_world,
};
use stand_in::{Kind, WapiScenario};

/// How long W-API takes to answer for a media message of the slow instance.
const SLOW_ANSWER: Duration = Duration::from_secs(20);

/// A job of this customer that is in the queue from the beginning.
fn queued_media(customer: usize, n: usize, wapi: WapiScenario) -> PlannedMedia {
    let job = PriorState { job: true, ..PriorState::default() };
    PlannedMedia::healthy(Kind::Image, &format!("{customer} {n}"))
        .with_spec(|spec| spec.instance(CUSTOMERS[customer].instance).wapi(wapi))
        .with_prior_state(job)
}

/// The seconds at which the files of this tenant were stored.
fn store_times(outcome: &Outcome, tenant: &str) -> Vec<f64> {
    let folder = format!("/{tenant}/");
    let is_its = |line: &&String| line.contains(" s3:PutObject ") && line.contains(&folder);
    let time = |line: &String| line.split_whitespace().next().and_then(|at| at.parse().ok());
    outcome.trace.iter().filter(is_its).filter_map(time).collect()
}

/// W-API is asked for five at a time of an instance. The last of its six waits, and the four of the
/// other instance use the time.
#[test]
fn a_slow_instances_burst_does_not_delay_others() {
    for seed in 0..6 {
        let millis = u64::try_from(SLOW_ANSWER.as_millis()).expect("milliseconds");
        let slow = WapiScenario::Delay { millis, then: Box::new(WapiScenario::Ok) };
        let slow = (0..6).map(|n| queued_media(0, n, slow.clone()));
        let others = (0..4).map(|n| queued_media(2, n, WapiScenario::Ok));
        let mut plan = Plan::healthy(slow.chain(others).collect());
        (plan.seed, plan.downloads) = (seed, 1);
        let outcome = run_world(plan);
        let trace = outcome.trace.join("\n");
        assert!(outcome.account.is_clean(), "{trace}\n{}", outcome.account);
        assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
        let others = store_times(&outcome, CUSTOMERS[2].tenant);
        assert_eq!(others.len(), 4, "{trace}");
        let last = others.into_iter().fold(0.0, f64::max);
        assert!(last < SLOW_ANSWER.as_secs_f64() / 2.0, "seed {seed}: {last} s\n{trace}");
        // The one that waits gets its turn.
        let slow = store_times(&outcome, CUSTOMERS[0].tenant);
        let last = slow.into_iter().fold(0.0, f64::max);
        assert!(last < 2.5 * SLOW_ANSWER.as_secs_f64(), "seed {seed}: {last} s\n{trace}");
    }
}
