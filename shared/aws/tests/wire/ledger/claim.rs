//! Claims: who gets the lease, and what a refusal tells.

use aws::ledger::{Claim, LeaseAfter};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

use super::helpers::{
    NOW, announced, attempt, attributes, claim, key, last_of_two, names, retrying, update,
    without_earlier, written,
};
use crate::samples::{MESSAGE, job};

/// The condition: not stored, not erased, not leased to another run, and the same media message.
#[tokio::test]
async fn a_claim_sets_the_announced_fields_and_takes_a_free_lease() {
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
    let free = format!(
        "(attribute_not_exists(state) OR (state <> stored AND state <> erased)) AND \
         (attribute_not_exists(decided_at) OR decided_at <= {}) AND \
         (attribute_not_exists(lease_owner) OR lease_owner = this run OR lease_until < {NOW}) AND ",
        job().accepted_at
    );
    let its = condition.strip_prefix(&free).unwrap_or_else(|| panic!("{condition}"));
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
async fn a_claim_returns_the_earlier_attempts() {
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
            | Claim::Superseded
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

/// If another run has the lease, the claim says when the lease ends.
#[tokio::test]
async fn a_refused_claim_distinguishes_stored_and_leased() {
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

/// An operator redrove or dropped the job; this copy of it is older, and does not undo that.
#[tokio::test]
async fn a_copy_from_before_a_decision_is_refused() {
    let accepted_at = job().accepted_at;
    let decided = |at: i64| {
        json!({ "message": { "S": MESSAGE }, "state": { "S": "skipped" },
            "chat_phone": { "S": "5500900000002" }, "decided_at": { "N": at.to_string() } })
    };
    for (at, is_superseded) in [(accepted_at + 1, true), (accepted_at, false)] {
        let aws = without_earlier([Answer::condition_failed(Some(&decided(at)))]).await;
        let claimed = claim(&aws).await.expect("an answer");
        assert_eq!(matches!(claimed, Claim::Superseded), is_superseded, "{claimed:?}");
    }
    // A media file that is stored or erased stays so.
    let mut stored = decided(accepted_at + 1);
    stored["state"] = json!({ "S": "stored" });
    let aws = without_earlier([Answer::condition_failed(Some(&stored))]).await;
    assert!(matches!(claim(&aws).await, Ok(Claim::Stored)));
}

/// Also if an earlier version wrote the mark, which has the message's id alone.
#[tokio::test]
async fn an_erased_media_file_cannot_be_claimed() {
    let mut mark = json!({ "state": { "S": "erased" }, "forget_at": { "N": "1789000000" } });
    // The mark of an earlier version has the message's id alone.
    let aws = Aws::answer_in_order([Answer::condition_failed(Some(&mark))]).await;
    assert!(matches!(claim(&aws).await, Ok(Claim::Erased)));
    mark["message"] = json!({ "S": MESSAGE });
    let aws = without_earlier([Answer::condition_failed(Some(&mark))]).await;
    assert!(matches!(claim(&aws).await, Ok(Claim::Erased)));
}

/// A claim is one request. The job is retried.
#[tokio::test]
async fn a_refusal_without_an_item_reads_nothing() {
    let aws = without_earlier([Answer::condition_failed(None)]).await;
    let claimed = claim(&aws).await;
    assert!(matches!(claimed, Ok(Claim::Elsewhere { until: 0 })), "{claimed:?}");
    assert!(aws.requests_of("GetItem").is_empty());
}

#[tokio::test]
async fn a_claim_that_fails_is_an_error() {
    let aws = Aws::answer_in_order([Answer::json_error(400, "ResourceNotFoundException")]).await;
    let refused = claim(&aws).await.expect_err("no table");
    assert_eq!(
        refused.to_string(),
        "dynamodb:UpdateItem failed: ResourceNotFoundException (HTTP 400)"
    );
}
