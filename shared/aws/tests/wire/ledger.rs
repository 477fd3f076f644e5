//! The table of media: who may claim, that only the lease's owner writes, and what each write sets.

use std::collections::BTreeMap;

use aws::{
    error::AwsError,
    ledger::{Claim, CommitIntent, Erasable, LeaseAfter, Ledger, MAX_ATTEMPTS, WriteOutcome},
};
use media::{
    failure::FailureClass,
    identity::RecordKey,
    policy::SkipRule,
    record::{Attempt, Integrity, Lease, Record, State},
    sha256::Sha256,
    strategy::Strategy,
};
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};

use crate::samples::{INSTANCE, JPEG, MESSAGE, instance, job, proof_of};

const TABLE: &str = "media-table";
const NOW: i64 = 1_787_432_000;

fn ledger(aws: &Aws) -> Ledger {
    Ledger::new(&aws.clients, TABLE.to_owned())
}

fn lease() -> Lease {
    Lease { owner: "this run".to_owned(), until: NOW + 660 }
}

fn attempt(n: usize) -> Attempt {
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

fn stored(was_there: bool) -> State {
    State::Stored {
        object_key: "acme/key.jpg".to_owned(),
        strategy: Strategy::Cdn,
        proof: proof_of(JPEG),
        was_there,
    }
}

fn retrying() -> State {
    State::Retrying { class: FailureClass::Transient, reason: "the CDN is down".to_owned() }
}

fn parked() -> State {
    State::Parked { class: FailureClass::Expired, reason: "the CDN has lost it".to_owned() }
}

fn skipped() -> State {
    State::Skipped { rule: SkipRule::Chat }
}

fn every_state() -> [State; 5] {
    [stored(false), stored(true), retrying(), parked(), skipped()]
}

/// Claims a medium of which there is no record of a version before.
async fn claim(aws: &Aws) -> Result<Claim, AwsError> {
    ledger(aws).claim(&job(), &lease(), NOW).await
}

/// AWS that has no record of a version before, and then these answers.
async fn without_earlier(answers: impl IntoIterator<Item = Answer>) -> Aws {
    let mut all = Vec::new();
    for answer in answers {
        all.extend([Answer::condition_failed(None), answer]);
    }
    Aws::answer_in_order(all).await
}

/// The second of two updates: the first looked for a record of a version before.
fn last_of_two(aws: &Aws) -> RecordedRequest {
    let seen = aws.requests_of("UpdateItem");
    assert_eq!(seen.len(), 2, "{:?}", aws.operations());
    let earlier = json!({ "instance": { "S": INSTANCE }, "message_id": { "S": MESSAGE } });
    assert_eq!(Update::from_request(&seen[0]).key, earlier);
    seen[1].clone()
}

/// Where the record of the tests' medium is.
fn key() -> RecordKey {
    let identity = job().message.identity();
    identity.record_keys().next().expect("a key")
}

async fn write(
    aws: &Aws,
    state: &State,
    attempts: usize,
    then: LeaseAfter,
) -> Result<WriteOutcome, AwsError> {
    let job = job();
    let attempts: Vec<_> = (1..=attempts).map(attempt).collect();
    let record = Record {
        tenant: &job.tenant,
        instance: &job.instance,
        message: &job.message,
        key: &key(),
        state,
        attempts: &attempts,
        lost_since: None,
        now: NOW,
    };
    ledger(aws).write(&record, &lease(), then).await
}

async fn written(state: &State, attempts: usize, then: LeaseAfter) -> Update {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let written = write(&aws, state, attempts, then).await.expect("an answer");
    assert_eq!(written, WriteOutcome::Yes);
    update(&aws.only_request("UpdateItem"))
}

/// An update of this table's item.
fn update(seen: &RecordedRequest) -> Update {
    assert_eq!(seen.json()["TableName"], TABLE);
    let update = Update::from_request(seen);
    assert_eq!(update.key, item_key());
    update
}

fn item_key() -> Value {
    json!({ "instance": { "S": INSTANCE }, "message_id": { "S": key().as_str() } })
}

fn attributes(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
    let pair = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    pairs.iter().map(pair).collect()
}

/// What the announcement says.
fn announced() -> BTreeMap<String, Value> {
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

/// What every run that was at it writes, after one attempt, and what is its own.
fn found_out(own: &[(&str, Value)]) -> BTreeMap<String, Value> {
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

fn names(list: &[&str]) -> std::collections::BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_claim_says_what_was_announced_and_takes_the_lease_unless_it_is_stored_or_anothers() {
    let aws = without_earlier([Answer::json(&json!({}))]).await;
    claim(&aws).await.expect("an answer");
    let seen = last_of_two(&aws);
    let update = update(&seen);
    let mut sets = announced();
    sets.extend(attributes(&[
        ("message", json!({ "S": MESSAGE })),
        ("lease_owner", json!({ "S": "this run" })),
        ("lease_until", json!({ "N": "1787432660" })),
    ]));
    assert_eq!(update.sets, sets);
    assert_eq!(
        update.sets_once,
        attributes(&[
            ("state", json!({ "S": "retrying" })),
            ("chat_phone", json!({ "S": "5500900000002" })),
        ])
    );
    assert_eq!(update.removes, names(&[]));
    let condition = update.condition.expect("a condition");
    let free = "(attribute_not_exists(state) OR (state <> stored AND state <> erased)) AND \
         (attribute_not_exists(lease_owner) OR lease_owner = this run OR lease_until < 1787432000) AND ";
    let its = condition.strip_prefix(free).unwrap_or_else(|| panic!("{condition}"));
    let blurred = key().hash_fact("5500900000002");
    let same = format!(
        "(attribute_not_exists(state) OR message = {MESSAGE}) AND \
         (attribute_not_exists(chat_phone) OR chat_phone IN (5500900000002, {blurred}))"
    );
    assert_eq!(its, same);
    assert_eq!(seen.json()["ReturnValues"], "ALL_NEW");
    assert_eq!(seen.json()["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test]
async fn whoever_claims_a_medium_learns_what_was_tried_before() {
    let before = written(&retrying(), 3, LeaseAfter::Release).await.sets;
    for (item, tried) in [
        (json!(before), (1..=3).map(attempt).collect()),
        (json!({ "state": { "S": "retrying" } }), Vec::new()),
        (json!({ "attempts": { "L": [{ "S": "by another hand" }] } }), Vec::new()),
    ] {
        let aws = without_earlier([Answer::json(&json!({ "Attributes": item }))]).await;
        match claim(&aws).await.expect("an answer") {
            Claim::Mine { attempts, key: at, intents, .. } => {
                assert_eq!((attempts, at, intents), (tried, key(), Vec::new()))
            }
            other @ (Claim::Stored
            | Claim::StoredForAnother
            | Claim::Erased
            | Claim::Elsewhere { .. }) => {
                panic!("{other:?}")
            }
        }
    }
}

fn leased_elsewhere() -> Value {
    json!({ "message": { "S": MESSAGE }, "state": { "S": "retrying" }, "lease_owner": { "S": "another run" }, "lease_until": { "N": "1787432100" } })
}

fn stored_item() -> Value {
    json!({ "message": { "S": MESSAGE }, "state": { "S": "stored" }, "chat_phone": { "S": "5500900000002" },
        "lease_owner": { "S": "another run" }, "lease_until": { "N": "1787432100" } })
}

#[tokio::test]
async fn a_refused_claim_says_whether_it_is_stored_or_when_the_other_runs_lease_ends() {
    let aws = without_earlier([
        Answer::condition_failed(Some(&stored_item())),
        Answer::condition_failed(Some(&leased_elsewhere())),
    ])
    .await;
    assert!(matches!(claim(&aws).await, Ok(Claim::Stored)));
    let elsewhere = claim(&aws).await;
    assert!(matches!(elsewhere, Ok(Claim::Elsewhere { until: 1_787_432_100 })), "{elsewhere:?}");
    assert_eq!(aws.operations(), ["UpdateItem"; 4]);
}

#[tokio::test]
async fn what_was_erased_while_its_job_waited_is_not_fetched_again() {
    let mut mark = json!({ "state": { "S": "erased" }, "forget_at": { "N": "1789000000" } });
    // Of a version before: a mark of the message's id alone.
    let aws = Aws::answer_in_order([Answer::condition_failed(Some(&mark))]).await;
    assert!(matches!(claim(&aws).await, Ok(Claim::Erased)));
    mark["message"] = json!({ "S": MESSAGE });
    let aws = without_earlier([Answer::condition_failed(Some(&mark))]).await;
    assert!(matches!(claim(&aws).await, Ok(Claim::Erased)));
}

/// Erases a record that was seen in this state.
async fn erase(aws: &Aws, mark_until: Option<i64>) -> Result<WriteOutcome, AwsError> {
    let key = key();
    let item = json!({ "message_id": key.as_str(), "message": MESSAGE, "state": "retrying",
        "chat": "5500900000002", "chat_phone": "5500900000002" });
    erase_one(aws, &erasable(&item), mark_until).await
}

fn erasable(item: &Value) -> Erasable {
    Erasable::of_item(&serde_dynamo::to_item(item).expect("an item"))
}

async fn erase_one(
    aws: &Aws,
    record: &Erasable,
    mark_until: Option<i64>,
) -> Result<WriteOutcome, AwsError> {
    let (ledger, instance) = (ledger(aws), instance());
    ledger.erase(&instance, record, mark_until, NOW).await
}

#[tokio::test]
async fn a_record_without_a_state_is_erased_only_while_it_has_none() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let record = erasable(&json!({ "message_id": "3EB0" }));
    assert!(record.may_be_queued() && !record.is_mark());
    assert_eq!(erase_one(&aws, &record, None).await, Ok(WriteOutcome::Yes));
    let asked = aws.only_request("DeleteItem").json();
    let condition = "attribute_not_exists(#state) AND \
        (attribute_not_exists(lease_owner) OR lease_until < :now)";
    assert_eq!(asked["ConditionExpression"], condition);
    let values = json!({ ":now": { "N": NOW.to_string() } });
    assert_eq!(asked["ExpressionAttributeValues"], values);
}

#[tokio::test]
async fn erasing_takes_the_record_away_only_in_the_state_it_was_seen_and_not_under_a_lease() {
    let condition = "#state = :state AND (attribute_not_exists(lease_owner) OR lease_until < :now)";
    let values = json!({ ":state": { "S": "retrying" }, ":now": { "N": NOW.to_string() } });
    let aws = Aws::answer_in_order([
        Answer::json(&json!({})),
        Answer::condition_failed(None),
        Answer::json_error(400, "AccessDeniedException"),
    ])
    .await;
    assert_eq!(erase(&aws, None).await, Ok(WriteOutcome::Yes));
    assert_eq!(erase(&aws, None).await, Ok(WriteOutcome::Overtaken));
    let refused = erase(&aws, None).await.expect_err("refused");
    assert_eq!(refused.operation, "dynamodb:DeleteItem");
    let asked = aws.requests_of("DeleteItem")[0].json();
    let at = item_key();
    assert_eq!((&asked["TableName"], &asked["Key"]), (&TABLE.into(), &at));
    assert_eq!(asked["ConditionExpression"], condition);
    assert_eq!(asked["ExpressionAttributeValues"], values);
    // With a mark, everything but the ids goes, what tells the chat from others is blurred, and the
    // same condition holds.
    let aws =
        Aws::answer_in_order([Answer::json(&json!({})), Answer::condition_failed(None)]).await;
    assert_eq!(erase(&aws, Some(NOW + 100)).await, Ok(WriteOutcome::Yes));
    assert_eq!(erase(&aws, Some(NOW + 100)).await, Ok(WriteOutcome::Overtaken));
    let asked = aws.requests_of("PutItem")[0].json();
    let mut mark = at;
    mark["state"] = json!({ "S": "erased" });
    mark["message"] = json!({ "S": MESSAGE });
    mark["chat_phone"] = json!({ "S": key().hash_fact("5500900000002") });
    mark["forget_at"] = json!({ "N": (NOW + 100).to_string() });
    assert_eq!(asked["Item"], mark);
    assert_eq!(asked["ConditionExpression"], condition);
}

#[tokio::test]
async fn a_refusal_that_tells_no_item_brings_the_job_back_and_reads_nothing() {
    let aws = without_earlier([Answer::condition_failed(None)]).await;
    let claimed = claim(&aws).await;
    assert!(matches!(claimed, Ok(Claim::Elsewhere { until: 0 })), "{claimed:?}");
    // The download function's role has no right to read records.
    assert!(aws.requests_of("GetItem").is_empty());
}

#[tokio::test]
async fn a_table_that_fails_is_an_error_and_never_a_claim() {
    let aws = Aws::answer_in_order([Answer::json_error(400, "ResourceNotFoundException")]).await;
    let refused = claim(&aws).await.expect_err("no table");
    assert_eq!(
        refused.to_string(),
        "dynamodb:UpdateItem failed: ResourceNotFoundException (HTTP 400)"
    );
}

#[tokio::test]
async fn what_is_stored_clears_the_failure_whoever_put_the_object_there() {
    for was_there in [false, true] {
        let update = written(&stored(was_there), 1, LeaseAfter::Keep).await;
        let sets = found_out(&[
            ("state", json!({ "S": "stored" })),
            ("object_key", json!({ "S": "acme/key.jpg" })),
            ("size_bytes", json!({ "N": JPEG.len().to_string() })),
            ("sha256", json!({ "S": proof_of(JPEG).sha256.to_hex() })),
            ("strategy", json!({ "S": "cdn" })),
            ("integrity", json!({ "S": "mac+sha256" })),
            ("stored_at", json!({ "N": "1787432000" })),
        ]);
        assert_eq!(update.sets, sets);
        assert_eq!(update.removes, names(&["class", "reason", "committing", "lost_since"]));
    }
}

#[tokio::test]
async fn what_is_not_stored_is_written_with_its_class_and_reason() {
    for (state, name, class, reason) in [
        (retrying(), "retrying", "transient", "the CDN is down"),
        (parked(), "parked", "expired", "the CDN has lost it"),
    ] {
        let update = written(&state, 1, LeaseAfter::Keep).await;
        let sets = found_out(&[
            ("state", json!({ "S": name })),
            ("class", json!({ "S": class })),
            ("reason", json!({ "S": reason })),
        ]);
        assert_eq!(update.sets, sets);
        assert_eq!(update.removes, names(&["lost_since"]));
    }
}

/// What nobody has is believed when it is found again, so the next run must know when it was first.
#[tokio::test]
async fn the_first_time_a_medium_was_found_lost_is_kept_for_the_run_that_finds_it_again() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let job = job();
    let record = Record {
        tenant: &job.tenant,
        instance: &job.instance,
        message: &job.message,
        key: &key(),
        state: &parked(),
        attempts: &[],
        lost_since: Some(NOW - 3600),
        now: NOW,
    };
    let written = ledger(&aws).write(&record, &lease(), LeaseAfter::Keep).await;
    assert_eq!(written, Ok(WriteOutcome::Yes));
    let item = update(&aws.only_request("UpdateItem")).sets;
    assert_eq!(item["lost_since"], json!({ "N": "1787428400" }));
    for (item, since) in [
        (json!(item), Some(NOW - 3600)),
        (json!({}), None),
        (json!({ "lost_since": { "S": "long ago" } }), None),
    ] {
        let aws = without_earlier([Answer::json(&json!({ "Attributes": item }))]).await;
        let claimed = claim(&aws).await.expect("an answer");
        let Claim::Mine { lost_since, .. } = claimed else {
            panic!("{claimed:?}");
        };
        assert_eq!(lost_since, since);
    }
}

#[tokio::test]
async fn what_is_not_wanted_is_written_with_its_rule_and_no_class() {
    let update = written(&skipped(), 1, LeaseAfter::Keep).await;
    let rule = SkipRule::Chat.as_str();
    let sets = found_out(&[("state", json!({ "S": "skipped" })), ("reason", json!({ "S": rule }))]);
    assert_eq!(update.sets, sets);
    assert_eq!(update.removes, names(&["class", "lost_since"]));
}

#[tokio::test]
async fn every_write_asks_who_holds_the_lease_and_only_a_last_one_ends_it() {
    for state in every_state() {
        let kept = written(&state, 1, LeaseAfter::Keep).await;
        let released = written(&state, 1, LeaseAfter::Release).await;
        for update in [&kept, &released] {
            assert_eq!(update.condition.as_deref(), Some("lease_owner = this run"));
            assert_eq!(update.sets_once, BTreeMap::new());
        }
        assert_eq!(released.sets, kept.sets);
        let mut removes = kept.removes;
        removes.extend(names(&["lease_owner", "lease_until"]));
        assert_eq!(released.removes, removes, "{state:?}");
    }
}

#[tokio::test]
async fn a_run_that_was_overtaken_learns_it_from_every_write() {
    for state in every_state() {
        for then in [LeaseAfter::Keep, LeaseAfter::Release] {
            let aws = Aws::answer_in_order([Answer::condition_failed(None)]).await;
            let written = write(&aws, &state, 1, then).await.expect("an answer");
            assert_eq!(written, WriteOutcome::Overtaken, "{state:?}");
            assert_eq!(aws.operations(), ["UpdateItem"]);
        }
    }
}

#[tokio::test]
async fn a_write_that_the_table_refuses_is_an_error() {
    let aws = Aws::answer_in_order([Answer::json_error(400, "ResourceNotFoundException")]).await;
    let refused = write(&aws, &stored(false), 1, LeaseAfter::Release).await.expect_err("no table");
    assert_eq!(
        refused.to_string(),
        "dynamodb:UpdateItem failed: ResourceNotFoundException (HTTP 400)"
    );
}

#[tokio::test]
async fn the_latest_twenty_attempts_are_kept_in_order() {
    for (made, oldest, kept) in [(0, 1, 0), (20, 1, 20), (57, 38, 20)] {
        let update = written(&retrying(), made, LeaseAfter::Release).await;
        let attempts = update.sets["attempts"]["L"].as_array().expect("a list").clone();
        let verdicts: Vec<_> =
            attempts.iter().map(|one| one["M"]["verdict"]["S"].clone()).collect();
        let expected: Vec<_> =
            (oldest..oldest + kept).map(|n| json!(format!("attempt {n}"))).collect();
        assert_eq!(verdicts, expected);
    }
    assert_eq!(MAX_ATTEMPTS, 20);
}

#[tokio::test]
async fn a_release_ends_the_own_lease_and_changes_nothing_else() {
    let failing = || Answer::json_error(400, "AccessDeniedException");
    let aws =
        Aws::answer_in_order([Answer::json(&json!({})), Answer::condition_failed(None), failing()])
            .await;
    let released = ledger(&aws).release(&instance(), &key(), &lease()).await;
    assert_eq!(released, Ok(WriteOutcome::Yes));
    let update = update(&aws.only_request("UpdateItem"));
    assert_eq!((update.sets.len(), update.sets_once.len()), (0, 0));
    assert_eq!(update.removes, names(&["lease_owner", "lease_until"]));
    assert_eq!(update.condition.as_deref(), Some("lease_owner = this run"));
    let released = ledger(&aws).release(&instance(), &key(), &lease()).await;
    assert_eq!(released, Ok(WriteOutcome::Overtaken));
    let refused = ledger(&aws).release(&instance(), &key(), &lease()).await;
    assert_eq!(refused.expect_err("refused").status, Some(400));
}

async fn note_parked(aws: &Aws) -> Result<WriteOutcome, AwsError> {
    ledger(aws).note_parked(&job(), FailureClass::Transient, "SQS moved it", NOW).await
}

#[tokio::test]
async fn that_sqs_parked_a_job_is_noted_only_where_nobody_is_at_it_and_nothing_better_is_known() {
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

#[tokio::test]
async fn only_what_is_stored_or_erased_needs_no_fetching() {
    let with = |state: Value| json!({ "Item": { "message": { "S": MESSAGE }, "state": state } });
    for (answer, is_settled) in [
        (json!({}), false),
        (with(json!({ "S": "stored" })), true),
        (with(json!({ "S": "erased" })), true),
        (with(json!({ "S": "retrying" })), false),
        (with(json!({ "S": "parked" })), false),
        (with(json!({ "S": "skipped" })), false),
        (with(json!({ "N": "1" })), false),
        // Another message's record under this key, and free places after it.
        (json!({ "Item": { "message": { "S": "another" }, "state": { "S": "stored" } } }), false),
    ] {
        let none = || Answer::json(&json!({}));
        let aws = Aws::answer_in_order([none(), Answer::json(&answer), none()]).await;
        let known = ledger(&aws).is_settled(&job()).await;
        assert_eq!(known, Ok(is_settled), "{answer}");
        let asked = aws.requests_of("GetItem");
        assert!(asked.iter().all(|one| one.json()["ConsistentRead"] == true));
    }
    let aws = Aws::answer_in_order([Answer::json_error(400, "AccessDeniedException")]).await;
    let unknown = ledger(&aws).is_settled(&job()).await;
    assert_eq!(unknown.expect_err("refused").status, Some(400));
}

#[tokio::test]
async fn media_about_to_expire_are_counted_in_both_states_and_over_every_page() {
    let last_key = json!({ "instance": { "S": INSTANCE }, "message_id": { "S": MESSAGE } });
    let aws = Aws::answer_in_order([
        Answer::json(&json!({ "Count": 3, "LastEvaluatedKey": last_key })),
        Answer::json(&json!({ "Count": 0, "LastEvaluatedKey": last_key })),
        Answer::json(&json!({ "Count": 4 })),
        Answer::json(&json!({ "Count": 50 })),
    ])
    .await;
    let counted = ledger(&aws).count_expiring(NOW, NOW + 86_400).await;
    assert_eq!(counted, Ok(57));
    let asked = aws.requests_of("Query");
    let states: Vec<_> = asked
        .iter()
        .map(|one| one.json()["ExpressionAttributeValues"][":state"]["S"].clone())
        .collect();
    assert_eq!(states, ["retrying", "retrying", "retrying", "parked"]);
    let starts: Vec<_> = asked.iter().map(|one| one.json()["ExclusiveStartKey"].clone()).collect();
    assert_eq!(starts, [json!(null), last_key.clone(), last_key, json!(null)]);
    assert_eq!(
        asked[0].json(),
        json!({
            "TableName": TABLE,
            "IndexName": "by_state",
            "Select": "COUNT",
            "KeyConditionExpression": "#state = :state AND recoverable_until BETWEEN :from AND :until",
            "ExpressionAttributeNames": { "#state": "state" },
            "ExpressionAttributeValues": {
                ":state": { "S": "retrying" },
                ":from": { "N": "1787432000" },
                ":until": { "N": "1787518400" },
            },
        })
    );
}

#[tokio::test]
async fn a_count_that_cannot_be_finished_is_an_error_and_no_smaller_count() {
    let aws = Aws::answer_in_order([
        Answer::json(&json!({ "Count": 3 })),
        Answer::json_error(400, "AccessDeniedException"),
    ])
    .await;
    let counted = ledger(&aws).count_expiring(NOW, NOW + 86_400).await;
    assert_eq!(counted.expect_err("half a count").operation, "dynamodb:Query");
}

fn intent(of: &str) -> CommitIntent {
    CommitIntent {
        object_key: "acme/key.jpg".to_owned(),
        strategy: Strategy::Cdn,
        size_bytes: JPEG.len() as u64,
        sha256: Sha256::from_data(of.as_bytes()),
        integrity: Integrity::MacOnly,
        run: (of == "mine").then(|| "the run's token".to_owned()),
    }
}

/// A run writes its intent under the lease, after those of earlier runs; the next run reads the
/// latest eight.
#[tokio::test]
async fn the_next_run_reads_the_latest_intents() {
    let earlier: Vec<_> = (0..9).map(|n| intent(&n.to_string())).collect();
    let aws =
        Aws::answer_in_order([Answer::json(&json!({})), Answer::condition_failed(None)]).await;
    let ledger = ledger(&aws);
    let (instance, key, lease, mine) = (instance(), key(), lease(), intent("mine"));
    for written in [WriteOutcome::Yes, WriteOutcome::Overtaken] {
        let given = ledger.write_intent(&instance, &key, &lease, &earlier, &mine);
        assert_eq!(given.await, Ok(written));
    }
    let update = update(&aws.requests_of("UpdateItem")[0]);
    assert_eq!(update.condition.as_deref(), Some("lease_owner = this run"));
    let given = json!({ "Attributes": { "committing": update.sets["committing"] } });
    let aws = without_earlier([Answer::json(&given)]).await;
    let claimed = claim(&aws).await.expect("an answer");
    let Claim::Mine { intents, .. } = claimed else {
        panic!("{claimed:?}");
    };
    let latest = earlier.into_iter().skip(2).chain([mine]);
    assert_eq!(intents, latest.collect::<Vec<_>>());
}
