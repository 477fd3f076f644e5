//! What a batch answers: failed records, panics, the deadline, messages that are no jobs.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use download::batch;
use scripted_aws::{Answer, RecordedRequest};
use serde_json::json;
use stand_in::{Kind, Spec};
use tokio::time::Instant;

use crate::{
    PLENTY, create_worker, queued_job,
    requests::{healthy_aws, outcome_updates, written_state},
    retry_answer, run_batch, run_job, sqs_event, start_servers, success_answer,
};

#[tokio::test]
async fn a_good_batch_reports_no_failures() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let jobs: Vec<_> = (0..10)
        .map(|_| queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file")))
        .collect();
    let answer =
        run_batch(&create_worker(&aws, &origins, boot::clock::now), sqs_event(&jobs), PLENTY).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(aws.requests_of("PutObject").len(), 10);
    // A claim, an intent and an outcome each, and one for the counts of all.
    assert_eq!(aws.requests_of("UpdateItem").len(), 31);
    let writes = outcome_updates(&aws);
    let states: Vec<_> = writes.iter().map(written_state).collect();
    assert_eq!(states, [(Some("stored"), true); 10]);
}

/// Panics when the time is first asked for.
fn now_after_one_panic() -> i64 {
    static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
    assert!(HAS_PANICKED.swap(true, Ordering::SeqCst), "a panic in the middle of a record");
    boot::clock::now()
}

#[tokio::test]
async fn a_panic_retries_only_its_record() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let jobs: Vec<_> = (0..4)
        .map(|_| queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file")))
        .collect();
    let answer =
        run_batch(&create_worker(&aws, &origins, now_after_one_panic), sqs_event(&jobs), PLENTY)
            .await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(aws.requests_of("PutObject").len(), 3);
    assert_eq!(aws.only_request("ChangeMessageVisibility").json()["VisibilityTimeout"], 300);
}

/// All records are retried a few seconds later.
#[tokio::test]
async fn nothing_starts_near_the_deadline() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let jobs: Vec<_> = (0..3)
        .map(|_| queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file")))
        .collect();
    let answer = run_batch(
        &create_worker(&aws, &origins, boot::clock::now),
        sqs_event(&jobs),
        Duration::from_secs(30),
    )
    .await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(3), "{answer}");
    assert!(
        aws.requests_of("ChangeMessageVisibility")
            .iter()
            .all(|one| one.json()["VisibilityTimeout"] == 5)
    );
    assert_eq!(origins.requests().len(), 0);
}

/// The batch answers although SQS does not: Lambda would end the function, and every record of the
/// batch would come back an hour later.
#[tokio::test]
async fn a_silent_sqs_does_not_delay_the_answer() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "ChangeMessageVisibility" => Answer::silence(),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let jobs: Vec<_> = (0..10)
        .map(|_| queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file")))
        .collect();
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let (begun, left) = (Instant::now(), Duration::from_millis(1500));
    let answer = run_batch(&worker, sqs_event(&jobs), left).await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(10), "{answer}");
    assert!(begun.elapsed() < left, "{:?}", begun.elapsed());
}

/// No answer could name that record alone.
#[tokio::test]
async fn a_record_without_id_fails_the_batch() {
    let (aws, origins) = start_servers(healthy_aws).await;
    let event = serde_json::from_value(json!({ "Records": [{ "body": "x" }] })).expect("an event");
    let worker = create_worker(&aws, &origins, boot::clock::now);
    assert!(batch::handle_batch(&worker, event, Instant::now() + PLENTY).await.is_err());
}

/// If it cannot be parked, it is retried. Nothing is recorded.
#[tokio::test]
async fn a_message_that_is_no_job_is_parked() {
    for (refuses, answer) in [(false, success_answer()), (true, retry_answer())] {
        let script = move |seen: &RecordedRequest| match seen.operation() {
            "SendMessage" if refuses => Answer::json_error(400, "QueueDoesNotExist"),
            _ => healthy_aws(seen),
        };
        let (aws, origins) = start_servers(script).await;
        let run = run_job(&aws, &origins, "not a job".to_owned()).await;
        assert_eq!(run, answer);
        let sent = aws.only_request("SendMessage").json();
        assert_eq!(sent["MessageBody"], "not a job");
        assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "poison");
        assert_eq!(aws.requests_of("UpdateItem").len(), 0);
    }
}
