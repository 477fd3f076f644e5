//! What a webhook says about a message besides its media: moment, chat, contacts, sender in a
//! group.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    contact::Contact,
    envelope::MomentSource,
    message::{ChatKind, Direction, MediaMessage},
};
use samples::verified_instance;
use serde_json::{Value, json};
use wapi::webhook::WebhookBody;

/// When the webhook is accepted.
const ACCEPTED: i64 = 1_787_440_000;
/// 2026-08-22, 22:47:59 UTC.
const SENT: i64 = 1_787_438_879;

fn sample_body() -> Value {
    json!({
        "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB",
        "connectedPhone": "5500900000001",
        "connectedLid": "100000000000001@lid", "isGroup": false, "messageId": "3EB0AAAA",
        "fromMe": false,
        "chat": {"id": "200000000000002@lid"},
        "sender": {"id": "5500900000002", "senderLid": "200000000000002@lid"}, "moment": SENT,
        "msgContent": { "imageMessage": { "mediaKey": "a2V5", "directPath": "/v/1",
            "mimetype": "image/png" } },
    })
}

/// The announced media message as it becomes a job.
fn announced_message(change: impl FnOnce(&mut Value)) -> MediaMessage {
    let verified = verified_instance();
    let mut body = sample_body();
    change(&mut body);
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("JSON");
    let announcement = body.announcement(&verified).expect("the same instance");
    let message = announcement.media.into_iter().next().expect("a media message");
    verified.create_job(message, ACCEPTED).into_job().message
}

#[test]
fn every_form_of_moment_is_read() {
    let (high, low) = (SENT << 10 >> 42, SENT & 0xffff_ffff);
    // As nanoseconds, the halves are larger than 31 bits, and the lower one is written with its
    // sign.
    let nanos = SENT * 1_000_000_000;
    let (nanos_high, nanos_low) = (nanos >> 32, i64::from((nanos & 0xffff_ffff) as u32 as i32));
    for moment in [
        json!(SENT),
        json!(SENT.to_string()),
        json!(format!("  {SENT} ")),
        json!(SENT * 1000),
        json!((SENT * 1000).to_string()),
        json!(SENT * 1_000_000),
        json!(nanos),
        json!(nanos.to_string()),
        json!(1_787_438_879.75),
        json!("1787438879.75"),
        json!("1787438879750.5"),
        json!(1.787_438_879_75e12),
        json!("1.787438879E9"),
        json!({ "low": low, "high": high, "unsigned": false }),
        json!({ "low": low.to_string(), "high": high.to_string() }),
        json!({ "low": SENT, "high": 0, "unsigned": true }),
        json!({ "low": nanos_low, "high": nanos_high, "unsigned": false }),
        json!({ "seconds": SENT, "nanos": 5 }),
        json!({ "_seconds": SENT, "_nanoseconds": 5 }),
        json!("2026-08-22T22:47:59Z"),
        json!("2026-08-22T22:47:59.250Z"),
        json!("2026-08-22T19:47:59-03:00"),
        json!("2026-08-22T19:47:59.250-0300"),
        json!("2026-08-22 19:47:59 -03:00"),
        json!("2026-08-22T22:47:59"),
        json!("2026-08-22 22:47:59"),
        json!("2026-08-22 22:47:59 UTC"),
        json!("20260822T224759Z"),
        json!("2026-08-22t22:47:59z"),
    ] {
        let message = announced_message(|body| body["moment"] = moment.clone());
        assert_eq!(message.moment, SENT, "{moment}");
        assert_eq!(message.envelope.moment_source, MomentSource::Message, "{moment}");
    }
    let midnight = announced_message(|body| body["moment"] = json!("2026-08-22"));
    assert_eq!(midnight.moment, SENT - SENT % 86_400);
}

/// A `Long` with a negative lower half is not a small number.
#[test]
fn the_signed_halves_of_a_long_join() {
    let millis = SENT * 1000;
    let low = i64::from((millis & 0xffff_ffff) as u32 as i32);
    for low in [low, millis & 0xffff_ffff] {
        let long = json!({ "low": low, "high": millis >> 32, "unsigned": false });
        assert_eq!(announced_message(|body| body["moment"] = long).moment, SENT);
    }
}

/// The moment falls back to the media key's timestamp, then to the acceptance of the webhook.
#[test]
fn an_invalid_moment_falls_back() {
    for wrong in [
        json!(0),
        json!("0"),
        json!(null),
        json!(""),
        json!(-5),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!("NaN"),
        json!("ontem"),
        json!(true),
        json!([SENT]),
        json!({}),
        json!({ "low": 0, "high": 0 }),
        json!({ "low": -1, "high": -1, "unsigned": false }),
        json!(1_230_767_999),
        json!(ACCEPTED + 86_401),
        json!("2126-08-22T22:47:59Z"),
        json!("1970-01-01T00:00:00Z"),
    ] {
        let undated = announced_message(|body| body["moment"] = wrong.clone());
        let source = undated.envelope.moment_source;
        assert_eq!((undated.moment, source), (ACCEPTED, MomentSource::Accepted), "{wrong}");
        for key in [json!(SENT.to_string()), json!({ "low": SENT, "high": 0, "unsigned": false })] {
            let by_key = announced_message(|body| {
                body["moment"] = wrong.clone();
                body["msgContent"]["imageMessage"]["mediaKeyTimestamp"] = key;
            });
            let source = by_key.envelope.moment_source;
            assert_eq!((by_key.moment, source), (SENT, MomentSource::Key), "{wrong}");
        }
    }
}

#[test]
fn an_unknown_moment_gives_a_full_life() {
    let message = announced_message(|body| body["moment"] = json!(0));
    let ends = media::schedule::park_deadline(ACCEPTED, message.recoverable_until());
    assert_eq!(ends - ACCEPTED, 6 * 86_400);
}

fn new_contact(lid: Option<&str>, phone: Option<&str>) -> Contact {
    Contact { lid: lid.map(str::to_owned), phone: phone.map(str::to_owned) }
}

const LID: Option<&str> = Some("200000000000002");
const PHONE: Option<&str> = Some("5500900000002");

/// The chat's folder and contact.
fn direct_chat(change: impl FnOnce(&mut Value)) -> (String, Contact) {
    let message = announced_message(change);
    assert_eq!(message.envelope.sender, Contact::default(), "a one-to-one chat");
    (message.chat.as_str().to_owned(), message.envelope.peer)
}

#[test]
fn a_direct_chat_keeps_lid_and_number() {
    let (folder, lid_folder) = ("5500900000002".to_owned(), "lid-200000000000002".to_owned());
    assert_eq!(direct_chat(|_| {}), (folder.clone(), new_contact(LID, PHONE)));
    // The chat has a number, and the sender has a LID with the same number.
    for id in ["5500900000002", "5500900000002@s.whatsapp.net", "5500900000002:4@c.us"] {
        let found = direct_chat(|body| body["chat"]["id"] = json!(id));
        assert_eq!(found, (folder.clone(), new_contact(LID, PHONE)), "{id}");
    }
    let found = direct_chat(|body| body["sender"]["id"] = json!("200000000000002"));
    assert_eq!(found, (lid_folder.clone(), new_contact(LID, None)));
    let found = direct_chat(|body| {
        body["sender"] = json!({ "id": "5500900000002" });
    });
    assert_eq!(found, (folder.clone(), new_contact(LID, PHONE)));
    // Another contact's LID or number proves nothing about this chat.
    let found = direct_chat(|body| body["sender"]["senderLid"] = json!("9@lid"));
    assert_eq!(found, (lid_folder.clone(), new_contact(LID, None)));
    let found = direct_chat(|body| {
        body["chat"]["id"] = json!("5500900000002");
        body["sender"] = json!({ "id": "5500900000009", "senderLid": "9@lid" });
    });
    assert_eq!(found, (folder.clone(), new_contact(None, PHONE)));
    // An outgoing message names the account as its sender.
    let found = direct_chat(|body| {
        body["fromMe"] = json!(true);
        body["sender"] = json!({ "id": "5500900000001", "senderLid": "100000000000001@lid" });
    });
    assert_eq!(found, (lid_folder, new_contact(LID, None)));
}

/// Digits without a server are a LID if the envelope names that LID.
#[test]
fn bare_digits_may_be_a_lid() {
    let bare = |body: &mut Value| body["chat"]["id"] = json!("200000000000002");
    assert_eq!(direct_chat(bare), ("5500900000002".to_owned(), new_contact(LID, PHONE)));
    let found = direct_chat(|body| {
        bare(body);
        body["sender"]["id"] = json!("200000000000002");
    });
    assert_eq!(found, ("lid-200000000000002".to_owned(), new_contact(LID, None)));
    let found = direct_chat(|body| {
        bare(body);
        body["chat"]["lid"] = json!("200000000000002@lid");
        body["fromMe"] = json!(true);
        body["sender"] = json!({ "id": "5500900000001" });
    });
    assert_eq!(found, ("lid-200000000000002".to_owned(), new_contact(LID, None)));
    // A number that is not a LID of the envelope stays a number.
    let found = direct_chat(|body| body["chat"]["id"] = json!("5500900000007"));
    assert_eq!(found, ("5500900000007".to_owned(), new_contact(None, Some("5500900000007"))));
}

#[test]
fn is_group_decides_without_a_server() {
    for (id, folder) in [
        ("120363000000000009", "group-120363000000000009"),
        ("5500900000001-1600000000", "group-5500900000001-1600000000"),
        ("120363000000000009@g.us", "group-120363000000000009"),
        ("120363000000000002@newsletter", "channel-120363000000000002"),
        ("status", "status"),
        ("status@broadcast", "status"),
    ] {
        let message = announced_message(|body| {
            body["isGroup"] = json!(true);
            body["chat"]["id"] = json!(id);
        });
        assert_eq!(message.chat.as_str(), folder);
        assert_eq!(message.envelope.peer, Contact::default());
    }
}

#[test]
fn a_group_message_keeps_its_sender() {
    let sender = |change: &dyn Fn(&mut Value)| {
        let message = announced_message(|body| {
            body["isGroup"] = json!(true);
            body["chat"]["id"] = json!("120363000000000009@g.us");
            change(body);
        });
        assert_eq!(message.chat.kind(), ChatKind::Group);
        message.envelope.sender
    };
    assert_eq!(sender(&|_| {}), new_contact(LID, PHONE));
    assert_eq!(
        sender(&|body| body["sender"] = json!({ "id": "200000000000002@lid" })),
        new_contact(LID, None)
    );
    assert_eq!(
        sender(&|body| body["sender"] =
            json!({ "id": "200000000000002", "senderLid": "200000000000002@lid" })),
        new_contact(LID, None)
    );
    assert_eq!(
        sender(&|body| {
            body["sender"] = json!(null);
            body["participant"] = json!("5500900000002@s.whatsapp.net");
        }),
        new_contact(None, PHONE)
    );
    assert_eq!(sender(&|body| body["sender"] = json!(null)), Contact::default());
}

/// W-API's log uses other field names; the media message is the same.
#[test]
fn both_dialects_give_one_identity() {
    let content = json!({
        "imagemessage": { "mediakey": "a2V5", "directpath": "/v/1?oh=another",
            "mimetype": "image/png" },
    });
    let logged = announced_message(|body| {
        let fields = body.as_object_mut().expect("an object");
        fields.remove("msgContent");
        fields.insert("msgcontent".to_owned(), content);
    });
    assert_eq!(announced_message(|_| {}).identity().to_key_part(), logged.identity().to_key_part());
}

/// Spreadsheets, forms and workflow engines write numbers and texts instead.
#[test]
fn flags_and_ids_have_several_types() {
    for yes in [json!("true"), json!("True "), json!("1"), json!(1)] {
        let message = announced_message(|body| {
            body["isGroup"] = yes.clone();
            body["fromMe"] = yes.clone();
            body["chat"]["id"] = json!("120363000000000009");
        });
        assert_eq!(message.chat.as_str(), "group-120363000000000009", "{yes}");
        assert_eq!(message.direction, Direction::Out, "{yes}");
    }
    for no in [json!("false"), json!("0"), json!(0), json!("")] {
        let message = announced_message(|body| body["fromMe"] = no.clone());
        assert_eq!(message.direction, Direction::In, "{no}");
    }
    for chat in [
        json!({ "id": 5_500_900_000_002_u64 }),
        json!("5500900000002@s.whatsapp.net"),
        json!(5_500_900_000_002_u64),
    ] {
        let found = direct_chat(|body| body["chat"] = chat.clone());
        assert_eq!(found, ("5500900000002".to_owned(), new_contact(LID, PHONE)), "{chat}");
    }
    for sender in [json!("5500900000002@s.whatsapp.net"), json!({ "id": 5_500_900_000_002_u64 })] {
        let message = announced_message(|body| {
            body["chat"]["id"] = json!("120363000000000009@g.us");
            body["sender"] = sender.clone();
        });
        assert_eq!(message.envelope.sender, new_contact(None, PHONE), "{sender}");
    }
}

/// whatsmeow writes `user.agent:device`, Baileys `user_agent:device`.
#[test]
fn addresses_lose_devices_and_agents() {
    for id in [
        "5500900000002:12@s.whatsapp.net",
        "5500900000002.0:12@s.whatsapp.net",
        "5500900000002_1:12@s.whatsapp.net",
        "200000000000002.1:12@lid",
        "200000000000002:12@hosted.lid",
    ] {
        let found = direct_chat(|body| {
            body["chat"]["id"] = json!(id);
            body["sender"]["senderLid"] = json!("200000000000002.1:12@lid");
        });
        assert_eq!(found, ("5500900000002".to_owned(), new_contact(LID, PHONE)), "{id}");
    }
}

#[test]
fn a_group_may_have_a_persons_server() {
    for (id, folder) in [
        ("120363000000000009@c.us", "group-120363000000000009"),
        ("120363000000000009@s.whatsapp.net", "group-120363000000000009"),
        ("5500900000001-1600000000@c.us", "group-5500900000001-1600000000"),
        // A phone number stays a phone number, also if `isGroup` is set.
        ("5500900000002@s.whatsapp.net", "5500900000002"),
    ] {
        let message = announced_message(|body| {
            body["isGroup"] = json!(true);
            body["chat"]["id"] = json!(id);
        });
        assert_eq!(message.chat.as_str(), folder);
    }
}

#[test]
fn a_number_keeps_its_senders_lid() {
    let found = direct_chat(|body| {
        body["chat"]["id"] = json!("5500900000002@s.whatsapp.net");
        body["sender"] = json!({ "id": "200000000000002@lid" });
    });
    assert_eq!(found, ("5500900000002".to_owned(), new_contact(LID, PHONE)));
}

#[test]
fn moments_of_document_databases_are_read() {
    for moment in [
        json!({ "$numberLong": SENT.to_string() }),
        json!({ "$date": { "$numberLong": (SENT * 1000).to_string() } }),
        json!({ "$date": "2026-08-22T22:47:59Z" }),
    ] {
        let message = announced_message(|body| body["moment"] = moment.clone());
        assert_eq!(message.moment, SENT, "{moment}");
        assert_eq!(message.envelope.moment_source, MomentSource::Message);
    }
}
