//! When records and job entries end under a retention, and that what is tried again never does.

use aws::{
    dynamodb::Attributes,
    entry_key::EntryKey,
    ledger::{
        Due, DuePlace, EntryChange, EntryState, JobState, LeaseAfter, NoteOutcome, NoteTerms,
        RecordEnd, RedriveOutcome, WriteOutcome,
    },
};
use media::{
    failure::FailureClass,
    ids::TenantId,
    policy::Retention,
    record::{Record, State},
};
use scripted_aws::{Answer, Aws, Update};
use serde_json::{Value, json};

use super::helpers::{
    JOBS_TABLE, NOW, TABLE, item_key, job, key, lease, ledger, names, parked, record, retrying,
    stored, transaction, update,
};
use crate::samples::{MESSAGE, instance, queued};

const DAY: i64 = 86_400;

/// When the tests' records end.
const END: i64 = NOW + 30 * DAY;

async fn write(aws: &Aws, state: &State, entry: EntryChange<'_>) {
    let (job, key) = (job(), key());
    let record = Record { forget_at: Some(END), ..record(&job, &key, state) };
    let written = ledger(aws).write(&record, &lease(), LeaseAfter::Release, entry).await;
    assert_eq!(written, Ok(WriteOutcome::Yes));
}

fn end() -> Value {
    json!({ "N": END.to_string() })
}

async fn answering_once() -> Aws {
    Aws::answer_in_order([Answer::json(&json!({}))]).await
}

#[tokio::test]
async fn a_settled_record_has_its_end() {
    let aws = answering_once().await;
    write(&aws, &stored(), EntryChange::Keep).await;
    assert_eq!(update(&aws.only_request("UpdateItem")).sets["forget_at"], end());
    let aws = answering_once().await;
    let put = EntryChange::Put { body: "a body", state: EntryState::Parked };
    write(&aws, &parked(), put).await;
    let [record, entry] = transaction(&aws.only_request("TransactWriteItems"));
    assert_eq!((&record.sets["forget_at"], &entry.sets["forget_at"]), (&end(), &end()));
}

/// `DynamoDB` would remove the only copy of a job that was parked once and is tried again.
#[tokio::test]
async fn a_retried_job_has_no_end() {
    let aws = answering_once().await;
    let due = Due { place: DuePlace::Table, at: NOW + 3600 };
    let put = EntryChange::Put { body: "a body", state: EntryState::Retrying(due) };
    write(&aws, &retrying(), put).await;
    for update in transaction(&aws.only_request("TransactWriteItems")) {
        assert!(update.removes.contains("forget_at"), "{update:?}");
        assert!(!update.sets.contains_key("forget_at"), "{update:?}");
    }
}

#[tokio::test]
async fn a_redriven_job_has_no_end() {
    let body = queued(0).to_json().expect("JSON");
    let item = json!({ "instance": { "S": instance().as_str() }, "tenant": { "S": "acme" },
        "state": { "S": "parked" }, "class": { "S": "expired" }, "body": { "S": body },
        "forget_at": end() });
    let answers = [Answer::json(&json!({ "Item": item })), Answer::json(&json!({}))];
    let aws = Aws::answer_in_order(answers).await;
    let entry = EntryKey { instance: instance(), key: key() };
    let redriven = ledger(&aws).redrive_parked(&entry, NOW + 7200, NOW).await;
    assert!(matches!(redriven, Ok(RedriveOutcome::Decided { .. })), "{redriven:?}");
    for update in transaction(&aws.only_request("TransactWriteItems")) {
        assert!(update.removes.contains("forget_at"), "{update:?}");
    }
}

/// The age of the message counts, so that a job that is parked again and again ends.
#[tokio::test]
async fn a_job_that_sqs_parked_ends_with_its_message() {
    let answers = [
        // An earlier version has no record of it.
        Answer::json(&json!({})),
        Answer::json(&json!({})),
    ];
    let aws = Aws::answer_in_order(answers).await;
    let terms = NoteTerms { now: NOW + DAY, retention: Some(Retention::Days30) };
    let noted = ledger(&aws)
        .note_parked(
            (&job(), "a body"),
            (FailureClass::Transient, "SQS moved it"),
            JobState::Unrecorded,
            terms,
        )
        .await;
    assert_eq!(noted, Ok(NoteOutcome::Written));
    let message_end = json!({ "N": (job().message.moment + 30 * DAY).to_string() });
    for update in transaction(&aws.requests_of("TransactWriteItems")[0]) {
        assert_eq!(update.sets["forget_at"], message_end);
    }
}

fn record_end(item: Value) -> Option<RecordEnd> {
    let mut whole = json!({ "message_id": key().as_str(), "tenant": "acme", "message": MESSAGE });
    for (name, value) in item.as_object().expect("attributes") {
        whole[name] = value.clone();
    }
    let item: Attributes = serde_dynamo::to_item(whole).expect("an item");
    RecordEnd::from_item(&item, &TenantId::parse("acme".to_owned()).expect("a tenant"))
}

/// What is tried again, and the mark of an erased media file, have ends of their own.
#[test]
fn only_settled_records_are_given_an_end() {
    for state in ["retrying", "erased", "of a later version"] {
        assert_eq!(record_end(json!({ "state": state, "updated_at": NOW })), None, "{state}");
    }
    let other = json!({ "state": "stored", "updated_at": NOW, "tenant": "other" });
    assert_eq!(record_end(other), None);
    assert_eq!(record_end(json!({ "state": "stored" })), None);
    for state in ["stored", "parked", "skipped"] {
        assert!(record_end(json!({ "state": state, "updated_at": NOW })).is_some(), "{state}");
    }
}

/// A file's days begin when it was stored, those of other records with the message.
#[tokio::test]
async fn an_end_is_given_to_what_did_not_change() {
    let moment = NOW - 5 * DAY;
    let parked = json!({ "state": "parked", "updated_at": NOW, "moment": moment,
        "moment_source": "message", "has_entry": true });
    let stored = json!({ "state": "stored", "updated_at": NOW, "stored_at": NOW - DAY,
        "moment": moment });
    let aws = Aws::answer_in_order([
        Answer::json(&json!({})),
        Answer::json(&json!({})),
        Answer::condition_failed(None),
    ])
    .await;
    let stored = record_end(stored).expect("a record");
    let class = Some(Retention::Days30);
    let ledger = ledger(&aws);
    assert!(!stored.agrees_with(class) && stored.agrees_with(None));
    assert_eq!(ledger.set_end(&instance(), &stored, class, NOW).await, Ok(WriteOutcome::Yes));
    let update = update(&aws.only_request("UpdateItem"));
    assert_eq!(update.sets["forget_at"], json!({ "N": (NOW + 29 * DAY).to_string() }));
    let condition = update.condition.expect("a condition");
    assert!(condition.contains("state = stored"), "{condition}");
    assert!(condition.contains(&format!("updated_at = {NOW}")), "{condition}");

    let parked = record_end(parked).expect("a record");
    assert_eq!(ledger.set_end(&instance(), &parked, class, NOW).await, Ok(WriteOutcome::Yes));
    let [record, entry] = transaction(&aws.only_request("TransactWriteItems"));
    assert_eq!((record.table.as_str(), entry.table.as_str()), (TABLE, JOBS_TABLE));
    let parked_end = json!({ "N": (NOW + 25 * DAY).to_string() });
    assert_eq!((&record.sets["forget_at"], &entry.sets["forget_at"]), (&parked_end, &parked_end));
    assert_eq!(entry.condition.as_deref(), Some("state = parked"));

    let overtaken = ledger.set_end(&instance(), &stored, class, NOW).await;
    assert_eq!(overtaken, Ok(WriteOutcome::Overtaken));
}

#[tokio::test]
async fn a_retention_that_ended_takes_the_end_away() {
    let record = json!({ "state": "skipped", "updated_at": NOW, "forget_at": END });
    let record = record_end(record).expect("a record");
    assert!(!record.agrees_with(None));
    let aws = answering_once().await;
    assert_eq!(ledger(&aws).set_end(&instance(), &record, None, NOW).await, Ok(WriteOutcome::Yes));
    let update = Update::from_request(&aws.only_request("UpdateItem"));
    assert_eq!((update.key, update.removes), (item_key(), names(&["forget_at"])));
}
