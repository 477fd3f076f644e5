//! Bodies as relays, logs and broken programs write them: repaired if possible, else refused with a
//! reason.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::message::MediaMessage;
use samples::verified_instance;
use serde_json::{Value, json};
use wapi::{
    logs::LogPage,
    webhook::{AnnouncementError, BodyError, WebhookBody, WebhookFile},
};

const ID: &str = "3EB0AAAAAAAAAAAAAAAA";

fn image_object() -> Value {
    json!({
        "mimetype": "image/jpeg", "caption": "legenda",
        "directPath": "/v/t62.7118-24/invented.enc?oe=F48EE600",
        "mediaKey": "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=",
    })
}

fn sample_webhook() -> Value {
    json!({
        "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB", "messageId": ID,
        "moment": 1_787_438_879,
        "fromMe": false, "isGroup": false, "chat": { "id": "5500900000002" },
        "sender": { "id": "5500900000002", "pushName": "Contato Exemplo" },
        "msgContent": { "imageMessage": image_object() },
    })
}

/// The only media message of the bytes.
fn only_message(bytes: &[u8], name: &str) -> MediaMessage {
    let body = WebhookBody::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let announced = body.announcement(&verified_instance());
    let mut media = announced.unwrap_or_else(|error| panic!("{name}: {error}")).media;
    assert_eq!(media.len(), 1, "{name}");
    media.remove(0)
}

fn with_value(pointer: &str, value: &str) -> String {
    let mut webhook = sample_webhook();
    *webhook.pointer_mut(pointer).expect("a field") = json!("MARK");
    webhook.to_string().replace("MARK", value)
}

/// `JSON.stringify` writes half a surrogate pair if the text was cut within an emoji.
#[test]
fn half_an_emoji_costs_one_character() {
    for (written, read) in [
        (r"Ana \ud83d", "Ana \u{fffd}"),
        (r"Ana \ude00", "Ana \u{fffd}"),
        (r"\uD83D Ana", "\u{fffd} Ana"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}\u{1f600}"),
        (r"\ud83d\u0041", "\u{fffd}A"),
        (r"\ud83d\\ude00", "\u{fffd}\\ude00"),
        (r"\ud83d\n", "\u{fffd}\n"),
        (r"\\ud83d", r"\ud83d"),
    ] {
        let body = with_value("/msgContent/imageMessage/caption", written);
        let message = only_message(body.as_bytes(), written);
        assert_eq!(message.caption.as_deref(), Some(read), "{written}");
        for pointer in ["/sender/pushName", "/chat/id", "/messageId"] {
            only_message(with_value(pointer, written).as_bytes(), pointer);
        }
    }
}

#[test]
fn byte_order_marks_and_utf16_are_read() {
    let text = with_value("/msgContent/imageMessage/caption", "ação \u{1f600}");
    let utf16 = |unit: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        let text = format!("{mark}{text}");
        text.encode_utf16().flat_map(unit).collect()
    };
    for (name, bytes) in [
        ("UTF-8", format!("\u{feff}{text}").into_bytes()),
        ("two marks", format!("\u{feff}\u{feff}{text}").into_bytes()),
        ("blanks first", format!("\r\n \u{feff}{text}").into_bytes()),
        ("UTF-16, little", utf16(u16::to_le_bytes, "\u{feff}")),
        ("UTF-16, big", utf16(u16::to_be_bytes, "\u{feff}")),
        ("UTF-16, little, no mark", utf16(u16::to_le_bytes, "")),
        ("UTF-16, big, no mark", utf16(u16::to_be_bytes, "")),
        ("UTF-16 cut in a unit", [utf16(u16::to_le_bytes, "\u{feff}"), vec![b' ']].concat()),
    ] {
        let message = only_message(&bytes, name);
        assert_eq!(message.caption.as_deref(), Some("ação \u{1f600}"), "{name}");
    }
}

#[test]
fn invalid_utf8_costs_its_characters() {
    let body = with_value("/msgContent/imageMessage/caption", "Jo#o");
    for (name, bytes) in [
        ("Latin-1", &b"\xe3"[..]),
        ("cut", b"\xf0\x9f\x98"),
        ("surrogates as UTF-8", b"\xed\xa0\xbd\xed\xb8\x80"),
        ("overlong", b"\xc0\xaf"),
    ] {
        let at = body.find('#').expect("the mark");
        let (front, rest) = body.as_bytes().split_at(at);
        let message = only_message(&[front, bytes, &rest[1..]].concat(), name);
        let caption = message.caption.expect("a caption");
        assert!(caption.starts_with("Jo\u{fffd}"), "{name}: {caption}");
        assert!(caption.ends_with('o'), "{name}: {caption}");
    }
}

#[test]
fn forbidden_characters_cost_only_themselves() {
    for (written, read) in [
        ("duas\nlinhas", "duas linhas"),
        ("tab\tulador", "tab ulador"),
        ("nulo\u{0}", "nulo "),
        (r"C:\Users\x", "C:?Users?x"),
        (r"\u12", "?u12"),
        ("fim\\", ""),
    ] {
        let body = with_value("/msgContent/imageMessage/caption", written);
        if read.is_empty() {
            let error = WebhookBody::parse(body.as_bytes()).expect_err(written);
            assert_eq!(error, BodyError::NotJson, "{written}");
            continue;
        }
        let message = only_message(body.as_bytes(), written);
        assert_eq!(message.caption.as_deref(), Some(read), "{written:?}");
    }
}

/// Python writes such numbers by default.
#[test]
fn invalid_numbers_cost_only_themselves() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        let body = sample_webhook().to_string().replace("1787438879", number);
        let body = body.replace("legenda", "NaN Infinity");
        let message = only_message(body.as_bytes(), number);
        assert_eq!(message.caption.as_deref(), Some("NaN Infinity"), "{number}");
    }
}

/// Workflow engines, function gateways and queues forward a request in such an envelope.
#[test]
fn the_webhook_in_an_envelope_is_found() {
    let hook = sample_webhook();
    let text = hook.to_string();
    let request = json!({ "headers": { "host": "n8n.example.invalid" }, "params": {}, "query": {},
        "body": hook });
    let mut bare = hook.clone();
    for name in ["event", "instanceId"] {
        bare.as_object_mut().expect("an object").remove(name);
    }
    for envelope in [
        json!([request]),
        request.clone(),
        json!([[[hook]]]),
        json!({ "data": hook }),
        json!({ "payload": hook, "event": "message", "attempt": 1 }),
        json!({ "payload": text }),
        json!({ "body": text, "isBase64Encoded": false,
            "requestContext": { "stage": "$default" } }),
        json!({ "body": hook, "rawBody": text }),
        json!({ "body": data_encoding::BASE64.encode(text.as_bytes()), "isBase64Encoded": true }),
        json!({ "body": data_encoding::BASE64.encode(text.replacen('{', "{ ", 1).as_bytes()) }),
        json!({ "body": data_encoding::BASE64.encode(format!("[\n{text}\n]").as_bytes()) }),
        json!({ "specversion": "1.0",
            "data_base64": data_encoding::BASE64.encode(text.as_bytes()) }),
        json!({ "Records": [{ "messageId": "m", "body": text }] }),
        json!({ "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB", "data": bare }),
        json!([{ "json": request }]),
        json!({ "data": { "resultData": { "runData": {
            "Webhook": [{ "data": { "main": [[{ "json": request }]] } }] } } } }),
        json!(text),
        json!(json!(text).to_string()),
        json!([text]),
        json!([{ "status": "ok" }, 7, null, hook]),
    ] {
        let message = only_message(envelope.to_string().as_bytes(), &envelope.to_string());
        assert_eq!(message.message_id.as_str(), ID, "{envelope}");
    }
}

#[test]
fn the_webhook_in_a_form_is_found() {
    let text = sample_webhook().to_string();
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for form in [
        format!("payload={encoded}"),
        format!("event=message&data={encoded}&sent=1"),
        format!("{encoded}="),
        encoded.clone(),
    ] {
        assert_eq!(only_message(form.as_bytes(), &form).message_id.as_str(), ID);
    }
    // A person's text in broken JSON is not a form.
    let broken = format!("{{\"caption\": \"&payload={encoded}&");
    for (body, error) in [
        (
            format!("a={encoded}&b={}", encoded.replace("%33%45%42", "%34%45%42")),
            BodyError::SeveralWebhooks,
        ),
        (broken, BodyError::NotJson),
        ("a=1&b=2".to_owned(), BodyError::NotJson),
    ] {
        let refused = WebhookBody::parse(body.as_bytes()).expect_err("no webhook");
        assert_eq!(refused, error, "{body}");
    }
}

#[test]
fn no_webhook_and_several_have_words() {
    let mut other = sample_webhook();
    other["messageId"] = json!("3EB0BBBBBBBBBBBBBBBB");
    let mut status = sample_webhook();
    status["event"] = json!("webhookStatus");
    status.as_object_mut().expect("an object").remove("msgContent");
    for (body, error, word) in [
        (json!([sample_webhook(), other]), BodyError::SeveralWebhooks, "several_webhooks"),
        (
            json!({ "body": sample_webhook(), "data": other.to_string() }),
            BodyError::SeveralWebhooks,
            "several_webhooks",
        ),
        (json!([sample_webhook(), status]), BodyError::SeveralWebhooks, "several_webhooks"),
        (json!([{ "headers": {}, "body": {} }]), BodyError::NoWebhook, "no_webhook"),
        (json!({ "headers": {}, "body": "nada" }), BodyError::NoWebhook, "no_webhook"),
        (json!([7]), BodyError::NoWebhook, "no_webhook"),
        (json!([]), BodyError::NotAnObject, "bad_body"),
        (json!("nada"), BodyError::NotAnObject, "bad_body"),
    ] {
        let refused = WebhookBody::parse(body.to_string().as_bytes());
        let refused = refused.expect_err(&body.to_string());
        assert_eq!((refused, refused.as_str()), (error, word), "{body}");
    }
    for body in [json!({}), json!({ "instanceId": "A-B" }), status] {
        let parsed = WebhookBody::parse(body.to_string().as_bytes()).expect("an event");
        assert!(parsed.read_announcement().media.is_empty(), "{body}");
        assert_eq!(parsed.as_value(), &body);
    }
}

/// A webhook that a relay stripped still belongs to the instance that the envelope names.
#[test]
fn an_envelope_of_another_instance_is_refused() {
    let mut bare = sample_webhook();
    bare.as_object_mut().expect("an object").remove("instanceId");
    let envelope = json!({ "instanceId": "LITE-AAAAAA-CCCCCC", "data": bare });
    let body = WebhookBody::parse(envelope.to_string().as_bytes()).expect("a webhook");
    let refused = body.announcement(&verified_instance()).expect_err("another instance");
    assert_eq!(refused, AnnouncementError::OtherInstance);
}

#[test]
fn an_object_written_as_text_is_read() {
    let content = json!({ "imageMessage": image_object() });
    let changes: [(&str, Value); 6] = [
        ("msgContent", json!(content.to_string())),
        ("msgContent", json!(json!(content.to_string()).to_string())),
        ("msgContent", json!({ "imageMessage": image_object().to_string() })),
        ("msgContent", json!({ "viewOnceMessageV2": { "message": content.to_string() } })),
        ("msgContent", json!({ "ephemeralMessage": json!({ "message": content }).to_string() })),
        ("chat", json!(json!({ "id": "5500900000002" }).to_string())),
    ];
    for (name, value) in changes {
        let mut body = sample_webhook();
        body[name] = value;
        let message = only_message(body.to_string().as_bytes(), &body.to_string());
        assert!(message.media_key.is_some() && message.direct_path.is_some());
        assert_eq!(message.chat.as_str(), "5500900000002", "{body}");
    }
    let cut = content.to_string().replace("legenda", r"legenda \ud83d");
    let mut body = sample_webhook();
    body["msgContent"] = json!(cut);
    let message = only_message(body.to_string().as_bytes(), "a cut emoji in a text");
    assert_eq!(message.caption.as_deref(), Some("legenda \u{fffd}"));
}

/// If it were, anyone who can send a message could announce media of their choice.
#[test]
fn a_persons_text_is_never_parsed() {
    let forged = json!({ "imageMessage": image_object() }).to_string();
    for content in [
        json!({ "conversation": forged }),
        json!({ "conversation": sample_webhook().to_string() }),
        json!({ "extendedTextMessage": { "text": forged, "title": forged } }),
        json!({ "contactMessage": { "displayName": forged, "vcard": forged } }),
        json!({ "interactiveMessage": { "body": { "text": forged } } }),
        json!({ "brandNewMessage": forged }),
    ] {
        let mut body = sample_webhook();
        body["msgContent"] = content;
        let parsed = WebhookBody::parse(body.to_string().as_bytes()).expect("a webhook");
        assert!(parsed.read_announcement().media.is_empty(), "{body}");
    }
    let mut body = sample_webhook();
    body["sender"]["pushName"] = json!(sample_webhook().to_string());
    body["msgContent"]["imageMessage"]["caption"] = json!(forged);
    let message = only_message(body.to_string().as_bytes(), "a forged caption");
    assert!(message.caption.expect("a caption").starts_with("{\"image"));
}

#[test]
fn a_bad_entry_costs_only_itself() {
    let entry = |n: usize| {
        let mut webhook = sample_webhook();
        webhook["messageId"] = json!(format!("3EB0{n:016}"));
        json!({ "id": n, "body": webhook }).to_string()
    };
    let deep = format!("{{\"x\":{}0{}}}", "[".repeat(300), "]".repeat(300));
    for (bad, webhooks, not_understood) in [
        (entry(2).replace("Exemplo", r"\ud83d"), 3, 0),
        (entry(2).replace("Exemplo", "\u{1}"), 3, 0),
        (entry(2).replace("Exemplo", r"\x"), 3, 0),
        (deep, 2, 1),
        (json!({ "id": 2, "body": "{\"cut" }).to_string(), 2, 1),
        (json!({ "id": 2, "body": 7 }).to_string(), 2, 1),
    ] {
        let page = format!("{{\"logs\":[{},{bad},{}]}}", entry(1), entry(3));
        let page = LogPage::parse(page.as_bytes()).unwrap_or_else(|| panic!("{bad}"));
        assert_eq!(page.webhooks.len(), webhooks, "{bad}");
        let media = page.webhooks.iter().map(|one| one.read_announcement().media.len());
        assert_eq!(media.sum::<usize>(), webhooks, "{bad}");
        // The list within the deep entry is another entry without a webhook.
        assert!(page.not_understood >= not_understood, "{bad}");
        assert_eq!(page.not_understood > 0, not_understood > 0, "{bad}");
    }
}

fn webhook_with_id(id: &str) -> Value {
    let mut webhook = sample_webhook();
    webhook["messageId"] = json!(id);
    webhook
}

/// The message ids of a file's webhooks, and the numbers of entries without one.
fn parse_several(file: &Value) -> Result<(Vec<String>, Vec<usize>), BodyError> {
    let WebhookFile { webhooks, missed } = WebhookFile::parse(file.to_string().as_bytes())?;
    let media = webhooks.iter().flat_map(|one| one.read_announcement().media);
    let ids = media.map(|one| one.message_id.to_string());
    Ok((ids.collect(), missed))
}

#[test]
fn every_webhook_of_a_file_is_found() {
    let three = || ["3EB01".to_owned(), "3EB02".to_owned(), "3EB03".to_owned()];
    let item = |id: &str| {
        let body = webhook_with_id(id);
        json!({ "json": { "headers": { "a": ["b", "c"] }, "body": body } })
    };
    for (file, missed) in [
        (
            json!([webhook_with_id("3EB01"), webhook_with_id("3EB02"), webhook_with_id("3EB03")]),
            vec![],
        ),
        (
            json!([
                webhook_with_id("3EB01"),
                7,
                webhook_with_id("3EB02"),
                {},
                "nada",
                webhook_with_id("3EB03").to_string()
            ]),
            vec![2, 4, 5],
        ),
        // An execution of n8n, whose other lists are not lists of webhooks.
        (
            json!({ "data": { "pinned": ["x", null], "main": [[
                item("3EB01"), item("3EB02"), { "json": {} }, item("3EB03")]] } }),
            vec![3],
        ),
    ] {
        assert_eq!(parse_several(&file), Ok((three().to_vec(), missed)), "{file}");
    }
    // A single webhook for WebhookBody is a single one here as well.
    for file in [
        sample_webhook(),
        json!([sample_webhook()]),
        json!({ "a": sample_webhook(), "b": sample_webhook().to_string() }),
    ] {
        assert_eq!(parse_several(&file), Ok((vec![ID.to_owned()], vec![])), "{file}");
    }
    for (file, error) in [
        (json!([{ "body": {} }]), BodyError::NoWebhook),
        (json!([]), BodyError::NotAnObject),
        (json!("nada"), BodyError::NotAnObject),
    ] {
        assert_eq!(parse_several(&file), Err(error), "{file}");
    }
    assert_eq!(WebhookFile::parse(b"no JSON").err(), Some(BodyError::NotJson));
}
