//! The media messages of a chaos run: their instances, how the origins behave, the allowed
//! outcomes, and how many times each is posted.
//!
//! Everything depends on a media message's number alone, so every run announces the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use accounting::Fate;
use anyhow::{Context, Result};
use stand_in::{
    CdnScenario, Dialect, Encryption, Field, Format, Kind, MessageShape, Spec, WapiScenario,
};

use crate::InstanceSettings;

/// The tenants of the instances.
const TENANTS: [&str; 3] = ["acme", "borealis", "condor"];
/// Not a divisor of any other cycle below, so that every instance has every kind and every fault.
const INSTANCES: usize = 7;
const KINDS: [Kind; 9] = [
    Kind::Image,
    Kind::Voice,
    Kind::Video,
    Kind::Document,
    Kind::Sticker,
    Kind::Audio,
    Kind::Ptv,
    Kind::Gif,
    Kind::NewsletterImage,
];
/// One media message in this many is posted as many times as [`TIMES`] has entries.
const REPEATED_EVERY: usize = 25;
/// How many media messages later the same one is posted again: at once, and while later ones are
/// in progress.
const TIMES: [usize; 5] = [0, 1, 40, 80, 300];
/// One media file in this many is stored in two parts.
const LARGE_EVERY: usize = 100;
/// Larger than one of the function's parts, which have 8 MiB.
const LARGE_BYTES: u64 = 9 * 1024 * 1024;
/// Small files have up to this many bytes more than their format needs.
const SPREAD_BYTES: u64 = 48 * 1024;
/// Slow enough that a file takes about a second.
const SLOW_BYTES_PER_SECOND: u64 = 64 * 1024;
/// How long a slow answer of W-API takes.
const SLOW_MILLIS: u64 = 700;

/// One media message that will be announced.
#[derive(Debug, Clone)]
pub(crate) struct PlannedMessage {
    /// The tenant of its instance.
    pub(crate) tenant: &'static str,
    /// The message, and how the origins behave.
    pub(crate) spec: Spec,
    /// The outcome that its sources allow.
    pub(crate) fate: Fate,
}

/// The instances, each with its own token.
pub(crate) fn all_instances() -> Vec<InstanceSettings> {
    (0..INSTANCES)
        .map(|number| {
            let id = instance_id(number);
            let token = format!("invented-token-of-{id}-in-chaos");
            InstanceSettings::new(tenant_of(number), id, token)
        })
        .collect()
}

/// The first `count` media messages, sent just now.
///
/// # Errors
/// If the machine's clock is before 1970.
pub(crate) fn plan_messages(count: usize) -> Result<Vec<PlannedMessage>> {
    let now = since_1970()?.as_secs();
    let moment = i64::try_from(now).context("a clock")?;
    Ok((0..count).map(|number| plan_message(number, moment)).collect())
}

/// The numbers of the media messages in the order in which their webhooks are posted, repeated
/// ones several times.
pub(crate) fn posting_order(count: usize) -> Vec<usize> {
    let mut posts: Vec<(usize, usize)> = (0..count)
        .flat_map(|number| {
            let is_repeated = number % REPEATED_EVERY == 0;
            let times = if is_repeated { TIMES.len() } else { 1 };
            TIMES.into_iter().take(times).map(move |later| (number + later, number))
        })
        .collect();
    posts.sort_unstable();
    posts.into_iter().map(|(_, number)| number).collect()
}

/// How many of `count` media messages are posted several times.
pub(crate) fn count_repeated(count: usize) -> usize {
    count.div_ceil(REPEATED_EVERY)
}

fn tenant_of(instance: usize) -> &'static str {
    TENANTS.get(instance % TENANTS.len()).copied().unwrap_or("acme")
}

fn instance_id(number: usize) -> String {
    format!("LITE-CHAOS0-{number:06}")
}

fn since_1970() -> Result<Duration> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a command by hand reads the clock: the messages are sent now"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).context("the clock is before 1970")
}

fn plan_message(number: usize, moment: i64) -> PlannedMessage {
    let kind = KINDS.get(number % KINDS.len()).copied().unwrap_or(Kind::Image);
    let dialect = if number.is_multiple_of(3) { Dialect::Y2025 } else { Dialect::Y2026 };
    let spec = Spec::of(kind)
        .seed(format!("chaos-{number}"))
        .dialect(dialect)
        .instance(instance_id(number % INSTANCES))
        .moment(moment);
    let (spec, fate) = if number % LARGE_EVERY == LARGE_EVERY / 2 {
        let large = Spec {
            kind: Kind::Document,
            format: Some(Format::Random),
            size: Some(LARGE_BYTES),
            ..spec
        };
        (large, Fate::Stored)
    } else {
        let more = (number as u64).wrapping_mul(7_919) % SPREAD_BYTES;
        plan_fault(number, spec.size(more))
    };
    let tenant = tenant_of(number % INSTANCES);
    PlannedMessage { tenant, spec, fate }
}

/// The fault of a media message itself, whatever happens to the origins; most have none.
fn plan_fault(number: usize, spec: Spec) -> (Spec, Fate) {
    let stored = |spec: Spec| (spec, Fate::Stored);
    let parked = |spec: Spec| (spec, Fate::Parked);
    let fail_500 = |message| WapiScenario::Fail500 { message };
    // Old enough to be lost at once.
    let old = spec.moment - 15 * 24 * 60 * 60;
    match number % 40 {
        1 => stored(spec.wapi(fail_500(MessageShape::Nested))),
        8 => stored(spec.wapi(fail_500(MessageShape::Text))),
        15 => stored(spec.wapi(fail_500(MessageShape::Array))),
        22 => stored(
            spec.wapi(WapiScenario::fail_500()).cdn(CdnScenario::TruncateThenRange { at: 300 }),
        ),
        29 => stored(spec.wapi(WapiScenario::BadGateway502Html).cdn(CdnScenario::MainHostDown)),
        4 => stored(spec_for_wapi(spec).cdn(CdnScenario::Status { code: 503 })),
        11 => stored(spec_for_wapi(spec).cdn(CdnScenario::Gone { status: 404 })),
        18 => stored(spec.wapi(WapiScenario::SlowDrip { bytes_per_second: SLOW_BYTES_PER_SECOND })),
        25 => {
            stored(spec.wapi(WapiScenario::Delay {
                millis: SLOW_MILLIS,
                then: Box::new(WapiScenario::Ok),
            }))
        }
        32 => stored(spec.wapi(WapiScenario::NoLength)),
        39 => stored(spec.wapi(WapiScenario::fail_times(1)).cdn(CdnScenario::fail_times(2))),
        5 => parked(
            spec.moment(old).wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 410 }),
        ),
        13 => {
            parked(spec_for_wapi(spec).wapi(WapiScenario::BadRequest400).seal(Encryption::BadMac))
        }
        // A channel's picture has no media key either, and would be taken for a view-once message.
        27 => parked(spec_for_wapi(spec).omit(Field::DirectPath).omit(Field::Url)),
        _ => stored(spec),
    }
}

/// A channel's picture is not encrypted and W-API does not have it, so other faults need another
/// kind.
fn spec_for_wapi(spec: Spec) -> Spec {
    if spec.kind == Kind::NewsletterImage { Spec { kind: Kind::Image, ..spec } } else { spec }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use accounting::Fate;

    use super::{all_instances, plan_messages, posting_order};

    #[test]
    fn one_in_25_is_posted_five_times() {
        let mut times: BTreeMap<usize, usize> = BTreeMap::new();
        for number in posting_order(2_000) {
            *times.entry(number).or_default() += 1;
        }
        assert_eq!(times.len(), 2_000);
        let repeated = times.values().filter(|times| **times == 5).count();
        assert_eq!(repeated, 80);
        assert_eq!(times.values().sum::<usize>(), 2_000 + 80 * 4);
    }

    /// Every message is different.
    #[test]
    fn every_instance_has_both_outcomes() {
        let media = plan_messages(2_000).expect("a clock");
        let with = |fate| -> BTreeSet<_> {
            let ending = media.iter().filter(|one| one.fate == fate);
            ending.map(|one| one.spec.instance.clone()).collect()
        };
        assert_eq!(with(Fate::Stored).len(), all_instances().len());
        assert_eq!(with(Fate::Parked).len(), all_instances().len());
        let seeds: BTreeSet<_> = media.iter().map(|one| &one.spec.seed).collect();
        assert_eq!(seeds.len(), media.len());
    }

    #[test]
    fn a_media_message_has_its_instances_tenant() {
        let owners: BTreeMap<_, _> =
            all_instances().into_iter().map(|one| (one.instance, one.tenant)).collect();
        for one in plan_messages(500).expect("a clock") {
            assert_eq!(owners.get(&one.spec.instance).map(String::as_str), Some(one.tenant));
        }
    }
}
