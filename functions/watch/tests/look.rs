//! One look: what it counts and reads, and that it fails if AWS fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod fixture;

use fixture::{NOW, create_watch};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::json;
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
    for query in counting {
        let query = query.json();
        assert_eq!(query["IndexName"], "by_class");
        let values = &query["ExpressionAttributeValues"];
        assert_eq!(values[":from"]["N"], NOW.to_string());
        assert_eq!(values[":until"]["N"], (NOW + 48 * 3600).to_string());
    }
    assert_eq!(aws.requests_of("ReceiveMessage").len(), 1);
}

/// The function's error metric then raises an alarm.
#[tokio::test]
async fn a_failure_of_aws_fails_the_look() {
    let aws =
        Aws::start(|_: &RecordedRequest| Answer::json_error(400, "AccessDeniedException")).await;
    let error = create_watch(&aws).run_pass(Pass::Look, NOW).await.expect_err("no look");
    assert_eq!(error.operation, "dynamodb:Query");
}
