//! Notes about jobs that no run works on, and whether a job's media file is stored or erased.

use aws::{error::AwsError, ledger::WriteOutcome};
use media::failure::FailureClass;
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

use super::helpers::{NOW, announced, attributes, last_of_two, ledger, update, without_earlier};
use crate::samples::{MESSAGE, job};

async fn note_parked(aws: &Aws) -> Result<WriteOutcome, AwsError> {
    ledger(aws).note_parked(&job(), FailureClass::Transient, "SQS moved it", NOW).await
}

/// Also only if the record has no final state, and is the tenant's.
#[tokio::test]
async fn parking_by_sqs_is_noted_only_without_a_run() {
    let aws = without_earlier([Answer::json(&json!({})), Answer::condition_failed(None)]).await;
    assert_eq!(note_parked(&aws).await, Ok(WriteOutcome::Yes));
    let update = update(&last_of_two(&aws));
    let mut sets = announced();
    sets.extend(attributes(&[
        ("message", json!({ "S": MESSAGE })),
        ("state", json!({ "S": "parked" })),
        ("class", json!({ "S": "transient" })),
        ("reason", json!({ "S": "SQS moved it" })),
    ]));
    assert_eq!(update.sets, sets);
    assert_eq!((update.sets_once.len(), update.removes.len()), (1, 0));
    let condition = update.condition.expect("a condition");
    let waits = "(attribute_not_exists(state) OR state = retrying) AND \
         (attribute_not_exists(lease_owner) OR lease_until < 1787432000) AND \
         (attribute_not_exists(tenant) OR tenant = acme) AND ";
    assert!(condition.starts_with(waits), "{condition}");
    assert_eq!(note_parked(&aws).await, Ok(WriteOutcome::Overtaken));
    let refused = note_parked(&aws).await.expect_err("nothing scripted");
    assert_eq!(refused.operation, "dynamodb:UpdateItem");
}

/// Any other state, or no record, means that the media file may still have to be fetched.
#[tokio::test]
async fn is_stored_or_erased_reads_the_state() {
    let with = |state: Value| json!({ "Item": { "message": { "S": MESSAGE }, "state": state } });
    for (answer, is_stored_or_erased) in [
        (json!({}), false),
        (with(json!({ "S": "stored" })), true),
        (with(json!({ "S": "erased" })), true),
        (with(json!({ "S": "retrying" })), false),
        (with(json!({ "S": "parked" })), false),
        (with(json!({ "S": "skipped" })), false),
        (with(json!({ "N": "1" })), false),
        // The record of another message has this key, and the places after it are empty.
        (json!({ "Item": { "message": { "S": "another" }, "state": { "S": "stored" } } }), false),
    ] {
        let none = || Answer::json(&json!({}));
        let aws = Aws::answer_in_order([none(), Answer::json(&answer), none()]).await;
        let known = ledger(&aws).is_stored_or_erased(&job()).await;
        assert_eq!(known, Ok(is_stored_or_erased), "{answer}");
        let asked = aws.requests_of("GetItem");
        assert!(asked.iter().all(|one| one.json()["ConsistentRead"] == true));
    }
    let aws = Aws::answer_in_order([Answer::json_error(400, "AccessDeniedException")]).await;
    let unknown = ledger(&aws).is_stored_or_erased(&job()).await;
    assert_eq!(unknown.expect_err("refused").status, Some(400));
}
