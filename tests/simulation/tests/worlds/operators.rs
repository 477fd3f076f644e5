//! Operators in the middle of everything: what they erase never comes back, what they drop stays
//! dropped, and what they change loses nothing.

use std::time::Duration;

use media::kind::MediaKind;
use simulation::{
    Outcome,
    accounting::Fate,
    door::DoorFault,
    plan::{CUSTOMERS, Customer, EraseScope, ErasedPart, OutsideEvent, Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Kind, WapiScenario};

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
const ID: &str = "3EB0D8C2DC513BD63DC4";

fn must_be_clean(outcome: &Outcome) {
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
}

fn in_chat(name: &str, chat: &'static str) -> PlannedMedia {
    PlannedMedia::healthy(Kind::Image, name).with_spec(|spec| spec.chat(chat).sender(chat))
}

/// A media message that fails for hours.
fn failing(planned: PlannedMedia) -> PlannedMedia {
    planned.with_spec(|spec| {
        spec.wapi(WapiScenario::fail_times(12)).cdn(CdnScenario::Gone { status: 404 })
    })
}

fn lost_to_all(planned: PlannedMedia) -> PlannedMedia {
    let spec = |spec: stand_in::Spec| {
        spec.wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
    };
    planned.with_spec(spec).with_fate(Fate::Parked)
}

fn erase(part: ErasedPart) -> OutsideEvent {
    OutsideEvent::Erased(EraseScope { customer: CUSTOMERS[0], part })
}

fn count_objects(outcome: &Outcome) -> usize {
    outcome.evidence.objects.len()
}

/// A stored file, a job that is retried and a job that is parked, with copies in the queue; the
/// back-fill and a replay meet all of them again.
#[test]
fn an_erased_chat_never_comes_back() {
    let chat = "5500900000003";
    let media = vec![
        in_chat("stored", chat),
        failing(in_chat("retried", chat)),
        lost_to_all(in_chat("parked", chat)),
        in_chat("of another chat", "5500900000004"),
    ];
    let mut plan = Plan::healthy(media);
    plan.copies_per_mille = 500;
    plan.backfills = vec![3 * HOUR, 6 * HOUR];
    plan.outside_events = vec![
        (2 * HOUR, erase(ErasedPart::Chat(chat.to_owned()))),
        (4 * HOUR, OutsideEvent::ParkedMoved),
        (5 * HOUR, OutsideEvent::Replayed),
        (7 * HOUR, OutsideEvent::Redriven),
    ];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!(count_objects(&outcome), 1, "{:?}", outcome.evidence.objects);
    let erased = outcome.evidence.records.iter().filter(|record| record.state == "erased");
    assert_eq!(erased.count(), 3, "{:?}", outcome.evidence.records);
}

/// The other message of the chat stays.
#[test]
fn an_erased_message_never_comes_back() {
    let meant = failing(in_chat("meant", "5500900000003")).with_spec(|spec| spec.message_id(ID));
    let mut plan = Plan::healthy(vec![meant, failing(in_chat("other", "5500900000003"))]);
    plan.outside_events =
        vec![(HOUR, erase(ErasedPart::Message(ID.to_owned()))), (2 * HOUR, OutsideEvent::Replayed)];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((count_objects(&outcome), outcome.account.stored), (1, 1));
}

/// Later copies of what was parked do not bring it back, nor do those in the parked queue, which
/// SQS moves before a look removes them.
#[test]
fn a_dropped_job_stays_dropped() {
    let mut plan = Plan::healthy(vec![lost_to_all(in_chat("gone", "5500900000003"))]);
    plan.copies_per_mille = 500;
    plan.outside_events = vec![
        (5 * HOUR, OutsideEvent::Dropped),
        (5 * HOUR + MINUTE, OutsideEvent::ParkedMoved),
        (6 * HOUR, OutsideEvent::Redriven),
    ];
    plan.media.push(PlannedMedia::healthy(Kind::Image, "later").announced_at(9 * HOUR));
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.skipped, outcome.account.parked), (1, 0));
    assert!(outcome.evidence.entries.is_empty() && outcome.evidence.parked.is_empty());
}

/// One webhook a second, each posted once, and a new secret in the middle of them.
#[test]
fn a_new_secret_refuses_no_webhook() {
    let second = |n: u64| {
        let planned = PlannedMedia::healthy(Kind::Voice, &format!("one of many: {n}"));
        planned.announced_at(Duration::from_millis(500 * n))
    };
    let mut plan = Plan::healthy((0..30).map(second).collect());
    plan.sender_tries = 1;
    let rotated = OutsideEvent::SecretRotated(CUSTOMERS[0], [9; 32]);
    plan.outside_events = vec![(Duration::from_secs(5), rotated)];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.accepted, outcome.account.stored), (30, 30));
}

/// What was posted during the pause is not looked for; what came before it and after it is stored.
#[test]
fn a_pause_refuses_only_what_it_should() {
    let at = |name: &str, minutes: u32| {
        PlannedMedia::healthy(Kind::Image, name).announced_at(MINUTE * minutes)
    };
    let mut plan = Plan::healthy(vec![
        at("accepted before", 0),
        at("refused by API Gateway before", 10),
        at("in the pause", 40),
        at("accepted after", 61),
    ]);
    plan.sender_tries = 1;
    plan.door = std::sync::Arc::new(|knock| match knock.at.as_secs() / 60 {
        10 => DoorFault::Refused(503),
        _ => DoorFault::None,
    });
    plan.backfills = vec![2 * HOUR, 3 * HOUR];
    plan.outside_events = vec![
        (30 * MINUTE, OutsideEvent::Paused(CUSTOMERS[0])),
        (60 * MINUTE, OutsideEvent::Resumed(CUSTOMERS[0])),
    ];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.accepted, count_objects(&outcome)), (3, 3));
}

/// What the former tenant has not got by then is parked with a reason, and nothing is in a wrong
/// folder.
#[test]
fn a_move_in_the_middle_loses_nothing() {
    let media = (0..12).map(|n| {
        let planned = PlannedMedia::healthy(Kind::Image, &format!("around a move: {n}"));
        let planned = planned.announced_at(MINUTE * n);
        if n % 3 == 0 { failing(planned) } else { planned }
    });
    let mut plan = Plan::healthy(media.collect());
    let moved = Customer { tenant: "bravo", ..CUSTOMERS[0] };
    plan.outside_events = vec![
        (4 * MINUTE, OutsideEvent::Removed(CUSTOMERS[0])),
        (4 * MINUTE + Duration::from_secs(20), OutsideEvent::Added(moved)),
    ];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    let of = |tenant: &str| {
        let keys = outcome.evidence.objects.iter().map(|object| object.key.as_str());
        keys.filter(|key| key.starts_with(tenant)).count()
    };
    assert!(of("acme/") >= 2 && of("bravo/") >= 5, "{:?}", outcome.evidence.objects);
    assert!(outcome.account.parked >= 1, "{}", outcome.account);
}

#[test]
fn changed_rules_skip_only_what_they_name() {
    let at = |kind, minutes| {
        PlannedMedia::healthy(kind, &format!("{kind:?} at {minutes}"))
            .announced_at(MINUTE * minutes)
    };
    let media = vec![at(Kind::Voice, 0), at(Kind::Voice, 20), at(Kind::Image, 20)];
    let mut plan = Plan::healthy(media);
    plan.outside_events = vec![(10 * MINUTE, OutsideEvent::KindExcluded("acme", MediaKind::Audio))];
    let outcome = run_world(plan);
    must_be_clean(&outcome);
    assert_eq!((outcome.account.stored, outcome.account.skipped), (2, 1));
}
