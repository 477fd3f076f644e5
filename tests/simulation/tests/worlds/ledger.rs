//! The ledger remembers every job: queues that lose their messages, long waits, and what parks for
//! longer than a queue keeps it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use simulation::{
    Outcome,
    accounting::Fate,
    fault::Fault,
    plan::{OutsideEvent, Plan, PlannedMedia, PriorState},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

const HOUR: Duration = Duration::from_hours(1);

/// Three media messages, announced in the first seconds.
fn three_files() -> Vec<PlannedMedia> {
    let named = |n: u64| {
        let planned = PlannedMedia::healthy(Kind::Image, &format!("of three: {n}"));
        planned.announced_at(Duration::from_secs(n))
    };
    (0..3).map(named).collect()
}

/// Both origins fail from the beginning until this time.
fn outage_until(end: Duration) -> Vec<(Duration, OutsideEvent)> {
    let wapi = OutsideEvent::Wapi(Some(WapiScenario::CallStatus { status: 503 }));
    let cdn = OutsideEvent::Cdn(Some(CdnScenario::Status { code: 503 }));
    vec![
        (Duration::ZERO, wapi),
        (Duration::ZERO, cdn),
        (end, OutsideEvent::Wapi(None)),
        (end, OutsideEvent::Cdn(None)),
    ]
}

fn must_be_clean(outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
}

/// The queue loses its messages while some wait in it and others in the table.
#[test]
fn purged_queues_lose_no_job() {
    for minutes in [1, 10, 70, 300] {
        let mut plan = Plan::healthy(three_files());
        plan.outside_events = outage_until(6 * HOUR);
        let purged = Duration::from_mins(minutes);
        plan.outside_events.push((purged, OutsideEvent::QueuesPurged));
        let outcome = run_world(plan);
        must_be_clean(&outcome);
        assert_eq!(outcome.account.stored, 3, "purged after {minutes} minutes");
    }
}

/// The message of a run that died is hidden for an hour, and then it is gone.
#[test]
fn a_job_whose_message_died_is_sent_again() {
    let mut plan = Plan::healthy(three_files()).with_faults(|call| {
        let is_third =
            call.operation == "sqs:ChangeMessageVisibility" && call.nth_of_operation == 3;
        if is_third { Fault::Killed } else { Fault::None }
    });
    plan.outside_events = outage_until(Duration::from_mins(5));
    plan.outside_events.push((Duration::from_mins(3), OutsideEvent::QueuesPurged));
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!(outcome.account.stored, 3);
}

/// SQS counts hidden messages as in flight, and 120,000 of them stop every tenant.
#[test]
fn a_long_wait_is_not_in_flight() {
    let counts: Vec<_> = (0..4).map(|_| Arc::new(AtomicUsize::new(99))).collect();
    let mut plan = Plan::healthy(three_files());
    plan.outside_events = outage_until(12 * HOUR);
    // The waits are random, so one of several moments finds every job in the table.
    for (hour, count) in (6..).zip(&counts) {
        plan.outside_events.push((hour * HOUR, OutsideEvent::QueueCounted(Arc::clone(count))));
    }
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    let least = counts.iter().map(|count| count.load(Ordering::Relaxed)).min();
    assert_eq!(least, Some(0), "{}", outcome.trace.join("\n"));
}

/// The parked queue keeps messages for 14 days, and a file may be had for longer.
#[test]
fn a_parked_job_outlives_the_queue() {
    let gone = PlannedMedia::healthy(Kind::Image, "gone")
        .with_spec(|spec| {
            spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
        })
        .with_fate(Fate::Parked);
    let mut plan = Plan::healthy(vec![gone]);
    plan.outside_events = vec![(48 * HOUR, OutsideEvent::ParkedExpired)];
    let later = PlannedMedia::healthy(Kind::Image, "later").announced_at(49 * HOUR);
    plan.media.push(later);
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert!(outcome.evidence.parked.is_empty(), "the queue kept it");
    assert_eq!((outcome.account.parked, outcome.account.stored), (1, 1));
    assert_eq!(outcome.evidence.entries.len(), 1);
}

/// The job outlived its queue, and an operator redrives it when a source has it again.
#[test]
fn a_parked_job_is_redriven_after_the_queue_forgot_it() {
    let gone = PlannedMedia::healthy(Kind::Image, "gone").with_spec(|spec| {
        spec.wapi(WapiScenario::fail_times(1)).cdn(CdnScenario::Gone { status: 404 })
    });
    let mut plan = Plan::healthy(vec![gone]);
    let lost = OutsideEvent::Wapi(Some(WapiScenario::NotFound404));
    plan.outside_events = vec![
        (Duration::ZERO, lost),
        (20 * HOUR, OutsideEvent::ParkedExpired),
        (30 * HOUR, OutsideEvent::Wapi(None)),
        (31 * HOUR, OutsideEvent::Redriven),
    ];
    plan.media.push(PlannedMedia::healthy(Kind::Image, "later").announced_at(32 * HOUR));
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.parked, outcome.account.stored), (0, 2));
    assert!(outcome.evidence.entries.is_empty(), "{:?}", outcome.evidence.entries);
}

/// The previous version parked a job: record and message say so, and there is no entry.
#[test]
fn what_the_previous_version_parked_gets_an_entry() {
    let gone = PlannedMedia::healthy(Kind::Image, "gone")
        .with_spec(|spec| {
            spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
        })
        .with_prior_state(PriorState {
            record: Some("parked"),
            parked: true,
            ..PriorState::default()
        })
        .with_fate(Fate::Parked);
    let outcome = run_world(Plan::healthy(vec![gone]));
    must_be_clean(&outcome);
    assert_eq!((outcome.account.parked, outcome.evidence.entries.len()), (1, 1));
}

/// An earlier template has no jobs table, and the next one makes a new, empty one. The records
/// still say that their jobs are in it; list, redrive and drop read the table.
#[test]
fn a_new_jobs_table_gets_the_parked_jobs_again() {
    let gone = PlannedMedia::healthy(Kind::Image, "gone")
        .with_spec(|spec| {
            spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
        })
        .with_fate(Fate::Parked);
    let mut plan = Plan::healthy(vec![gone]);
    plan.outside_events = vec![(20 * HOUR, OutsideEvent::JobsTableReplaced)];
    plan.media.push(PlannedMedia::healthy(Kind::Image, "later").announced_at(24 * HOUR));
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.parked, outcome.evidence.entries.len()), (1, 1));
}

/// The previous version stored a media file whose job the jobs table has.
#[test]
fn an_entry_of_a_stored_file_is_deleted() {
    let mut plan = Plan::healthy(three_files());
    plan.outside_events = outage_until(2 * HOUR);
    plan.outside_events.push((HOUR, OutsideEvent::StoredByPreviousVersion));
    let outcome = run_world(plan);
    assert!(outcome.evidence.entries.is_empty(), "{:?}", outcome.evidence.entries);
    assert!(outcome.evidence.queued.is_empty());
}
