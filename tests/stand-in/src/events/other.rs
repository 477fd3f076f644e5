//! The events without a media file to store.

use anyhow::Result;
use data_encoding::HEXUPPER;
use serde_json::{Value, json};

use super::{Entry, Envelope, build_envelope};
use crate::announce::AnnouncedMedia;
use crate::noise;
use crate::spec::{DEFAULT_INSTANCE, DEFAULT_MOMENT, Kind, Spec};

/// Events with media messages have the hour before.
const FIRST_MOMENT: i64 = DEFAULT_MOMENT + 3600;
/// The id of another message that an event refers to.
const OTHER_MESSAGE: &str = "3EB0AAAAAAAAAAAAAAAAAA";
const CHAT: &str = "200000000000002@lid";

/// Every event without a media file to store, in the order of their moments.
pub(super) fn other_events() -> Result<Vec<(String, Entry)>> {
    let mut moment = FIRST_MOMENT;
    let mut all = Vec::new();
    for (stem, content) in message_events()? {
        all.push((stem.to_owned(), Entry::Other(message_event(stem, moment, content))));
        moment += 60;
    }
    for (stem, event) in notice_events(moment) {
        all.push((stem.to_owned(), Entry::Other(event)));
    }
    Ok(all)
}

fn message_event(stem: &str, moment: i64, content: Value) -> Value {
    let id = HEXUPPER.encode(&noise::digest_seed(stem, "message id"));
    build_envelope(&Envelope {
        event: "webhookReceived",
        instance: DEFAULT_INSTANCE,
        message_id: &format!("3EB0{}", id.get(..16).unwrap_or(&id)),
        from_me: false,
        group: false,
        chat: CHAT,
        sender: "5500900000002",
        moment,
        content,
    })
}

/// The content of an `imageMessage` that must not be downloaded.
fn image_object(seed: &str) -> Result<Value> {
    let announced =
        AnnouncedMedia::from_spec(Spec::of(Kind::Image).seed(seed).caption("legenda corrigida"))?;
    let object = announced.webhook.pointer("/msgContent/imageMessage");
    Ok(object.cloned().unwrap_or_default())
}

fn message_events() -> Result<Vec<(&'static str, Value)>> {
    let key = json!({ "remoteJID": CHAT, "fromMe": false, "ID": OTHER_MESSAGE, "participant": "" });
    let quoted = json!({ "imageMessage": image_object("text-quoting-image")? });
    let edited = json!({ "imageMessage": image_object("protocol-edit-caption")? });
    let vcard = "BEGIN:VCARD\nVERSION:3.0\nFN:Contato Exemplo\n\
                 TEL;waid=5500900000004:+55 00 90000-0004\nEND:VCARD";
    Ok(vec![
        ("text", json!({ "conversation": "Mensagem de teste" })),
        (
            "text-quoting-image",
            json!({ "extendedTextMessage": { "text": "que foto boa", "contextInfo": {
                "stanzaID": OTHER_MESSAGE, "participant": CHAT, "quotedMessage": quoted } } }),
        ),
        (
            "reaction",
            json!({
                "reactionMessage": { "key": key, "text": "👍", "senderTimestampMS": "1787442599000" }
            }),
        ),
        (
            "poll",
            json!({ "pollCreationMessage": { "name": "Enquete", "selectableOptionsCount": 1,
                "options": [{ "optionName": "A" }, { "optionName": "B" }] } }),
        ),
        (
            "contact",
            json!({ "contactMessage": { "displayName": "Contato Exemplo", "vcard": vcard } }),
        ),
        (
            "location",
            json!({ "locationMessage": {
                "degreesLatitude": -1.0, "degreesLongitude": -48.0, "name": "", "address": ""
            } }),
        ),
        ("protocol-delete", json!({ "protocolMessage": { "type": "REVOKE", "key": key } })),
        (
            "protocol-edit",
            json!({ "protocolMessage": {
                "type": 14, "key": key, "editedMessage": { "conversation": "novo" }
            } }),
        ),
        (
            "protocol-edit-caption",
            json!({ "editedMessage": { "message": { "protocolMessage": {
                "type": "MESSAGE_EDIT", "key": key, "editedMessage": edited } } } }),
        ),
        (
            "album-parent",
            json!({ "albumMessage": { "expectedImageCount": 2, "expectedVideoCount": 0 } }),
        ),
        (
            "sender-key",
            json!({ "senderKeyDistributionMessage": { "groupID": "120363000000000002@g.us" } }),
        ),
        ("history-empty", json!({})),
    ])
}

fn without_event(mut event: Value) -> Value {
    if let Value::Object(event) = &mut event {
        event.remove("event");
    }
    event
}

fn notice_events(moment: i64) -> Vec<(&'static str, Value)> {
    let mut unknown =
        message_event("unknown-event", moment, json!({ "conversation": "Mensagem de teste" }));
    if let Value::Object(unknown) = &mut unknown {
        unknown.insert("event".to_owned(), json!("webhookOfTomorrow"));
    }
    vec![
        (
            "status",
            json!({
                "event": "webhookStatus", "instanceId": DEFAULT_INSTANCE,
                "connectedPhone": "5500900000001",
                "connectedLid": "100000000000001@lid", "status": "DELIVERY",
                "messageId": OTHER_MESSAGE,
                "fromMe": false, "moment": moment, "chat": { "id": CHAT }, "isGroup": false
            }),
        ),
        (
            "connected",
            json!({ "event": "webhookConnected", "instanceId": DEFAULT_INSTANCE, "connected": true,
                "connectedPhone": "5500900000001" }),
        ),
        (
            "disconnected",
            json!({
                "event": "webhookDisconnected", "instanceId": DEFAULT_INSTANCE,
                "disconnected": true, "moment": moment
            }),
        ),
        (
            "missing-event",
            without_event(message_event(
                "missing-event",
                moment,
                json!({ "conversation": "Mensagem de teste" }),
            )),
        ),
        ("unknown-event", unknown),
    ]
}
