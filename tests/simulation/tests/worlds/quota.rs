//! SQS gives out no more messages than may be in flight: what waits for long must not count.

use std::time::Duration;

use simulation::{
    Outcome,
    plan::{CUSTOMERS, Customer, Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

const MINUTE: Duration = Duration::from_mins(1);

/// As many messages as the world's quota: for 120,000 in a world of two processes.
const QUOTA: usize = 8;

/// W-API asks one tenant's two instances to wait for an hour, with every message that may be in
/// flight.
fn waiting_files() -> Vec<PlannedMedia> {
    let (retry_after, times) = (3600, 2);
    let later = || WapiScenario::FailTimes {
        times,
        first: Box::new(WapiScenario::TooMany429 { retry_after }),
        then: Box::new(WapiScenario::Ok),
    };
    let waiting = |n: usize| {
        let instance = CUSTOMERS[n % 2].instance;
        PlannedMedia::healthy(Kind::Image, &format!("waiting {n}")).with_spec(|spec| {
            spec.instance(instance).wapi(later()).cdn(CdnScenario::Gone { status: 404 })
        })
    };
    (0..QUOTA).map(waiting).collect()
}

/// Media messages of another tenant, while the others wait.
fn good_files() -> Vec<PlannedMedia> {
    let good = |n: u32| {
        PlannedMedia::healthy(Kind::Voice, &format!("good {n}"))
            .with_spec(|spec| spec.instance(CUSTOMERS[2].instance))
            .announced_at(MINUTE * (10 + 7 * n))
    };
    (0..3).map(good).collect()
}

/// When the files of a customer were stored, the first first.
fn stored_at(outcome: &Outcome, customer: Customer) -> Vec<f64> {
    let is_stored =
        |line: &&String| line.contains("s3:PutObject") && line.contains(customer.instance);
    let stored = outcome.trace.iter().filter(is_stored);
    stored.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

#[test]
fn a_waiting_tenant_leaves_room_in_flight() {
    let mut plan = Plan::healthy(waiting_files().into_iter().chain(good_files()).collect());
    plan.max_in_flight = QUOTA;
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
    assert_eq!(account.stored, QUOTA + 3);
    let good = stored_at(&outcome, CUSTOMERS[2]);
    assert_eq!(good.len(), 3, "{good:?}");
    for (planned, stored) in good_files().iter().zip(good) {
        let waited = stored - planned.at.as_secs_f64();
        assert!(waited < 60.0, "{waited} s: {trace}");
    }
    // The others were waiting all the time.
    for waiting in [CUSTOMERS[0], CUSTOMERS[1]] {
        let stored = stored_at(&outcome, waiting);
        assert!(stored.iter().all(|at| *at > 3600.0), "{stored:?}");
    }
}
