//! The pass over the due jobs, and the sending of what the queue has lost.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod fixture;

use fixture::{NOW, create_watch};
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use watch::Pass;

const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";

/// AWS with one entry in this partition that is overdue by 30 seconds, and this many messages to be
/// received.
async fn aws_with_due(shard: &'static str, visible: u64, fails: &'static str) -> Aws {
    aws_with_overdue(30, shard, visible, fails).await
}

async fn aws_with_overdue(
    seconds: i64,
    shard: &'static str,
    visible: u64,
    fails: &'static str,
) -> Aws {
    Aws::start(move |request: &RecordedRequest| match request.operation() {
        name if name == fails => Answer::json_error(400, "AccessDeniedException"),
        "Query" if request.text().contains(&format!("\"{shard}\"")) => {
            let due_at = NOW - seconds;
            let item = json!({ "instance": { "S": INSTANCE }, "message_id": { "S": "3EB0#key" },
                "due_at": { "N": due_at.to_string() } });
            let asked = request.json()["ExpressionAttributeValues"][":now"]["N"].clone();
            let until: i64 = asked.as_str().and_then(|n| n.parse().ok()).expect("a time");
            let items = if due_at <= until { vec![item] } else { Vec::new() };
            Answer::json(&json!({ "Items": items }))
        }
        "UpdateItem" => Answer::json(
            &json!({ "Attributes": { "tenant": { "S": "acme" }, "body": { "S": "the body" } } }),
        ),
        "GetQueueAttributes" => {
            let count = visible.to_string();
            Answer::json(&json!({ "Attributes": { "ApproximateNumberOfMessages": count } }))
        }
        "SendMessage" => Answer::message_accepted(),
        _ => Answer::json(&json!({ "Count": 0 })),
    })
    .await
}

/// The partitions that were listed, in order.
fn listed(aws: &Aws) -> Vec<Value> {
    let queries = aws.requests_of("Query").into_iter().map(|query| query.json());
    let due = queries.filter(|query| query["IndexName"] == "by_due");
    due.map(|query| query["ExpressionAttributeValues"][":shard"]["S"].clone()).collect()
}

/// The template's schedule sends this event.
#[test]
fn the_event_of_the_schedule_asks_for_due_jobs() {
    let event = serde_json::from_str(r#"{"pass": "due"}"#).expect("JSON");
    assert_eq!(Pass::from_event(&event), Pass::Due);
    assert_eq!(Pass::from_event(&json!({ "source": "aws.events" })), Pass::Look);
}

/// It is taken before it is sent, so that two passes do not both send it.
#[tokio::test]
async fn a_due_job_is_taken_and_sent() {
    let aws = aws_with_due("table-5", 0, "").await;
    create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
    let shards: Vec<_> = (0..8).map(|shard| json!(format!("table-{shard}"))).collect();
    assert_eq!(listed(&aws), shards);
    let taken = Update::from_request(&aws.only_request("UpdateItem"));
    assert_eq!(taken.sets["due_at"]["N"], (NOW + 2 * 3600).to_string());
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(
        (&sent["MessageBody"], &sent["MessageGroupId"]),
        (&json!("the body"), &json!("acme"))
    );
    let entry = &sent["MessageAttributes"]["entry"]["StringValue"];
    assert_eq!(entry, &json!(format!("{INSTANCE}/3EB0#key")));
    let order = aws.operations();
    let at = |name: &str| order.iter().position(|one| *one == name);
    assert!(at("UpdateItem") < at("SendMessage"), "{order:?}");
}

/// Before an earlier version is deployed.
#[tokio::test]
async fn a_person_can_have_all_waiting_jobs_sent() {
    let event = serde_json::from_str(r#"{"pass": "all"}"#).expect("JSON");
    for (pass, sent) in [(Pass::Due, 0), (Pass::from_event(&event), 1)] {
        let aws = aws_with_overdue(-4 * 60 * 60, "table-5", 0, "").await;
        create_watch(&aws).run_pass(pass, NOW).await.expect("a pass");
        assert_eq!(aws.requests_of("SendMessage").len(), sent, "{pass:?}");
    }
}

/// The next pass sends it.
#[tokio::test]
async fn a_job_that_was_not_sent_is_given_back() {
    let aws = aws_with_due("table-0", 0, "SendMessage").await;
    create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
    let updates = aws.requests_of("UpdateItem");
    let given = Update::from_request(&updates[1]);
    assert_eq!(given.sets["due_at"]["N"], (NOW + 60).to_string());
    assert!(given.sets["due_shard"]["S"].as_str().is_some_and(|it| it.starts_with("table-")));
}

#[tokio::test]
async fn an_unreadable_index_fails_the_pass() {
    let aws = aws_with_due("table-0", 0, "Query").await;
    let error = create_watch(&aws).run_pass(Pass::Due, NOW).await.expect_err("no pass");
    assert_eq!(error.operation, "dynamodb:Query");
}

/// The queue has had the job for longer than it can hide a message.
#[tokio::test]
async fn a_lost_job_is_sent_again_by_the_look() {
    let aws = aws_with_due("queue-5", 999, "").await;
    create_watch(&aws).run_pass(Pass::Look, NOW).await.expect("a look");
    assert_eq!(aws.requests_of("SendMessage").len(), 1);
    let shards: Vec<_> = (0..8).map(|shard| json!(format!("queue-{shard}"))).collect();
    assert_eq!(listed(&aws), shards);
}

/// While the queue is behind, the job may still be in it, but not for a day.
#[tokio::test]
async fn a_backlog_is_not_a_loss_for_a_day() {
    let day = 24 * 60 * 60;
    for (overdue, sent) in [(30, 0), (day - 1, 0), (day, 1)] {
        let aws = aws_with_overdue(overdue, "queue-5", 1000, "").await;
        create_watch(&aws).run_pass(Pass::Look, NOW).await.expect("a look");
        assert_eq!(aws.requests_of("SendMessage").len(), sent, "{overdue}");
    }
}

/// No entry is taken that could not be sent any more, and what was taken is sent.
#[tokio::test(start_paused = true)]
async fn after_its_time_a_pass_takes_nothing() {
    let aws = aws_with_due("table-0", 0, "").await;
    let table = aws::ledger::JobsTable::new(&aws.clients, "jobs-table".to_owned());
    let url = "https://sqs.example.invalid/jobs".to_owned();
    let queue = aws::queues::JobsQueue::new(&aws.clients, url);
    let sender = watch::due::DueSender { table: &table, queue: &queue };
    let summary =
        sender.send_due((NOW, NOW), tokio::time::Instant::now()).await.expect("a summary");
    assert_eq!((summary.sent, summary.is_complete), (0, false));
    assert!(aws.requests_of("UpdateItem").is_empty());
}
