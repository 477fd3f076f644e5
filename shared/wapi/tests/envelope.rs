//! What stands around a medium: its moment in every form, its chat, who is in it, and who sent it
//! to a group.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{
    access::{SecretHashes, Verified},
    contact::Contact,
    envelope::MomentSource,
    ids::{InstanceId, TenantId},
    message::{ChatKind, Direction, MediaMessage},
    sha256::Sha256,
};
use serde_json::{Value, json};
use wapi::webhook::WebhookBody;

/// When the webhook is accepted.
const ACCEPTED: i64 = 1_787_440_000;
/// 2026-08-22, 22:47:59 UTC.
const SENT: i64 = 1_787_438_879;

fn body() -> Value {
    json!({
        "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB", "connectedPhone": "5500900000001",
        "connectedLid": "100000000000001@lid", "isGroup": false, "messageId": "3EB0AAAA", "fromMe": false,
        "chat": {"id": "200000000000002@lid"},
        "sender": {"id": "5500900000002", "senderLid": "200000000000002@lid"}, "moment": SENT,
        "msgContent": { "imageMessage": { "mediaKey": "a2V5", "directPath": "/v/1", "mimetype": "image/png" } },
    })
}

/// What becomes of the only medium that is announced.
fn announced(change: impl FnOnce(&mut Value)) -> MediaMessage {
    let tenant = TenantId::parse("acme").expect("a tenant");
    let instance = InstanceId::parse("LITE-AAAAAA-BBBBBB").expect("an instance");
    let secrets = SecretHashes::new([Sha256::of(b"s")]);
    let verified = Verified::check(&tenant, &instance, &secrets, "s").expect("the right secret");
    let mut body = body();
    change(&mut body);
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("JSON");
    let announcement = body.announcement(&verified).expect("the same instance");
    let medium = announcement.media.into_iter().next().expect("a medium");
    verified.job(medium, ACCEPTED).into_job().message
}

#[test]
fn a_moment_is_read_in_every_form_that_was_seen() {
    let (high, low) = (SENT << 10 >> 42, SENT & 0xffff_ffff);
    // As nanoseconds the halves are larger than 31 bits, and the lower one is written with its
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
        let medium = announced(|body| body["moment"] = moment.clone());
        assert_eq!(medium.moment, SENT, "{moment}");
        assert_eq!(
            medium.envelope.moment_source,
            MomentSource::Message,
            "{moment}"
        );
    }
    let midnight = announced(|body| body["moment"] = json!("2026-08-22"));
    assert_eq!(midnight.moment, SENT - SENT % 86_400);
}

/// A `Long` of a negative lower half is no small number.
#[test]
fn the_halves_of_a_long_are_put_together_with_their_signs() {
    let millis = SENT * 1000;
    let low = i64::from((millis & 0xffff_ffff) as u32 as i32);
    for low in [low, millis & 0xffff_ffff] {
        let long = json!({ "low": low, "high": millis >> 32, "unsigned": false });
        assert_eq!(announced(|body| body["moment"] = long).moment, SENT);
    }
}

#[test]
fn a_moment_that_cannot_be_gives_way_to_the_keys_and_that_to_the_acceptance() {
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
        let undated = announced(|body| body["moment"] = wrong.clone());
        let source = undated.envelope.moment_source;
        assert_eq!(
            (undated.moment, source),
            (ACCEPTED, MomentSource::Accepted),
            "{wrong}"
        );
        for key in [
            json!(SENT.to_string()),
            json!({ "low": SENT, "high": 0, "unsigned": false }),
        ] {
            let by_key = announced(|body| {
                body["moment"] = wrong.clone();
                body["msgContent"]["imageMessage"]["mediaKeyTimestamp"] = key;
            });
            let source = by_key.envelope.moment_source;
            assert_eq!(
                (by_key.moment, source),
                (SENT, MomentSource::Key),
                "{wrong}"
            );
        }
    }
}

#[test]
fn a_medium_of_unknown_time_lives_as_long_as_any() {
    let medium = announced(|body| body["moment"] = json!(0));
    let ends = media::schedule::gives_up_at(ACCEPTED, medium.recoverable_until());
    assert_eq!(ends - ACCEPTED, 6 * 86_400);
}

fn contact(lid: Option<&str>, phone: Option<&str>) -> Contact {
    Contact {
        lid: lid.map(str::to_owned),
        phone: phone.map(str::to_owned),
    }
}

const LID: Option<&str> = Some("200000000000002");
const PHONE: Option<&str> = Some("5500900000002");

/// The folder and what is known of the person in it.
fn direct(change: impl FnOnce(&mut Value)) -> (String, Contact) {
    let medium = announced(change);
    assert_eq!(medium.envelope.sender, Contact::default(), "a chat of two");
    (medium.chat.as_str().to_owned(), medium.envelope.peer)
}

#[test]
fn a_chat_of_two_keeps_the_lid_and_the_number_that_the_envelope_names() {
    let (folder, lid_folder) = ("5500900000002".to_owned(), "lid-200000000000002".to_owned());
    assert_eq!(direct(|_| {}), (folder.clone(), contact(LID, PHONE)));
    // By its number, and the sender's LID stands beside the same number.
    for id in [
        "5500900000002",
        "5500900000002@s.whatsapp.net",
        "5500900000002:4@c.us",
    ] {
        let found = direct(|body| body["chat"]["id"] = json!(id));
        assert_eq!(found, (folder.clone(), contact(LID, PHONE)), "{id}");
    }
    let found = direct(|body| body["sender"]["id"] = json!("200000000000002"));
    assert_eq!(found, (lid_folder.clone(), contact(LID, None)));
    let found = direct(|body| {
        body["sender"] = json!({ "id": "5500900000002" });
    });
    assert_eq!(found, (folder.clone(), contact(LID, PHONE)));
    // Somebody else's LID or number proves nothing of this chat.
    let found = direct(|body| body["sender"]["senderLid"] = json!("9@lid"));
    assert_eq!(found, (lid_folder.clone(), contact(LID, None)));
    let found = direct(|body| {
        body["chat"]["id"] = json!("5500900000002");
        body["sender"] = json!({ "id": "5500900000009", "senderLid": "9@lid" });
    });
    assert_eq!(found, (folder.clone(), contact(None, PHONE)));
    // What went out names the account as its sender.
    let found = direct(|body| {
        body["fromMe"] = json!(true);
        body["sender"] = json!({ "id": "5500900000001", "senderLid": "100000000000001@lid" });
    });
    assert_eq!(found, (lid_folder, contact(LID, None)));
}

#[test]
fn bare_digits_that_are_a_lid_of_the_envelope_are_that_lid() {
    let bare = |body: &mut Value| body["chat"]["id"] = json!("200000000000002");
    assert_eq!(
        direct(bare),
        ("5500900000002".to_owned(), contact(LID, PHONE))
    );
    let found = direct(|body| {
        bare(body);
        body["sender"]["id"] = json!("200000000000002");
    });
    assert_eq!(
        found,
        ("lid-200000000000002".to_owned(), contact(LID, None))
    );
    let found = direct(|body| {
        bare(body);
        body["chat"]["lid"] = json!("200000000000002@lid");
        body["fromMe"] = json!(true);
        body["sender"] = json!({ "id": "5500900000001" });
    });
    assert_eq!(
        found,
        ("lid-200000000000002".to_owned(), contact(LID, None))
    );
    // A number that is no LID of the envelope stays a number.
    let found = direct(|body| body["chat"]["id"] = json!("5500900000007"));
    assert_eq!(
        found,
        (
            "5500900000007".to_owned(),
            contact(None, Some("5500900000007"))
        )
    );
}

#[test]
fn is_group_decides_where_the_address_does_not() {
    for (id, folder) in [
        ("120363000000000009", "group-120363000000000009"),
        ("5500900000001-1600000000", "group-5500900000001-1600000000"),
        ("120363000000000009@g.us", "group-120363000000000009"),
        (
            "120363000000000002@newsletter",
            "channel-120363000000000002",
        ),
        ("status", "status"),
        ("status@broadcast", "status"),
    ] {
        let medium = announced(|body| {
            body["isGroup"] = json!(true);
            body["chat"]["id"] = json!(id);
        });
        assert_eq!(medium.chat.as_str(), folder);
        assert_eq!(medium.envelope.peer, Contact::default());
    }
}

#[test]
fn who_sent_it_to_a_group_is_kept() {
    let sender = |change: &dyn Fn(&mut Value)| {
        let medium = announced(|body| {
            body["isGroup"] = json!(true);
            body["chat"]["id"] = json!("120363000000000009@g.us");
            change(body);
        });
        assert_eq!(medium.chat.kind(), ChatKind::Group);
        medium.envelope.sender
    };
    assert_eq!(sender(&|_| {}), contact(LID, PHONE));
    assert_eq!(
        sender(&|body| body["sender"] = json!({ "id": "200000000000002@lid" })),
        contact(LID, None)
    );
    assert_eq!(
        sender(&|body| body["sender"] =
            json!({ "id": "200000000000002", "senderLid": "200000000000002@lid" })),
        contact(LID, None)
    );
    assert_eq!(
        sender(&|body| {
            body["sender"] = json!(null);
            body["participant"] = json!("5500900000002@s.whatsapp.net");
        }),
        contact(None, PHONE)
    );
    assert_eq!(
        sender(&|body| body["sender"] = json!(null)),
        Contact::default()
    );
}

/// In the order of W-API's log the fields have other names; the medium is the same.
#[test]
fn both_dialects_announce_the_same_medium() {
    let content = json!({
        "imagemessage": { "mediakey": "a2V5", "directpath": "/v/1?oh=another", "mimetype": "image/png" },
    });
    let logged = announced(|body| {
        let fields = body.as_object_mut().expect("an object");
        fields.remove("msgContent");
        fields.insert("msgcontent".to_owned(), content);
    });
    assert_eq!(
        announced(|_| {}).identity().in_key(),
        logged.identity().in_key()
    );
}

/// As spreadsheets, forms and workflow engines write them.
#[test]
fn flags_and_ids_of_other_types_are_read() {
    for yes in [json!("true"), json!("True "), json!("1"), json!(1)] {
        let medium = announced(|body| {
            body["isGroup"] = yes.clone();
            body["fromMe"] = yes.clone();
            body["chat"]["id"] = json!("120363000000000009");
        });
        assert_eq!(medium.chat.as_str(), "group-120363000000000009", "{yes}");
        assert_eq!(medium.direction, Direction::Out, "{yes}");
    }
    for no in [json!("false"), json!("0"), json!(0), json!("")] {
        let medium = announced(|body| body["fromMe"] = no.clone());
        assert_eq!(medium.direction, Direction::In, "{no}");
    }
    for chat in [
        json!({ "id": 5_500_900_000_002_u64 }),
        json!("5500900000002@s.whatsapp.net"),
        json!(5_500_900_000_002_u64),
    ] {
        let found = direct(|body| body["chat"] = chat.clone());
        assert_eq!(
            found,
            ("5500900000002".to_owned(), contact(LID, PHONE)),
            "{chat}"
        );
    }
    for sender in [
        json!("5500900000002@s.whatsapp.net"),
        json!({ "id": 5_500_900_000_002_u64 }),
    ] {
        let medium = announced(|body| {
            body["chat"]["id"] = json!("120363000000000009@g.us");
            body["sender"] = sender.clone();
        });
        assert_eq!(medium.envelope.sender, contact(None, PHONE), "{sender}");
    }
}

/// whatsmeow writes `user.agent:device`, Baileys `user_agent:device`.
#[test]
fn devices_and_agents_are_no_part_of_addresses() {
    for id in [
        "5500900000002:12@s.whatsapp.net",
        "5500900000002.0:12@s.whatsapp.net",
        "5500900000002_1:12@s.whatsapp.net",
        "200000000000002.1:12@lid",
        "200000000000002:12@hosted.lid",
    ] {
        let found = direct(|body| {
            body["chat"]["id"] = json!(id);
            body["sender"]["senderLid"] = json!("200000000000002.1:12@lid");
        });
        assert_eq!(
            found,
            ("5500900000002".to_owned(), contact(LID, PHONE)),
            "{id}"
        );
    }
}

#[test]
fn a_group_with_a_persons_server_stays_one() {
    for (id, folder) in [
        ("120363000000000009@c.us", "group-120363000000000009"),
        (
            "120363000000000009@s.whatsapp.net",
            "group-120363000000000009",
        ),
        (
            "5500900000001-1600000000@c.us",
            "group-5500900000001-1600000000",
        ),
        // A number that somebody says is a group's is still a number.
        ("5500900000002@s.whatsapp.net", "5500900000002"),
    ] {
        let medium = announced(|body| {
            body["isGroup"] = json!(true);
            body["chat"]["id"] = json!(id);
        });
        assert_eq!(medium.chat.as_str(), folder);
    }
}

#[test]
fn a_number_keeps_the_lid_of_its_sender() {
    let found = direct(|body| {
        body["chat"]["id"] = json!("5500900000002@s.whatsapp.net");
        body["sender"] = json!({ "id": "200000000000002@lid" });
    });
    assert_eq!(found, ("5500900000002".to_owned(), contact(LID, PHONE)));
}

#[test]
fn a_moment_in_a_documents_database_is_read() {
    for moment in [
        json!({ "$numberLong": SENT.to_string() }),
        json!({ "$date": { "$numberLong": (SENT * 1000).to_string() } }),
        json!({ "$date": "2026-08-22T22:47:59Z" }),
    ] {
        let medium = announced(|body| body["moment"] = moment.clone());
        assert_eq!(medium.moment, SENT, "{moment}");
        assert_eq!(medium.envelope.moment_source, MomentSource::Message);
    }
}
