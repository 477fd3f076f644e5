//! How a verified sender's bytes are read, and which texts are found in unread ones.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::unread::Search;
use samples::{INSTANCE, verified_instance};
use serde_json::{Value, json};
use wapi::{
    raw,
    webhook::{Reading, UnreadReason, WebhookBody},
};

fn image_object() -> Value {
    json!({
        "mimetype": "image/jpeg", "directPath": "/v/t62.7118-24/invented.enc?oe=F48EE600",
        "mediaKey": "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=",
    })
}

/// An object with a key and a path, but without a type.
fn untyped_object() -> Value {
    let mut object = image_object();
    object.as_object_mut().expect("an object").remove("mimetype");
    object
}

fn sample_webhook(content: &Value) -> Value {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0A",
        "moment": 1_787_438_879, "chat": { "id": "5500900000002" }, "msgContent": content,
    })
}

/// How far the bytes were read, how many media messages they announce, and why not all was read.
fn read_outcome(bytes: &[u8]) -> (&'static str, usize, &'static str) {
    match Reading::from_bytes(bytes, &verified_instance()) {
        Reading::Whole(announcement) => ("whole", announcement.media.len(), ""),
        Reading::Part { announcement, .. } => ("part", announcement.media.len(), "not_understood"),
        Reading::Unread { why, .. } => ("unread", 0, why.as_str()),
        Reading::Refused(refused) => ("refused", 0, refused.as_str()),
    }
}

#[test]
fn only_bodies_without_content_are_refused() {
    let good = sample_webhook(&json!({ "imageMessage": image_object() })).to_string();
    let mut other = sample_webhook(&json!({ "imageMessage": image_object() }));
    other["messageId"] = json!("3EB0B");
    let mut elsewhere = sample_webhook(&json!({}));
    elsewhere["instanceId"] = json!("LITE-OTHERS-AAAAAA");
    let one = |n: usize| json!({ "imageMessage": { "directPath": format!("/v/{n}") } });
    let many: Vec<_> = (0..101).map(one).collect();
    for (body, expected) in [
        (good.clone(), ("whole", 1, "")),
        (good[..good.len() / 2].to_owned(), ("unread", 0, "bad_body")),
        (json!(good[..good.len() / 2]).to_string(), ("unread", 0, "bad_body")),
        (format!("payload={good}"), ("whole", 1, "")),
        (format!("payload: {good}"), ("unread", 0, "bad_body")),
        ("{\"a\":".repeat(200), ("unread", 0, "bad_body")),
        (json!({ "headers": {}, "body": {} }).to_string(), ("unread", 0, "no_webhook")),
        (format!("[{good},{other}]"), ("unread", 0, "several_webhooks")),
        (sample_webhook(&json!({ "cards": many })).to_string(), ("unread", 0, "too_many_media")),
        (
            sample_webhook(&json!({ "riddle": untyped_object() })).to_string(),
            ("part", 0, "not_understood"),
        ),
        (
            sample_webhook(&json!({ "imageMessage": image_object(), "riddle": untyped_object() }))
                .to_string(),
            ("part", 1, "not_understood"),
        ),
        (elsewhere.to_string(), ("refused", 0, "instance_mismatch")),
        (String::new(), ("refused", 0, "bad_body")),
        (" \r\n\u{feff}".to_owned(), ("refused", 0, "bad_body")),
        ("null".to_owned(), ("refused", 0, "bad_body")),
        ("7".to_owned(), ("refused", 0, "bad_body")),
        ("[]".to_owned(), ("refused", 0, "bad_body")),
        ("\"text\"".to_owned(), ("refused", 0, "bad_body")),
        ("{}".to_owned(), ("whole", 0, "")),
        (
            sample_webhook(&json!({ "conversation": "Mensagem de teste" })).to_string(),
            ("whole", 0, ""),
        ),
    ] {
        assert_eq!(read_outcome(body.as_bytes()), expected, "{}", &body[..body.len().min(300)]);
    }
}

/// If W-API renames a field, media is where no message should be, and a plain 200 would lose it.
#[test]
fn media_outside_the_message_is_noticed() {
    let content = json!({ "imageMessage": image_object() });
    let mut renamed = sample_webhook(&json!(null));
    renamed["messageContent"] = content.clone();
    let mut beside = sample_webhook(&json!({}));
    beside["data"] = json!({ "riddle": untyped_object() });
    let text = content.to_string();
    let broken = sample_webhook(&json!(text[..text.len() - 9]));
    let inner = sample_webhook(&json!({ "imageMessage": text[..text.len() - 9] }));
    let mut at_top = sample_webhook(&json!(null));
    at_top["body"] = json!(text[..text.len() - 9]);
    for body in [renamed, beside, broken, inner, at_top] {
        let outcome = read_outcome(body.to_string().as_bytes());
        assert_eq!(outcome, ("part", 0, "not_understood"), "{body}");
    }
}

/// A relay may have cut or encoded the message, so the body may announce media.
#[test]
fn an_event_with_unreadable_message_is_kept() {
    let event = |field: &str, value: Value| {
        let mut body = json!({ "event": "webhookReceived", "instanceId": INSTANCE });
        body[field] = value;
        body.to_string()
    };
    let message = json!({ "imageMessage": image_object() }).to_string();
    let code = data_encoding::BASE64.encode(message.as_bytes());
    assert_eq!(read_outcome(event("msgContent", json!(code)).as_bytes()), ("whole", 1, ""));
    let in_media = event("msgContent", json!({ "imageMessage": code[..60].to_owned() }));
    let cut_early = r#"{"URL":"https://mmg.whatsapp.net/v/t62","mediaKey":"gXcM"#;
    let bytes: Vec<_> = message.bytes().collect();
    for body in [
        in_media,
        event("msgContent", json!({ "imageMessage": cut_early })),
        event("msgContent", json!({ "ephemeralMessage": cut_early })),
        event("body", json!(code[..60].to_owned())),
        event("body", json!(cut_early)),
        event("data", json!({ "body": message[..message.len() - 3].to_owned() })),
        event("data", json!({ "type": "Buffer", "data": bytes })),
    ] {
        assert_eq!(read_outcome(body.as_bytes()), ("part", 0, "not_understood"), "{body}");
    }
}

/// A broken text counts once, and a name that a person chose does not count.
#[test]
fn an_events_texts_are_judged_once() {
    let counted = |body: &Value| {
        let body = WebhookBody::parse(body.to_string().as_bytes()).expect("an event");
        body.read_announcement().not_understood
    };
    let cut = r#"{"URL":"https://mmg.whatsapp.net/v/t62","mediaKey":"gXcM"#;
    let event = |field: &str, value: Value| {
        let mut body = json!({ "event": "webhookReceived", "instanceId": INSTANCE });
        body[field] = value;
        body
    };
    assert_eq!(counted(&event("body", json!(cut))), 1);
    assert_eq!(counted(&event("sender", json!({ "pushName": cut }))), 0);
}

/// A webhook that can be read does not hide the broken text beside it.
#[test]
fn a_broken_webhook_beside_others_is_kept() {
    let good = sample_webhook(&json!({ "imageMessage": image_object() })).to_string();
    let cut = good[..good.len() - 10].to_owned();
    let list = json!([good, cut]).to_string();
    let form = format!("payload={good}&other={cut}");
    for body in [list, form] {
        assert_eq!(read_outcome(body.as_bytes()), ("part", 1, "not_understood"), "{body}");
    }
}

/// Comparing a name of megabytes with each item of a list would take hours.
#[test]
fn a_long_name_in_lists_costs_little() {
    let name = format!("image{}message", "_".repeat(3_000_000));
    let body = sample_webhook(&json!({ name: vec![""; 100_000] })).to_string();
    assert_eq!(read_outcome(body.as_bytes()), ("whole", 0, ""));
}

/// If it were, anyone who can send a message could fill the parked queue.
#[test]
fn a_persons_text_is_not_broken_media() {
    let forged = &json!({ "imageMessage": image_object() }).to_string()[1..];
    let mut named = sample_webhook(&json!({ "conversation": format!("{{{forged}{{") }));
    named["sender"] = json!({ "id": "5500900000002", "pushName": format!("[{forged}") });
    for body in [
        named,
        sample_webhook(&json!({ "extendedTextMessage": { "text": format!("{{{forged}{{") } })),
    ] {
        assert_eq!(read_outcome(body.to_string().as_bytes()), ("whole", 0, ""), "{body}");
    }
}

#[test]
fn every_reason_has_a_word_and_sentence() {
    let words = UnreadReason::ALL.map(UnreadReason::as_str);
    assert_eq!(
        words,
        ["bad_body", "no_webhook", "several_webhooks", "too_many_media", "not_understood"]
    );
    for why in UnreadReason::ALL {
        let is_kept =
            verified_instance().keep_unread(b"x", why.as_str(), 0).expect("it fits").to_json();
        let read = media::unread::UnreadBody::parse(&is_kept.expect("JSON"));
        assert!(read.is_ok() && !why.explanation().is_empty(), "{why:?}");
    }
}

#[test]
fn texts_are_found_in_every_encoding() {
    let phone = "5500900000002";
    let good = sample_webhook(&json!({ "imageMessage": image_object() })).to_string();
    let cut = &good[..good.len() - 5];
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(cut.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let base64 = data_encoding::BASE64.encode(cut.as_bytes());
    let escaped = json!({ "body": base64 }).to_string().replace('/', "\\/");
    let twice = data_encoding::BASE64URL_NOPAD.encode(escaped.as_bytes());
    let latin = [cut.as_bytes(), b"\xe7"].concat();
    let form = format!("payload={}", cut.replace('"', "%22"));
    let lines: Vec<_> = base64.as_bytes().chunks(76).map(<[u8]>::to_vec).collect();
    let in_percent = base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let numbers: Vec<_> = cut.bytes().collect();
    let code_points: String = cut.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    for body in [
        format!("data={in_percent}").into_bytes(),
        lines.join(&b"\r\n"[..]),
        json!({ "type": "Buffer", "data": numbers }).to_string().into_bytes(),
        format!("{{\"body\":\"{code_points}").into_bytes(),
        escaped.replace("\\/", "\\\\/").into_bytes(),
        cut.as_bytes().to_vec(),
        utf16,
        latin,
        form.into_bytes(),
        json!([cut, "{"]).to_string().into_bytes(),
        escaped.as_bytes()[..escaped.len() - 3].to_vec(),
        format!("<{twice}>").into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(raw::search(&body, &["x", phone]), Search::Found, "{shown}");
        assert_eq!(raw::search(&body, &["3EB0A"]), Search::Found, "{shown}");
        assert_eq!(raw::search(&body, &["5500900000077"]), Search::Absent, "{shown}");
    }
}

#[test]
fn binary_bytes_without_the_text_are_unclear() {
    // The beginning of a gzip member, and bytes of every value.
    let noise = [&[0x1f, 0x8b, 8, 0][..], &(0..=255).collect::<Vec<u8>>()].concat();
    assert_eq!(raw::search(&noise, &["5500900000002"]), Search::Unclear);
    let readable = [&noise[..], b"5500900000002"].concat();
    assert_eq!(raw::search(&readable, &["5500900000002"]), Search::Found);
    let inside = json!({ "data": data_encoding::BASE64.encode(&noise) }).to_string();
    assert_eq!(raw::search(inside.as_bytes(), &["5500900000002"]), Search::Unclear);
    // It begins like UTF-16 but is not.
    let mixed = b"{\0 5500900000002";
    assert_eq!(raw::search(mixed, &["5500900000002"]), Search::Found);
    assert_eq!(raw::search(b"{\"a\":", &[]), Search::Unclear, "nothing to search for");
}
