//! One look: what it counts and reads, and that it fails if AWS fails.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::json;
use watch::{Pass, Watch, config::Config};

const NOW: i64 = 1_787_440_000;

fn create_watch(aws: &Aws) -> Watch {
    let config = Config {
        region: "us-east-1".to_owned(),
        endpoint: None,
        instances_table: "instances".to_owned(),
        media_table: "media".to_owned(),
        jobs_table: "jobs-table".to_owned(),
        orders_table: "orders".to_owned(),
        receivers_table: "receivers".to_owned(),
        jobs_queue_url: "https://sqs.example.invalid/jobs".to_owned(),
        deliveries_queue_url: "https://sqs.example.invalid/deliveries".to_owned(),
        parked_queue_url: "https://sqs.example.invalid/parked".to_owned(),
    };
    Watch::with_clients(&aws.clients, config)
}

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
