//! Notes about jobs that no run works on, and what a job's record says.

use aws::{
    error::AwsError,
    ledger::{JobState, NoteOutcome, NoteTerms},
};
use media::failure::FailureClass;
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

use super::helpers::{
    JOBS_TABLE, NOW, announced, attributes, item_key, ledger, names, transaction,
};
use crate::samples::{MESSAGE, job};

async fn note_parked(aws: &Aws) -> Result<NoteOutcome, AwsError> {
    note_seen(aws, JobState::Unrecorded).await
}

async fn note_seen(aws: &Aws, seen: JobState) -> Result<NoteOutcome, AwsError> {
    let (job, why) = (job(), (FailureClass::Transient, "SQS moved it"));
    ledger(aws).note_parked((&job, BODY), why, seen, TERMS).await
}

const TERMS: NoteTerms = NoteTerms { now: NOW, retention: None };

const BODY: &str = "the body of the message";

/// The place of earlier versions has no record, and then AWS gives these answers.
async fn at_the_second_place(answers: impl IntoIterator<Item = Answer>) -> Aws {
    let mut all = Vec::new();
    for answer in answers {
        all.extend([Answer::json(&json!({})), answer]);
    }
    Aws::answer_in_order(all).await
}

/// Also only if the record has no final state, and is the tenant's.
#[tokio::test]
async fn parking_by_sqs_is_noted_only_without_a_run() {
    let failed = Answer::transaction_cancelled(["ConditionalCheckFailed", "None"]);
    let aws = at_the_second_place([Answer::json(&json!({})), failed]).await;
    assert_eq!(note_parked(&aws).await, Ok(NoteOutcome::Written));
    let [update, entry] = transaction(&aws.requests_of("TransactWriteItems")[0]);
    let mut sets = announced();
    sets.extend(attributes(&[
        ("message", json!({ "S": MESSAGE })),
        ("state", json!({ "S": "parked" })),
        ("class", json!({ "S": "transient" })),
        ("reason", json!({ "S": "SQS moved it" })),
        ("has_entry", json!({ "BOOL": true })),
    ]));
    assert_eq!(update.sets, sets);
    assert_eq!(update.sets_once.len(), 1);
    assert_eq!(
        update.removes,
        names(&["runs", "late_runs", "queued_until", "lease_owner", "lease_until", "forget_at",])
    );
    assert_eq!((&entry.table, &entry.key), (&JOBS_TABLE.to_owned(), &item_key()));
    assert_eq!(entry.sets["state"], json!({ "S": "parked" }));
    assert_eq!(entry.sets["state_class"], json!({ "S": "parked#transient" }));
    assert_eq!(entry.sets["body"], json!({ "S": BODY }));
    assert_eq!(entry.removes, names(&["due_shard", "due_at", "forget_at"]));
    let condition = update.condition.expect("a condition");
    let waits = "(attribute_not_exists(state) OR state = retrying OR (state = parked AND \
         attribute_not_exists(has_entry))) AND \
         (attribute_not_exists(lease_owner) OR lease_until < 1787432000) AND \
         (attribute_not_exists(tenant) OR tenant = acme) AND ";
    assert!(condition.starts_with(waits), "{condition}");
    assert_eq!(note_parked(&aws).await, Ok(NoteOutcome::Refused));
    let refused = note_parked(&aws).await.expect_err("nothing scripted");
    assert_eq!(refused.operation, "dynamodb:GetItem");
}

/// The record says that it has an entry, and it has none.
#[tokio::test]
async fn a_lost_entry_is_written_again() {
    let aws = at_the_second_place([Answer::json(&json!({}))]).await;
    assert_eq!(note_seen(&aws, JobState::EntryLost).await, Ok(NoteOutcome::Written));
    let [update, entry] = transaction(&aws.requests_of("TransactWriteItems")[0]);
    assert_eq!(entry.sets["body"], json!({ "S": BODY }));
    let condition = update.condition.expect("a condition");
    let waits = "(attribute_not_exists(state) OR state = retrying OR state = parked) AND \
         (attribute_not_exists(lease_owner) OR lease_until < 1787432000) AND ";
    assert!(condition.starts_with(waits), "{condition}");
}

/// A job of another tenant that is delivered again finds its own note.
#[tokio::test]
async fn a_note_that_is_there_already_says_so() {
    let item = json!({ "message": { "S": MESSAGE }, "tenant": { "S": "acme" },
        "state": { "S": "parked" }, "has_entry": { "BOOL": true } });
    let refused = |item: &Value| {
        let reasons =
            json!([{ "Code": "ConditionalCheckFailed", "Item": item }, { "Code": "None" }]);
        let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "CancellationReasons": reasons });
        Answer::new(400, body.to_string())
    };
    let aws = at_the_second_place([refused(&item)]).await;
    assert_eq!(note_parked(&aws).await, Ok(NoteOutcome::AlreadyParked));
    let mut stored = item;
    stored["state"] = json!({ "S": "stored" });
    let aws = at_the_second_place([refused(&stored)]).await;
    assert_eq!(note_parked(&aws).await, Ok(NoteOutcome::Refused));
}

/// The state of a job in a queue decides whether its message is deleted, so what cannot be read
/// counts as unrecorded, which deletes nothing.
#[tokio::test]
async fn a_job_state_is_what_the_record_says() {
    use JobState::{
        EntryLost, Foreign, InWork, Parked, Retrying, Skipped, StoredOrErased, Superseded,
        Unrecorded,
    };
    let with = |fields: Value| {
        let mut item = json!({ "message": { "S": MESSAGE }, "tenant": { "S": "acme" } });
        let (item_fields, fields) = (item.as_object_mut().expect("an item"), fields);
        item_fields.extend(fields.as_object().expect("fields").clone());
        json!({ "Item": item })
    };
    let state = |state: &str| with(json!({ "state": { "S": state } }));
    let held = |state: &str, until: i64| {
        with(json!({ "state": { "S": state }, "has_entry": { "BOOL": true },
            "lease_owner": { "S": "a run" }, "lease_until": { "N": until.to_string() } }))
    };
    for (answer, expected) in [
        (json!({}), Unrecorded),
        (state("stored"), StoredOrErased),
        (state("erased"), StoredOrErased),
        (state("skipped"), Skipped),
        (state("retrying"), Unrecorded),
        (state("parked"), Unrecorded),
        (with(json!({ "state": { "N": "1" } })), Unrecorded),
        (with(json!({ "state": { "S": "stored" }, "tenant": { "S": "other" } })), Foreign),
        (held("parked", NOW), InWork),
        // An operator decided after this copy of the job was accepted.
        (
            with(json!({ "state": { "S": "retrying" }, "decided_at": { "N": "1787432000" } })),
            Superseded,
        ),
        (with(json!({ "state": { "S": "retrying" }, "decided_at": { "N": "1" } })), Unrecorded),
        // The record of another message has this key, and the places after it are empty.
        (
            json!({ "Item": { "message": { "S": "another" }, "state": { "S": "stored" } } }),
            Unrecorded,
        ),
    ] {
        let none = || Answer::json(&json!({}));
        let aws = Aws::answer_in_order([none(), Answer::json(&answer), none()]).await;
        let known = ledger(&aws).read_job_state(&job(), NOW).await;
        assert_eq!(known, Ok(expected), "{answer}");
        let asked = aws.requests_of("GetItem");
        assert!(asked.iter().all(|one| one.json()["ConsistentRead"] == true));
    }
    // The record says that there is an entry; what counts is whether there is one.
    let entry = json!({ "Item": { "body": { "S": BODY } } });
    for (state, entry, expected) in [
        ("retrying", &entry, Retrying),
        ("retrying", &json!({}), Unrecorded),
        ("parked", &entry, Parked),
        ("parked", &json!({}), EntryLost),
    ] {
        let answers = [json!({}), held(state, NOW - 1), entry.clone()];
        let aws = Aws::answer_in_order(answers.map(|answer| Answer::json(&answer))).await;
        let known = ledger(&aws).read_job_state(&job(), NOW).await;
        assert_eq!(known, Ok(expected));
    }
    let aws = Aws::answer_in_order([Answer::json_error(400, "AccessDeniedException")]).await;
    let unknown = ledger(&aws).read_job_state(&job(), NOW).await;
    assert_eq!(unknown.expect_err("refused").status, Some(400));
}
