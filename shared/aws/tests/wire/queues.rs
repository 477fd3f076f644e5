//! The queues: what jobs and parked messages carry, and that HTTP 200 on a batch is not enough.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use aws::queues::{JobsQueue, ParkedQueue, ParkingTicket, SendError};
use media::{failure::FailureClass, job::QueuedJob};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::samples::{queued, tenant};

const JOBS_URL: &str = "https://sqs.example.invalid/jobs";
const PARKED_URL: &str = "https://sqs.example.invalid/parked";

fn entries(seen: &RecordedRequest) -> Vec<Value> {
    seen.json()["Entries"].as_array().expect("entries").clone()
}

/// The response of SQS when it accepts every entry.
fn accept_all(seen: &RecordedRequest) -> Value {
    let successful: Vec<_> = entries(seen)
        .iter()
        .map(|entry| json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "0" }))
        .collect();
    json!({ "Successful": successful, "Failed": [] })
}

fn jobs(count: usize) -> Vec<QueuedJob> {
    (0..count).map(queued).collect()
}

async fn send(aws: &Aws, count: usize) -> Result<(), SendError> {
    let queue = JobsQueue::new(&aws.clients, JOBS_URL.to_owned());
    queue.send(&tenant(), &jobs(count)).await
}

#[tokio::test]
async fn every_job_is_an_entry_in_its_tenants_group() {
    let aws = Aws::start(|seen| Answer::json(&accept_all(seen))).await;
    send(&aws, 2).await.expect("sent");
    let batch = aws.only_request("SendMessageBatch");
    assert_eq!(batch.json()["QueueUrl"], JOBS_URL);
    let entries = entries(&batch);
    assert_eq!(entries.len(), 2);
    for (entry, job) in entries.iter().zip(jobs(2)) {
        assert_eq!(entry["MessageGroupId"], "acme");
        assert_eq!(entry["MessageBody"], job.to_json().expect("JSON"));
        assert!(entry.get("DelaySeconds").is_none());
    }
    assert_ne!(entries[0]["Id"], entries[1]["Id"]);
}

#[tokio::test]
async fn twelve_jobs_take_two_calls() {
    let aws = Aws::start(|seen| Answer::json(&accept_all(seen))).await;
    send(&aws, 12).await.expect("sent");
    let batches: Vec<_> = aws.requests_of("SendMessageBatch").iter().map(entries).collect();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [10, 2]);
    let bodies: Vec<_> =
        batches.concat().iter().map(|entry| entry["MessageBody"].clone()).collect();
    let expected: Vec<_> =
        jobs(12).iter().map(|job| Value::from(job.to_json().expect("JSON"))).collect();
    assert_eq!(bodies, expected);
}

/// The SDK repeats a `SendMessage` by itself.
#[tokio::test]
async fn one_job_alone_is_a_message() {
    let aws = Aws::start(|seen| match seen.operation() {
        "SendMessage" => Answer::message_accepted(),
        _ => Answer::json(&accept_all(seen)),
    })
    .await;
    send(&aws, 1).await.expect("sent");
    let message = aws.only_request("SendMessage").json();
    let body = jobs(1)[0].to_json().expect("JSON");
    let expected = json!({ "QueueUrl": JOBS_URL, "MessageBody": body, "MessageGroupId": "acme" });
    assert_eq!(message, expected);
    assert_eq!(aws.operations(), ["SendMessage"]);
    send(&aws, 11).await.expect("sent");
    assert_eq!(aws.operations(), ["SendMessage", "SendMessageBatch", "SendMessage"]);
}

#[tokio::test]
async fn a_message_without_an_id_fails_the_call() {
    let aws = Aws::start(|_| Answer::json(&json!({}))).await;
    let refused = send(&aws, 1).await.expect_err("SQS has not said that it has the message");
    assert!(matches!(refused, SendError::Aws(_)), "{refused:?}");
}

#[tokio::test]
async fn only_failed_entries_are_sent_again() {
    let is_first = AtomicBool::new(true);
    let aws = Aws::start(move |seen| {
        let mut answer = accept_all(seen);
        if is_first.swap(false, Ordering::SeqCst) {
            answer["Successful"].as_array_mut().expect("entries").drain(1..3);
            answer["Failed"] = json!([
                { "Id": "1", "Code": "InternalError", "SenderFault": false },
                { "Id": "2", "Code": "ServiceUnavailable", "SenderFault": false },
            ]);
        }
        Answer::json(&answer)
    })
    .await;
    send(&aws, 4).await.expect("sent in the end");
    let batches: Vec<_> = aws.requests_of("SendMessageBatch").iter().map(entries).collect();
    assert_eq!(batches.len(), 2);
    let content = |entry: &Value| (entry["MessageBody"].clone(), entry["MessageGroupId"].clone());
    let again: Vec<_> = batches[1].iter().map(content).collect();
    assert_eq!(again, batches[0][1..3].iter().map(content).collect::<Vec<_>>());
}

/// SQS accepts one entry of each call.
#[tokio::test]
async fn entries_are_sent_three_times_at_most() {
    let aws = Aws::start(|seen| {
        let mut answer = accept_all(seen);
        let refused = answer["Successful"].as_array_mut().expect("entries").split_off(1);
        let failed = |entry: &Value| {
            json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false })
        };
        answer["Failed"] = refused.iter().map(failed).collect();
        Answer::json(&answer)
    })
    .await;
    send(&aws, 8).await.expect_err("five were not taken");
    let batches: Vec<_> = aws.requests_of("SendMessageBatch").iter().map(entries).collect();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [8, 7, 6]);
}

/// SQS will never accept the second entry, and fails to take the third.
#[tokio::test]
async fn the_senders_fault_is_not_sent_again() {
    let aws = Aws::start(|seen| {
        if seen.operation() == "SendMessage" {
            return Answer::message_accepted();
        }
        let mut answer = accept_all(seen);
        answer["Successful"].as_array_mut().expect("entries").truncate(1);
        answer["Failed"] = json!([
            { "Id": "1", "Code": "InvalidMessageContents", "SenderFault": true },
            { "Id": "2", "Code": "InternalError", "SenderFault": false },
        ]);
        Answer::json(&answer)
    })
    .await;
    let refused = send(&aws, 3).await.expect_err("one was not taken");
    assert_eq!(refused.to_string(), "sqs:SendMessageBatch failed: InvalidMessageContents (HTTP -)");
    assert_eq!(aws.operations(), ["SendMessageBatch", "SendMessage"]);
    let body = jobs(3)[2].to_json().expect("JSON");
    assert_eq!(aws.only_request("SendMessage").json()["MessageBody"], body);
}

#[tokio::test]
async fn without_jobs_nothing_is_sent() {
    let aws = Aws::answer_in_order([]).await;
    send(&aws, 0).await.expect("nothing to send");
    assert!(aws.operations().is_empty());
}

#[tokio::test]
async fn entries_that_always_fail_fail_the_call() {
    let aws = Aws::start(|seen| {
        let failed = |entry: &Value| {
            json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false })
        };
        let failed: Vec<_> = entries(seen).iter().map(failed).collect();
        Answer::json(&json!({ "Successful": [], "Failed": failed }))
    })
    .await;
    let refused = send(&aws, 3).await.expect_err("none was taken");
    assert_eq!(refused.to_string(), "sqs:SendMessageBatch failed: InternalError (HTTP -)");
    assert_eq!(aws.operations(), ["SendMessageBatch"; 3]);
}

#[tokio::test]
async fn an_entry_missing_in_the_response_fails_the_call() {
    let aws = Aws::start(|seen| {
        let mut answer = accept_all(seen);
        answer["Successful"].as_array_mut().expect("entries").truncate(1);
        answer["Successful"][0]["Id"] = json!("9");
        Answer::json(&answer)
    })
    .await;
    let refused = send(&aws, 3).await.expect_err("none is mentioned");
    assert!(matches!(refused, SendError::Aws(_)), "{refused:?}");
    assert_eq!(aws.operations(), ["SendMessageBatch"; 3], "a response may be incomplete once");
}

#[tokio::test]
async fn a_failed_second_batch_fails_the_call() {
    let aws = Aws::start(|seen| match entries(seen).len() {
        10 => Answer::json(&accept_all(seen)),
        _ => Answer::json_error(403, "AccessDeniedException"),
    })
    .await;
    let refused = send(&aws, 12).await.expect_err("the second batch was refused");
    assert_eq!(
        refused.to_string(),
        "sqs:SendMessageBatch failed: AccessDeniedException (HTTP 403)"
    );
}

#[tokio::test]
async fn a_parked_message_keeps_its_body_and_has_a_ticket() {
    let aws =
        Aws::answer_in_order([Answer::json(&json!({ "MessageId": "m", "MD5OfMessageBody": "0" }))])
            .await;
    let (body, tenant) = ("{\"version\":\"1\", \"as\": \"it came\"}", tenant());
    let ticket = ParkingTicket {
        class: FailureClass::Expired,
        reason: "the CDN has lost it",
        tenant: Some(&tenant),
        recoverable_until: Some(1_788_641_279),
        receives: 7,
        is_unrecorded: false,
    };
    ParkedQueue::new(&aws.clients, PARKED_URL.to_owned())
        .park(body, &ticket)
        .await
        .expect("parked");
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["QueueUrl"], PARKED_URL);
    assert_eq!(sent["MessageBody"], body);
    assert_eq!(sent["MessageGroupId"], "acme");
    assert_eq!(
        sent["MessageAttributes"],
        json!({
            "class": { "DataType": "String", "StringValue": "expired" },
            "reason": { "DataType": "String", "StringValue": "the CDN has lost it" },
            "tenant": { "DataType": "String", "StringValue": "acme" },
            "recoverable_until": { "DataType": "Number", "StringValue": "1788641279" },
            "receives": { "DataType": "Number", "StringValue": "7" },
        })
    );
}

#[tokio::test]
async fn unknown_facts_are_left_out_of_the_ticket() {
    let aws =
        Aws::answer_in_order([Answer::json(&json!({ "MessageId": "m", "MD5OfMessageBody": "0" }))])
            .await;
    let ticket = ParkingTicket {
        class: FailureClass::Poison,
        reason: "no job",
        tenant: None,
        recoverable_until: None,
        receives: 1,
        is_unrecorded: false,
    };
    ParkedQueue::new(&aws.clients, PARKED_URL.to_owned()).park("?", &ticket).await.expect("parked");
    let sent = aws.only_request("SendMessage").json();
    assert!(sent.get("MessageGroupId").is_none());
    let attributes = sent["MessageAttributes"].as_object().expect("attributes");
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["class", "reason", "receives"]);
}

#[tokio::test]
async fn a_message_that_cannot_be_parked_is_an_error() {
    let aws = Aws::answer_in_order([Answer::json_error(400, "InvalidMessageContents")]).await;
    let ticket = ParkingTicket {
        class: FailureClass::Poison,
        reason: "no job",
        tenant: None,
        recoverable_until: None,
        receives: 1,
        is_unrecorded: false,
    };
    let refused = ParkedQueue::new(&aws.clients, PARKED_URL.to_owned()).park("?", &ticket).await;
    assert_eq!(refused.expect_err("refused").operation, "sqs:SendMessage");
}

#[tokio::test]
async fn visibility_is_changed_by_whole_seconds() {
    let aws = Aws::answer_in_order([Answer::empty_success()]).await;
    let queue = JobsQueue::new(&aws.clients, JOBS_URL.to_owned());
    queue.change_visibility("receipt", Duration::from_millis(90_700)).await.expect("changed");
    let sent = aws.only_request("ChangeMessageVisibility").json();
    assert_eq!(
        sent,
        json!({ "QueueUrl": JOBS_URL, "ReceiptHandle": "receipt", "VisibilityTimeout": 90 })
    );
}

#[tokio::test]
async fn a_visibility_that_cannot_be_changed_is_an_error() {
    let aws = Aws::answer_in_order([Answer::json_error(400, "ReceiptHandleIsInvalid")]).await;
    let queue = JobsQueue::new(&aws.clients, JOBS_URL.to_owned());
    let refused =
        queue.change_visibility("receipt", Duration::from_secs(1)).await.expect_err("refused");
    assert_eq!((refused.operation, refused.status), ("sqs:ChangeMessageVisibility", Some(400)));
}

/// What is in work or waits for its next try has a record; what waits to be received may have none.
#[tokio::test]
async fn waiting_jobs_are_counted() {
    let answers = [
        Answer::json(&json!({ "Attributes": { "ApproximateNumberOfMessages": "1001" } })),
        Answer::json(&json!({ "Attributes": {} })),
        Answer::json_error(400, "AccessDenied"),
    ];
    let aws = Aws::answer_in_order(answers).await;
    let queue = JobsQueue::new(&aws.clients, JOBS_URL.to_owned());
    assert_eq!(queue.count_waiting().await, Ok(1001));
    let asked = aws.requests_of("GetQueueAttributes")[0].json();
    assert_eq!(asked["AttributeNames"], json!(["ApproximateNumberOfMessages"]));
    for _ in 0..2 {
        let failed = queue.count_waiting().await.expect_err("no number");
        assert_eq!(failed.operation, "sqs:GetQueueAttributes");
    }
}
