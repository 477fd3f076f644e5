//! A parked message ends with its tenant's retention, and with no other's.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod samples;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use scripted_aws::{Answer, Aws, RecordedRequest as Request};
use serde_json::json;

use samples::{message, parking};

const SENT_AT: i64 = 1_787_000_000;

const DAY: i64 = 86_400;

/// AWS with one parked message of `acme`, sent at [`SENT_AT`]. The table of instances answers each
/// read of the instance with the next of these tenants and retentions, and the last again.
async fn aws_with(instances: &'static [(&'static str, &'static str)]) -> Aws {
    let body = json!({ "version": "1", "tenant": "acme", "instance": "LITE-AAAAAA-BBBBBB",
        "accepted_at": SENT_AT, "message": { "message_id": "M1", "chat": "5500900000002",
            "direction": "in", "moment": SENT_AT, "kind": "image" } });
    let (is_received, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    Aws::start(move |request: &Request| match request.operation() {
        "ReceiveMessage" if !is_received.swap(true, Ordering::Relaxed) => {
            Answer::json(&json!({ "Messages": [message(0, &body.to_string(), Some("expired"))] }))
        }
        "GetItem" if request.json()["TableName"] == "instances" => {
            let nth = reads.fetch_add(1, Ordering::Relaxed).min(instances.len() - 1);
            let (tenant, retention) = instances.get(nth).copied().unwrap_or_default();
            Answer::json(&json!({ "Item": {
                "instance": { "S": "LITE-AAAAAA-BBBBBB" }, "tenant": { "S": tenant },
                "secret_hashes": { "L": [] }, "sealed_token": { "S": "c2VhbGVk" },
                "created_at": { "N": "1787000000" }, "strategies": { "L": [{ "S": "cdn" }] },
                "policy": { "M": { "retention": { "S": retention } } },
            } }))
        }
        "GetItem" => {
            let key = request.json()["Key"]["message_id"]["S"].clone();
            let is_known = key.as_str().is_some_and(|key| key.contains('#'));
            let item = json!({ "state": { "S": "parked" }, "message": { "S": "M1" },
                "message_id": { "S": key }, "has_entry": { "BOOL": true } });
            Answer::json(&json!({ "Item": is_known.then_some(item) }))
        }
        _ => Answer::json(&json!({})),
    })
    .await
}

/// How many messages a look so long after the message was sent removes.
async fn removed_after(days: i64, instances: &'static [(&'static str, &'static str)]) -> usize {
    let aws = aws_with(instances).await;
    let look = parking(&aws).look(SENT_AT + days * DAY, |_| {}).await.expect("a look");
    assert_eq!(aws.requests_of("DeleteMessage").len(), look.removed);
    assert_eq!(look.messages + look.removed, 1);
    look.removed
}

#[tokio::test]
async fn a_parked_message_ends_with_its_class() {
    assert_eq!(removed_after(29, &[("acme", "30d")]).await, 0);
    assert_eq!(removed_after(30, &[("acme", "30d")]).await, 1);
    assert_eq!(removed_after(31, &[("acme", "1y")]).await, 0);
}

/// The instance has moved to a tenant that keeps less.
#[tokio::test]
async fn the_class_of_another_tenant_ends_nothing() {
    assert_eq!(removed_after(31, &[("other", "30d")]).await, 0);
}

/// The rules are cached for minutes, and a message that is deleted cannot be brought back.
#[tokio::test]
async fn a_class_is_read_again_before_it_ends_a_message() {
    assert_eq!(removed_after(31, &[("acme", "30d"), ("acme", "1y")]).await, 0);
}
