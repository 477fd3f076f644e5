//! Webhook bodies: the recorded events, both dialects, every wrapper, and what must not be taken for media.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{collections::BTreeMap, path::PathBuf};

use media::{
    access::{SecretHashes, Verified},
    ids::{InstanceId, TenantId},
    kind::MediaKind,
    message::{ChatKind, Direction, MediaMessage},
    sha256::Sha256,
};
use serde_json::{Value, json};
use wapi::webhook::{Announcement, BodyError, Event, MAX_MEDIA, NotAnnounced, WebhookBody};

const KEY: &str = "RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY=";
const HASH: &str = "RkFLRS1GSUxFLVNIQTI1Ni0wMTIzNDU2Nzg5LUFCQ0Q=";
const OTHER_HASH: &str = "b3RoZXItRklMRS1TSEEyNTYtMDEyMzQ1Njc4OS1BQkM=";
const PATH: &str = "/v/t62.0000-24/FAKE_n.enc?ccb=1&oh=FAKE&oe=F48EE600";

fn verified() -> Verified {
    let tenant = TenantId::parse("acme").expect("a tenant");
    let instance = InstanceId::parse("LITE-AAAAAA-BBBBBB").expect("an instance");
    let secrets = SecretHashes::new([Sha256::of(b"s")]);
    Verified::check(&tenant, &instance, &secrets, "s").expect("the right secret")
}

fn read(body: &Value) -> Announcement {
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("JSON");
    body.announcement(&verified()).expect("the same instance")
}

fn envelope(content: Value) -> Value {
    json!({
        "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB", "connectedPhone": "5500900000001",
        "isGroup": false, "messageId": "3EB0AAAAAAAAAAAAAAAAAA", "fromMe": false,
        "chat": {"id": "200000000000002@lid"},
        "sender": {"id": "5500900000002", "senderLid": "200000000000002@lid", "pushName": "Contato Exemplo"},
        "moment": 1_787_431_679, "fromApi": false, "msgContent": content,
    })
}

fn image() -> Value {
    json!({
        "URL": format!("https://mmg.whatsapp.net{PATH}&mms3=true"), "mimetype": "image/jpeg", "caption": "legenda",
        "fileSHA256": HASH, "fileLength": "65480", "mediaKey": KEY, "fileEncSHA256": HASH, "directPath": PATH,
        "mediaKeyTimestamp": "1750000000", "JPEGThumbnail": "/9j/FAKE",
    })
}

fn only(content: Value) -> MediaMessage {
    let mut announcement = read(&envelope(content));
    assert_eq!(announcement.media.len(), 1);
    announcement.media.remove(0)
}

fn none(content: Value) -> Option<&'static str> {
    read(&envelope(content)).ignored_because()
}

fn events() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let entries = std::fs::read_dir(folder)
        .expect("events/ is there")
        .map(|entry| entry.expect("an entry").path());
    let json = entries.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    json.map(|path| {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        (name, serde_json::from_str(&text).expect("JSON"))
    })
    .collect()
}

#[test]
fn every_recorded_media_event_announces_one_medium_and_no_other_event_announces_any() {
    let events = events();
    assert!(events.len() >= 40, "{} events", events.len());
    for (name, body) in events {
        let announcement = read(&body);
        let is_media = name.starts_with("2025-") || name.starts_with("2026-");
        assert_eq!(announcement.media.len(), usize::from(is_media), "{name}");
        assert_eq!(announcement.ignored_because().is_none(), is_media, "{name}");
        for medium in announcement.media {
            assert!(
                medium.direct_path.is_some() && medium.mimetype.is_some(),
                "{name}"
            );
            assert_eq!(
                medium.media_key.is_none(),
                name.contains("newsletter"),
                "{name}"
            );
        }
    }
}

#[test]
fn recorded_events_are_read_as_their_names_say() {
    let events = events();
    let of = |name: &str| {
        let mut announcement = read(
            events
                .get(name)
                .unwrap_or_else(|| panic!("{name} is not there")),
        );
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
            let medium = of(&format!("{dialect}-{name}"));
            assert_eq!(
                (medium.kind, medium.ptt),
                (kind, name == "voice"),
                "{dialect}-{name}"
            );
            assert!(
                medium.file_sha256.is_some() && medium.file_enc_sha256.is_some(),
                "{dialect}-{name}"
            );
            assert!(medium.file_length.is_some(), "{dialect}-{name}");
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
fn both_dialects_and_mixtures_of_them_say_the_same() {
    let old = json!({
        "url": format!("https://mmg.whatsapp.net{PATH}"), "mimetype": "image/jpeg", "caption": "legenda",
        "fileSha256": HASH, "fileLength": 65480, "mediaKey": KEY, "fileEncSha256": HASH, "directPath": PATH,
        "jpegThumbnail": "", "mediaKeyTimestamp": 1_750_000_000,
    });
    let mut mixed = image();
    mixed["fileSHA256"] = json!("");
    mixed["fileSha256"] = json!(HASH);
    let logged = json!({
        "mimetype": "image/jpeg", "caption": "legenda", "filesha256": HASH, "filelength": "65480", "mediakey": KEY,
        "fileencsha256": HASH, "directpath": PATH, "mediakeytimestamp": "1750000000",
    });
    let new = only(json!({ "imageMessage": image() }));
    for other in [old, mixed, logged] {
        assert_eq!(only(json!({ "imageMessage": other })), new);
    }
    assert_eq!(new.file_length, Some(65_480));
    assert!(
        new.url.is_none(),
        "the usual URL says nothing more than the path"
    );
}

#[test]
fn the_lower_case_names_of_the_webhook_log_are_read_too() {
    let logged = json!({
        "event": "webhookReceived", "instanceid": "LITE-AAAAAA-BBBBBB", "messageid": "3EB0", "fromme": true,
        "chat": {"id": "5500900000002"}, "moment": "1787431679", "msgcontent": {"imagemessage": image()},
    });
    let medium = read(&logged).media.remove(0);
    assert_eq!(
        (medium.direction, medium.moment, medium.kind),
        (Direction::Out, 1_787_431_679, MediaKind::Image)
    );
}

#[test]
fn every_known_wrapper_is_opened_five_deep() {
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
        let mut content = json!({ "imageMessage": image() });
        for _ in 0..5 {
            content = json!({ wrapper: { "message": content } });
        }
        let announcement = read(&envelope(content));
        assert_eq!(
            (announcement.media.len(), announcement.unknown_wrappers),
            (1, 0),
            "{wrapper}"
        );
        assert_eq!(
            announcement.media[0].view_once,
            wrapper.starts_with("viewOnce"),
            "{wrapper}"
        );
    }
}

#[test]
fn media_under_names_nobody_told_us_about_is_found_and_counted() {
    let object = json!({ "mediaKey": KEY, "directPath": PATH, "mimetype": "video/mp4" });
    for content in [
        json!({ "brandNewMessage": { "message": { "imageMessage": image() } } }),
        json!({ "interactiveMessage": { "header": { "imageMessage": image() } } }),
        json!({ "brandNewMediaMessage": object }),
        json!({ "list": [{ "of": { "things": object } }] }),
    ] {
        let announcement = read(&envelope(content.clone()));
        assert_eq!(
            (announcement.media.len(), announcement.unknown_wrappers),
            (1, 1),
            "{content}"
        );
    }
    assert_eq!(
        only(json!({ "brandNewMediaMessage": object })).kind,
        MediaKind::Video
    );
}

#[test]
fn quotes_edits_and_other_messages_announce_nothing() {
    let quoted = json!({ "contextInfo": { "quotedMessage": { "imageMessage": image() } } });
    for content in [
        json!({ "conversation": "Mensagem de teste" }),
        json!({ "extendedTextMessage": { "text": "x", "contextInfo": quoted["contextInfo"] } }),
        json!({ "brandNewMessage": quoted }),
        json!({ "protocolMessage": { "type": 14, "editedMessage": { "imageMessage": image() } } }),
        json!({ "editedMessage": { "message": { "protocolMessage": { "editedMessage": { "imageMessage": image() } } } } }),
        json!({ "reactionMessage": { "text": "x" } }),
        json!({ "senderKeyDistributionMessage": {} }),
        json!({}),
        json!(null),
        json!("text"),
        json!([]),
    ] {
        assert_eq!(none(content.clone()), Some("no_media"), "{content}");
    }
    let mut with_quote = image();
    with_quote["contextInfo"] = quoted["contextInfo"].clone();
    only(json!({ "imageMessage": with_quote }));
}

#[test]
fn several_media_of_one_message_share_its_id_and_are_told_apart_by_content() {
    let mut other = image();
    other["directPath"] = json!("/v/other?oe=F48EE600");
    other["fileEncSHA256"] = json!(OTHER_HASH);
    // The same picture, uploaded to another path: still the same.
    let mut again = image();
    again["directPath"] = json!("/v/again?oe=F48EE600");
    let cards = json!({ "carousel": { "cards": [
        { "header": { "imageMessage": image() } },
        { "header": { "imageMessage": other } },
        { "header": { "imageMessage": image() } },
        { "header": { "imageMessage": again } },
    ] } });
    let media = read(&envelope(cards)).media;
    let ids: Vec<_> = media.iter().map(|one| one.message_id.as_str()).collect();
    assert_eq!(ids, ["3EB0AAAAAAAAAAAAAAAAAA"; 2]);
    assert_ne!(media[0].identity(), media[1].identity());
}

#[test]
fn the_event_is_matched_by_its_exact_text() {
    let with_event = |event: Value| {
        let mut body = envelope(json!({ "imageMessage": image() }));
        body["event"] = event;
        read(&body)
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

#[test]
fn a_body_of_another_instance_is_refused_and_one_without_is_taken() {
    let mut body = envelope(json!({ "imageMessage": image() }));
    body["instanceId"] = json!("LITE-AAAAAA-CCCCCC");
    let parsed = WebhookBody::parse(body.to_string().as_bytes()).expect("JSON");
    assert_eq!(
        parsed
            .announcement(&verified())
            .expect_err("another instance"),
        NotAnnounced::OfAnotherInstance
    );
    body["instanceId"] = json!(null);
    assert_eq!(read(&body).media.len(), 1);
}

#[test]
fn a_body_with_more_media_than_any_message_has_is_refused() {
    let many = |n: usize| {
        let image = |n: usize| {
            let mut image = image();
            image["directPath"] = json!(format!("/v/{n}?oe=F48EE600"));
            image["fileEncSHA256"] = json!(Sha256::of(&n.to_be_bytes()).to_base64());
            json!({ "imageMessage": image })
        };
        envelope(json!({ "album": (0..n).map(image).collect::<Vec<_>>() }))
    };
    assert_eq!(read(&many(MAX_MEDIA)).media.len(), MAX_MEDIA);
    let parsed = WebhookBody::parse(many(MAX_MEDIA + 1).to_string().as_bytes()).expect("JSON");
    assert_eq!(
        parsed.announcement(&verified()).expect_err("too many"),
        NotAnnounced::TooManyMedia
    );
}

#[test]
fn a_key_or_path_with_characters_that_neither_has_is_left_out() {
    for wrong in ["\u{0}", "com espaço", "\u{ffff}"] {
        let mut image = image();
        for name in ["mediaKey", "directPath", "URL"] {
            image[name] = json!(format!("https://mmg.whatsapp.net/{wrong}"));
        }
        let message = only(json!({ "imageMessage": image }));
        assert_eq!(message.media_key, None);
        assert_eq!(message.direct_path, None);
        assert_eq!(message.url, None);
    }
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
    assert_eq!(
        WebhookBody::parse(deep.as_bytes()).expect_err("too deep"),
        BodyError::NotJson
    );
}

#[test]
fn the_chat_is_always_the_chat_and_the_phone_only_ever_the_contacts() {
    let folder = |change: &dyn Fn(&mut Value)| {
        let mut body = envelope(json!({ "imageMessage": image() }));
        change(&mut body);
        read(&body).media.remove(0).chat.as_str().to_owned()
    };
    assert_eq!(
        folder(&|_| {}),
        "5500900000002",
        "the sender's number stands for the LID"
    );
    assert_eq!(
        folder(&|body| body["fromMe"] = json!(true)),
        "lid-200000000000002",
        "the sender is ourselves"
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

#[test]
fn fields_that_make_no_sense_cost_the_field_and_never_the_medium() {
    let with = |name: &str, value: Value| {
        let mut object = image();
        object[name] = value;
        only(json!({ "imageMessage": object }))
    };
    assert_eq!(with("fileSHA256", json!("short")).file_sha256, None);
    assert_eq!(with("fileLength", json!("many")).file_length, None);
    assert_eq!(with("fileLength", json!(-1)).file_length, None);
    assert_eq!(with("mediaKey", json!("k".repeat(200))).media_key, None);
    assert_eq!(
        with("directPath", json!("/".repeat(5000))).direct_path,
        None
    );
    assert_eq!(with("mimetype", json!("m".repeat(500))).mimetype, None);
    assert_eq!(
        with("caption", json!("é".repeat(5000)))
            .caption
            .map(|text| text.len()),
        Some(512)
    );
    assert!(
        with("URL", json!("https://evil.example.invalid/x"))
            .url
            .is_none()
    );
    assert!(with("URL", json!("https://web.whatsapp.net")).url.is_none());
    assert!(
        with("URL", json!("https://other.whatsapp.net/v/x"))
            .url
            .is_some()
    );
}

#[test]
fn a_long_file_name_keeps_its_ending() {
    let named = |name: String| {
        let mut object = image();
        object["fileName"] = json!(name);
        only(json!({ "documentMessage": object })).file_name
    };
    let name = named(format!("{}.ofx", "extrato de ação ".repeat(30))).expect("a name");
    assert!(name.ends_with(".ofx"), "{name}");
    assert!(name.len() <= media::message::MediaMessage::MAX_FILE_NAME_BYTES);
}

#[test]
fn a_message_without_an_id_gets_the_same_one_every_time() {
    let id = |path: &str| {
        let mut object = image();
        object["fileEncSHA256"] = json!(path);
        let mut body = envelope(json!({ "imageMessage": object }));
        body["messageId"] = json!("");
        read(&body).media.remove(0).message_id
    };
    assert_eq!(id(HASH), id(HASH));
    assert_ne!(id(HASH), id(OTHER_HASH));
    assert_ne!(id("no hash"), id("another"));
}

#[test]
fn the_job_of_a_large_webhook_is_small_and_carries_no_thumbnail() {
    let mut object = image();
    object["JPEGThumbnail"] = json!("T".repeat(12_000));
    object["streamingSidecar"] = json!("S".repeat(4_000));
    object["caption"] = json!("c".repeat(3_000));
    let job = verified()
        .job(only(json!({ "imageMessage": object })), 0)
        .to_json()
        .expect("JSON");
    assert!(job.len() < 2_048, "{} bytes", job.len());
    assert!(!job.contains("TTTT") && !job.contains("SSSS"));
}

#[test]
fn a_body_that_is_nested_too_deeply_is_refused_and_overflows_no_stack() {
    for depth in [128, 1_000, 500_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = format!("{{\"x\":{}0{}}}", open.repeat(depth), close.repeat(depth));
            let refused = WebhookBody::parse(body.as_bytes());
            assert!(matches!(refused, Err(BodyError::NotJson)), "{depth}");
        }
    }
    let body = format!(
        "{{\"event\":\"x\",\"x\":{}0{}}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    assert!(WebhookBody::parse(body.as_bytes()).is_ok());
}
