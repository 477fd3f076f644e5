//! W-API's log with everything in it: a webhook is passed on as it was posted.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use serde_json::{Value, json};
use wapi::{
    logs::LogPage,
    webhook::{WebhookBody, WebhookFile},
};

/// As W-API's log shows a webhook: every name in lower case.
fn with_lower_names(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let lower = |(name, child): (&String, &Value)| {
                (name.to_ascii_lowercase(), with_lower_names(child))
            };
            Value::Object(fields.iter().map(lower).collect())
        }
        Value::Array(items) => items.iter().map(with_lower_names).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn restore(webhook: &Value) -> Value {
    let entry = json!({ "id": 7, "time": 1_787_431_680, "body": with_lower_names(webhook) });
    let page = LogPage::parse_whole(json!({ "logs": [entry] }).to_string().as_bytes());
    let page = page.expect("a page");
    assert_eq!((page.webhooks.len(), page.not_understood), (1, 0), "{webhook}");
    page.webhooks[0].as_value().clone()
}

/// Every sample of an event, but those in the older dialect and with a name that nobody knows.
fn sample_webhooks() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let files = fs::read_dir(folder).expect("the samples").map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let read = files.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let event: Value =
            serde_json::from_slice(&fs::read(&path).expect("a sample")).expect("JSON");
        (name, event)
    });
    let is_known =
        |name: &str| !name.starts_with("2025-") && name != "2026-image-unknown-wrapper.json";
    read.filter(|(name, _)| is_known(name)).collect()
}

#[test]
fn a_logged_webhook_is_passed_on_as_it_was_posted() {
    let samples = sample_webhooks();
    assert!(samples.len() > 30, "{}", samples.len());
    for (name, webhook) in samples {
        assert!(restore(&webhook) == webhook, "{name}");
    }
}

/// What no job needs, and what nobody knows, is the application's to judge.
#[test]
fn nothing_of_a_logged_webhook_is_left_out() {
    let webhook = json!({
        "event": "webhookReceived",
        "instanceId": "LITE-AAAAAA-BBBBBB",
        "msgContent": { "extendedTextMessage": { "text": "a".repeat(100_000) }, "imageMessage": {
            "JPEGThumbnail": "b".repeat(30_000),
            "waveform": [1, 2, 3],
            "scansSidecar": "c",
        } },
        "unknownfield": { "numbers": (0..5_000).collect::<Vec<u32>>(), "nothing": null },
    });
    assert_eq!(restore(&webhook), webhook);
    let file = WebhookFile::parse(webhook.to_string().as_bytes()).expect("a webhook");
    assert_eq!(file.webhooks[0].as_value(), &webhook);
}

/// The older dialect's names are written in the newer one, and an unknown one stays as it is.
#[test]
fn a_name_is_restored_if_it_is_known() {
    let logged = json!({ "event": "webhookReceived", "msgcontent": { "imagemessage": {
        "url": "https://example.com", "filesha256": "AAAA", "fieldoftomorrow": 1,
        "mediakey": "of the older spelling", "mediaKey": "of the newer one",
    } } });
    let page = LogPage::parse_whole(json!([logged]).to_string().as_bytes()).expect("a page");
    let image = &page.webhooks[0].as_value()["msgContent"]["imageMessage"];
    assert_eq!(image["URL"], "https://example.com");
    assert_eq!(image["fileSHA256"], "AAAA");
    assert_eq!(image["fieldoftomorrow"], 1);
    assert_eq!(image["mediakey"], "of the older spelling");
    assert_eq!(image["mediaKey"], "of the newer one");
    let key = json!({ "remoteJID": "5500900000001@s.whatsapp.net", "ID": "3EB0A" });
    let poll = json!({ "event": "webhookReceived", "id": "an id of its own", "msgContent": {
        "pollUpdateMessage": { "pollCreationMessageKey": key },
    } });
    assert_eq!(restore(&poll), poll);
}

/// An entry without a time arrived after those that are older.
#[test]
fn an_entry_without_a_time_arrived_after_the_older_ones() {
    let entry = |time: Option<i64>| match time {
        Some(time) => json!({ "event": "webhookStatus", "time": time }),
        None => json!({ "event": "webhookStatus" }),
    };
    let (now, ahead) = (1_790_000_000, 1_799_999_999);
    let times = [None, Some(now - 30), None, Some(now - 10), Some(ahead), Some(now - 20)];
    let page = |times: Vec<Option<i64>>| {
        let logs: Vec<_> = times.into_iter().map(entry).collect();
        LogPage::parse_whole(json!({ "logs": logs }).to_string().as_bytes()).expect("a page")
    };
    let expected = [None, Some(30), Some(30), Some(10), Some(10), Some(10)];
    let mut expected = expected.map(|ago| ago.map(|ago| now - ago));
    assert_eq!(page(times.to_vec()).earliest_arrivals(true, now), expected);
    expected.reverse();
    let reversed = times.into_iter().rev().collect();
    assert_eq!(page(reversed).earliest_arrivals(false, now), expected);
}

/// A text message of a person is covered by the same orders as that person's media.
#[test]
fn a_webhook_without_media_has_the_subjects_of_its_chat() {
    let body = |content: Value| {
        let webhook = json!({
            "event": "webhookReceived", "instanceId": samples::INSTANCE, "messageId": "3EB0A",
            "chat": { "id": "100000000000001@lid" }, "moment": samples::MOMENT,
            "sender": { "id": "5500900000001", "senderLid": "100000000000001@lid" },
            "msgContent": content,
        });
        WebhookBody::parse(webhook.to_string().as_bytes()).expect("a webhook")
    };
    let instance = samples::instance_id(samples::INSTANCE);
    let text = body(json!({ "conversation": "texto" }));
    let image = body(json!({ "imageMessage": { "mediaKey": "AAAA", "directPath": "/v/x.enc" } }));
    let media = image.read_announcement().media;
    assert_eq!(text.order_subjects(&instance), media[0].order_subjects(&instance));
    assert_eq!(text.known_since(samples::MOMENT + 9), samples::MOMENT);
    assert_eq!(text.known_since(samples::MOMENT - 9), samples::MOMENT - 9);
}
