//! The table of media: what a write sets, and that what is stored stays stored.

use std::collections::{BTreeMap, BTreeSet};

use aws::ledger::{Known, Ledger, MOST_ATTEMPTS};
use media::{
    failure::FailureClass,
    ids::MessageId,
    record::{Attempt, Record, State},
    strategy::Strategy,
};
use scripted_aws::{Answer, Aws, Seen};
use serde_json::{Value, json};

use crate::samples::{INSTANCE, JPEG, MESSAGE, instance, job, proof_of};

const TABLE: &str = "media-table";

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

fn stored() -> State {
    State::Stored {
        object_key: "acme/key.jpg".to_owned(),
        strategy: Strategy::Cdn,
        proof: proof_of(JPEG),
        was_there: false,
    }
}

fn found_there() -> State {
    State::Stored {
        object_key: "acme/key.jpg".to_owned(),
        strategy: Strategy::Wapi,
        proof: proof_of(JPEG),
        was_there: true,
    }
}

fn retrying() -> State {
    State::Retrying {
        class: FailureClass::Transient,
        reason: "the CDN is down".to_owned(),
    }
}

fn parked() -> State {
    State::Parked {
        class: FailureClass::Expired,
        reason: "the CDN has lost it".to_owned(),
    }
}

async fn write(aws: &Aws, state: &State, attempts: usize) -> Result<(), aws::error::AwsError> {
    let job = job();
    let attempts: Vec<_> = (1..=attempts).map(attempt).collect();
    let record = Record {
        tenant: &job.tenant,
        instance: &job.instance,
        message: &job.message,
        state,
        attempts: &attempts,
        now: 1_787_432_000,
    };
    Ledger::new(&aws.clients, TABLE.to_owned())
        .write(&record)
        .await
}

async fn written(state: &State, attempts: usize) -> Seen {
    let aws = Aws::answering([Answer::json(&json!({}))]).await;
    write(&aws, state, attempts).await.expect("written");
    aws.the("UpdateItem")
}

/// An update read as `DynamoDB` reads it: every placeholder in its place.
struct Update {
    sets: BTreeMap<String, Value>,
    removes: BTreeSet<String>,
    condition: Option<String>,
}

impl Update {
    fn read(seen: &Seen) -> Self {
        let body = seen.json();
        assert_eq!(body["TableName"], TABLE);
        assert_eq!(
            body["Key"],
            json!({ "instance": { "S": INSTANCE }, "message_id": { "S": MESSAGE } })
        );
        let name = |text: &str| match text.starts_with('#') {
            true => body["ExpressionAttributeNames"][text]
                .as_str()
                .expect(text)
                .to_owned(),
            false => text.to_owned(),
        };
        let expression = body["UpdateExpression"].as_str().expect("an expression");
        let (sets, removes) = expression
            .split_once(" REMOVE ")
            .unwrap_or((expression, ""));
        let sets = sets
            .strip_prefix("SET ")
            .expect("SET")
            .split(", ")
            .map(|set| {
                let (target, value) = set.split_once(" = ").expect("an assignment");
                (
                    name(target),
                    body["ExpressionAttributeValues"][value].clone(),
                )
            });
        let condition = body["ConditionExpression"].as_str().map(|text| {
            let words = text.replace(
                "attribute_not_exists(#state)",
                &format!("attribute_not_exists({})", name("#state")),
            );
            let stored = body["ExpressionAttributeValues"][":stored"]["S"]
                .as_str()
                .expect("a value");
            words
                .replace("#state", &name("#state"))
                .replace(":stored", stored)
        });
        let update = Self {
            sets: sets.collect(),
            removes: removes
                .split(", ")
                .filter(|text| !text.is_empty())
                .map(name)
                .collect(),
            condition,
        };
        let placeholders = body["ExpressionAttributeNames"].as_object().expect("names");
        // DynamoDB refuses a placeholder that is not used.
        let whole = format!("{expression} {}", body["ConditionExpression"]);
        let unused = placeholders
            .keys()
            .find(|one| !whole.contains(one.as_str()));
        assert_eq!(unused, None);
        update
    }
}

fn expected(own: &[(&str, Value)]) -> BTreeMap<String, Value> {
    let common = [
        ("tenant", json!({ "S": "acme" })),
        ("chat", json!({ "S": "5500900000002" })),
        ("kind", json!({ "S": "document" })),
        ("direction", json!({ "S": "in" })),
        ("moment", json!({ "N": "1787431679" })),
        ("recoverable_until", json!({ "N": "1788641279" })),
        ("updated_at", json!({ "N": "1787432000" })),
        (
            "attempts",
            json!({ "L": [{ "M": {
                "strategy": { "S": "cdn" },
                "host": { "S": "mmg.example.invalid" },
                "status": { "N": "503" },
                "received_bytes": { "N": "12" },
                "duration_ms": { "N": "34" },
                "verdict": { "S": "attempt 1" },
            } }] }),
        ),
    ];
    common
        .iter()
        .chain(own)
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

#[tokio::test]
async fn what_is_stored_is_written_whatever_was_there_and_clears_the_failure() {
    let update = Update::read(&written(&stored(), 1).await);
    let sets = expected(&[
        ("state", json!({ "S": "stored" })),
        ("object_key", json!({ "S": "acme/key.jpg" })),
        ("size_bytes", json!({ "N": JPEG.len().to_string() })),
        ("sha256", json!({ "S": proof_of(JPEG).sha256.to_hex() })),
        ("strategy", json!({ "S": "cdn" })),
        ("integrity", json!({ "S": "mac+sha256" })),
        ("stored_at", json!({ "N": "1787432000" })),
    ]);
    assert_eq!(update.sets, sets);
    assert_eq!(
        update.removes,
        ["class", "reason"].map(str::to_owned).into()
    );
    assert_eq!(update.condition, None);
}

#[tokio::test]
async fn what_is_not_stored_is_written_only_over_what_is_not_stored() {
    for (state, name, class, reason) in [
        (retrying(), "retrying", "transient", "the CDN is down"),
        (parked(), "parked", "expired", "the CDN has lost it"),
    ] {
        let update = Update::read(&written(&state, 1).await);
        let sets = expected(&[
            ("state", json!({ "S": name })),
            ("class", json!({ "S": class })),
            ("reason", json!({ "S": reason })),
        ]);
        assert_eq!(update.sets, sets);
        assert!(update.removes.is_empty());
        assert_eq!(
            update.condition.as_deref(),
            Some("attribute_not_exists(state) OR state <> stored")
        );
    }
}

#[tokio::test]
async fn a_late_failure_of_what_is_stored_is_no_error() {
    for state in [retrying(), parked(), found_there()] {
        let aws =
            Aws::answering([Answer::json_error(400, "ConditionalCheckFailedException")]).await;
        write(&aws, &state, 1).await.expect("stored stays stored");
        assert_eq!(aws.operations(), ["UpdateItem"]);
    }
}

#[tokio::test]
async fn a_write_that_the_table_refuses_is_an_error() {
    let aws = Aws::answering([Answer::json_error(400, "ResourceNotFoundException")]).await;
    let refused = write(&aws, &stored(), 1).await.expect_err("no table");
    assert_eq!(
        refused.to_string(),
        "dynamodb:UpdateItem failed: ResourceNotFoundException (HTTP 400)"
    );
}

#[tokio::test]
async fn the_latest_twenty_attempts_are_kept_in_order() {
    for (made, oldest, kept) in [(0, 1, 0), (20, 1, 20), (57, 38, 20)] {
        let update = Update::read(&written(&retrying(), made).await);
        let attempts = update.sets["attempts"]["L"]
            .as_array()
            .expect("a list")
            .clone();
        let verdicts: Vec<_> = attempts
            .iter()
            .map(|one| one["M"]["verdict"]["S"].clone())
            .collect();
        let expected: Vec<_> = (oldest..oldest + kept)
            .map(|n| json!(format!("attempt {n}")))
            .collect();
        assert_eq!(verdicts, expected);
    }
    assert_eq!(MOST_ATTEMPTS, 20);
}

async fn find(answer: Answer) -> (Result<Known, aws::error::AwsError>, Seen) {
    let aws = Aws::answering([answer]).await;
    let message = MessageId::parse(MESSAGE).expect("an id");
    let known = Ledger::new(&aws.clients, TABLE.to_owned())
        .find(&instance(), &message)
        .await;
    (known, aws.the("GetItem"))
}

#[tokio::test]
async fn a_medium_is_looked_up_consistently_and_at_first_nothing_is_known() {
    let (known, seen) = find(Answer::json(&json!({}))).await;
    let known = known.expect("an answer");
    assert!(!known.is_stored() && known.attempts.is_empty());
    assert_eq!(
        seen.json(),
        json!({
            "TableName": TABLE,
            "Key": { "instance": { "S": INSTANCE }, "message_id": { "S": MESSAGE } },
            "ConsistentRead": true,
        })
    );
}

#[tokio::test]
async fn what_was_written_is_what_is_known() {
    for (state, is_stored) in [(stored(), true), (retrying(), false), (parked(), false)] {
        let sets = Update::read(&written(&state, 3).await).sets;
        let (known, _) = find(Answer::json(&json!({ "Item": sets }))).await;
        let known = known.expect("an item of ours");
        assert_eq!(known.is_stored(), is_stored);
        assert_eq!(known.attempts, (1..=3).map(attempt).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn attempts_that_cannot_be_read_are_left_out_and_the_state_is_known_all_the_same() {
    let item = json!({ "Item": { "state": { "S": "stored" }, "attempts": { "L": [{ "S": "by another hand" }] } } });
    let (known, _) = find(Answer::json(&item)).await;
    let known = known.expect("an item");
    assert!(known.is_stored());
    assert!(known.attempts.is_empty());
}

#[tokio::test]
async fn a_table_that_cannot_be_read_is_an_error() {
    let (known, _) = find(Answer::json_error(400, "AccessDeniedException")).await;
    assert_eq!(known.expect_err("refused").status, Some(400));
}
