//! One look: what it counts and reads, and that it fails if AWS fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod fixture;

use aws::ledger::state_class;
use fixture::{NOW, create_watch};
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use watch::Pass;

/// It counts media that expire within two days.
#[tokio::test]
async fn a_look_counts_media_and_reads_parked_jobs() {
    let aws = Aws::start(|request: &RecordedRequest| match request.operation() {
        "Query" => Answer::json(&json!({ "Count": 2, "ScannedCount": 2 })),
        "GetQueueAttributes" => {
            Answer::json(&json!({ "Attributes": { "ApproximateNumberOfMessages": "0" } }))
        }
        _ => Answer::json(&json!({})),
    })
    .await;
    create_watch(&aws).run_pass(Pass::Look, NOW).await.expect("a look");
    let queries = aws.requests_of("Query");
    let counting = queries.iter().filter(|query| query.json()["Select"] == "COUNT");
    assert!(counting.clone().count() > 2);
    assert!(aws.requests_of("UpdateItem").is_empty());
    for query in counting {
        let query = query.json();
        assert_eq!(query["IndexName"], "by_class");
        let values = &query["ExpressionAttributeValues"];
        assert_eq!(values[":from"]["N"], NOW.to_string());
        assert_eq!(values[":until"]["N"], (NOW + 48 * 3600).to_string());
    }
    assert_eq!(aws.requests_of("ReceiveMessage").len(), 1);
}

/// What has become so old since the last passes, and what was parked since then when it was so old
/// already. A failure here leaves the count and the rest of the look.
#[tokio::test]
async fn what_expires_soon_is_noted_in_its_record() {
    for is_denied in [false, true] {
        let aws = Aws::start(move |request: &RecordedRequest| match request.operation() {
            "Query" => answer_query(&request.json()),
            "UpdateItem" if is_denied => Answer::json_error(400, "AccessDeniedException"),
            "GetQueueAttributes" => {
                Answer::json(&json!({ "Attributes": { "ApproximateNumberOfMessages": "0" } }))
            }
            _ => Answer::json(&json!({})),
        })
        .await;
        create_watch(&aws).run_pass(Pass::Look, NOW).await.expect("a look");
        let updates: Vec<_> =
            aws.requests_of("UpdateItem").iter().map(Update::from_request).collect();
        let keys: Vec<_> = updates.iter().map(|one| one.key["message_id"]["S"].clone()).collect();
        assert_eq!(keys, [json!("3EB0A#DIGEST"), json!("3EB0B#DIGEST")]);
        for update in updates {
            assert_eq!(update.table, "media");
            assert_eq!(update.sets["expiring_at"]["N"], NOW.to_string());
            let condition = update.condition.expect("a condition");
            assert!(condition.ends_with("attribute_not_exists(expiring_at)"), "{condition}");
        }
    }
}

/// A parked job in each of the two times, and a body that could not be read, which has no record.
fn answer_query(query: &Value) -> Answer {
    let values = &query["ExpressionAttributeValues"];
    if values[":partition"]["S"] != state_class("parked", "expired") {
        return Answer::json(&json!({ "Count": 0, "ScannedCount": 0, "Items": [] }));
    }
    let seconds = |name: &str| values[name]["N"].as_str().map(str::to_owned);
    let from = seconds(":from").expect("a time");
    let item =
        |id: &str| json!({ "instance": { "S": "LITE-AAAAAA-BBBBBB" }, "message_id": { "S": id } });
    let body = json!({ "instance": { "S": "unread#1" }, "message_id": { "S": "body" } });
    let items = match (query["Select"] == "COUNT", seconds(":since")) {
        (true, _) => json!([]),
        (false, None) => {
            assert_eq!(from, (NOW + 45 * 3600).to_string());
            json!([item("3EB0A#DIGEST"), body])
        }
        (false, Some(since)) => {
            assert_eq!((from, since), (NOW.to_string(), (NOW - 3 * 3600).to_string()));
            assert_eq!(query["FilterExpression"], "updated_at >= :since");
            json!([item("3EB0B#DIGEST")])
        }
    };
    Answer::json(&json!({ "Count": 2, "ScannedCount": 2, "Items": items }))
}

/// The function's error metric then raises an alarm.
#[tokio::test]
async fn a_failure_of_aws_fails_the_look() {
    let aws =
        Aws::start(|_: &RecordedRequest| Answer::json_error(400, "AccessDeniedException")).await;
    let error = create_watch(&aws).run_pass(Pass::Look, NOW).await.expect_err("no look");
    assert_eq!(error.operation, "dynamodb:Query");
}
