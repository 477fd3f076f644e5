//! Unread bodies in the parked queue: shown, redriven, dropped, and erased by their contents.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod samples;

use std::sync::Mutex;

use media::{
    failure::FailureClass,
    parked::{Filter, ParkedJob},
    unread::Search,
};
use parking::{MessageCounts, RedriveMode};
use scripted_aws::{Answer, Aws, RecordedRequest as Request};
use serde_json::{Value, json};

use samples::{message, parking};

const NOW: i64 = 1_787_440_000;

/// An unread body with these bytes, in base64.
fn body(tenant: &str, base64: &str) -> String {
    json!({ "version": "unread-1", "tenant": tenant, "instance": "LITE-AAAAAA-BBBBBB",
        "accepted_at": 1_787_000_000, "why": "no_webhook", "body": base64 })
    .to_string()
}

/// AWS with these messages in the parked queue, each received once; deleting `stuck` fails.
async fn aws(messages: Vec<Value>, stuck: &'static str) -> Aws {
    let visible = Mutex::new(messages);
    Aws::start(move |request: &Request| match request.operation() {
        "ReceiveMessage" => {
            let taken = std::mem::take(&mut *visible.lock().expect("the queue"));
            Answer::json(&json!({ "Messages": taken }))
        }
        "DeleteMessage" if request.json()["ReceiptHandle"] == stuck => {
            Answer::json_error(400, "AccessDeniedException")
        }
        _ => Answer::json(&json!({})),
    })
    .await
}

fn deleted(aws: &Aws) -> Vec<String> {
    let receipt = |call: Request| call.json()["ReceiptHandle"].as_str().map(str::to_owned);
    aws.requests_of("DeleteMessage").into_iter().filter_map(receipt).collect()
}

#[tokio::test]
async fn an_unread_body_is_shown_with_its_tenant() {
    let one = body("acme", "e30=");
    let messages = vec![
        message(0, &one, Some("unread")),
        message(1, &one, Some("poison")),
        message(2, &one, None),
    ];
    let aws = aws(messages, "").await;
    let mut shown: Vec<ParkedJob> = Vec::new();
    let parking = parking(&aws);
    parking.look(NOW, |one| shown.push(one.clone())).await.expect("a look");
    let classes: Vec<_> = shown.iter().map(|one| one.class).collect();
    assert_eq!(classes, [FailureClass::Unread, FailureClass::Poison, FailureClass::Unread]);
    for one in &shown {
        let unread = one.unread().expect("an unread body");
        assert_eq!((unread.tenant.as_str(), unread.size_bytes), ("acme", 2));
        assert!(one.job().is_none());
    }
    assert!(shown[2].reason.starts_with("no_webhook: received too often"), "{}", shown[2].reason);
    assert!(aws.requests_of("UpdateItem").is_empty(), "it has no record");
}

#[tokio::test]
async fn an_unread_body_is_redriven_unchanged_and_once() {
    let parked = Mutex::new(vec![body("acme", "e30="), body("other", "e30=")]);
    let sent = Mutex::new(0);
    let aws = Aws::start(move |request: &Request| {
        let mut parked = parked.lock().expect("the queue");
        match request.operation() {
            "ReceiveMessage" => {
                let mut n = sent.lock().expect("a count");
                let taken = parked.drain(..).map(|body| {
                    *n += 1;
                    message(*n, &body, Some("unread"))
                });
                let taken: Vec<_> = taken.collect();
                Answer::json(&json!({ "Messages": taken }))
            }
            // The function cannot read the body either, and parks it again during the look.
            "SendMessage" => {
                parked.extend(request.json()["MessageBody"].as_str().map(str::to_owned));
                Answer::message_accepted()
            }
            _ => Answer::json(&json!({})),
        }
    })
    .await;
    let filter = Filter {
        tenant: Some("acme".parse().expect("a tenant")),
        class: Some(FailureClass::Unread),
        ..Filter::default()
    };
    let mode = RedriveMode::Send { per_second: 500 };
    let redriven = parking(&aws).redrive(&filter, mode, NOW, |_| {}).await;
    let redriven = redriven.expect("a redrive");
    assert_eq!((redriven.sent, redriven.failures.count, redriven.seen.messages), (1, 0, 3));
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageBody"], body("acme", "e30="));
    assert_eq!(sent["MessageGroupId"], "acme");
    let order = aws.operations();
    let at = |name: &str| order.iter().position(|one| *one == name).expect(name);
    assert!(at("SendMessage") < at("DeleteMessage"), "{order:?}");
}

#[tokio::test]
async fn an_unread_body_is_dropped_without_a_record() {
    let aws = aws(vec![message(0, &body("acme", "e30="), Some("unread"))], "").await;
    let filter = Filter { class: Some(FailureClass::Unread), ..Filter::default() };
    let dropped = parking(&aws).drop(&filter, NOW, |_| {}).await.expect("a drop");
    assert_eq!((dropped.dropped, dropped.failures.count), (1, 0));
    assert!(aws.requests_of("UpdateItem").is_empty());
    assert_eq!(deleted(&aws), ["receipt-0"]);
}

#[tokio::test]
async fn only_bodies_known_to_match_are_erased() {
    // `meant`, `other`, `what?`, and `meant` once more, whose deletion fails.
    let bodies = ["bWVhbnQ=", "b3RoZXI=", "d2hhdD8=", "bWVhbnQ="];
    let bodies = bodies.map(|base64| body("acme", base64));
    let messages = |bodies: &[String]| -> Vec<Value> {
        let all = bodies.iter().enumerate();
        let all = all.map(|(n, body)| message(n, body, Some("unread")));
        all.chain([message(9, "no job at all", Some("poison"))]).collect()
    };
    let in_body = |body: &media::unread::UnreadBody| match body.expose() {
        b"meant" => Search::Found,
        b"what?" => Search::Unclear,
        _ => Search::Absent,
    };
    let counted = aws(messages(&bodies), "").await;
    let count = parking(&counted).count_erasable(|_| false, in_body, |_| Search::Found, NOW).await;
    let count = count.expect("a count");
    assert_eq!(count.meant, MessageCounts { jobs: 0, bodies: 2 });
    assert_eq!((count.unclear, count.unreadable), (1, 1));
    assert!(deleted(&counted).is_empty());
    let aws = aws(messages(&bodies), "receipt-3").await;
    let erased = parking(&aws).erase(|_| false, in_body, |_| Search::Absent, NOW).await;
    let erased = erased.expect("an erasure");
    assert_eq!(erased.meant, MessageCounts { jobs: 0, bodies: 2 });
    assert_eq!(erased.removed, MessageCounts { jobs: 0, bodies: 1 });
    // A message of an unknown kind counts only if what is erased may be in it.
    assert_eq!((erased.failures.count, erased.unclear, erased.unreadable), (1, 1, 0));
    assert_eq!(deleted(&aws), ["receipt-0", "receipt-3"]);
}
