//! The pass over the deliveries that rest: to whom they are sent, how many, and in which order.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod fixture;

use fixture::{NOW, create_watch};
use redaction::Recorder;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use watch::Pass;

const RECEIVER: &str = "rcv_aaaaaaaaaaaaaaaa";
const OTHER: &str = "rcv_bbbbbbbbbbbbbbbb";

fn receiver(id: &str, fields: &Value) -> Value {
    let mut item = json!({ "tenant": { "S": "acme" }, "receiver": { "S": format!("*#{id}") } });
    item.as_object_mut().expect("an item").extend(fields.as_object().cloned().expect("fields"));
    item
}

/// AWS with these receivers; for each, the index has two deliveries, accepted 100 and 90 seconds
/// ago, and the table one more, accepted two hours ago and due later. `fails` names an operation
/// that is refused.
async fn start_aws(receivers: Vec<Value>, fails: &'static str) -> Aws {
    Aws::start(move |seen: &RecordedRequest| match seen.operation() {
        name if name == fails => Answer::json_error(400, "AccessDeniedException"),
        "Scan" => Answer::json(&json!({ "Items": receivers, "Count": receivers.len() })),
        "Query" if seen.text().contains("delivery#") => {
            let asked = seen.json();
            let shard = asked["ExpressionAttributeValues"][":shard"]["S"].as_str().expect("one");
            let id = shard.trim_start_matches("delivery#");
            let item = |age: i64| {
                json!({ "instance": { "S": format!("~{id}") },
                    "message_id": { "S": format!("{:012}#msg_{age}", NOW - age) },
                    "due_at": { "N": (NOW - age).to_string() } })
            };
            let limit = asked["Limit"].as_u64().expect("a limit");
            let items: Vec<_> = [item(100), item(90)]
                .into_iter()
                .take(usize::try_from(limit).expect("a number"))
                .collect();
            Answer::json(&json!({ "Items": items }))
        }
        "Query" if seen.text().contains("\"~rcv_") => {
            let asked = seen.json();
            assert_eq!(asked["TableName"], "jobs-table");
            assert!(asked["IndexName"].is_null() && asked["Limit"] == 1, "{asked}");
            let partition = asked["ExpressionAttributeValues"][":partition"].clone();
            let sort_key = format!("{:012}#msg_7200", NOW - 7200);
            let item = json!({ "instance": partition, "message_id": { "S": sort_key } });
            Answer::json(&json!({ "Items": [item] }))
        }
        "UpdateItem" => Answer::json(&json!({ "Attributes": { "body": { "S": "the body" } } })),
        "SendMessage" => Answer::message_accepted(),
        _ => Answer::json(&json!({ "Count": 0 })),
    })
    .await
}

/// The names of the deliveries that were sent, and whether each is a probe.
fn sent(aws: &Aws) -> Vec<(String, bool)> {
    let sent = aws.requests_of("SendMessage").into_iter().map(|one| one.json());
    sent.map(|one| {
        assert!(one["QueueUrl"].as_str().is_some_and(|url| url.ends_with("deliveries")));
        let attributes = &one["MessageAttributes"];
        let name = attributes["entry"]["StringValue"].as_str().expect("a name").to_owned();
        (name, !attributes["probe"].is_null())
    })
    .collect()
}

fn name(id: &str, age: i64) -> String {
    format!("{id}/{:012}#msg_{age}", NOW - age)
}

#[tokio::test]
async fn what_is_due_is_taken_and_sent() {
    let aws = start_aws(vec![receiver(RECEIVER, &json!({}))], "").await;
    create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
    let mut sent = sent(&aws);
    sent.sort();
    assert_eq!(sent, [(name(RECEIVER, 100), false), (name(RECEIVER, 90), false)]);
    for update in aws.requests_of("UpdateItem").iter().map(RecordedRequest::json) {
        let values = &update["ExpressionAttributeValues"];
        assert_eq!(values[":again"]["N"], (NOW + 7200).to_string(), "if the queue loses it");
        assert!(update["ConditionExpression"].as_str().expect("a condition").contains("due_at"));
    }
}

/// Among several receivers, the log tells whose webhooks wait, and for how long.
#[tokio::test]
async fn each_receiver_for_which_something_waits_has_a_line() {
    // The other tests write to the same log.
    const WAITING: &str = "rcv_cccccccccccccccc";
    const PAUSED: &str = "rcv_dddddddddddddddd";
    let recorder = Recorder::start();
    let failing = json!({ "failing_since": { "N": (NOW - 4000).to_string() } });
    let by_operator = json!({ "paused_at": { "N": NOW.to_string() } });
    let aws =
        start_aws(vec![receiver(WAITING, &failing), receiver(PAUSED, &by_operator)], "").await;
    create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
    let log = recorder.text();
    let of = |id: &str| log.lines().filter(|line| line.contains(id)).collect::<Vec<_>>();
    let [line] = of(WAITING)[..] else { panic!("one line: {log}") };
    assert!(line.contains("deliveries wait") && line.contains(r#""waits_seconds":7200"#), "{line}");
    assert!(of(PAUSED).is_empty(), "{log}");
}

/// Else a dead receiver would get its whole backlog every minute.
#[tokio::test]
async fn an_open_circuit_lets_one_through_at_a_time() {
    let failing = |probe_at: Option<i64>| {
        let mut fields = json!({ "failing_since": { "N": (NOW - 4000).to_string() } });
        if let Some(at) = probe_at {
            fields["probe_at"] = json!({ "N": at.to_string() });
        }
        receiver(RECEIVER, &fields)
    };
    for (probe_at, count) in [(None, 1), (Some(NOW), 1), (Some(NOW + 1), 0)] {
        let aws = start_aws(vec![failing(probe_at)], "").await;
        create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
        let sent = sent(&aws);
        assert_eq!(sent.len(), count, "{probe_at:?}");
        if count == 1 {
            assert_eq!(sent[0], (name(RECEIVER, 100), true), "the oldest");
            let taken = aws.requests_of("UpdateItem")[0].json();
            assert_eq!(taken["TableName"], "receivers");
            let next = &taken["ExpressionAttributeValues"][":next"]["N"];
            assert_eq!(*next, (NOW + 500).to_string(), "an eighth of its failure");
        }
    }
}

/// What an operator has paused needs no alarm.
#[tokio::test]
async fn a_paused_receiver_gets_nothing_and_is_counted() {
    let recorder = redaction::Recorder::start();
    let reasons = ["operator", "operator", "gone", "failing", "failing"];
    let paused = reasons.map(|reason| {
        let fields = json!({ "paused_at": { "N": "1" }, "pause_reason": { "S": reason } });
        receiver(RECEIVER, &fields)
    });
    let aws = start_aws(paused.to_vec(), "").await;
    create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
    assert!(sent(&aws).is_empty());
    // Other tests of this program write lines as well, about fewer receivers.
    let log = recorder.text();
    let line = log.lines().find(|line| line.contains("\"receivers\":5,")).expect("a line");
    assert!(line.contains("\"paused_receivers\":3,"), "{line}");
}

/// A receiver whose deliveries rest does not hold up another one, nor a job.
#[tokio::test]
async fn each_receiver_has_a_partition_of_its_own() {
    let failing =
        json!({ "failing_since": { "N": "1" }, "probe_at": { "N": (NOW + 60).to_string() } });
    let both = vec![receiver(RECEIVER, &failing), receiver(OTHER, &json!({}))];
    let aws = start_aws(both, "").await;
    create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
    let mut sent = sent(&aws);
    sent.sort();
    assert_eq!(sent, [(name(OTHER, 100), false), (name(OTHER, 90), false)]);
}

/// A failure with the receivers does not keep jobs from being sent, and fails the pass.
#[tokio::test]
async fn unreadable_receivers_do_not_hold_up_jobs() {
    let aws = start_aws(Vec::new(), "Scan").await;
    assert!(create_watch(&aws).run_pass(Pass::Due, NOW).await.is_err());
    let of_jobs =
        aws.requests_of("Query").iter().filter(|one| one.text().contains("table-")).count();
    assert_eq!(of_jobs, 8);
}

#[tokio::test]
async fn what_sqs_refuses_is_given_back() {
    let aws = start_aws(vec![receiver(RECEIVER, &json!({}))], "SendMessage").await;
    create_watch(&aws).run_pass(Pass::Due, NOW).await.expect("a pass");
    let updates = aws.requests_of("UpdateItem");
    let given = updates.iter().map(RecordedRequest::json).filter(|update| {
        update["ExpressionAttributeValues"][":due"]["N"] == json!((NOW + 60).to_string())
    });
    assert_eq!(given.count(), 2);
}
