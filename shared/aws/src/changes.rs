//! Changes of items, as the streams of the tables have them: which of them are events.

use media::{
    delivery::DeliveryId,
    event::PublishedEvent,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    media_event::{MediaEvent, MediaEventType, MediaFacts},
    receiver::PauseReason,
    state_event::{InstanceEvent, InstanceEventType, ReceiverEvent},
};
use serde_dynamo::Item;

use crate::{
    dynamodb::{Attributes, get_number, get_string},
    instance_states::{CONNECTED, CONNECTION, SILENT_SINCE, instance_of_key},
    ledger::{EXPIRING_AT, MESSAGE},
    receivers::{PAUSED_INSTANCE, Receiver},
};

/// One change of an item of the media table, of the marks table or of the receivers table.
#[derive(Debug)]
pub struct Change {
    /// The id that the stream gave it, the same at every read.
    pub id: String,
    /// When it was written, in seconds since 1970.
    pub at: i64,
    /// The item before it; empty if there was none.
    pub before: Item,
    /// The item after it; empty if there is none any more.
    pub after: Item,
}

impl Change {
    /// The hashes of the links that the record named before, and does not name any more: it was
    /// erased, or its time to live was over.
    #[must_use]
    pub fn dropped_links(&self) -> Vec<String> {
        let links_of = |item: &Item| match item.get("links") {
            Some(serde_dynamo::AttributeValue::Ss(links)) => links.clone(),
            Some(_) | None => Vec::new(),
        };
        let kept = links_of(&self.after);
        links_of(&self.before).into_iter().filter(|link| !kept.contains(link)).collect()
    }

    /// The event that the change is. `None`: nothing changed that anyone is told.
    #[must_use]
    pub fn into_event(self) -> Option<PublishedEvent> {
        let (before, after) = (Attributes::from(self.before), Attributes::from(self.after));
        let id = || DeliveryId::of_request(&format!("media event {}", self.id));
        if after.contains_key("message_id") {
            let (event_type, facts) = read_media_change(&before, &after)?;
            let event = MediaEvent { event_type, id: id(), at: self.at, facts };
            return Some(PublishedEvent::Media(Box::new(event)));
        }
        if after.contains_key("receiver") {
            return read_pause(&before, &after, id(), self.at).map(PublishedEvent::Receiver);
        }
        read_instance_change(&before, &after, id(), self.at).map(PublishedEvent::Instance)
    }
}

/// The event of a record whose file is stored, for a receiver that lost it. Its id is the same each
/// time, and another one than the stream gave. `None`: no file is stored.
#[cfg(feature = "operator")]
#[must_use]
pub fn read_stored(record: &Attributes) -> Option<MediaEvent> {
    let at = get_number(record, "stored_at").or_else(|| get_number(record, "updated_at"))?;
    let (event_type, facts) = read_media_change(&Attributes::new(), record)?;
    let name = format!("media event of {} {} at {at}", facts.instance, facts.record_key);
    let id = DeliveryId::of_request(&name);
    let event = MediaEvent { event_type, id, at, facts };
    (event.event_type == MediaEventType::Stored).then_some(event)
}

/// What became of a media message. `None`: it has the state that it had, or none that is final, and
/// nothing is said about its end; or the item is no record of a media message.
fn read_media_change(
    before: &Attributes,
    after: &Attributes,
) -> Option<(MediaEventType, MediaFacts)> {
    let type_of = |item| MediaEventType::from_state(get_string(item, "state")?);
    let is_unstored = |one: &MediaEventType| *one == MediaEventType::Parked;
    let is_new = |name: &str| after.contains_key(name) && !before.contains_key(name);
    match (type_of(before), type_of(after)) {
        (old, new) if is_new(EXPIRING_AT) && old == new && new.as_ref().is_none_or(is_unstored) => {
            Some((MediaEventType::Expiring, read_facts(after)?))
        }
        (_, None) => None,
        (old, new) if old == new => None,
        // A mark says nothing. Of what was never stored, an earlier event may have told.
        (_, Some(MediaEventType::Erased)) => Some((MediaEventType::Erased, read_facts(before)?)),
        (_, Some(new)) => Some((new, read_facts(after)?)),
    }
}

/// What became of an instance: of its connection, or that it is silent now.
fn read_instance_change(
    before: &Attributes,
    after: &Attributes,
    id: DeliveryId,
    at: i64,
) -> Option<InstanceEvent> {
    let instance = InstanceId::parse(instance_of_key(get_string(after, "instance")?)?).ok()?;
    let tenant = TenantId::parse(get_string(after, "tenant")?).ok()?;
    // What the former tenant was told, this one was not.
    let nothing = Attributes::new();
    let is_its = get_string(before, "tenant") == get_string(after, "tenant");
    let before = if is_its { before } else { &nothing };
    let (old, new) = (get_string(before, CONNECTION), get_string(after, CONNECTION));
    let silent_since = get_number(after, SILENT_SINCE);
    let event_type = match new {
        Some(CONNECTED) if old != new => InstanceEventType::Connected,
        Some(_) if old != new => InstanceEventType::Disconnected,
        _ if silent_since.is_some() && !before.contains_key(SILENT_SINCE) => {
            InstanceEventType::Silent
        }
        _ => return None,
    };
    let last_webhook_at = silent_since.filter(|_| event_type == InstanceEventType::Silent);
    Some(InstanceEvent { event_type, id, at, tenant, instance, last_webhook_at })
}

/// That a receiver was paused because of a delivery. What an operator pauses is no event.
fn read_pause(
    before: &Attributes,
    after: &Attributes,
    id: DeliveryId,
    at: i64,
) -> Option<ReceiverEvent> {
    let receiver = Receiver::from_item(after)?;
    let was_paused = Receiver::from_item(before).is_some_and(|before| before.pause.is_some());
    let reason = receiver.pause.filter(|_| !was_paused)?.reason;
    let instance = InstanceId::parse(get_string(after, PAUSED_INSTANCE)?).ok()?;
    let is_told = matches!(reason, PauseReason::Gone | PauseReason::Failing);
    let Receiver { tenant, id: receiver, .. } = receiver;
    is_told.then_some(ReceiverEvent { id, at, tenant, instance, receiver, reason })
}

/// What a record says. `None`: it does not say whose it is.
fn read_facts(record: &Attributes) -> Option<MediaFacts> {
    let text = |name: &str| get_string(record, name).map(str::to_owned);
    let record_key = text("message_id")?;
    let in_key = || RecordKey::from_record(record_key.clone()).message_id().to_owned();
    Some(MediaFacts {
        tenant: TenantId::parse(get_string(record, "tenant")?).ok()?,
        instance: InstanceId::parse(get_string(record, "instance")?).ok()?,
        message_id: text(MESSAGE).unwrap_or_else(in_key),
        chat: text("chat"),
        chat_phone: text("chat_phone"),
        chat_lid: text("chat_lid"),
        sender_phone: text("sender_phone"),
        sender_lid: text("sender_lid"),
        kind: text("kind"),
        direction: text("direction"),
        moment: get_number(record, "moment"),
        mimetype: text("mimetype"),
        object_key: text("object_key"),
        size_bytes: get_number(record, "size_bytes"),
        sha256: text("sha256"),
        integrity: text("integrity"),
        strategy: text("strategy"),
        class: text("class"),
        reason: text("reason"),
        recoverable_until: get_number(record, "recoverable_until"),
        record_key,
    })
}
