//! The counts of an invocation: one write for each tenant, instance and day, on which no job
//! depends.

use std::time::Duration;

use redaction::Recorder;
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, Kind, Spec};
use tokio::time::Instant;

use crate::{
    PLENTY, create_worker, delayed_media, job_accepted_at, lost_media,
    requests::{healthy_aws, is_claim, is_count, is_outcome, refuse_claim},
    retry_answer, run_batch, sqs_event, start_servers, success_answer,
};

/// 2026-11-18 in UTC.
const NOW: i64 = 1_795_000_000;

/// Runs a batch of media messages at [`NOW`], and returns the answer.
async fn run_media(
    script: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
    specs: Vec<Spec>,
) -> (Aws, Value) {
    let (aws, origins) = start_servers(script).await;
    let announce = |spec| origins.announce(spec).expect("a media file");
    let jobs: Vec<_> =
        specs.into_iter().map(|spec| job_accepted_at(&announce(spec), NOW)).collect();
    let worker = create_worker(&aws, &origins, || NOW);
    let answer = run_batch(&worker, sqs_event(&jobs), PLENTY).await;
    (aws, answer)
}

/// The writes of counts.
fn count_writes(aws: &Aws) -> Vec<Update> {
    let requests = aws.requests();
    requests.iter().filter(|seen| is_count(seen)).map(Update::from_request).collect()
}

/// What the only write of counts adds, without the durations.
fn only_counts(aws: &Aws) -> Value {
    let mut writes = count_writes(aws);
    assert_eq!(writes.len(), 1, "{writes:?}");
    let mut adds = writes.remove(0).adds;
    adds.remove("attempt_ms");
    let plain = adds.into_iter().map(|(name, value)| {
        let count: u64 = value["N"].as_str().expect("a number").parse().expect("a count");
        (name, json!(count))
    });
    Value::Object(plain.collect())
}

/// However many jobs an invocation has, an instance's counts of a day take one write.
#[tokio::test]
async fn a_batch_adds_its_counts_once() {
    let mut specs = vec![Spec::of(Kind::Image); 8];
    specs.extend([lost_media(), delayed_media()]);
    let (aws, _) = run_media(healthy_aws, specs).await;
    let stored: u64 = aws.requests_of("PutObject").iter().map(|seen| seen.body_bytes).sum();
    let expected = json!({ "announced": 10, "stored": 8, "bytes": stored, "puts": 8,
        "stored_wapi": 8, "parked_expired": 1 });
    assert_eq!(only_counts(&aws), expected);
    let write = &count_writes(&aws)[0];
    let key = json!({ "tenant": { "S": "acme" },
        "day": { "S": format!("2026-11-18#{DEFAULT_INSTANCE}") } });
    assert_eq!(write.key, key);
    let forget_at = (NOW + 400 * 86_400).to_string();
    assert_eq!(write.sets["forget_at"], json!({ "N": forget_at }));
    assert_eq!(write.condition, None);
}

/// A media message is announced once, however many runs it takes, and what was skipped or parked
/// before is not counted again.
#[tokio::test]
async fn later_runs_count_only_what_changes() {
    let earlier = |state: &str| {
        let item = json!({ "state": { "S": state }, "attempts": { "L": [] } });
        move |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" if is_claim(seen) => Answer::json(&json!({ "Attributes": item })),
            _ => healthy_aws(seen),
        }
    };
    let (aws, _) = run_media(earlier("retrying"), vec![lost_media()]).await;
    assert_eq!(only_counts(&aws), json!({ "parked_expired": 1 }));
    let (aws, _) = run_media(earlier("parked"), vec![lost_media()]).await;
    assert_eq!(only_counts(&aws), json!({}));
}

/// A duplicate, a run that another one overtook, and a message that is no job.
#[tokio::test]
async fn what_has_no_record_of_its_own_is_not_counted() {
    let duplicate = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => refuse_claim(seen, json!({ "state": { "S": "stored" } })),
        _ => healthy_aws(seen),
    };
    let (aws, answer) = run_media(duplicate, vec![Spec::of(Kind::Image)]).await;
    assert_eq!((count_writes(&aws), answer), (Vec::new(), success_answer()));
    let overtaken = |seen: &RecordedRequest| match seen.operation() {
        _ if is_outcome(seen) => Answer::condition_failed(None),
        _ => healthy_aws(seen),
    };
    let (aws, answer) = run_media(overtaken, vec![Spec::of(Kind::Image)]).await;
    assert_eq!((count_writes(&aws), answer), (Vec::new(), retry_answer()));
}

/// The parked queue refuses the job, so its record is set back: it is not parked.
#[tokio::test]
async fn a_job_that_could_not_be_parked_is_no_parked_job() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "SendMessage" => Answer::json_error(403, "AccessDeniedException"),
        _ => healthy_aws(seen),
    };
    let (aws, answer) = run_media(script, vec![lost_media()]).await;
    assert_eq!((only_counts(&aws), answer), (json!({ "announced": 1 }), retry_answer()));
}

/// The log says that the counts are missing.
#[tokio::test]
async fn counts_that_are_not_taken_fail_no_job() {
    let recorder = Recorder::start();
    let refused = |seen: &RecordedRequest| match seen.operation() {
        _ if is_count(seen) => Answer::json_error(400, "AccessDeniedException"),
        _ => healthy_aws(seen),
    };
    let silent = |seen: &RecordedRequest| match seen.operation() {
        _ if is_count(seen) => Answer::silence(),
        _ => healthy_aws(seen),
    };
    let (_, answer) = run_media(refused, vec![Spec::of(Kind::Image)]).await;
    assert_eq!(answer, success_answer());
    let begun = Instant::now();
    let (_, answer) = run_media(silent, vec![Spec::of(Kind::Image)]).await;
    assert_eq!(answer, success_answer());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let log = recorder.text();
    assert!(log.contains("adding the counts of an invocation failed"), "{log}");
    assert!(log.contains("adding the counts of an invocation took too long"), "{log}");
}
