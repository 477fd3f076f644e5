//! Unread bodies that are parked: shown, redriven, dropped, and erased by their contents.

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
    sha256::Sha256,
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

/// AWS with these messages in the parked queue, each received once; deleting `stuck` fails, and so
/// does the operation `fails`.
async fn aws(messages: Vec<Value>, (stuck, fails): (&'static str, &'static str)) -> Aws {
    let visible = Mutex::new(messages);
    Aws::start(move |request: &Request| match request.operation() {
        operation if operation == fails => Answer::json_error(400, "AccessDeniedException"),
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
    let aws = aws(messages, ("", "")).await;
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

/// The sort key of a body with this many bytes.
fn key_of(body: &str, size: usize) -> String {
    format!("~body.{}.{size}", Sha256::from_data(body.as_bytes()).to_hex())
}

/// A jobs table with an unread body of each of two tenants.
async fn table() -> Aws {
    let bodies = ["acme", "other"].map(|tenant| (tenant, body(tenant, "e30=")));
    Aws::start(move |request: &Request| {
        let asked = request.json();
        match request.operation() {
            "Query" => {
                let values = &asked["ExpressionAttributeValues"];
                let its = bodies.iter().filter(|(tenant, _)| {
                    values[":class"]["S"] == "parked#unread"
                        && (values[":tenant"].is_null() || values[":tenant"]["S"] == *tenant)
                });
                let items = its.map(|(tenant, body)| {
                    json!({ "instance": { "S": "LITE-AAAAAA-BBBBBB" },
                        "message_id": { "S": key_of(body, 2) }, "tenant": { "S": tenant },
                        "reason": { "S": "no_webhook: a reason" },
                        "recoverable_until": { "N": "1788209600" },
                        "updated_at": { "N": "1787000000" } })
                });
                Answer::json(&json!({ "Items": items.collect::<Vec<_>>() }))
            }
            "GetItem" => {
                let is_it = |body: &str| asked["Key"]["message_id"]["S"] == key_of(body, 2);
                let found = bodies.iter().find(|(_, body)| is_it(body));
                let item = found.map(|(tenant, body)| {
                    json!({ "state": { "S": "parked" }, "tenant": { "S": tenant },
                        "body": { "S": body }, "parts": { "N": "1" } })
                });
                Answer::json(&json!({ "Item": item }))
            }
            "SendMessage" => Answer::message_accepted(),
            _ => Answer::json(&json!({})),
        }
    })
    .await
}

fn unread_of_acme() -> Filter {
    Filter {
        tenant: Some("acme".parse().expect("a tenant")),
        class: Some(FailureClass::Unread),
        ..Filter::default()
    }
}

/// From an index, without its bytes: the size and the time are in what the index has.
#[tokio::test]
async fn unread_bodies_are_listed_without_the_queue() {
    let aws = table().await;
    let mut shown: Vec<ParkedJob> = Vec::new();
    let parking = parking(&aws);
    parking.list(&unread_of_acme(), NOW, |one| shown.push(one.clone())).await.expect("a list");
    let [one] = shown.as_slice() else { panic!("{shown:?}") };
    let unread = one.unread().expect("an unread body");
    assert_eq!((unread.why.as_str(), unread.size_bytes), ("no_webhook", 2));
    assert_eq!((unread.accepted_at, one.parked_at), (1_787_000_000, 1_787_000_000));
    assert_eq!(one.class, FailureClass::Unread);
    assert_eq!(aws.operations(), ["Query"]);
}

/// It stays parked: a run that reads it removes it.
#[tokio::test]
async fn an_unread_body_is_redriven_unchanged() {
    let aws = table().await;
    let mode = RedriveMode::Send { per_second: 500 };
    let redriven = parking(&aws).redrive(&unread_of_acme(), mode, NOW, |_| {}).await;
    let redriven = redriven.expect("a redrive");
    assert_eq!((redriven.sent, redriven.failures.count), (1, 0));
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageBody"], body("acme", "e30="));
    assert_eq!(sent["MessageGroupId"], "acme");
    let entry = sent["MessageAttributes"]["body_entry"]["StringValue"].clone();
    assert_eq!(entry, format!("LITE-AAAAAA-BBBBBB/{}", key_of(&body("acme", "e30="), 2)));
    assert_eq!(aws.operations(), ["Query", "GetItem", "SendMessage"]);
}

/// Its entry stays without the bytes: the copy in the parked queue is removed by the next look.
#[tokio::test]
async fn an_unread_body_is_dropped_without_a_record() {
    let aws = table().await;
    let dropped = parking(&aws).drop(&unread_of_acme(), NOW, |_| {}).await.expect("a drop");
    assert_eq!((dropped.dropped, dropped.failures.count), (1, 0));
    assert_eq!(aws.operations(), ["Query", "TransactWriteItems"]);
    let settled = aws.only_request("TransactWriteItems");
    let text = settled.text();
    assert!(text.contains("settled") && !text.contains(r#""TableName":"media""#), "{text}");
}

/// Each copy in the parked queue beside what its entry says.
#[tokio::test]
async fn a_look_compares_a_body_with_its_entry() {
    for (state, moved, removed, reconciled) in [
        (Some("parked"), false, 0, 0),
        (Some("settled"), false, 1, 0),
        (Some("retrying"), false, 0, 0),
        (Some("retrying"), true, 0, 1),
        (None, false, 0, 1),
    ] {
        let class = if moved { None } else { Some("unread") };
        let visible = Mutex::new(vec![message(0, &body("acme", "e30="), class)]);
        let aws = Aws::start(move |request: &Request| match request.operation() {
            "ReceiveMessage" => {
                let taken = std::mem::take(&mut *visible.lock().expect("the queue"));
                Answer::json(&json!({ "Messages": taken }))
            }
            "GetItem" if request.json()["TableName"] == "jobs-table" => {
                let item = state.map(|state| json!({ "state": { "S": state } }));
                Answer::json(&json!({ "Item": item }))
            }
            _ => Answer::json(&json!({})),
        })
        .await;
        let seen = parking(&aws).look(NOW, |_| {}).await.expect("a look");
        let what = format!("{state:?} {moved}");
        assert_eq!((seen.removed, seen.reconciled), (removed, reconciled), "{what}");
        assert_eq!(deleted(&aws).len(), removed, "{what}");
        assert_eq!(aws.requests_of("TransactWriteItems").len(), reconciled, "{what}");
    }
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
    for fails in ["GetItem", ""] {
        // What has an entry is counted there, and its copy is deleted all the same.
        let only_here = usize::from(fails == "GetItem");
        let counted = aws(messages(&bodies), ("", fails)).await;
        let count =
            parking(&counted).count_erasable(|_, _| false, in_body, |_| Search::Found, NOW).await;
        let count = count.expect("a count");
        assert_eq!(count.meant, MessageCounts { jobs: 0, bodies: 2 * only_here });
        assert_eq!((count.unclear, count.unreadable), (only_here, only_here));
        assert!(deleted(&counted).is_empty());
        let aws = aws(messages(&bodies), ("receipt-3", fails)).await;
        let erased = parking(&aws).erase(|_, _| false, in_body, |_| Search::Absent, NOW).await;
        let erased = erased.expect("an erasure");
        assert_eq!(erased.meant, MessageCounts { jobs: 0, bodies: 2 * only_here });
        assert_eq!(erased.removed, MessageCounts { jobs: 0, bodies: only_here });
        // A message of an unknown kind counts only if what is erased may be in it.
        assert_eq!((erased.unclear, erased.unreadable), (only_here, 0));
        assert_eq!(erased.failures.count, 1 + 5 * only_here);
        assert_eq!(deleted(&aws), ["receipt-0", "receipt-3"]);
    }
}
