//! Which orders to erase are about a body on its way to a receiver.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use media::{
    ids::MessageId,
    message::Chat,
    order::{OrderKey, OrderKind, OrderSubject},
};
use samples::{INSTANCE, instance_id};
use serde_json::{Value, json};
use wapi::webhook::list_subjects;

const PHONE: &str = "5500988880000";
const GROUP: &str = "120363000000000001";

fn is_about(body: &[u8], subject: &OrderSubject) -> bool {
    let key = OrderKey::from_bytes(&[7; 32]).expect("a key");
    let sort_key = |one: &OrderSubject| one.sort_key(OrderKind::Erase, &key);
    list_subjects(&instance_id(INSTANCE), body).iter().any(|one| sort_key(one) == sort_key(subject))
}

fn chat(folder: &str) -> OrderSubject {
    let folder = Chat::try_from(folder.to_owned()).expect("a folder");
    OrderSubject::for_chat(None, &folder)
}

fn sender(folder: &str) -> OrderSubject {
    let folder = Chat::try_from(folder.to_owned()).expect("a folder");
    OrderSubject::for_sender(None, &folder)
}

fn webhook(fields: &Value) -> Vec<u8> {
    let mut webhook = json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0A1B2C3D4E5F60001",
        "msgContent": { "conversation": format!("fala com 5500966660000") },
    });
    let all = webhook.as_object_mut().expect("an object");
    all.extend(fields.as_object().expect("fields").clone());
    webhook.to_string().into_bytes()
}

#[test]
fn a_message_has_its_chat_and_its_id_but_no_mention() {
    let body = webhook(&json!({ "chat": { "id": PHONE }, "sender": { "id": PHONE } }));
    let id = MessageId::parse("3EB0A1B2C3D4E5F60001").expect("an id");
    for subject in [
        chat(PHONE),
        chat("550088880000"),
        OrderSubject::for_message(None, &id),
        OrderSubject::for_tenant(),
        OrderSubject::for_instance(instance_id(INSTANCE)),
    ] {
        assert!(is_about(&body, &subject), "{subject:?}");
    }
    assert!(!is_about(&body, &chat("5500966660000")), "who is mentioned");
    assert!(!is_about(&body, &sender(PHONE)), "who sent it is the chat");
}

#[test]
fn a_message_of_a_group_has_its_sender() {
    let group = format!("{GROUP}@g.us");
    let body = webhook(&json!({
        "isGroup": true, "chat": { "id": group },
        "sender": { "id": PHONE, "senderLid": "700000000000001@lid" },
    }));
    for subject in [chat(&format!("group-{GROUP}")), sender(PHONE), sender("lid-700000000000001")] {
        assert!(is_about(&body, &subject), "{subject:?}");
    }
    assert!(!is_about(&body, &chat(PHONE)), "the group is not the person's chat");
}

#[test]
fn an_event_has_what_it_tells() {
    let event = |data: Value| {
        json!({ "type": "media.stored", "schema_version": 1, "data": data }).to_string()
    };
    let of_person = event(json!({ "message_id": "3EB0A1", "chat": "lid-700000000000001",
        "chat_phone": PHONE, "caption": "fala com 5500966660000" }));
    let of_group = event(json!({ "message_id": "3EB0A1", "chat": format!("group-{GROUP}"),
        "sender_phone": PHONE }));
    let of_no_chat = event(json!({ "message_id": "3EB0A1", "chat_phone": PHONE }));
    for (event, subject, is) in [
        (&of_person, chat("lid-700000000000001"), true),
        (&of_person, chat(PHONE), true),
        (&of_person, chat("5500966660000"), false),
        (&of_group, sender(PHONE), true),
        (&of_group, chat(PHONE), false),
        (&of_group, OrderSubject::for_message(None, &samples::message_id("3EB0A1")), true),
        (&of_no_chat, chat(PHONE), true),
    ] {
        assert_eq!(is_about(event.as_bytes(), &subject), is, "{subject:?}");
    }
}

/// Its id is made here, of its content: no body has it.
#[test]
fn a_picture_without_an_id_has_the_id_that_it_was_given() {
    let content = json!({ "imageMessage": { "mediaKey": "AAAA", "directPath": "/v/x.enc" } });
    let body = webhook(&json!({
        "messageId": null, "chat": { "id": PHONE }, "msgContent": content,
    }));
    let read = wapi::webhook::WebhookBody::parse(&body).expect("a webhook").read_announcement();
    let derived = read.media.first().map(|media| media.message_id.clone()).expect("a picture");
    assert!(derived.is_derived());
    assert!(is_about(&body, &OrderSubject::for_message(None, &derived)));
}

/// What only looks like an event is a relay's.
#[test]
fn an_event_is_known_by_its_version() {
    let relayed = json!({ "data": { "event": "webhookReceived", "message_id": "3EB0A1",
        "chat": format!("{PHONE}@c.us"), "sender": PHONE,
        "msg_content": { "conversation": "oi" } } });
    assert!(is_about(relayed.to_string().as_bytes(), &chat(PHONE)));
}

#[test]
fn what_cannot_be_read_has_everyone_in_it() {
    let two = json!([{ "chat": { "id": PHONE }, "msgContent": {} },
        { "chat": { "id": "5500966660000" }, "msgContent": {} }]);
    for body in [
        format!("x=%22{PHONE}%22&y=%7B"),
        format!(r#"{{"body":"{{\u0022id\u0022:\u0022{PHONE}\u0022"#),
        data_encoding::BASE64.encode(two.to_string().as_bytes()),
        two.to_string(),
        format!("{{\"chat\": {{\"id\": \"{PHONE}\"}}, \"mess"),
        format!("to={PHONE}"),
        json!({ "event": "webhookX", "instanceId": INSTANCE, "to": PHONE }).to_string(),
    ] {
        assert!(is_about(body.as_bytes(), &chat(PHONE)), "{body}");
    }
}
