//! The world of a seed: random media messages, faults and outages. Everything recovers in the
//! end, so no accepted file may be lost.

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
    fault::{self, Call, Fault},
    plan::{
        CUSTOMERS, ExpiryRules, FUNCTION_TIMEOUT, OutsideEvent, Plan, PlannedMedia, PriorState,
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
    let backfills = plan_backfills(chance.named("backfills"));
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
    let copies = [0, 0, 50, 200];
    Plan {
        seed,
        media,
        unreadable: unreadable.collect(),
        foreign_messages: foreign_messages.collect(),
        backfills,
        outside_events: plan_outside_events(chance.named("happenings")),
        faults: plan_faults(chance.named("faults")),
        downloads: 1 + usize::try_from(chance.named("downloads").below(3)).unwrap_or_default(),
        copies_per_mille: chance.named("copies").pick(&copies).unwrap_or_default(),
        skew: Arc::new(move |process| random_skew(chance.named("skew").named(process))),
        time_left: Arc::new(move |nth| {
            random_time_left(chance.named("time").named(nth), short && nth < 12)
        }),
        order: random_order(chance.named("order")),
        sender_tries: 1 + u32::try_from(chance.named("sender").below(4)).unwrap_or_default(),
        policy: Policy::default(),
        expiry: ExpiryRules::default(),
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
        relatives.extend([shared(first), shared(first).with_spec(in_group)]);
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
        .moment(WORLD_START - 3600);
    let (spec, fate) = plan_sources(chance, spec);
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
        prior_state: PriorState {
            unread: chance.named("left unread").happens(60),
            ..PriorState::default()
        },
    }
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
        4 => stored(spec.wapi(WapiScenario::Hang)),
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

/// Outages of both sources, and a token that changes before the record does.
fn plan_outside_events(chance: Chance) -> Vec<(Duration, OutsideEvent)> {
    let mut happenings = Vec::new();
    let from = chance.named("from").random_time(Duration::from_mins(10));
    if chance.named("outage").happens(80) {
        let to = from + chance.named("lasts").random_time(Duration::from_hours(24));
        happenings.push((from, OutsideEvent::Wapi(Some(WapiScenario::CallStatus { status: 503 }))));
        happenings.push((from, OutsideEvent::Cdn(Some(CdnScenario::Status { code: 503 }))));
        happenings.push((to, OutsideEvent::Wapi(None)));
        happenings.push((to + Duration::from_mins(1), OutsideEvent::Cdn(None)));
    }
    let some_time = |name: &str| chance.named(name).random_time(Duration::from_hours(12));
    for (name, per_mille, event) in [
        ("purge", 150, OutsideEvent::QueuesPurged),
        ("expiry", 100, OutsideEvent::ParkedExpired),
        ("move", 150, OutsideEvent::ParkedMoved),
        ("redrive", 250, OutsideEvent::Redriven),
    ] {
        if chance.named(name).happens(per_mille) {
            happenings.push((some_time(name), event));
        }
    }
    if chance.named("token").happens(150) {
        let written = from + chance.named("written").random_time(Duration::from_hours(3));
        happenings.push((from, OutsideEvent::NewToken(CUSTOMERS[0], "invented-token-9")));
        happenings.push((written, OutsideEvent::TokenWritten(CUSTOMERS[0], "invented-token-9")));
    }
    happenings
}

/// In some worlds the back-fill runs: soon, and after everything works again.
fn plan_backfills(chance: Chance) -> Vec<Duration> {
    if !chance.happens(250) {
        return Vec::new();
    }
    [1, 2, 9, 10, 11].map(Duration::from_hours).to_vec()
}

/// Any call may have any fault, at a random rate, until the world recovers.
fn plan_faults(chance: Chance) -> fault::Plan {
    let rates = [0, 20, 60, 150, 300];
    let per_mille = chance.named("rate").pick(&rates).unwrap_or_default();
    let heals_at =
        Duration::from_mins(10) + chance.named("heals").random_time(Duration::from_hours(8));
    Arc::new(move |call: &Call| {
        let chance = chance.named(&call.operation).named(&call.subject).named(call.nth_of_subject);
        if call.process == "operator" || call.at > heals_at || !chance.happens(per_mille) {
            return Fault::None;
        }
        let mut all = fault::common_faults(&call.operation);
        all.extend(fault::operation_faults(&call.operation));
        chance.named("which").pick(&all).unwrap_or_default()
    })
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
