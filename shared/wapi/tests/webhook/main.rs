//! Webhook bodies: recorded events, both dialects, every wrapper, and objects that are not media.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod fields;
mod revoked;

use std::{collections::BTreeMap, path::PathBuf};

use media::{
    kind::MediaKind,
    message::{ChatKind, Direction, MediaMessage},
    sha256::Sha256,
};
use samples::verified_instance;
use serde_json::{Value, json};
use wapi::webhook::{Announcement, AnnouncementError, BodyError, Event, MAX_MEDIA, WebhookBody};

const KEY: &str = "RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY=";
const HASH: &str = "RkFLRS1GSUxFLVNIQTI1Ni0wMTIzNDU2Nzg5LUFCQ0Q=";
const OTHER_HASH: &str = "b3RoZXItRklMRS1TSEEyNTYtMDEyMzQ1Njc4OS1BQkM=";
const PATH: &str = "/v/t62.0000-24/FAKE_n.enc?ccb=1&oh=FAKE&oe=F48EE600";

fn read_body(body: &Value) -> Announcement {
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("JSON");
    body.announcement(&verified_instance()).expect("the same instance")
}

fn wrap_content(content: Value) -> Value {
    json!({
        "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB",
        "connectedPhone": "5500900000001",
        "isGroup": false, "messageId": "3EB0AAAAAAAAAAAAAAAAAA", "fromMe": false,
        "chat": {"id": "200000000000002@lid"},
        "sender": {"id": "5500900000002", "senderLid": "200000000000002@lid",
            "pushName": "Contato Exemplo"},
        "moment": 1_787_431_679, "fromApi": false, "msgContent": content,
    })
}

fn image_object() -> Value {
    json!({
        "URL": format!("https://mmg.whatsapp.net{PATH}&mms3=true"), "mimetype": "image/jpeg",
        "caption": "legenda",
        "fileSHA256": HASH, "fileLength": "65480", "mediaKey": KEY, "fileEncSHA256": HASH,
        "directPath": PATH,
        "mediaKeyTimestamp": "1750000000", "JPEGThumbnail": "/9j/FAKE",
    })
}

fn only_message(content: Value) -> MediaMessage {
    let mut announcement = read_body(&wrap_content(content));
    assert_eq!(announcement.media.len(), 1);
    announcement.media.remove(0)
}

fn ignored_reason(content: Value) -> Option<&'static str> {
    read_body(&wrap_content(content)).ignored_because()
}

fn recorded_events() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let entries = std::fs::read_dir(folder)
        .expect("events/ is there")
        .map(|entry| entry.expect("an entry").path());
    let json = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        (name, serde_json::from_str(&text).expect("JSON"))
    })
    .collect()
}

/// Recorded events of other kinds announce no media message.
#[test]
fn recorded_media_events_announce_one_each() {
    let events = recorded_events();
    assert!(events.len() >= 40, "{} events", events.len());
    for (name, body) in events {
        let announcement = read_body(&body);
        let is_media = name.starts_with("2025-") || name.starts_with("2026-");
        assert_eq!(announcement.media.len(), usize::from(is_media), "{name}");
        assert_eq!(announcement.ignored_because().is_none(), is_media, "{name}");
        for message in announcement.media {
            assert!(message.direct_path.is_some() && message.mimetype.is_some(), "{name}");
            assert_eq!(message.media_key.is_none(), name.contains("newsletter"), "{name}");
        }
    }
}

#[test]
fn recorded_events_match_their_names() {
    let events = recorded_events();
    let of = |name: &str| {
        let mut announcement =
            read_body(events.get(name).unwrap_or_else(|| panic!("{name} is not there")));
        announcement.media.remove(0)
    };
    for dialect in ["2025", "2026"] {
        for (name, kind) in [
            ("image", MediaKind::Image),
            ("video", MediaKind::Video),
            ("audio", MediaKind::Audio),
            ("voice", MediaKind::Audio),
            ("document", MediaKind::Document),
            ("sticker", MediaKind::Sticker),
        ] {
            let message = of(&format!("{dialect}-{name}"));
            assert_eq!((message.kind, message.ptt), (kind, name == "voice"), "{dialect}-{name}");
            assert!(
                message.file_sha256.is_some() && message.file_enc_sha256.is_some(),
                "{dialect}-{name}"
            );
            assert!(message.file_length.is_some(), "{dialect}-{name}");
        }
    }
    assert_eq!(of("2026-gif").kind, MediaKind::Video);
    assert_eq!(of("2026-ptv").kind, MediaKind::Video);
    assert!(of("2026-image-view-once").view_once);
    assert_eq!(of("2026-image-from-me").direction, Direction::Out);
    assert_eq!(of("2026-image-group").chat.kind(), ChatKind::Group);
    assert_eq!(of("2026-image-status").chat.kind(), ChatKind::Status);
    assert_eq!(of("2026-image-newsletter").chat.kind(), ChatKind::Channel);
    assert!(of("2026-document-with-caption").caption.is_some());
}

#[test]
fn all_dialects_are_read_alike() {
    let old = json!({
        "url": format!("https://mmg.whatsapp.net{PATH}"), "mimetype": "image/jpeg",
        "caption": "legenda",
        "fileSha256": HASH, "fileLength": 65480, "mediaKey": KEY, "fileEncSha256": HASH,
        "directPath": PATH,
        "jpegThumbnail": "", "mediaKeyTimestamp": 1_750_000_000,
    });
    let mut mixed = image_object();
    mixed["fileSHA256"] = json!("");
    mixed["fileSha256"] = json!(HASH);
    let logged = json!({
        "mimetype": "image/jpeg", "caption": "legenda", "filesha256": HASH, "filelength": "65480",
        "mediakey": KEY,
        "fileencsha256": HASH, "directpath": PATH, "mediakeytimestamp": "1750000000",
    });
    let new = only_message(json!({ "imageMessage": image_object() }));
    for other in [old, mixed, logged] {
        assert_eq!(only_message(json!({ "imageMessage": other })), new);
    }
    assert_eq!(new.file_length, Some(65_480));
    assert!(new.url.is_none(), "the usual URL does not improve on the path");
}

#[test]
fn lower_case_names_are_read() {
    let logged = json!({
        "event": "webhookReceived", "instanceid": "LITE-AAAAAA-BBBBBB", "messageid": "3EB0",
        "fromme": true,
        "chat": {"id": "5500900000002"}, "moment": "1787431679",
        "msgcontent": {"imagemessage": image_object()},
    });
    let message = read_body(&logged).media.remove(0);
    assert_eq!(
        (message.direction, message.moment, message.kind),
        (Direction::Out, 1_787_431_679, MediaKind::Image)
    );
}

/// Names in snake case, as a gateway in Rust or Go may write them.
#[test]
fn names_with_underscores_are_read() {
    let body = json!({
        "event": "webhookReceived", "instance_id": "LITE-AAAAAA-BBBBBB", "message_id": "3EB0",
        "from_me": true,
        "chat": {"id": "5500900000002"}, "moment": "1787431679",
        "msg_content": {"ephemeral_message": {"message": {"image_message": {
            "media_key": "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=",
            "direct_path": "/v/t62.7118-24/invented.enc",
            "file_length": 65_480,
            "mimetype": "image/jpeg",
        }}}},
    });
    let announcement = read_body(&body);
    assert_eq!(announcement.unknown_wrappers, 0);
    let message = &announcement.media[0];
    assert_eq!((message.direction, message.kind), (Direction::Out, MediaKind::Image));
    assert_eq!((message.message_id.as_str(), message.file_length), ("3EB0", Some(65_480)));
    assert!(message.media_key.is_some() && message.direct_path.is_some());
}

#[test]
fn known_wrappers_are_opened_five_deep() {
    for wrapper in [
        "ephemeralMessage",
        "viewOnceMessage",
        "viewOnceMessageV2",
        "viewOnceMessageV2Extension",
        "documentWithCaptionMessage",
        "editedMessage",
        "associatedChildMessage",
        "deviceSentMessage",
        "groupStatusMessage",
        "groupStatusMessageV2",
        "lottieStickerMessage",
    ] {
        let mut content = json!({ "imageMessage": image_object() });
        for _ in 0..5 {
            content = json!({ wrapper: { "message": content } });
        }
        let announcement = read_body(&wrap_content(content));
        assert_eq!((announcement.media.len(), announcement.unknown_wrappers), (1, 0), "{wrapper}");
        assert_eq!(announcement.media[0].view_once, wrapper.starts_with("viewOnce"), "{wrapper}");
    }
}

#[test]
fn media_under_unknown_names_is_counted() {
    let object = json!({ "mediaKey": KEY, "directPath": PATH, "mimetype": "video/mp4" });
    for content in [
        json!({ "brandNewMessage": { "message": { "imageMessage": image_object() } } }),
        json!({ "interactiveMessage": { "header": { "imageMessage": image_object() } } }),
        json!({ "brandNewMediaMessage": object }),
        json!({ "list": [{ "of": { "things": object } }] }),
    ] {
        let announcement = read_body(&wrap_content(content.clone()));
        assert_eq!((announcement.media.len(), announcement.unknown_wrappers), (1, 1), "{content}");
    }
    assert_eq!(only_message(json!({ "brandNewMediaMessage": object })).kind, MediaKind::Video);
}

#[test]
fn quotes_and_edits_announce_nothing() {
    let quoted = json!({ "contextInfo": { "quotedMessage": { "imageMessage": image_object() } } });
    for content in [
        json!({ "conversation": "Mensagem de teste" }),
        json!({ "extendedTextMessage": { "text": "x", "contextInfo": quoted["contextInfo"] } }),
        json!({ "brandNewMessage": quoted }),
        json!({ "protocolMessage": {
            "type": 14, "editedMessage": { "imageMessage": image_object() } } }),
        json!({ "editedMessage": { "message": { "protocolMessage": {
            "editedMessage": { "imageMessage": image_object() } } } } }),
        json!({ "reactionMessage": { "text": "x" } }),
        json!({ "senderKeyDistributionMessage": {} }),
        json!({}),
        json!(null),
        json!("text"),
        json!([]),
    ] {
        assert_eq!(ignored_reason(content.clone()), Some("no_media"), "{content}");
    }
    let mut with_quote = image_object();
    with_quote["contextInfo"] = quoted["contextInfo"].clone();
    only_message(json!({ "imageMessage": with_quote }));
}

#[test]
fn media_of_one_message_differ_by_content() {
    let mut other = image_object();
    other["directPath"] = json!("/v/other?oe=F48EE600");
    other["fileEncSHA256"] = json!(OTHER_HASH);
    // The same image, uploaded to another path: still the same.
    let mut again = image_object();
    again["directPath"] = json!("/v/again?oe=F48EE600");
    let cards = json!({ "carousel": { "cards": [
        { "header": { "imageMessage": image_object() } },
        { "header": { "imageMessage": other } },
        { "header": { "imageMessage": image_object() } },
        { "header": { "imageMessage": again } },
    ] } });
    let media = read_body(&wrap_content(cards)).media;
    let ids: Vec<_> = media.iter().map(|one| one.message_id.as_str()).collect();
    assert_eq!(ids, ["3EB0AAAAAAAAAAAAAAAAAA"; 2]);
    assert_ne!(media[0].identity(), media[1].identity());
}

#[test]
fn events_match_by_exact_text() {
    let with_event = |event: Value| {
        let mut body = wrap_content(json!({ "imageMessage": image_object() }));
        body["event"] = event;
        read_body(&body)
    };
    for (name, event, announces) in [
        (json!("webhookReceived"), Event::Received, true),
        (json!("webhookDelivery"), Event::Delivery, true),
        (json!("webhookStatus"), Event::Status, false),
        (json!("webhookConnected"), Event::Connected, false),
        (json!("webhookDisconnected"), Event::Disconnected, false),
        (json!("webhookPresence"), Event::Presence, false),
        (json!("webhookChatPresence"), Event::Presence, false),
        (json!("webhookreceived"), Event::Unknown, true),
        (json!("webhookStatusOfSomethingElse"), Event::Unknown, true),
        (json!(null), Event::Missing, true),
        (json!(7), Event::Missing, true),
    ] {
        let announcement = with_event(name.clone());
        assert_eq!(
            (announcement.event, announcement.media.len()),
            (event, usize::from(announces)),
            "{name}"
        );
    }
}

/// A body that names no instance is accepted.
#[test]
fn a_body_of_another_instance_is_refused() {
    let mut body = wrap_content(json!({ "imageMessage": image_object() }));
    body["instanceId"] = json!("LITE-AAAAAA-CCCCCC");
    let parsed = WebhookBody::parse(body.to_string().as_bytes()).expect("JSON");
    assert_eq!(
        parsed.announcement(&verified_instance()).expect_err("another instance"),
        AnnouncementError::OtherInstance
    );
    body["instanceId"] = json!(null);
    assert_eq!(read_body(&body).media.len(), 1);
}

#[test]
fn too_many_media_are_refused() {
    let many = |n: usize| {
        let image = |n: usize| {
            let mut image = image_object();
            image["directPath"] = json!(format!("/v/{n}?oe=F48EE600"));
            image["fileEncSHA256"] = json!(Sha256::from_data(&n.to_be_bytes()).to_base64());
            json!({ "imageMessage": image })
        };
        wrap_content(json!({ "album": (0..n).map(image).collect::<Vec<_>>() }))
    };
    assert_eq!(read_body(&many(MAX_MEDIA)).media.len(), MAX_MEDIA);
    let parsed = WebhookBody::parse(many(MAX_MEDIA + 1).to_string().as_bytes()).expect("JSON");
    assert_eq!(
        parsed.announcement(&verified_instance()).expect_err("too many"),
        AnnouncementError::TooManyMedia
    );
}

#[test]
fn only_objects_are_bodies() {
    for (text, error) in [
        ("", BodyError::NotAnObject),
        ("{", BodyError::NotJson),
        ("\u{feff}[]", BodyError::NotAnObject),
        ("[]", BodyError::NotAnObject),
        ("null", BodyError::NotAnObject),
        ("\"text\"", BodyError::NotAnObject),
        ("7", BodyError::NotAnObject),
    ] {
        assert_eq!(WebhookBody::parse(text.as_bytes()).expect_err(text), error);
    }
    let deep = format!("{}{}", "{\"a\":".repeat(100_000), "1");
    assert_eq!(WebhookBody::parse(deep.as_bytes()).expect_err("too deep"), BodyError::NotJson);
}

#[test]
fn the_chat_never_comes_from_the_sender() {
    let folder = |change: &dyn Fn(&mut Value)| {
        let mut body = wrap_content(json!({ "imageMessage": image_object() }));
        change(&mut body);
        read_body(&body).media.remove(0).chat.as_str().to_owned()
    };
    assert_eq!(folder(&|_| {}), "5500900000002", "the sender's number stands for the LID");
    assert_eq!(
        folder(&|body| body["fromMe"] = json!(true)),
        "lid-200000000000002",
        "the sender is the account"
    );
    assert_eq!(
        folder(&|body| body["isGroup"] = json!(true)),
        "lid-200000000000002",
        "the sender is a participant"
    );
    assert_eq!(
        folder(&|body| body["sender"]["senderLid"] = json!("9@lid")),
        "lid-200000000000002",
        "another's LID"
    );
    assert_eq!(
        folder(&|body| body["sender"]["id"] = json!("200000000000002")),
        "lid-200000000000002",
        "LID digits"
    );
    assert_eq!(
        folder(&|body| body["sender"]["id"] = json!("200000000000002@lid")),
        "lid-200000000000002",
        "a LID"
    );
    assert_eq!(
        folder(&|body| body["chat"]["id"] = json!("120363000000000001@g.us")),
        "group-120363000000000001"
    );
    assert_eq!(folder(&|body| body["chat"] = json!(null)), "other");
}

/// Deep nesting must not overflow the stack.
#[test]
fn a_deeply_nested_body_is_refused() {
    for depth in [128, 1_000, 500_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = format!("{{\"x\":{}0{}}}", open.repeat(depth), close.repeat(depth));
            let refused = WebhookBody::parse(body.as_bytes());
            assert!(matches!(refused, Err(BodyError::NotJson)), "{depth}");
        }
    }
    let body = format!("{{\"event\":\"x\",\"x\":{}0{}}}", "[".repeat(100), "]".repeat(100));
    assert!(WebhookBody::parse(body.as_bytes()).is_ok());
}
