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

/// The entry's own time is that of the webhook; the moment is that of the message, which may be
/// part of an old history. A time of the whole answer is neither.
#[test]
fn an_entry_is_as_young_as_its_later_time() {
    let moment = 1_787_431_679;
    let entry = |time: Value| json!({ "id": 7, "createdAt": time, "body": logged_webhook() });
    for (time, expected) in [
        (json!(1_787_431_680_000_u64), moment + 1),
        (json!(1_787_439_999), 1_787_439_999),
        (json!("2026-08-22T20:48:00.000Z"), moment + 1),
        (json!("2026-08-22T17:48:00"), moment),
        (json!("yesterday"), moment),
        (Value::Null, moment),
    ] {
        let page = parse_page(&json!({ "timestamp": 1_799_999_999, "logs": [
            entry(time.clone()), logged_webhook(),
        ] }));
        assert_eq!(page.times, [Some(expected), Some(moment)], "{time}");
    }
    let mut undated = logged_webhook();
    undated["moment"] = json!("soon");
    assert_eq!(parse_page(&json!([undated])).times, [None]);
}

/// W-API answers errors with status 200, too.
#[test]
fn an_error_is_no_page() {
    for body in [
        json!({ "error": true, "message": "Instância não encontrada" }),
        json!({ "error": true, "logs": [] }),
    ] {
        assert!(LogPage::parse(body.to_string().as_bytes()).is_none(), "{body}");
    }
    let page = parse_page(&json!({ "error": false, "logs": [] }));
    assert!(page.summarize(i64::MAX).is_empty);
}

#[test]
fn a_page_of_unknown_entries_is_not_empty() {
    let page = parse_page(&json!({ "logs": [{ "id": 1 }] }));
    let summary = page.summarize(i64::MAX);
    assert_eq!((summary.is_empty, summary.newest), (false, None));
}

/// A clock that is years ahead must not make every page look new.
#[test]
fn a_time_in_the_future_is_no_newest_time() {
    let page = parse_page(&json!([
        { "time": 1_999_999_999, "body": logged_webhook() }, logged_webhook(),
    ]));
    assert_eq!(page.summarize(1_787_440_000).newest, Some(1_787_431_679));
}

#[test]
fn only_json_is_a_page() {
    let nothing = parse_page(&json!({ "error": false, "resultado": { "registros": 12 } }));
    assert_eq!((nothing.webhooks.len(), nothing.not_understood), (0, 0));
    assert!(LogPage::parse(b"<html>").is_none());
}
