//! Keys and hashes in every form that gateways and relays were seen to write.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::message::MediaMessage;
use serde_json::{Map, Value, json};
use wapi::webhook::WebhookBody;

/// 32 bytes whose base64 has both characters in which the alphabets differ.
const BYTES: [u8; 32] = [
    251, 255, 190, 0, 1, 127, 128, 129, 62, 63, 240, 15, 10, 13, 32, 9, 200, 100, 50, 25, 12, 6, 3,
    1, 255, 254, 253, 252, 251, 250, 249, 248,
];
const STANDARD: &str = "+/++AAF/gIE+P/APCg0gCchkMhkMBgMB//79/Pv6+fg=";
const HEX: &str = "fbffbe00017f80813e3ff00f0a0d2009c86432190c060301fffefdfcfbfaf9f8";

fn announced_message(object: &Value) -> MediaMessage {
    let body = json!({ "messageId": "3EB0A", "msgContent": { "imageMessage": object } });
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("a webhook");
    body.read_announcement().media.remove(0)
}

/// An object with this value in all three fields.
fn with_value(value: &Value) -> MediaMessage {
    announced_message(&json!({
        "directPath": "/v/x", "mimetype": "image/jpeg",
        "mediaKey": value, "fileSHA256": value, "fileEncSHA256": value,
    }))
}

fn byte_forms() -> Vec<Value> {
    let url_safe = STANDARD.replace('+', "-").replace('/', "_");
    let unpadded = |text: &str| text.trim_end_matches('=').to_owned();
    let signed: Vec<_> = BYTES.iter().map(|byte| byte.cast_signed()).collect();
    let texts: Vec<_> = BYTES.iter().map(ToString::to_string).collect();
    let numbered: Map<_, _> = (0..32).map(|n| (n.to_string(), json!(BYTES[n]))).collect();
    let mut measured = numbered.clone();
    measured.insert("length".to_owned(), json!(32));
    let buffer = json!({ "type": "Buffer", "data": BYTES });
    vec![
        json!(STANDARD),
        json!(unpadded(STANDARD)),
        json!(url_safe),
        json!(unpadded(&url_safe)),
        json!(format!("{}\r\n{}\n", &STANDARD[..20], &STANDARD[20..])),
        json!(format!(" {STANDARD} ")),
        json!(HEX),
        json!(HEX.to_ascii_uppercase()),
        json!(format!("0x{HEX}")),
        json!(format!("\\x{HEX}")),
        json!(format!("data:application/octet-stream;base64,{STANDARD}")),
        json!(BYTES),
        json!(signed),
        json!(texts),
        json!(texts.join(",")),
        json!(numbered),
        json!(measured),
        buffer.clone(),
        json!(buffer.to_string()),
        json!(json!(BYTES).to_string()),
        json!({ "type": "Buffer", "data": STANDARD }),
        json!({ "type": "Buffer", "data": numbered }),
        json!({ "$binary": { "base64": STANDARD, "subType": "00" } }),
        json!({ "$binary": STANDARD, "$type": "00" }),
        json!({ "_bsontype": "Binary", "buffer": buffer }),
    ]
}

#[test]
fn every_form_of_bytes_is_read() {
    for form in byte_forms() {
        let message = with_value(&form);
        let key = message.media_key.as_ref().map(|key| key.expose());
        assert_eq!(key, Some(STANDARD), "{form}");
        assert_eq!(message.file_sha256.map(|hash| hash.to_hex()), Some(HEX.to_owned()), "{form}");
        assert_eq!(
            message.file_enc_sha256.map(|hash| hash.to_hex()),
            Some(HEX.to_owned()),
            "{form}"
        );
        assert!(message.is_encrypted, "{form}");
    }
}

/// The CDN's bytes are encrypted if a key was announced, even if it cannot be read.
#[test]
fn an_unreadable_key_still_means_encrypted() {
    for form in [
        json!({ "type": "Buffer", "data": "?" }),
        json!({ "type": "Buffer", "data": [1, 2, 300] }),
        json!({ "type": "Buffer", "data": [1, 2, 3] }),
        json!({ "a": 1 }),
        json!({ "0": 1, "2": 3 }),
        json!([1.5]),
        json!([[1]]),
        json!(7),
        json!(true),
        json!("short"),
        json!("[1,2"),
        json!("não é chave"),
    ] {
        for name in ["mediaKey", "fileEncSHA256"] {
            let message = announced_message(&json!({ "directPath": "/v/x", name: form }));
            assert!(message.is_encrypted, "{name} {form}");
            assert_eq!(message.file_enc_sha256, None, "{name} {form}");
        }
        let message = announced_message(&json!({ "directPath": "/v/x", "fileSHA256": form }));
        assert!(!message.is_encrypted, "{form}");
        assert_eq!(message.file_sha256, None, "{form}");
    }
}

#[test]
fn empty_bytes_are_no_key() {
    for form in [
        json!(null),
        json!(""),
        json!(" "),
        json!([]),
        json!({}),
        json!({ "type": "Buffer", "data": [] }),
        json!({ "type": "Buffer", "data": "" }),
        json!(r#"{"type":"Buffer","data":[]}"#),
    ] {
        let message = with_value(&form);
        assert!(!message.is_encrypted, "{form}");
        assert_eq!(message.media_key, None, "{form}");
    }
}
