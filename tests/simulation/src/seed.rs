//! The world of a seed: random media messages, faults, outages and operators. Everything recovers
//! in the end, so no accepted file may be lost.

mod events;
mod swarm;

use std::{sync::Arc, time::Duration};

use media::{
    policy::Policy,
    strategy::{Strategy, StrategyOrder},
};
use serde_json::json;
use stand_in::{CdnScenario, Encryption, Format, Kind, MessageShape, Spec, WapiScenario};

use crate::{
    accounting::Fate,
    chance::Chance,
    clockwork::WORLD_START,
    plan::{
        CUSTOMERS, ExpiryRules, FUNCTION_TIMEOUT, MAX_WORLD_TIME, Plan, PlannedMedia, PriorState,
    },
};

/// Larger than one part, so that the upload has two.
const TWO_PARTS_BYTES: u64 = 8 * 1024 * 1024 + 100_000;

/// Builds the plan of a seed.
#[must_use]
pub fn build_plan(seed: u64) -> Plan {
    let chance = Chance::from_seed(seed);
    let count = 8 + chance.named("media").below(15);
    let mut media: Vec<_> =
        (0..count).map(|n| plan_media(chance.named("medium").named(n), n)).collect();
    if chance.named("large").happens(60)
        && let Some(first) = media.first_mut()
    {
        first.spec = first.spec.clone().format(Format::Random).size(TWO_PARTS_BYTES);
    }
    media.extend(related_media(chance, &media));
    let min_time = plan_min_time(chance.named("calendar"));
    let door = swarm::plan_door(chance.named("door"));
    let sender_tries = 1 + u32::try_from(chance.named("sender").below(4)).unwrap_or_default();
    // What API Gateway refuses and nobody repeats is only in W-API's log.
    let is_needed = sender_tries == 1 && door.is_faulty;
    let backfills = plan_backfills(chance.named("backfills"), is_needed, min_time);
    if !backfills.is_empty() {
        for (n, planned) in (0_u64..).zip(&mut media) {
            let is_silent = chance.named("never posted").named(n).happens(150);
            planned.posts = if is_silent { 0 } else { planned.posts };
        }
    }
    let foreign_messages = (0..chance.named("strangers").below(3)).map(|n| {
        let at = chance.named("stranger").named(n).random_time(Duration::from_mins(10));
        (at, format!("stranger {n}, not a job"))
    });
    let unreadable = (0..chance.named("unreadable").below(3)).map(|n| {
        let at = chance.named("broken").named(n).random_time(Duration::from_mins(10));
        // Each body differs, so that the account can distinguish them. No relay sends this form.
        (at, json!({ "headers": {}, "body": { "number": n } }))
    });
    let short = chance.named("short invocations").happens(200);
    let mut outside_events = events::plan_outside_events(chance.named("happenings"));
    outside_events.extend(events::plan_operators(chance.named("operators"), &media, min_time));
    Plan {
        seed,
        media,
        unreadable: unreadable.collect(),
        foreign_messages: foreign_messages.collect(),
        backfills,
        outside_events,
        faults: swarm::plan_faults(chance.named("faults")),
        downloads: 1 + usize::try_from(chance.named("downloads").below(3)).unwrap_or_default(),
        copies_per_mille: chance.named("copies").pick(&[0, 0, 50, 200]).unwrap_or_default(),
        skew: Arc::new(move |process| random_skew(chance.named("skew").named(process))),
        time_left: Arc::new(move |nth| {
            random_time_left(chance.named("time").named(nth), short && nth < 12)
        }),
        order: random_order(chance.named("order")),
        policy: Policy::default(),
        expiry: ExpiryRules::of_tables(),
        has_receivers: chance.named("receivers").happens(400),
        sender_tries,
        door: door.plan,
        max_cold_start: swarm::plan_cold_start(chance.named("cold start")),
        stalls: swarm::plan_stalls(chance.named("stalls")),
        read_lag: swarm::plan_read_lag(chance.named("lag")),
        max_in_flight: swarm::plan_in_flight(chance.named("in flight")),
        min_time,
        max_time: MAX_WORLD_TIME,
    }
}

/// The default order in half of the worlds; otherwise the CDN comes first.
fn random_order(chance: Chance) -> StrategyOrder {
    let cdn_first = [Strategy::Cdn, Strategy::Wapi, Strategy::WapiAlternate];
    if chance.happens(500) { StrategyOrder::new(cdn_first) } else { StrategyOrder::default() }
}

/// Media messages related to the first: another file under its message's id, and the same file
/// under the same id in a group.
fn related_media(chance: Chance, media: &[PlannedMedia]) -> Vec<PlannedMedia> {
    let mut relatives = Vec::new();
    let Some(first) = media.first().filter(|one| one.spec.size.is_none()) else {
        return relatives;
    };
    let id = format!("3EB0{:016X}", chance.named("shared id").number());
    let shared =
        |planned: &PlannedMedia| planned.clone().with_spec(|spec| spec.message_id(id.clone()));
    if chance.named("two files of one id").happens(250) {
        let instance = first.spec.instance.clone();
        let other =
            plan_media(chance.named("other file"), 100).with_spec(|spec| spec.instance(instance));
        relatives.extend([shared(first), shared(&other)]);
    }
    if first.spec.kind != Kind::NewsletterImage
        && chance.named("one file in two chats").happens(250)
    {
        let in_group = |spec: Spec| spec.chat("120363000000000077@g.us");
        // The previous version left things of chats with persons only.
        let mut in_group = shared(first).with_spec(in_group);
        in_group.prior_state = PriorState::default();
        relatives.extend([shared(first), in_group]);
    }
    // The same media message twice is not a relative.
    let mut seen = std::collections::BTreeSet::new();
    relatives.retain(|one| seen.insert((one.spec.seed.clone(), one.spec.chat.clone())));
    relatives
}

fn plan_media(chance: Chance, n: u64) -> PlannedMedia {
    let kinds = [
        Kind::Image,
        Kind::Voice,
        Kind::Voice,
        Kind::Document,
        Kind::Document,
        Kind::Audio,
        Kind::Sticker,
        Kind::NewsletterImage,
    ];
    let kind = chance.named("kind").pick(&kinds).unwrap_or_default();
    let customer = chance.named("customer").pick(&CUSTOMERS).unwrap_or(CUSTOMERS[0]);
    let spec = Spec::of(kind)
        .seed(format!("{n} of {}", chance.number()))
        .instance(customer.instance)
        .message_id(format!("3EB0{:016X}", chance.named("id").number()))
        .moment(WORLD_START - 3600);
    let (spec, fate) = plan_sources(chance, spec);
    let (spec, prior_state) = plan_prior_state(chance.named("before"), spec);
    // Whether a job that was left parked is redriven is up to the operators.
    let fate = if prior_state.parked { Fate::Either } else { fate };
    let is_repeated = chance.named("repeated").happens(200);
    PlannedMedia {
        spec,
        at: chance.named("at").random_time(Duration::from_mins(10)),
        posts: if is_repeated {
            2 + u32::try_from(chance.named("posts").below(4)).unwrap_or_default()
        } else {
            1
        },
        fate,
        changed_fields: Vec::new(),
        prior_state,
    }
}

/// Chooses the person who sent it, and what the previous version left of it: for a picture in a
/// person's chat, anything.
fn plan_prior_state(chance: Chance, spec: Spec) -> (Spec, PriorState) {
    let nothing = PriorState::default();
    if spec.kind == Kind::NewsletterImage {
        return (spec, nothing);
    }
    let people = ["5500900000002", "5500900000003", "5500900000004"];
    let person = chance.named("person").pick(&people).unwrap_or(people[0]);
    let spec = spec.chat(person).sender(person);
    let is_picture = spec.kind == Kind::Image;
    let left = match chance.below(1000) {
        0..60 => PriorState { unread: true, ..nothing },
        60..140 if is_picture => PriorState { job: true, ..nothing },
        140..200 if is_picture => PriorState { job: true, record: Some("retrying"), ..nothing },
        200..260 if is_picture => PriorState { parked: true, record: Some("parked"), ..nothing },
        260..290 if is_picture => PriorState { parked: true, ..nothing },
        _ => nothing,
    };
    (spec, left)
}

/// Chooses how the sources of a media message behave. A channel's media message is not encrypted
/// and W-API does not know it, so both sources stay as they are.
fn plan_sources(chance: Chance, spec: Spec) -> (Spec, Fate) {
    if spec.kind == Kind::NewsletterImage {
        return (spec, Fate::Stored);
    }
    let times = 1 + chance.named("times").below(6);
    let gone = || CdnScenario::Gone { status: 410 };
    let stored = |spec| (spec, Fate::Stored);
    match chance.named("sources").below(20) {
        0 => stored(spec.wapi(WapiScenario::fail_times(times)).cdn(gone())),
        1 => stored(spec.wapi(WapiScenario::fail_500()).cdn(CdnScenario::fail_times(times))),
        2 => stored(spec.wapi(WapiScenario::NotFound404)),
        3 => stored(spec.wapi(WapiScenario::FlipBit { at: 100 })),
        4 if times <= 3 => stored(spec.wapi(WapiScenario::Hang)),
        4 => stored(spec.wapi(late_answer()).cdn(gone())),
        5 => {
            stored(spec.wapi(WapiScenario::HangBody).cdn(CdnScenario::TruncateThenRange { at: 90 }))
        }
        6 => stored(spec.wapi(WapiScenario::Truncate { at: 80 }).cdn(CdnScenario::MainHostDown)),
        7 => stored(
            spec.wapi(WapiScenario::TooMany429 { retry_after: 90 })
                .cdn(CdnScenario::fail_times(times)),
        ),
        8 => stored(spec.seal(Encryption::BadMac)),
        9 => stored(spec.cdn(CdnScenario::WrongEnc)),
        10 => stored(spec.wapi(WapiScenario::LinkNeedsToken).cdn(gone())),
        11 => stored(
            spec.wapi(WapiScenario::Fail500 { message: MessageShape::Text })
                .cdn(CdnScenario::SlowDrip { bytes_per_second: 40_000 }),
        ),
        12 => (spec.wapi(WapiScenario::NotFound404).cdn(gone()), Fate::Parked),
        _ => stored(spec),
    }
}

/// In some worlds the back-fill runs: soon, and after everything works again. While a world goes
/// on, it runs every day.
fn plan_backfills(chance: Chance, is_needed: bool, min_time: Duration) -> Vec<Duration> {
    if !chance.happens(250) && !is_needed {
        return Vec::new();
    }
    let mut times = [1, 2, 9, 10, 11].map(Duration::from_hours).to_vec();
    times.extend((1..40).map(|day| Duration::from_hours(24 * day)).filter(|at| *at < min_time));
    times
}

/// How long a world goes on at least. Queues keep messages for seven and 14 days, W-API's log keeps
/// webhooks for 30, and the mark of an erased media file stays for 32.
fn plan_min_time(chance: Chance) -> Duration {
    let days = chance.named("days").pick(&[15, 31, 36]).unwrap_or_default();
    if chance.happens(80) { Duration::from_hours(24 * days) } else { Duration::ZERO }
}

fn random_skew(chance: Chance) -> i64 {
    i64::try_from(chance.below(601)).unwrap_or_default() - 300
}

fn random_time_left(chance: Chance, is_short: bool) -> Duration {
    if is_short {
        Duration::from_millis(10) + chance.random_time(Duration::from_secs(120))
    } else {
        FUNCTION_TIMEOUT
    }
}

/// An answer within the minute that W-API has, and after the time in which it is left for the CDN.
fn late_answer() -> WapiScenario {
    WapiScenario::Delay { millis: 40_000, then: Box::new(WapiScenario::Ok) }
}
