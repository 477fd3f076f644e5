//! A seed's world: random media, random faults, random outages. All of it heals in the end, so that every
//! promise can be kept.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use stand_in::{CdnScenario, Format, Kind, MessageShape, Seal, Spec, WapiScenario};

use crate::{
    accounting::Fate,
    chance::Chance,
    clockwork::BEGINNING,
    fault::{self, Call, Fault},
    plan::{CUSTOMERS, FUNCTION_TIMEOUT, Happening, Left, Medium, Plan},
};

/// Larger than one part, so that it is uploaded in two.
const TWO_PARTS_BYTES: u64 = 8 * 1024 * 1024 + 100_000;

/// The plan of a seed.
#[must_use]
pub fn plan(seed: u64) -> Plan {
    let chance = Chance::of_seed(seed);
    let count = 8 + chance.of("media").below(15);
    let mut media: Vec<_> = (0..count)
        .map(|n| medium(chance.of("medium").of(n), n))
        .collect();
    if chance.of("large").happens(60)
        && let Some(first) = media.first_mut()
    {
        first.spec = first
            .spec
            .clone()
            .format(Format::Random)
            .size(TWO_PARTS_BYTES);
    }
    media.extend(relatives(chance, &media));
    let strangers = (0..chance.of("strangers").below(3)).map(|n| {
        let at = chance.of("stranger").of(n).time(Duration::from_mins(10));
        (at, format!("stranger {n}, who is no job"))
    });
    let unreadable = (0..chance.of("unreadable").below(3)).map(|n| {
        let at = chance.of("broken").of(n).time(Duration::from_mins(10));
        // Each another, so that they are told apart, and each as no relay writes it.
        (at, json!({ "headers": {}, "body": { "number": n } }))
    });
    let short = chance.of("short invocations").happens(200);
    let copies = [0, 0, 50, 200];
    Plan {
        seed,
        media,
        unreadable: unreadable.collect(),
        strangers: strangers.collect(),
        happenings: happenings(chance.of("happenings")),
        faults: faults(chance.of("faults")),
        downloads: 1 + usize::try_from(chance.of("downloads").below(3)).unwrap_or_default(),
        copies_per_mille: chance.of("copies").pick(&copies).unwrap_or_default(),
        skew: Arc::new(move |process| skew(chance.of("skew").of(process))),
        time_left: Arc::new(move |nth| time_left(chance.of("time").of(nth), short && nth < 12)),
        sender_tries: 1 + u32::try_from(chance.of("sender").below(4)).unwrap_or_default(),
    }
}

/// What has something in common with the first medium: another file under its message's id, and the same file
/// under the same id in a group.
fn relatives(chance: Chance, media: &[Medium]) -> Vec<Medium> {
    let mut relatives = Vec::new();
    let Some(first) = media.first().filter(|one| one.spec.size.is_none()) else {
        return relatives;
    };
    let id = format!("3EB0{:016X}", chance.of("shared id").number());
    let shared = |medium: &Medium| medium.clone().with(|spec| spec.message_id(id.clone()));
    if chance.of("two files of one id").happens(250) {
        let instance = first.spec.instance.clone();
        let other = medium(chance.of("other file"), 100).with(|spec| spec.instance(instance));
        relatives.extend([shared(first), shared(&other)]);
    }
    if first.spec.kind != Kind::NewsletterImage && chance.of("one file in two chats").happens(250) {
        let in_group = |spec: Spec| spec.chat("120363000000000077@g.us");
        relatives.extend([shared(first), shared(first).with(in_group)]);
    }
    // The same medium twice is no relative.
    let mut seen = std::collections::BTreeSet::new();
    relatives.retain(|one| seen.insert((one.spec.seed.clone(), one.spec.chat.clone())));
    relatives
}

fn medium(chance: Chance, n: u64) -> Medium {
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
    let kind = chance.of("kind").pick(&kinds).unwrap_or_default();
    let customer = chance
        .of("customer")
        .pick(&CUSTOMERS)
        .unwrap_or(CUSTOMERS[0]);
    let spec = Spec::of(kind)
        .seed(format!("{n} of {}", chance.number()))
        .instance(customer.instance)
        .moment(BEGINNING - 3600);
    let (spec, fate) = sources(chance, spec);
    let is_repeated = chance.of("repeated").happens(200);
    Medium {
        spec,
        at: chance.of("at").time(Duration::from_mins(10)),
        posts: if is_repeated {
            2 + u32::try_from(chance.of("posts").below(4)).unwrap_or_default()
        } else {
            1
        },
        fate,
        told: Vec::new(),
        left: Left {
            unread: chance.of("left unread").happens(60),
            ..Left::default()
        },
    }
}

/// How the sources of a media behave. A channel's media has no seal and W-API does not know it, so both of
/// its sources are left alone.
fn sources(chance: Chance, spec: Spec) -> (Spec, Fate) {
    if spec.kind == Kind::NewsletterImage {
        return (spec, Fate::Stored);
    }
    let times = 1 + chance.of("times").below(6);
    let gone = || CdnScenario::Gone { status: 410 };
    let stored = |spec| (spec, Fate::Stored);
    match chance.of("sources").below(20) {
        0 => stored(spec.wapi(WapiScenario::fail_times(times)).cdn(gone())),
        1 => stored(
            spec.wapi(WapiScenario::fail_500())
                .cdn(CdnScenario::fail_times(times)),
        ),
        2 => stored(spec.wapi(WapiScenario::NotFound404)),
        3 => stored(spec.wapi(WapiScenario::FlipBit { at: 100 })),
        4 => stored(spec.wapi(WapiScenario::Hang)),
        5 => stored(
            spec.wapi(WapiScenario::HangBody)
                .cdn(CdnScenario::TruncateThenRange { at: 90 }),
        ),
        6 => stored(
            spec.wapi(WapiScenario::Truncate { at: 80 })
                .cdn(CdnScenario::MainHostDown),
        ),
        7 => stored(
            spec.wapi(WapiScenario::TooMany429 { retry_after: 90 })
                .cdn(CdnScenario::fail_times(times)),
        ),
        8 => stored(spec.seal(Seal::BadMac)),
        9 => stored(spec.cdn(CdnScenario::WrongEnc)),
        10 => stored(spec.wapi(WapiScenario::LinkNeedsToken).cdn(gone())),
        11 => stored(
            spec.wapi(WapiScenario::Fail500 {
                message: MessageShape::Text,
            })
            .cdn(CdnScenario::SlowDrip {
                bytes_per_second: 40_000,
            }),
        ),
        12 => (
            spec.wapi(WapiScenario::NotFound404).cdn(gone()),
            Fate::Parked,
        ),
        _ => stored(spec),
    }
}

/// Outages of both sources, and a token that is changed before the record is.
fn happenings(chance: Chance) -> Vec<(Duration, Happening)> {
    let mut happenings = Vec::new();
    let from = chance.of("from").time(Duration::from_mins(10));
    if chance.of("outage").happens(80) {
        let to = from + chance.of("lasts").time(Duration::from_hours(24));
        happenings.push((
            from,
            Happening::Wapi(Some(WapiScenario::CallStatus { status: 503 })),
        ));
        happenings.push((
            from,
            Happening::Cdn(Some(CdnScenario::Status { code: 503 })),
        ));
        happenings.push((to, Happening::Wapi(None)));
        happenings.push((to + Duration::from_mins(1), Happening::Cdn(None)));
    }
    if chance.of("token").happens(150) {
        let written = from + chance.of("written").time(Duration::from_hours(3));
        happenings.push((from, Happening::NewToken(CUSTOMERS[0], "invented-token-9")));
        happenings.push((
            written,
            Happening::TokenWritten(CUSTOMERS[0], "invented-token-9"),
        ));
    }
    happenings
}

/// Any call may meet any fault, more or less often, until the world heals.
fn faults(chance: Chance) -> fault::Plan {
    let rates = [0, 20, 60, 150, 300];
    let per_mille = chance.of("rate").pick(&rates).unwrap_or_default();
    let heals_at = Duration::from_mins(10) + chance.of("heals").time(Duration::from_hours(8));
    Arc::new(move |call: &Call| {
        let chance = chance
            .of(&call.operation)
            .of(&call.subject)
            .of(call.nth_of_subject);
        if call.process == "operator" || call.at > heals_at || !chance.happens(per_mille) {
            return Fault::None;
        }
        let mut all = fault::of_any_call(&call.operation);
        all.extend(fault::of_operation(&call.operation));
        chance.of("which").pick(&all).unwrap_or_default()
    })
}

fn skew(chance: Chance) -> i64 {
    i64::try_from(chance.below(601)).unwrap_or_default() - 300
}

fn time_left(chance: Chance, is_short: bool) -> Duration {
    if is_short {
        Duration::from_millis(10) + chance.time(Duration::from_secs(120))
    } else {
        FUNCTION_TIMEOUT
    }
}
