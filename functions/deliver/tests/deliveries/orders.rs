//! Orders to erase: what was ordered to be erased while it waited is not posted.

use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::{
    NOW, SECRET, answer_for, create_deliver, delivery, handle, handle_record, record,
    rest::rested_name, with_status,
};

/// HMAC-SHA256 of `chat 5500988880000` under 32 bytes of 7, in base32, computed elsewhere.
const HASH: &str = "k3ptq3uopy5nwyvavoqc3yondynlz42oldivjc7j3h7osxfei3uq";
/// The key, in base64.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

const BODY: &[u8] =
    br#"{"event":"webhookReceived","chat":{"id":"5500988880000"},"messageId":"3EB0",
    "msgContent":{"conversation":"oi"}}"#;

/// AWS with a receiver at this URL, and an order with this sort key that covers what was accepted
/// until `before`.
async fn start(url: &str, sort_key: &str, before: i64) -> Aws {
    start_with(url, json!({}), sort_key, before).await
}

/// As [`start`]; the receiver has more attributes.
async fn start_with(url: &str, fields: Value, sort_key: &str, before: i64) -> Aws {
    let endpoint = json!({ "url": url, "secret": SECRET });
    let order = json!({ "tenant": { "S": "acme" }, "order": { "S": sort_key },
        "before": { "N": before.to_string() }, "from_now_on": { "BOOL": true },
        "id": { "S": "order1" } });
    Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        "GetItem" => Answer::json(&json!({ "Item": { "sealed_key": { "S": "c2VhbGVk" } } })),
        "Decrypt" if seen.text().contains("#orders") => {
            Answer::json(&json!({ "Plaintext": KEY, "KeyId": "key" }))
        }
        "BatchGetItem" => {
            let asked = seen.text();
            let found: Vec<&Value> = std::iter::once(&order)
                .filter(|one| asked.contains(one["order"]["S"].as_str().unwrap_or_default()))
                .collect();
            Answer::json(&json!({ "Responses": { "orders": found }, "UnprocessedKeys": {} }))
        }
        "something else" => Answer::s3_error(404, "NoSuchKey"),
        _ => answer_for(&endpoint, &fields, seen),
    })
    .await
}

fn of_chat() -> String {
    format!("erase#chat#*#{HASH}")
}

/// Received again, or late, or after it rested: it ends, also where it rested.
#[tokio::test]
async fn what_was_ordered_to_be_erased_is_not_posted() {
    for (receives, age, rested) in [(2, 5, false), (1, 90, false), (1, 3600, true)] {
        let application = with_status(200).await;
        let aws = start(application.base(), &of_chat(), NOW - age).await;
        let deliver = create_deliver(&aws);
        let body = delivery(BODY, age).to_json().expect("JSON");
        let name = rested_name(age);
        let attributes: &[_] = if rested { &[("entry", name.as_str())] } else { &[] };
        let waits = handle_record(&deliver, record("message", &body, receives, attributes)).await;
        assert!(!waits && application.posted().is_empty(), "{receives} {age}");
        assert_eq!(aws.requests_of("DeleteItem").len(), usize::from(rested), "{age}");
    }
}

/// A receiver that rests gets nothing, and what was ordered to be erased does not rest for it.
#[tokio::test]
async fn what_was_ordered_to_be_erased_does_not_rest() {
    for fields in [
        json!({ "pause_reason": { "S": "operator" }, "paused_at": { "N": "1" } }),
        json!({ "failing_since": { "N": (NOW - 3600).to_string() } }),
    ] {
        let aws = start_with("http://127.0.0.1:9", fields.clone(), &of_chat(), NOW).await;
        assert!(!handle(&create_deliver(&aws), &delivery(BODY, 90), 2).await, "{fields}");
        assert!(aws.requests_of("UpdateItem").is_empty(), "{fields}");
    }
}

/// An order about somebody else, one that was given before, and a first attempt at once.
#[tokio::test]
async fn what_no_order_covers_is_posted() {
    let of_another = format!("erase#chat#*#{}", HASH.replace('k', "a"));
    for (receives, age, sort_key, before) in [
        (2, 90, of_another.as_str(), NOW),
        (2, 90, &*of_chat(), NOW - 91),
        (1, 59, &*of_chat(), NOW),
    ] {
        let application = with_status(200).await;
        let aws = start(application.base(), sort_key, before).await;
        assert!(!handle(&create_deliver(&aws), &delivery(BODY, age), receives).await, "{age}");
        assert_eq!(application.posted().len(), 1, "{receives} {age} {before}");
    }
}

/// If nobody knows whether it may be posted, it waits.
#[tokio::test]
async fn without_an_answer_about_orders_nothing_is_posted() {
    let application = with_status(200).await;
    let endpoint = json!({ "url": application.base(), "secret": SECRET });
    let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        "GetItem" => Answer::json_error(400, "AccessDeniedException"),
        _ => answer_for(&endpoint, &json!({}), seen),
    })
    .await;
    assert!(handle(&create_deliver(&aws), &delivery(BODY, 90), 2).await);
    assert!(application.posted().is_empty());
}

/// Nothing can be posted of it any more, so it does not come back every minute.
#[tokio::test]
async fn a_delivery_whose_body_is_gone_ends() {
    let large = [b'x'; 500_000];
    for (receives, age) in [(1, 5), (2, 90)] {
        let application = with_status(200).await;
        let aws = start(application.base(), "erase#tenant#*#-", NOW - age).await;
        assert!(!handle(&create_deliver(&aws), &delivery(&large, age), receives).await);
        assert!(application.posted().is_empty());
    }
}
