//! Which of the two ways to the CDN a job carries: the signature is needed.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::message::{MediaMessage, Secret};
use serde_json::{Value, json};
use wapi::webhook::WebhookBody;

const BARE: &str = "/o1/v/t24/f2/m233/FAKE.enc";
const SIGNATURE: &str = "?ccb=9-4&oh=01_FAKE&oe=F4865700&_nc_sid=5e03e0";

/// The media message of a webhook with this path and URL.
fn announced_message(direct_path: &Value, url: &str) -> MediaMessage {
    let body = json!({
        "event": "webhookReceived", "instanceId": "LITE-AAAAAA-BBBBBB", "messageId": "3EB0AAAA",
        "moment": 1_787_431_679, "chat": { "id": "5500900000002" },
        "msgContent": { "imageMessage": { "mimetype": "image/jpeg", "directPath": direct_path,
            "URL": url,
            "mediaKey": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" } } });
    let body = WebhookBody::parse(body.to_string().as_bytes()).expect("a body");
    body.read_announcement().media.pop().expect("a media message")
}

/// Six of six such paths of an older system had lost their query, and the URL beside them had it.
#[test]
fn the_only_signed_url_is_kept() {
    let signed = format!("https://mmg.whatsapp.net{BARE}{SIGNATURE}&mms3=true");
    let path = format!("{BARE}{SIGNATURE}");
    for (direct_path, carried) in [
        (json!(BARE), true),
        (json!(format!("{BARE}?ccb=9-4")), true),
        (json!(format!("/v/another{SIGNATURE}")), true),
        (json!(null), true),
        (json!(path), false),
    ] {
        let message = announced_message(&direct_path, &signed);
        let url = message.url.as_ref().map(Secret::expose);
        assert_eq!(url, carried.then_some(signed.as_str()), "{direct_path}");
        assert_eq!(message.cdn_expiry(), Some(0xF486_5700), "{direct_path}");
    }
    let bare = format!("https://mmg.whatsapp.net{BARE}");
    assert!(announced_message(&json!(BARE), &bare).url.is_none());
    assert!(announced_message(&json!(path), &bare).url.is_none());
}
