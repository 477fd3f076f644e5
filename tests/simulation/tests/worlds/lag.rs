//! Reads that are late: an index, and an item that is read without consistency, show what was
//! seconds ago.

use std::time::Duration;

use simulation::{
    Outcome,
    accounting::Fate,
    plan::{CUSTOMERS, Customer, OutsideEvent, Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

const HOUR: Duration = Duration::from_hours(1);

fn must_be_clean(outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
}

/// Media messages that wait in the jobs table for some time.
fn failing_files(count: u32) -> Vec<PlannedMedia> {
    let failing = |n: u32| {
        PlannedMedia::healthy(Kind::Image, &format!("failing {n}")).with_spec(|spec| {
            spec.wapi(WapiScenario::fail_times(8)).cdn(CdnScenario::Status { code: 503 })
        })
    };
    (0..count).map(failing).collect()
}

/// An entry that was sent a moment ago is still due in the index: it is not sent twice.
#[test]
fn a_late_index_sends_no_job_twice() {
    let mut all = Vec::new();
    for seconds in [0, 70, 400] {
        let mut plan = Plan::healthy(failing_files(6));
        plan.read_lag = Duration::from_secs(seconds);
        let outcome = run_world(plan);
        must_be_clean(&outcome);
        assert_eq!(outcome.account.stored, 6);
        let was_late = outcome.trace.iter().any(|line| line.contains("Query jobs-table was late"));
        assert_eq!(was_late, seconds > 0);
        let is_sent = |line: &&String| {
            line.contains("watch-") && line.contains("sqs:SendMessage ") && line.ends_with(": 200")
        };
        all.push(outcome.trace.iter().filter(is_sent).count());
    }
    // As many as without a lag.
    assert!(all[0] > 6 && all.iter().all(|sent| *sent == all[0]), "{all:?}");
}

/// A redrive, a drop and a move, each decided on lists that are late.
#[test]
fn late_lists_lose_no_decision() {
    let gone = |n: u32| {
        PlannedMedia::healthy(Kind::Image, &format!("gone {n}"))
            .with_spec(|spec| {
                spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
            })
            .with_fate(Fate::Parked)
    };
    let mut media = failing_files(3);
    media.extend((0..3).map(gone));
    let mut plan = Plan::healthy(media);
    plan.read_lag = Duration::from_secs(30);
    plan.outside_events = vec![
        (5 * HOUR, OutsideEvent::Redriven),
        (5 * HOUR + Duration::from_secs(10), OutsideEvent::Redriven),
        (9 * HOUR, OutsideEvent::Dropped),
    ];
    // Half of the reads are late.
    let redriven = |n: u32| (9 * HOUR + Duration::from_secs(3) * n, OutsideEvent::Redriven);
    plan.outside_events.extend((1..8).map(redriven));
    let later = PlannedMedia::healthy(Kind::Image, "later").announced_at(12 * HOUR);
    plan.media.push(later);
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.stored, outcome.account.skipped), (4, 3), "{}", outcome.account);
    let dropped =
        outcome.trace.iter().position(|line| line.ends_with("dropped 3 of 3 parked jobs"));
    let after = dropped.and_then(|place| outcome.trace.get(place..)).unwrap_or_default();
    let is_late =
        |line: &String| line.contains("redriven: Ok(RedriveSummary { admitted: 3, sent: 0,");
    assert!(after.iter().any(is_late), "no redrive saw a late list");
}

/// A function that reads the instance's record late still knows the former tenant.
#[test]
fn a_late_record_of_a_moved_instance_parks_nothing() {
    let at = |name: &str, minutes: u64| {
        PlannedMedia::healthy(Kind::Image, name).announced_at(Duration::from_mins(minutes))
    };
    let mut plan = Plan::healthy(vec![at("before", 0), at("after", 30)]);
    plan.read_lag = Duration::from_secs(30);
    let moved = Customer { tenant: "bravo", ..CUSTOMERS[0] };
    let moved_at = Duration::from_mins(30) - Duration::from_secs(5);
    plan.outside_events = vec![
        (moved_at - Duration::from_secs(5), OutsideEvent::Removed(CUSTOMERS[0])),
        (moved_at, OutsideEvent::Added(moved)),
    ];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.stored, outcome.account.parked), (2, 0), "{}", outcome.account);
}
