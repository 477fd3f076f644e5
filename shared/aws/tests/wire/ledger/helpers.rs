//! Claims and writes of one sample job, and the attributes that they set.

use std::collections::{BTreeMap, BTreeSet};

use aws::{
    error::AwsError,
    ledger::{Claim, EntryChange, LeaseAfter, Ledger, LedgerTables, WriteOutcome},
};
use media::{
    failure::FailureClass,
    identity::RecordKey,
    job::Job,
    record::{Attempt, Lease, Record, RunCounts, State},
    strategy::Strategy,
};
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};

use crate::samples::{INSTANCE, JPEG, MESSAGE, proof_of};

pub(crate) const TABLE: &str = "media-table";
pub(crate) const JOBS_TABLE: &str = "jobs-table";
pub(crate) const NOW: i64 = 1_787_432_000;

pub(crate) fn ledger(aws: &Aws) -> Ledger {
    let tables = LedgerTables { media: TABLE.to_owned(), jobs: JOBS_TABLE.to_owned() };
    Ledger::new(&aws.clients, tables)
}

pub(crate) fn lease() -> Lease {
    Lease { owner: "this run".to_owned(), until: NOW + 660 }
}

pub(crate) fn attempt(n: usize) -> Attempt {
    Attempt {
        strategy: Strategy::Cdn,
        host: Some("mmg.example.invalid".to_owned()),
        status: Some(503),
        excerpt: None,
        received_bytes: 12,
        duration_ms: 34,
        verdict: format!("attempt {n}"),
    }
}

pub(crate) fn stored() -> State {
    State::Stored {
        object_key: "acme/key.jpg".to_owned(),
        strategy: Strategy::Cdn,
        proof: proof_of(JPEG),
    }
}

pub(crate) fn retrying() -> State {
    State::Retrying { class: FailureClass::Transient, reason: "the CDN is down".to_owned() }
}

pub(crate) fn parked() -> State {
    State::Parked { class: FailureClass::Expired, reason: "the CDN has lost it".to_owned() }
}

/// The sample job, without a text for its event.
pub(crate) fn job() -> Job {
    let mut job = crate::samples::job();
    job.message.file_name = None;
    job
}

/// Claims the sample job, of which no earlier version has a record.
pub(crate) async fn claim(aws: &Aws) -> Result<Claim, AwsError> {
    ledger(aws).claim(&job(), &lease(), NOW).await
}

/// AWS that has no record of an earlier version, and then gives these answers.
pub(crate) async fn without_earlier(answers: impl IntoIterator<Item = Answer>) -> Aws {
    let mut all = Vec::new();
    for answer in answers {
        all.extend([Answer::json(&json!({})), answer]);
    }
    Aws::answer_in_order(all).await
}

/// The only update. A read, strongly consistent, looked for the record of an earlier version before
/// it.
pub(crate) fn only_update(aws: &Aws) -> RecordedRequest {
    assert_eq!(aws.operations(), ["GetItem", "UpdateItem"]);
    let read = aws.only_request("GetItem").json();
    let earlier = json!({ "instance": { "S": INSTANCE }, "message_id": { "S": MESSAGE } });
    assert_eq!((&read["Key"], &read["ConsistentRead"]), (&earlier, &json!(true)));
    aws.only_request("UpdateItem")
}

/// The key of the sample job's record.
pub(crate) fn key() -> RecordKey {
    let identity = job().message.identity();
    identity.record_keys().next().expect("a key")
}

/// A record of the sample job without attempts, as its first run writes it.
pub(crate) fn record<'a>(job: &'a Job, key: &'a RecordKey, state: &'a State) -> Record<'a> {
    Record {
        tenant: &job.tenant,
        instance: &job.instance,
        message: &job.message,
        key,
        state,
        attempts: &[],
        lost_since: None,
        runs: RunCounts::default(),
        now: NOW,
        forget_at: None,
    }
}

pub(crate) async fn write(
    aws: &Aws,
    state: &State,
    attempts: usize,
    lease_after: LeaseAfter,
) -> Result<WriteOutcome, AwsError> {
    let (job, key) = (job(), key());
    let attempts: Vec<_> = (1..=attempts).map(attempt).collect();
    let record = Record { attempts: &attempts, ..record(&job, &key, state) };
    ledger(aws).write(&record, &lease(), lease_after, EntryChange::Keep).await
}

pub(crate) async fn written(state: &State, attempts: usize, lease_after: LeaseAfter) -> Update {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let written = write(&aws, state, attempts, lease_after).await.expect("an answer");
    assert_eq!(written, WriteOutcome::Yes);
    update(&aws.only_request("UpdateItem"))
}

/// The two updates of a transaction: of the record, and of the job entry.
pub(crate) fn transaction(seen: &RecordedRequest) -> [Update; 2] {
    let json = seen.json();
    let items = json["TransactItems"].as_array().expect("items");
    assert_eq!(items.len(), 2, "{json}");
    [0, 1].map(|n| Update::from_body(&items[n]["Update"]))
}

/// The update of the sample job's record in a request.
pub(crate) fn update(seen: &RecordedRequest) -> Update {
    assert_eq!(seen.json()["TableName"], TABLE);
    let update = Update::from_request(seen);
    assert_eq!(update.key, item_key());
    update
}

pub(crate) fn item_key() -> Value {
    json!({ "instance": { "S": INSTANCE }, "message_id": { "S": key().as_str() } })
}

pub(crate) fn attributes(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
    let pair = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    pairs.iter().map(pair).collect()
}

/// The attributes that come from the webhook.
pub(crate) fn announced() -> BTreeMap<String, Value> {
    attributes(&[
        ("tenant", json!({ "S": "acme" })),
        ("chat", json!({ "S": "5500900000002" })),
        ("kind", json!({ "S": "document" })),
        ("direction", json!({ "S": "in" })),
        ("moment", json!({ "N": "1787431679" })),
        ("moment_source", json!({ "S": "message" })),
        ("recoverable_until", json!({ "N": "1788641279" })),
        ("updated_at", json!({ "N": "1787432000" })),
    ])
}

/// The attributes that every run writes after one attempt, and these of its own.
pub(crate) fn run_fields(own: &[(&str, Value)]) -> BTreeMap<String, Value> {
    let attempt = json!({ "M": {
        "strategy": { "S": "cdn" },
        "host": { "S": "mmg.example.invalid" },
        "status": { "N": "503" },
        "received_bytes": { "N": "12" },
        "duration_ms": { "N": "34" },
        "verdict": { "S": "attempt 1" },
    } });
    let mut all = attributes(own);
    all.extend(attributes(&[
        ("updated_at", json!({ "N": "1787432000" })),
        ("attempts", json!({ "L": [attempt] })),
    ]));
    all
}

pub(crate) fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}
