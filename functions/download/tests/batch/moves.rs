//! Instances that are added, or move to another tenant, while the function remembers what was
//! before.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, Kind, Spec};

use crate::{
    PLENTY, create_worker, hidden_seconds, job_accepted_at, queued_job,
    requests::{healthy_aws, is_instance_read, main_operations, outcome_updates},
    retry_answer, run_batch, run_job, sqs_event, start_servers, success_answer,
};

/// What the table of instances holds.
const ABSENT: usize = 0;
const OF_ACME: usize = 1;
const OF_NEXT: usize = 2;
const UNREADABLE: usize = 3;

/// Healthy AWS with a table of instances that the test changes.
fn aws_with_changing_instance(
    held: &Arc<AtomicUsize>,
) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    let held = Arc::clone(held);
    move |seen| {
        if !is_instance_read(seen) {
            return healthy_aws(seen);
        }
        let tenant = match held.load(Ordering::SeqCst) {
            ABSENT => return Answer::json(&json!({})),
            UNREADABLE => return Answer::json_error(400, "AccessDeniedException"),
            OF_NEXT => "next",
            _ => "acme",
        };
        Answer::json(&json!({ "Item": {
            "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": tenant },
            "secret_hashes": { "L": [] }, "sealed_token": { "S": "c2VhbGVk" },
            "created_at": { "N": "0" },
        } }))
    }
}

/// How each read of the instance asked for consistency, in order.
fn consistent_reads(aws: &Aws) -> Vec<bool> {
    let reads = aws.requests();
    let reads = reads.iter().filter(|seen| is_instance_read(seen));
    reads.map(|seen| seen.json()["ConsistentRead"] == Value::Bool(true)).collect()
}

fn for_next_tenant(job: &str) -> String {
    job.replace(r#""tenant":"acme""#, r#""tenant":"next""#)
}

/// The webhook function already knows the new tenant; this function remembers the former one.
#[tokio::test]
async fn a_job_after_a_move_is_stored() {
    let held = Arc::new(AtomicUsize::new(OF_ACME));
    let (aws, origins) = start_servers(aws_with_changing_instance(&held)).await;
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let job = || queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file"));
    assert_eq!(run_batch(&worker, sqs_event(&[job()]), PLENTY).await, success_answer());

    held.store(OF_NEXT, Ordering::SeqCst);
    let moved = || sqs_event(&[for_next_tenant(&job())]);
    assert_eq!(run_batch(&worker, moved(), PLENTY).await, success_answer());
    assert_eq!(aws.requests_of("SendMessage").len(), 0, "nothing is parked");
    assert_eq!(aws.requests_of("PutObject").len(), 2);
    assert_eq!(consistent_reads(&aws), [false, true]);
    // What was read is remembered.
    assert_eq!(run_batch(&worker, moved(), PLENTY).await, success_answer());
    assert_eq!(consistent_reads(&aws), [false, true]);
}

/// That it was absent is remembered for 30 seconds, which must not decide about a job.
#[tokio::test]
async fn a_job_after_an_addition_is_stored() {
    let held = Arc::new(AtomicUsize::new(ABSENT));
    let (aws, origins) = start_servers(aws_with_changing_instance(&held)).await;
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let job = queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file"));
    let event = || sqs_event(std::slice::from_ref(&job));
    assert_eq!(run_batch(&worker, event(), PLENTY).await, retry_answer());
    assert_eq!(consistent_reads(&aws), [false, true]);

    held.store(OF_ACME, Ordering::SeqCst);
    assert_eq!(run_batch(&worker, event(), PLENTY).await, success_answer());
    assert_eq!(aws.requests_of("PutObject").len(), 1);
}

/// By the schedule, for the first hour after its webhook.
#[tokio::test]
async fn a_job_without_instance_is_retried_for_an_hour() {
    for (age, parks) in [(0, false), (3500, false), (3700, true)] {
        let held = Arc::new(AtomicUsize::new(ABSENT));
        let (aws, origins) = start_servers(aws_with_changing_instance(&held)).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
        let job = job_accepted_at(&announced, boot::clock::now() - age);
        let answer = run_job(&aws, &origins, job).await;
        let written = outcome_updates(&aws)[0].sets.clone();
        let state = if parks { "parked" } else { "retrying" };
        let told = |name: &str| written[name]["S"].as_str().unwrap_or_default().to_owned();
        assert_eq!((told("state"), told("class")), (state.to_owned(), "poison".to_owned()));
        assert_eq!(told("reason"), "the instance is not registered");
        assert_eq!(answer, if parks { success_answer() } else { retry_answer() });
        assert_eq!(aws.requests_of("SendMessage").len(), usize::from(parks));
        if !parks {
            assert!(hidden_seconds(&aws).as_u64() <= Some(30), "the first wait of the schedule");
        }
    }
}

/// The table fails when the function asks again: nothing is known of the instance.
#[tokio::test]
async fn an_unreadable_instance_parks_nothing() {
    let held = Arc::new(AtomicUsize::new(OF_ACME));
    let (aws, origins) = start_servers(aws_with_changing_instance(&held)).await;
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let job = || queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file"));
    assert_eq!(run_batch(&worker, sqs_event(&[job()]), PLENTY).await, success_answer());
    let before = main_operations(&aws).len();

    held.store(UNREADABLE, Ordering::SeqCst);
    let event = sqs_event(&[for_next_tenant(&job())]);
    assert_eq!(run_batch(&worker, event, PLENTY).await, retry_answer());
    // No record is touched: it may be another tenant's.
    assert_eq!(main_operations(&aws)[before..], ["GetItem", "ChangeMessageVisibility"]);
}

/// What a run began before the instance moved has a record of the former tenant, which says that
/// the job is tried again: it gets to say that it is parked. While another run may still have its
/// lease, the job waits for that.
#[tokio::test]
async fn a_job_begun_before_a_move_is_parked_in_its_record() {
    for (lease_left, is_parked) in [(-10, true), (600, false)] {
        let held = Arc::new(AtomicUsize::new(OF_NEXT));
        let of_instances = aws_with_changing_instance(&held);
        let record = json!({
            "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "acme" },
            "state": { "S": "retrying" }, "lease_owner": { "S": "a run that died" },
            "lease_until": { "N": (boot::clock::now() + lease_left).to_string() },
        });
        let (aws, origins) = start_servers(move |seen: &RecordedRequest| {
            let text = seen.text();
            match seen.operation() {
                "GetItem" if text.contains("\"media\"") && text.contains("#") => {
                    let mut found = record.clone();
                    let key = seen.json()["Key"].clone();
                    found["message_id"] = key["message_id"].clone();
                    let id = key["message_id"]["S"].as_str().unwrap_or_default();
                    found["message"] = json!({ "S": id.split('#').next() });
                    Answer::json(&json!({ "Item": found }))
                }
                _ => of_instances(seen),
            }
        })
        .await;
        let worker = create_worker(&aws, &origins, boot::clock::now);
        let job = queued_job(&origins.announce(Spec::of(Kind::Image)).expect("a media file"));
        let answer = run_batch(&worker, sqs_event(&[job]), PLENTY).await;
        let expected = if is_parked { success_answer() } else { retry_answer() };
        assert_eq!(answer, expected, "{:?}", aws.operations());
        let written = aws.requests_of("TransactWriteItems");
        assert_eq!(written.len(), usize::from(is_parked), "{:?}", aws.operations());
        assert!(written.iter().all(|write| write.text().contains("parked")));
        assert!(
            written
                .iter()
                .all(|write| write.json()["TransactItems"][0]["Update"]["TableName"] == "media")
        );
        assert_eq!(aws.requests_of("SendMessage").len(), usize::from(is_parked));
    }
}
