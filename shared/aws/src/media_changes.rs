//! Changes of records, as the stream of the media table has them: which of them are media events.

use media::{
    delivery::DeliveryId,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    media_event::{MediaEvent, MediaEventType, MediaFacts},
};
use serde_dynamo::Item;

use crate::{
    dynamodb::{Attributes, get_number, get_string},
    ledger::MESSAGE,
};

/// One change of an item of the media table.
#[derive(Debug)]
pub struct MediaChange {
    /// The id that the stream gave it, the same at every read.
    pub id: String,
    /// When it was written, in seconds since 1970.
    pub at: i64,
    /// The item before it; empty if there was none.
    pub before: Item,
    /// The item after it; empty if there is none any more.
    pub after: Item,
}

impl MediaChange {
    /// The media event that the change is. `None`: the media message has the state that it had, or
    /// none that is final; or it is no record of a media message.
    #[must_use]
    pub fn into_event(self) -> Option<MediaEvent> {
        let (before, after) = (Attributes::from(self.before), Attributes::from(self.after));
        let type_of = |item| MediaEventType::from_state(get_string(item, "state")?);
        let (old, new) = (type_of(&before), type_of(&after)?);
        let facts = match (old, new) {
            (Some(old), new) if old == new => return None,
            // A mark says nothing. Of what was never stored, an earlier event may have told.
            (_, MediaEventType::Erased) => read_facts(&before)?,
            (_, _) => read_facts(&after)?,
        };
        let id = DeliveryId::of_request(&format!("media event {}", self.id));
        Some(MediaEvent { event_type: new, id, at: self.at, facts })
    }
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
