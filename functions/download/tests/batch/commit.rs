//! Storing and recording: the intent before a commit, and what a failure in between leaves.

use std::sync::Arc;

use media::sha256::Sha256;
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use stand_in::{Kind, Spec};

use crate::{
    PLENTY, create_worker, queued_job,
    requests::{healthy_aws, is_claim, is_intent, is_outcome, outcome_updates, written_state},
    retry_answer, run_batch, run_job, sqs_event, start_servers, success_answer,
};

#[tokio::test]
async fn an_unrecorded_file_is_recorded_on_retry() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" if is_outcome(seen) => Answer::json_error(400, "ResourceNotFoundException"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, retry_answer());
    assert_eq!(aws.requests_of("PutObject").len(), 1);

    let script = |seen: &RecordedRequest| match seen.operation() {
        "PutObject" => Answer::s3_error(412, "PreconditionFailed"),
        _ => healthy_aws(seen),
    };
    let aws = Aws::start(script).await;
    assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
    let writes = outcome_updates(&aws);
    assert_eq!(writes.len(), 1);
    assert_eq!(written_state(&writes[0]), (Some("stored"), true));
    assert_eq!(writes[0].sets["sha256"], json!({ "S": announced.sha256_hex }));
}

/// The job is retried, and no other strategy is tried.
#[tokio::test]
async fn a_failure_of_s3_blames_no_source() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "PutObject" => Answer::s3_error(403, "AccessDenied"),
        _ => healthy_aws(seen),
    };
    let (aws, origins) = start_servers(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
    let answer = run_batch(
        &create_worker(&aws, &origins, boot::clock::now),
        sqs_event(&[queued_job(&announced)]),
        PLENTY,
    )
    .await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(1));
    assert!(
        origins.requests().iter().all(|one| !one.path.starts_with("/v/")),
        "the CDN was not asked"
    );
    let writes = outcome_updates(&aws);
    assert_eq!(writes.len(), 1);
    assert_eq!(written_state(&writes[0]), (Some("retrying"), true));
    let reason = writes[0].sets["reason"]["S"].as_str().unwrap_or_default();
    assert!(reason.starts_with("s3:PutObject failed: AccessDenied"), "{reason}");
}

/// The object was stored by a run that died before it wrote the record. That run's intent describes
/// the object.
#[tokio::test]
async fn after_412_the_record_describes_the_stored_object() {
    let first = json!({
        "strategy": { "S": "cdn" }, "size_bytes": { "N": "12" }, "integrity": { "S": "mac-only" },
        "sha256": { "S": Sha256::from_data(b"first").to_hex() },
    });
    let elsewhere = json!({ "M": { "object_key": { "S": "acme/another.jpg" }, "strategy": { "S": "wapi" },
        "size_bytes": { "N": "1" }, "integrity": { "S": "sha256" }, "sha256": { "S": Sha256::from_data(b"x").to_hex() } } });
    // Without an earlier intent, with one of another object only, and with one of this object.
    for (intents, is_known) in
        [(json!([]), false), (json!([elsewhere.clone()]), false), (json!([]), true)]
    {
        let key = Arc::new(std::sync::Mutex::new(String::new()));
        let (first, intents, known_key) = (first.clone(), intents.clone(), Arc::clone(&key));
        let script = move |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" if is_claim(seen) => {
                let mut intents = intents.as_array().expect("a list").clone();
                if is_known {
                    let mut intent = first.clone();
                    intent["object_key"] = json!({ "S": *known_key.lock().expect("the key") });
                    intents.push(json!({ "M": intent }));
                }
                Answer::json(&json!({ "Attributes": { "committing": { "L": intents } } }))
            }
            "PutObject" => Answer::s3_error(412, "PreconditionFailed"),
            // Only the object of the known key is there.
            "GetObjectTagging" => {
                let known = known_key.lock().expect("the key");
                if !known.is_empty() && seen.path.ends_with(known.as_str()) {
                    Answer::new(200, "<Tagging><TagSet></TagSet></Tagging>")
                } else {
                    Answer::s3_error(404, "NoSuchKey")
                }
            }
            _ => healthy_aws(seen),
        };
        let (aws, origins) = start_servers(script).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
        run_job(&aws, &origins, queued_job(&announced)).await;
        let put = aws.only_request("PutObject").path;
        *key.lock().expect("the key") = put.trim_start_matches("/bucket/").to_owned();
        assert_eq!(run_job(&aws, &origins, queued_job(&announced)).await, success_answer());
        let wrote = outcome_updates(&aws).pop().expect("a record");
        let said = |name: &str| wrote.sets[name]["S"].as_str().unwrap_or_default().to_owned();
        let (sha256, integrity, strategy) = if is_known {
            (Sha256::from_data(b"first").to_hex(), "mac-only", "cdn")
        } else {
            (announced.sha256_hex.clone(), "sha256", "wapi")
        };
        assert_eq!((said("state"), said("sha256")), ("stored".to_owned(), sha256));
        assert_eq!(
            (said("integrity"), said("strategy")),
            (integrity.to_owned(), strategy.to_owned())
        );
        assert!(wrote.removes.contains("committing"), "{:?}", wrote.removes);
    }
}

/// If the note cannot be written, nothing is committed.
#[tokio::test]
async fn an_intent_precedes_every_commit() {
    for refusal in [
        None,
        Some(Answer::condition_failed as fn(Option<&Value>) -> Answer),
        Some(|_| Answer::json_error(400, "ResourceNotFoundException")),
    ] {
        let script = move |seen: &RecordedRequest| match (refusal, is_intent(seen)) {
            (Some(refusal), true) => refusal(None),
            _ => healthy_aws(seen),
        };
        let (aws, origins) = start_servers(script).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a media file");
        let answer = run_job(&aws, &origins, queued_job(&announced)).await;
        let intents = aws.requests().into_iter().filter(is_intent);
        let intent = Update::from_request(&intents.last().expect("an intent"));
        assert!(intent.condition.expect("a condition").starts_with("lease_owner = "));
        let said = &intent.sets["committing"]["L"][0]["M"];
        assert_eq!(said["sha256"]["S"], announced.sha256_hex);
        let committed = aws.requests_of("PutObject").len();
        match refusal {
            None => assert_eq!((answer, committed), (success_answer(), 1)),
            Some(_) => assert_eq!((answer, committed), (retry_answer(), 0)),
        }
    }
}
