//! Weeks pass: queues forget after seven and 14 days, W-API's log after 30, marks after 32.

use std::time::{Duration, Instant};

use simulation::{
    Outcome,
    accounting::Fate,
    plan::{CUSTOMERS, EraseScope, ErasedPart, ExpiryRules, OutsideEvent, Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

const DAY: Duration = Duration::from_hours(24);
const CHAT: &str = "5500900000003";

fn must_be_clean(outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
}

fn in_chat(name: &str) -> PlannedMedia {
    PlannedMedia::healthy(Kind::Image, name).with_spec(|spec| spec.chat(CHAT).sender(CHAT))
}

fn lost_to_all(planned: PlannedMedia) -> PlannedMedia {
    let spec = |spec: stand_in::Spec| {
        spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
    };
    planned.with_spec(spec).with_fate(Fate::Parked)
}

/// The queue forgets it by itself, after 14 days of looks.
#[test]
fn a_parked_job_is_still_there_after_a_month() {
    let mut plan = Plan::healthy(vec![lost_to_all(in_chat("parked"))]);
    plan.min_time = 31 * DAY;
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert!(outcome.took >= 31 * DAY && outcome.evidence.parked.is_empty());
    assert_eq!((outcome.account.parked, outcome.evidence.entries.len()), (1, 1));
}

/// The mark outlasts every copy: the log is read and replayed until the log has forgotten, and only
/// then is the mark forgotten.
#[test]
fn a_mark_outlasts_every_copy_of_its_job() {
    let failing = in_chat("retried").with_spec(|spec| {
        spec.wapi(WapiScenario::fail_times(14)).cdn(CdnScenario::Gone { status: 404 })
    });
    let mut plan = Plan::healthy(vec![in_chat("stored"), failing, lost_to_all(in_chat("parked"))]);
    plan.copies_per_mille = 300;
    (plan.min_time, plan.expiry) = (36 * DAY, ExpiryRules::of_tables());
    plan.backfills = (1..36).map(|day| DAY * day).collect();
    let part = ErasedPart::Chat(CHAT.to_owned());
    let erased = OutsideEvent::Erased(EraseScope { customer: CUSTOMERS[0], part });
    plan.outside_events = vec![
        (Duration::from_hours(2), erased),
        (13 * DAY, OutsideEvent::Redriven),
        (29 * DAY, OutsideEvent::Replayed),
    ];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    let found = &outcome.evidence;
    assert!(found.objects.is_empty() && found.records.is_empty(), "{:?}", found.records);
}

/// A history of a phone that is connected anew.
#[test]
fn a_history_of_hundreds_is_stored_once() {
    let begun = Instant::now();
    let media = (0..300).map(|n| PlannedMedia::healthy(Kind::Voice, &format!("history {n}")));
    let mut plan = Plan::healthy(media.collect());
    (plan.downloads, plan.copies_per_mille) = (3, 50);
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!(outcome.account.stored, 300);
    println!("{:?} for 300 media", begun.elapsed());
}
