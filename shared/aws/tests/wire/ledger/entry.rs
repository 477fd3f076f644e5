//! Job entries: written with the record in one transaction, listed when due, taken once.

use aws::{
    entry_key::EntryKey,
    ledger::{Due, DueKey, DuePlace, EntryChange, EntryState, JobsTable, LeaseAfter, WriteOutcome},
};
use media::{job::QueuedJob, record::State};
use scripted_aws::{Answer, Aws, Update};
use serde_json::json;

use super::helpers::{
    JOBS_TABLE, NOW, TABLE, item_key, job, key, lease, ledger, names, parked, record, retrying,
    stored, transaction,
};
use crate::samples::{INSTANCE, MESSAGE, instance};

const BODY: &str = "the body of the queue message";

fn table(aws: &Aws) -> JobsTable {
    JobsTable::new(&aws.clients, JOBS_TABLE.to_owned())
}

/// The body of the sample job, as the queue has it.
fn job_body() -> String {
    QueuedJob::for_redrive(job(), NOW).to_json().expect("JSON")
}

fn entry_key() -> EntryKey {
    EntryKey { instance: instance(), key: key() }
}

async fn write(
    aws: &Aws,
    state: &State,
    entry: EntryChange<'_>,
) -> Result<WriteOutcome, aws::error::AwsError> {
    let (job, key) = (job(), key());
    let record = record(&job, &key, state);
    ledger(aws).write(&record, &lease(), LeaseAfter::Release, entry).await
}

fn put(state: EntryState) -> EntryChange<'static> {
    EntryChange::Put { body: BODY, state }
}

/// Both or none, and only under the lease.
#[tokio::test]
async fn record_and_entry_are_one_transaction() {
    let due = Due { place: DuePlace::Table, at: NOW + 3600 };
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let written = write(&aws, &retrying(), put(EntryState::Retrying(due))).await;
    assert_eq!(written, Ok(WriteOutcome::Yes));
    assert_eq!(aws.operations(), ["TransactWriteItems"]);
    let [record, entry] = transaction(&aws.only_request("TransactWriteItems"));
    assert_eq!((record.table.as_str(), entry.table.as_str()), (TABLE, JOBS_TABLE));
    assert_eq!((&record.key, &entry.key), (&item_key(), &item_key()));
    assert_eq!(record.condition.as_deref(), Some("lease_owner = this run"));
    assert_eq!(entry.condition, None);
    assert_eq!(record.sets["has_entry"], json!({ "BOOL": true }));
    assert!(record.removes.contains("queued_until"));
    let set = |name: &str| entry.sets[name].clone();
    assert_eq!(set("body"), json!({ "S": BODY }));
    assert_eq!(set("state_class"), json!({ "S": "retrying#transient" }));
    assert_eq!(set("recoverable_until"), json!({ "N": "1788641279" }));
    assert_eq!(set("due_at"), json!({ "N": (NOW + 3600).to_string() }));
    assert!(set("due_shard")["S"].as_str().is_some_and(|shard| shard.starts_with("table-")));
    // What a redrive wrote stays, so the entry is updated and not replaced.
    assert_eq!(entry.removes, names(&["forget_at"]));
}

/// A parked job is due at no time, and a settled one has no entry.
#[tokio::test]
async fn the_entry_follows_the_state() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    assert_eq!(write(&aws, &parked(), put(EntryState::Parked)).await, Ok(WriteOutcome::Yes));
    let [_, entry] = transaction(&aws.only_request("TransactWriteItems"));
    assert_eq!(entry.sets["state_class"], json!({ "S": "parked#expired" }));
    assert_eq!(entry.removes, names(&["forget_at", "due_shard", "due_at"]));

    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    assert_eq!(write(&aws, &stored(), EntryChange::Delete).await, Ok(WriteOutcome::Yes));
    let items = aws.only_request("TransactWriteItems").json()["TransactItems"].clone();
    let record = Update::from_body(&items[0]["Update"]);
    assert_eq!(record.sets["state"], json!({ "S": "stored" }));
    assert!(record.removes.is_superset(&names(&["has_entry", "queued_until"])));
    assert_eq!(items[1]["Delete"], json!({ "TableName": JOBS_TABLE, "Key": item_key() }));
}

/// What its event tells beyond the record is written with it, and ends by itself; of what is not
/// stored, nothing is.
#[tokio::test]
async fn the_texts_of_a_stored_file_are_written_with_its_record() {
    let mut job = job();
    job.message.caption = Some("legenda".to_owned());
    let key = key();
    for (state, entry, deletions) in
        [(stored(), EntryChange::Keep, 0), (stored(), EntryChange::Delete, 1)]
    {
        let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
        let record = record(&job, &key, &state);
        let written = ledger(&aws).write(&record, &lease(), LeaseAfter::Release, entry).await;
        assert_eq!(written, Ok(WriteOutcome::Yes));
        let items = aws.only_request("TransactWriteItems").json()["TransactItems"].clone();
        let items = items.as_array().expect("items");
        assert_eq!(items.iter().filter(|one| one.get("Delete").is_some()).count(), deletions);
        let texts = Update::from_body(&items.last().expect("items")["Update"]);
        assert_eq!(texts.table, JOBS_TABLE);
        let mut place = item_key();
        place["instance"] = json!({ "S": format!("texts#{}", instance()) });
        assert_eq!(texts.key, place);
        assert_eq!(texts.sets["caption"], json!({ "S": "legenda" }));
        assert_eq!(texts.sets["forget_at"], json!({ "N": (NOW + 25 * 3600).to_string() }));
        assert_eq!(texts.removes, names(&["file_name"]));
    }
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let (parked, put) = (parked(), put(EntryState::Parked));
    let record = record(&job, &key, &parked);
    let written = ledger(&aws).write(&record, &lease(), LeaseAfter::Release, put).await;
    assert_eq!(written, Ok(WriteOutcome::Yes));
    let [_, entry] = transaction(&aws.only_request("TransactWriteItems"));
    assert_eq!(entry.key, item_key());
}

/// Only a lost lease is an answer. A conflict with another write passes, and the job is retried.
#[tokio::test]
async fn a_cancelled_transaction_says_why() {
    for (answer, expected) in [
        (
            Answer::transaction_cancelled(["ConditionalCheckFailed", "None"]),
            Ok(WriteOutcome::Overtaken),
        ),
        (Answer::transaction_cancelled(["ThrottlingError", "None"]), Err("ThrottlingError")),
        (Answer::json_error(400, "AccessDeniedException"), Err("AccessDeniedException")),
    ] {
        let aws = Aws::answer_in_order([answer]).await;
        let written = write(&aws, &parked(), put(EntryState::Parked)).await;
        assert_eq!(written.map_err(|error| error.code), expected.map_err(str::to_owned));
    }
}

/// A claim of another run at the same moment costs a repetition, and not five minutes.
#[tokio::test]
async fn a_conflict_is_repeated_once() {
    let conflict = || Answer::transaction_cancelled(["None", "TransactionConflict"]);
    for (second, expected) in [
        (Answer::json(&json!({})), Ok(WriteOutcome::Yes)),
        (conflict(), Err("TransactionConflict")),
    ] {
        let aws = Aws::answer_in_order([conflict(), second]).await;
        let written = write(&aws, &parked(), put(EntryState::Parked)).await;
        assert_eq!(written.map_err(|error| error.code), expected.map_err(str::to_owned));
        assert_eq!(aws.operations(), ["TransactWriteItems"; 2]);
    }
}

#[tokio::test]
async fn due_entries_are_listed_by_their_shard() {
    let item = json!({ "instance": { "S": INSTANCE }, "message_id": { "S": key().as_str() },
        "due_shard": { "S": "table-3" }, "due_at": { "N": "7" } });
    let odd = json!({ "instance": { "S": INSTANCE }, "due_at": { "S": "now" } });
    let aws = Aws::answer_in_order([Answer::json(&json!({ "Items": [item, odd] }))]).await;
    let found = table(&aws).list_due(DuePlace::Table, 3, NOW, 50).await;
    assert_eq!(found, Ok(vec![DueKey { entry: entry_key(), due_at: 7 }]));
    assert_eq!(
        aws.only_request("Query").json(),
        json!({
            "TableName": JOBS_TABLE, "IndexName": "by_due", "Limit": 50,
            "KeyConditionExpression": "due_shard = :shard AND due_at <= :now",
            "ExpressionAttributeValues": {
                ":shard": { "S": "table-3" }, ":now": { "N": NOW.to_string() },
            },
        })
    );
}

/// Two passes may list the same entry, and one of them gets it. Whoever gets it gets it also when
/// the first answer was lost and the SDK repeats the call.
#[tokio::test]
async fn a_due_entry_is_taken_once() {
    let due = DueKey { entry: entry_key(), due_at: 7 };
    let item = json!({ "tenant": { "S": "acme" }, "body": { "S": BODY } });
    let answers = [Answer::json(&json!({ "Attributes": item })), Answer::condition_failed(None)];
    let aws = Aws::answer_in_order(answers).await;
    let taken = table(&aws).take_due(&due, NOW + 7200, "this take").await.expect("an answer");
    let taken = taken.expect("the entry");
    assert_eq!((taken.body.as_str(), taken.tenant.as_str()), (BODY, "acme"));
    assert!(!format!("{taken:?}").contains(BODY), "a body may contain a media key");
    let update = Update::from_request(&aws.requests_of("UpdateItem")[0]);
    assert_eq!(
        (&update.key, update.condition.as_deref()),
        (&item_key(), Some("(due_at = 7 OR taken_by = this take)"))
    );
    assert_eq!(update.sets["taken_by"], json!({ "S": "this take" }));
    assert_eq!(update.sets["due_at"], json!({ "N": (NOW + 7200).to_string() }));
    let shard = update.sets["due_shard"]["S"].as_str().expect("a shard").to_owned();
    assert!(shard.starts_with("queue-"), "{shard}");
    assert_eq!(table(&aws).take_due(&due, NOW + 7200, "this take").await, Ok(None));
}

#[tokio::test]
async fn an_unsent_entry_is_given_back() {
    let due = DueKey { entry: entry_key(), due_at: 7 };
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let given = table(&aws).give_back_due(&due, NOW + 7200, NOW + 60).await;
    assert_eq!(given, Ok(WriteOutcome::Yes));
    let update = Update::from_request(&aws.only_request("UpdateItem"));
    let until = format!("due_at = {}", NOW + 7200);
    assert_eq!(update.condition.as_deref(), Some(until.as_str()));
    assert_eq!(update.sets["due_at"], json!({ "N": (NOW + 60).to_string() }));
    assert!(update.sets["due_shard"]["S"].as_str().is_some_and(|it| it.starts_with("table-")));
}

/// The webhook function keeps a job without knowing its record. An entry that exists is not
/// touched: it may be parked, or in work.
#[tokio::test]
async fn a_kept_job_is_due_at_once() {
    let same = json!({ "body": { "S": job_body() } });
    let answers = [Answer::json(&json!({})), Answer::condition_failed(Some(&same))];
    let aws = Aws::answer_in_order(answers).await;
    assert_eq!(table(&aws).keep_job(&job(), BODY, NOW).await, Ok(()));
    let update = Update::from_request(&aws.requests_of("UpdateItem")[0]);
    assert_eq!((&update.table, &update.key), (&JOBS_TABLE.to_owned(), &item_key()));
    assert_eq!(update.condition.as_deref(), Some("attribute_not_exists(body)"));
    assert_eq!(update.sets["due_at"], json!({ "N": NOW.to_string() }));
    assert_eq!(update.sets["body"], json!({ "S": BODY }));
    assert_eq!(table(&aws).keep_job(&job(), BODY, NOW).await, Ok(()));
    let refused = table(&aws).keep_job(&job(), BODY, NOW).await.expect_err("nothing scripted");
    assert_eq!(refused.operation, "dynamodb:UpdateItem");
}

/// The same file under the same id in two chats: each job has a key of its own, as their records
/// have.
#[tokio::test]
async fn a_kept_job_does_not_replace_another() {
    let other = job_body().replace("5500900000002", "5500900000003");
    let answers = [
        Answer::condition_failed(Some(&json!({ "body": { "S": other } }))),
        Answer::json(&json!({})),
    ];
    let aws = Aws::answer_in_order(answers).await;
    assert_eq!(table(&aws).keep_job(&job(), BODY, NOW).await, Ok(()));
    let keys = aws.requests_of("UpdateItem").into_iter();
    let keys: Vec<_> = keys.map(|seen| seen.json()["Key"]["message_id"]["S"].clone()).collect();
    let expected: Vec<_> = job().message.identity().record_keys().take(2).collect();
    assert_eq!(keys, [json!(expected[0].as_str()), json!(expected[1].as_str())]);
}

/// Another job may have the key by now.
#[tokio::test]
async fn only_the_entry_that_was_sent_is_deleted() {
    let answers = [Answer::json(&json!({})), Answer::condition_failed(None)];
    let aws = Aws::answer_in_order(answers).await;
    assert_eq!(table(&aws).delete_entry(&entry_key(), BODY).await, Ok(()));
    assert_eq!(table(&aws).delete_entry(&entry_key(), BODY).await, Ok(()));
    let asked = aws.requests_of("DeleteItem")[0].json();
    assert_eq!((&asked["TableName"], &asked["Key"]), (&JOBS_TABLE.into(), &item_key()));
    assert_eq!(asked["ConditionExpression"], "body = :body");
    assert_eq!(asked["ExpressionAttributeValues"], json!({ ":body": { "S": BODY } }));
}

/// The key of an entry travels with its queue message.
#[test]
fn an_entry_key_is_read_as_it_was_written() {
    let written = entry_key().to_string();
    assert_eq!(written, format!("{INSTANCE}/{}", key().as_str()));
    assert_eq!(EntryKey::parse(&written), Some(entry_key()));
    let odd = EntryKey::parse("LITE-AAAAAA-BBBBBB/a/b").expect("a key");
    assert_eq!(odd.key.as_str(), "a/b");
    for text in ["", "LITE-AAAAAA-BBBBBB", "LITE-AAAAAA-BBBBBB/", "no instance/key"] {
        assert_eq!(EntryKey::parse(text), None, "{text}");
    }
    assert!(key().as_str().starts_with(MESSAGE));
}
