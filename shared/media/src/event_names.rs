//! Whom and what a media event names, for orders to erase.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    contact::Contact,
    event_envelope::SCHEMA_VERSION,
    ids::{InstanceId, MessageId},
    media_event::MediaEventType,
    message::Chat,
    order::OrderSubject,
};

/// What a media event for a receiver says of people. Of any other event, there is nothing.
#[derive(Deserialize)]
struct Names {
    message_id: String,
    chat: Option<String>,
    chat_phone: Option<String>,
    chat_lid: Option<String>,
    sender_phone: Option<String>,
    sender_lid: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    event_type: String,
    schema_version: u32,
    data: Names,
}

/// The subjects of all orders that may be about a media event, from its JSON for receivers. `None`:
/// it is no media event of this version, or names no chat. What tells of an erasure is covered by
/// no order: it has ids alone, and a receiver has to hear it.
#[must_use]
pub fn list_event_subjects(instance: &InstanceId, body: &[u8]) -> Option<BTreeSet<OrderSubject>> {
    let Event { event_type, schema_version, data } = serde_json::from_slice(body).ok()?;
    if schema_version != SCHEMA_VERSION || !event_type.starts_with("media.") {
        return None;
    }
    if event_type == MediaEventType::Erased.as_str() {
        return Some(BTreeSet::new());
    }
    let peer = Contact { phone: data.chat_phone, lid: data.chat_lid };
    let sender = Contact { phone: data.sender_phone, lid: data.sender_lid };
    let folder = data.chat.and_then(|folder| Chat::try_from(folder).ok());
    let chat = folder.or_else(|| peer.own_chats().next())?;
    let id = MessageId::parse(data.message_id).ok();
    Some(OrderSubject::list_of_message(instance, &chat, (&peer, &sender), id.as_ref()))
}
