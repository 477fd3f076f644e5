//! Orders to erase: whatever is announced, queued, retried, parked or found in W-API's log, what an
//! order covers is not stored.

use std::time::Duration;

use simulation::{
    Outcome,
    accounting::Fate,
    fault::Fault,
    plan::{CUSTOMERS, ChatOrder, OutsideEvent, Plan, PlannedMedia, PriorState},
    run_world,
};
use stand_in::{CdnScenario, Format, Kind, WapiScenario};

const WORLD_START: i64 = 1_787_439_000;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// One person, in both spellings of the number that WhatsApp uses, and somebody else.
const PHONE: &str = "5500988880000";
const SHORT: &str = "550088880000";
const LID: &str = "700000000000001";
const OTHER: &str = "5500977770000";

/// A media message in the chat with this number.
fn of_chat(kind: Kind, name: &str, phone: &str) -> PlannedMedia {
    PlannedMedia::healthy(kind, name).with_spec(|spec| spec.chat(phone).sender(phone))
}

/// A picture of the person.
fn of_person(name: &str) -> PlannedMedia {
    of_chat(Kind::Image, name, PHONE).with_fate(Fate::Erased)
}

/// A picture that no source has any more, so that it is parked at once.
fn lost(name: &str) -> PlannedMedia {
    of_person(name).with_spec(|spec| {
        spec.moment(WORLD_START - 15 * DAY_SECONDS)
            .wapi(WapiScenario::NotFound404)
            .cdn(CdnScenario::Gone { status: 404 })
    })
}

/// Its job is in the queue already: it was accepted when the world began.
fn queued(planned: PlannedMedia) -> PlannedMedia {
    planned.with_prior_state(PriorState { job: true, ..PriorState::default() })
}

/// An order to erase a chat of the first customer's tenant.
fn order(chat: &'static str) -> OutsideEvent {
    OutsideEvent::Ordered(ChatOrder { customer: CUSTOMERS[0], chat, from_now_on: false })
}

fn plan_of(media: Vec<PlannedMedia>, events: Vec<(Duration, OutsideEvent)>) -> Plan {
    let mut plan = Plan::healthy(media);
    plan.downloads = 1;
    plan.outside_events = events;
    plan
}

/// Runs the world; nothing may be left of what was to be erased, and the rest is stored.
fn run_clean(plan: Plan) -> Outcome {
    let expected = plan.media.iter().filter(|one| one.fate == Fate::Stored).count();
    let outcome = run_world(plan);
    let (account, trace) = (&outcome.account, outcome.trace.join("\n"));
    assert!(account.is_clean(), "{trace}\n{account}");
    assert_eq!((account.stored, account.parked), (expected, 0), "{trace}\n{account}");
    outcome
}

/// No run had received it when the order was given, so it has no record.
#[test]
fn a_job_in_the_queue_ends_erased() {
    let other = queued(of_chat(Kind::Image, "of somebody else", OTHER));
    let media = vec![queued(of_person("in the queue")), other];
    let media = media.into_iter().map(|one| one.announced_at(20 * SECOND)).collect();
    let outcome = run_clean(plan_of(media, vec![(10 * SECOND, order(PHONE))]));
    // No record was made of it either.
    assert_eq!(outcome.evidence.records.len(), 1, "{:?}", outcome.evidence.records);
}

/// The group's other members lose nothing, and neither does the person's own chat.
#[test]
fn an_order_about_a_sender_reaches_groups() {
    const GROUP: &str = "120363000000000001@g.us";
    let in_group = |name: &str, sender: &str| {
        PlannedMedia::healthy(Kind::Image, name).with_spec(|spec| spec.chat(GROUP).sender(sender))
    };
    let media = vec![
        in_group("of the person", SHORT).with_fate(Fate::Erased),
        in_group("of somebody else", OTHER),
        of_chat(Kind::Image, "own chat", PHONE),
    ];
    let media = media.into_iter().map(|one| one.announced_at(20 * SECOND)).collect();
    let order = ChatOrder { customer: CUSTOMERS[0], chat: PHONE, from_now_on: false };
    run_clean(plan_of(media, vec![(10 * SECOND, OutsideEvent::SenderOrdered(order))]));
}

/// The tenant had no order when the process asked before.
#[test]
fn an_order_holds_from_the_next_job_on() {
    let before = of_chat(Kind::Image, "before", OTHER);
    let after = queued(of_person("after")).announced_at(30 * SECOND);
    run_clean(plan_of(vec![before, after], vec![(20 * SECOND, order(PHONE))]));
}

#[test]
fn an_order_during_the_fetch_stops_the_commit() {
    let slow = |planned: PlannedMedia| {
        planned.with_spec(|spec| {
            spec.format(Format::Random)
                .size(1024 * 1024)
                .wapi(WapiScenario::SlowDrip { bytes_per_second: 20_000 })
                .cdn(CdnScenario::SlowDrip { bytes_per_second: 20_000 })
        })
    };
    let of_person = of_chat(Kind::Document, "slow", PHONE).with_fate(Fate::Erased);
    let of_other = of_chat(Kind::Document, "slow as well", OTHER);
    let media = vec![slow(of_person), slow(of_other)];
    let outcome = run_clean(plan_of(media, vec![(20 * SECOND, order(PHONE))]));
    assert!(outcome.took > 20 * SECOND, "{:?}", outcome.took);
}

/// And with `from_now_on` it is not.
#[test]
fn a_message_after_the_order_is_stored() {
    for (from_now_on, fate) in [(false, Fate::Stored), (true, Fate::Erased)] {
        let later = of_person("later").with_fate(fate).announced_at(3 * MINUTE);
        let later = later.with_spec(|spec| spec.moment(WORLD_START + 120));
        let erasure = ChatOrder { customer: CUSTOMERS[0], chat: PHONE, from_now_on };
        run_clean(plan_of(vec![later], vec![(MINUTE, OutsideEvent::Ordered(erasure))]));
    }
}

/// The back-fill reads W-API's log, and W-API posts the webhook again.
#[test]
fn nothing_brings_back_what_was_erased() {
    let again = of_person("stored").announced_at(2 * HOUR);
    let media = vec![of_person("stored"), again];
    let events = vec![(10 * MINUTE, order(PHONE)), (11 * MINUTE, OutsideEvent::ChatRemoved(PHONE))];
    let mut plan = plan_of(media, events);
    plan.backfills = vec![HOUR];
    let outcome = run_clean(plan);
    let trace = outcome.trace.join("\n");
    assert!(trace.contains("s3:PutObject"), "it was not stored before: {trace}");
    let is_sent = |line: &&String| line.contains("backfill-") && line.contains("sqs:SendMessage");
    assert!(!outcome.trace.iter().any(|line| is_sent(&line)), "{trace}");
}

/// WhatsApp knows a Brazilian number by either spelling, and a chat by number and by hidden id.
#[test]
fn an_order_covers_every_name_of_the_chat() {
    let short = of_chat(Kind::Image, "short", SHORT).with_fate(Fate::Erased);
    let by_both = PlannedMedia::healthy(Kind::Image, "both")
        .with_spec(|spec| spec.chat(format!("{LID}@lid")))
        .with_changed_field(
            "/sender",
            serde_json::json!({ "id": PHONE, "senderLid": format!("{LID}@lid") }),
        )
        .with_fate(Fate::Erased);
    for chat in [PHONE, SHORT] {
        let media = vec![short.clone(), by_both.clone()];
        let media = media.into_iter().map(|one| one.announced_at(20 * SECOND)).collect();
        run_clean(plan_of(media, vec![(10 * SECOND, order(chat))]));
    }
    let media = vec![by_both.announced_at(20 * SECOND)];
    run_clean(plan_of(media, vec![(10 * SECOND, order("lid-700000000000001"))]));
}

/// Its entry and its record leave with it.
#[test]
fn a_job_that_is_retried_ends_erased() {
    let away = of_person("retried").with_spec(|spec| {
        spec.wapi(WapiScenario::CallStatus { status: 503 }).cdn(CdnScenario::Status { code: 503 })
    });
    let outcome = run_clean(plan_of(vec![away], vec![(5 * MINUTE, order(PHONE))]));
    assert!(outcome.took < 5 * HOUR, "{:?}", outcome.took);
}

/// A look, a redrive, and a move by SQS itself.
#[test]
fn a_parked_job_leaves_whoever_touches_it() {
    let touches: [&[OutsideEvent]; 3] =
        [&[], &[OutsideEvent::Redriven], &[OutsideEvent::ParkedMoved]];
    for touch in touches {
        let touch = touch.iter().map(|event| (61 * MINUTE, event.clone()));
        let events = std::iter::once((HOUR, order(PHONE))).chain(touch).collect();
        let outcome = run_clean(plan_of(vec![lost("parked")], events));
        let trace = outcome.trace.join("\n");
        assert!(trace.contains("sqs:SendMessage"), "it was not parked before: {trace}");
    }
}

/// While the table does not answer, it is not known what may be stored.
#[test]
fn nothing_is_stored_unasked() {
    let media = [of_chat(Kind::Image, "of somebody", OTHER)];
    for operation in ["dynamodb:GetItem", "dynamodb:BatchGetItem"] {
        let is_early = move |at: Duration| at > 30 * SECOND && at < 30 * MINUTE;
        let media = media.iter().cloned().map(|one| one.announced_at(MINUTE)).collect();
        let plan = plan_of(media, vec![(10 * SECOND, order(PHONE))]);
        let plan = plan.with_faults(move |call| {
            let (status, code) = (400, "AccessDeniedException");
            let is_orders = call.subject == "orders" || operation == "dynamodb:BatchGetItem";
            if call.operation == operation && is_orders && is_early(call.at) {
                Fault::Refused { status, code }
            } else {
                Fault::None
            }
        });
        let outcome = run_clean(plan);
        assert!(outcome.took > 30 * MINUTE, "{operation}: {:?}", outcome.took);
    }
}
