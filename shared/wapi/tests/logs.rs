//! W-API's webhook log: every plausible shape is read, and unknown entries are counted.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use wapi::logs::LogPage;

/// A webhook as the log has it, with names in lower case.
fn logged_webhook() -> Value {
    json!({
        "event": "webhookReceived",
        "instanceid": "LITE-AAAAAA-BBBBBB",
        "messageid": "3EB0AAAAAAAAAAAAAAAA",
        "moment": 1_787_431_679,
        "chat": { "id": "5500900000002" },
        "msgcontent": { "imagemessage": {
            "mediakey": "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=",
            "directpath": "/v/t62.7118-24/invented.enc",
            "mimetype": "image/jpeg",
        } },
    })
}

fn parse_page(answer: &Value) -> LogPage {
    LogPage::parse(answer.to_string().as_bytes()).expect("JSON")
}

#[test]
fn logged_webhooks_are_found_in_every_shape() {
    let entry = json!({ "id": 7, "time": 1_787_431_680_000_u64, "body": logged_webhook() });
    let as_text = json!({ "id": 7, "payload": logged_webhook().to_string() });
    for answer in [
        json!([logged_webhook()]),
        json!([entry]),
        json!({ "logs": [entry] }),
        json!({ "error": false, "data": [entry] }),
        json!({ "data": { "logs": [entry], "total": 1 } }),
        json!({ "logs": [as_text] }),
        json!({ "log": entry }),
    ] {
        let page = parse_page(&answer);
        assert_eq!((page.webhooks.len(), page.not_understood), (1, 0), "{answer}");
        let media = page.webhooks[0].read_announcement().media;
        assert_eq!(media.len(), 1, "{answer}");
        assert_eq!(media[0].message_id.as_str(), "3EB0AAAAAAAAAAAAAAAA");
        assert!(media[0].media_key.is_some() && media[0].direct_path.is_some());
        assert_eq!(page.webhooks[0].instance(), Some("LITE-AAAAAA-BBBBBB"));
    }
}

#[test]
fn unknown_entries_are_counted() {
    let page = parse_page(
        &json!({ "logs": [{ "id": 1 }, logged_webhook(), { "id": 2, "status": "ok" }] }),
    );
    assert_eq!((page.webhooks.len(), page.not_understood), (1, 2));
}

#[test]
fn only_json_is_a_page() {
    let nothing = parse_page(&json!({ "error": false, "resultado": { "registros": 12 } }));
    assert_eq!((nothing.webhooks.len(), nothing.not_understood), (0, 0));
    assert!(LogPage::parse(b"<html>").is_none());
}
