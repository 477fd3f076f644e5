//! What happens in the world of a seed: outages, losses of the queues, and operators.

use std::time::Duration;

use media::kind::MediaKind;
use stand_in::{CdnScenario, Kind, WapiScenario};

use crate::{
    chance::Chance,
    plan::{CUSTOMERS, Customer, EraseScope, ErasedPart, OutsideEvent, PlannedMedia},
};

/// Within this time all media messages are announced.
const ANNOUNCING: Duration = Duration::from_mins(10);

/// Outages of both sources, and a token that changes before the record does.
pub(super) fn plan_outside_events(chance: Chance) -> Vec<(Duration, OutsideEvent)> {
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

/// What operators do with instances, tenants, and media. The first customer's token changes, the
/// second one's instance moves, and the third one's is paused.
pub(super) fn plan_operators(
    chance: Chance,
    media: &[PlannedMedia],
    min_time: Duration,
) -> Vec<(Duration, OutsideEvent)> {
    let mut events = Vec::new();
    let soon = |name: &str| chance.named(name).random_time(ANNOUNCING);
    let later = |name: &str| chance.named(name).random_time(Duration::from_hours(12));
    if chance.named("rotate").happens(200) {
        let rotated = OutsideEvent::SecretRotated(CUSTOMERS[0], [9; _]);
        events.push((soon("rotated"), rotated));
    }
    if chance.named("pause").happens(150) {
        let (from, lasts) = (soon("paused"), soon("pause lasts"));
        events.push((from, OutsideEvent::Paused(CUSTOMERS[2])));
        let to = from + Duration::from_secs(10) + lasts;
        events.push((to, OutsideEvent::Resumed(CUSTOMERS[2])));
    }
    if chance.named("relocate").happens(150) {
        let moved = Customer { tenant: CUSTOMERS[2].tenant, ..CUSTOMERS[1] };
        let from = soon("relocated");
        let absent = Duration::from_secs(1 + chance.named("absent").below(60));
        events.push((from, OutsideEvent::Removed(CUSTOMERS[1])));
        events.push((from + absent, OutsideEvent::Added(moved)));
    }
    if chance.named("rules").happens(150) {
        let tenant = chance.named("whose").pick(&["acme", "bravo"]).unwrap_or("acme");
        events.push((soon("ruled"), OutsideEvent::KindExcluded(tenant, MediaKind::Audio)));
    }
    // The other one while most runs work.
    for (name, at) in [("erase one", later("erase one")), ("erase another", soon("erase another"))]
    {
        if chance.named(name).happens(180) {
            let scope = choose_scope(chance.named(name).named("scope"), media);
            events.extend(scope.map(|scope| (at, OutsideEvent::Erased(scope))));
        }
    }
    if chance.named("drop").happens(150) {
        events.push((later("dropped"), OutsideEvent::Dropped));
    }
    if chance.named("replay").happens(150) {
        // A day before W-API's log forgets what was announced.
        let latest = min_time.min(Duration::from_hours(29 * 24)).max(Duration::from_hours(12));
        let at = chance.named("replayed").random_time(latest);
        events.push((ANNOUNCING + at, OutsideEvent::Replayed));
    }
    events
}

/// The chat or the message of any media message of an instance that does not move. A mark does not
/// name the content, so that the books cannot tell which of several files under one id was erased:
/// nothing with such an id is chosen.
fn choose_scope(chance: Chance, media: &[PlannedMedia]) -> Option<EraseScope> {
    let is_staying = |planned: &&PlannedMedia| {
        planned.spec.instance != CUSTOMERS[1].instance && planned.spec.kind != Kind::NewsletterImage
    };
    let staying: Vec<_> = media.iter().filter(is_staying).collect();
    let planned = chance.named("which").pick(&staying)?;
    let customer = CUSTOMERS.into_iter().find(|one| one.instance == planned.spec.instance)?;
    let part = match &planned.spec.message_id {
        Some(id) if chance.named("message").happens(500) => ErasedPart::Message(id.clone()),
        _ => ErasedPart::Chat(planned.spec.chat.clone()?),
    };
    let is_meant = |one: &&PlannedMedia| match &part {
        ErasedPart::Message(id) => one.spec.message_id.as_ref() == Some(id),
        ErasedPart::Chat(chat) => one.spec.chat.as_ref() == Some(chat),
    };
    let has_own_id = |one: &PlannedMedia| {
        media.iter().filter(|other| other.spec.message_id == one.spec.message_id).count() == 1
    };
    let is_clear = media.iter().filter(is_meant).all(has_own_id);
    is_clear.then_some(EraseScope { customer, part })
}
