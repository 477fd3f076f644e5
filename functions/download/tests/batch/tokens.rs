//! Tokens that change while the instance is cached.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use scripted_aws::{Answer, RecordedRequest};
use serde_json::{Value, json};
use stand_in::DEFAULT_INSTANCE;

use crate::{
    PLENTY, advance_time, create_worker, queued_job,
    requests::{
        due_at, healthy_aws, instance_answer, is_instance_read, outcome_updates, written_entry,
    },
    run_batch, sqs_event, start_servers, success_answer, wapi_only_media,
};

/// An instance whose token is `old` until it is changed to `new`. Decrypting returns the
/// ciphertext.
fn aws_with_changing_token(
    is_changed: &Arc<AtomicBool>,
) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    let is_changed = Arc::clone(is_changed);
    move |seen| match seen.operation() {
        _ if is_instance_read(seen) => {
            let is_changed = is_changed.load(Ordering::SeqCst);
            instance_answer(&json!({}), if is_changed { "bmV3" } else { "b2xk" })
        }
        "Decrypt" => Answer::json(&json!({ "Plaintext": seen.json()["CiphertextBlob"] })),
        _ => healthy_aws(seen),
    }
}

/// The instance is blamed only if the token in the table is refused too.
#[tokio::test]
async fn a_changed_token_is_read_again() {
    let is_changed = Arc::default();
    let (aws, origins) = start_servers(aws_with_changing_token(&is_changed)).await;
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let next =
        || sqs_event(&[queued_job(&origins.announce(wapi_only_media()).expect("a media file"))]);
    origins.register_instance(DEFAULT_INSTANCE, "old");
    assert_eq!(run_batch(&worker, next(), PLENTY).await, success_answer());

    origins.register_instance(DEFAULT_INSTANCE, "new");
    let now = boot::clock::now();
    // The table still has the old token. The job waits in the jobs table.
    assert_eq!(run_batch(&worker, next(), PLENTY).await, success_answer());
    let class = outcome_updates(&aws)[1].sets["class"].clone();
    assert_eq!(class, json!({ "S": "instance" }));
    let wait = due_at(&written_entry(&aws)) - now;
    assert!(wait >= 900, "a person needs time: {wait}");

    is_changed.store(true, Ordering::SeqCst);
    advance_time(Duration::from_secs(11)).await;
    assert_eq!(run_batch(&worker, next(), PLENTY).await, success_answer());
    assert_eq!(aws.requests_of("PutObject").len(), 2);
    let attempts = outcome_updates(&aws)[2].sets["attempts"]["L"].clone();
    let texts: Vec<_> = attempts
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["M"]["verdict"]["S"].clone())
        .collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!(texts[1], "stored");
}

#[tokio::test]
async fn a_changed_token_ignores_the_open_circuit() {
    let is_changed = Arc::default();
    let (aws, origins) = start_servers(aws_with_changing_token(&is_changed)).await;
    let now = boot::clock::now();
    let worker = create_worker(&aws, &origins, move || now);
    let next =
        || sqs_event(&[queued_job(&origins.announce(wapi_only_media()).expect("a media file"))]);
    origins.register_instance(DEFAULT_INSTANCE, "new");
    for _ in 0..6 {
        run_batch(&worker, next(), PLENTY).await;
    }
    let all = outcome_updates(&aws);
    let classes = all.iter().map(|write| &write.sets["class"]["S"]);
    assert!(classes.eq(&["instance"; 6].map(Value::from)), "also when spared");

    is_changed.store(true, Ordering::SeqCst);
    advance_time(Duration::from_secs(11)).await;
    assert_eq!(run_batch(&worker, next(), PLENTY).await, success_answer());
    // One success ends the rest for all.
    assert_eq!(run_batch(&worker, next(), PLENTY).await, success_answer());
}

/// The instance moves to another tenant while its item is cached. The refused token is not replaced
/// by the next tenant's.
#[tokio::test]
async fn the_next_tenants_token_is_not_used() {
    let is_changed: Arc<AtomicBool> = Arc::default();
    let script = {
        let before = aws_with_changing_token(&is_changed);
        let is_changed = Arc::clone(&is_changed);
        move |seen: &RecordedRequest| match seen.operation() {
            _ if is_instance_read(seen) && is_changed.load(Ordering::SeqCst) => {
                Answer::json(&json!({ "Item": {
                    "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "next" }, "secret_hashes": { "L": [] },
                    "sealed_token": { "S": "bmV3" }, "created_at": { "N": "0" } } }))
            }
            _ => before(seen),
        }
    };
    let (aws, origins) = start_servers(script).await;
    let worker = create_worker(&aws, &origins, boot::clock::now);
    let next =
        || sqs_event(&[queued_job(&origins.announce(wapi_only_media()).expect("a media file"))]);
    origins.register_instance(DEFAULT_INSTANCE, "old");
    assert_eq!(run_batch(&worker, next(), PLENTY).await, success_answer());
    origins.register_instance(DEFAULT_INSTANCE, "new");
    is_changed.store(true, Ordering::SeqCst);
    advance_time(Duration::from_secs(11)).await;
    run_batch(&worker, next(), PLENTY).await;
    assert_eq!(outcome_updates(&aws)[1].sets["state"]["S"], "retrying");
    assert_eq!(aws.requests_of("PutObject").len(), 1);
    let opened = aws.requests_of("Decrypt");
    let opened: Vec<_> = opened.iter().map(|seen| seen.json()["CiphertextBlob"].clone()).collect();
    assert_eq!(opened, ["b2xk"], "only the token of before was opened");
}
