//! Which media messages need a job again.

use aws::ledger::RecordTable;
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

use super::helpers::{NOW, TABLE, item_key};
use crate::samples::{MESSAGE, instance, job};

fn records(aws: &Aws) -> RecordTable {
    RecordTable::new(&aws.clients, TABLE.to_owned())
}

const THREE_HOURS: i64 = 3 * 60 * 60;

/// Whether the sample message needs a job if its record has these attributes.
async fn needs_job(attributes: Value) -> bool {
    let mut item = item_key();
    item["message"] = json!({ "S": MESSAGE });
    let attributes = attributes.as_object().expect("an object").clone();
    item.as_object_mut().expect("an item").extend(attributes);
    // An earlier version has no record of it.
    let answers = [Answer::json(&json!({})), Answer::json(&json!({ "Item": item }))];
    let aws = Aws::answer_in_order(answers).await;
    let needs = records(&aws).needs_job(&instance(), &job().message, NOW).await;
    let asked = aws.requests_of("GetItem");
    assert!(asked.iter().all(|one| one.json()["ConsistentRead"] == true));
    needs.expect("an answer")
}

#[tokio::test]
async fn a_message_without_a_record_needs_a_job() {
    let aws = Aws::answer_in_order([Answer::json(&json!({})), Answer::json(&json!({}))]).await;
    assert_eq!(records(&aws).needs_job(&instance(), &job().message, NOW).await, Ok(true));
    assert_eq!(aws.operations(), ["GetItem", "GetItem"]);
}

#[tokio::test]
async fn an_ended_run_needs_no_job() {
    let old = json!({ "N": "1" });
    for state in ["stored", "parked", "skipped", "erased", "of a newer version"] {
        let record = json!({ "state": { "S": state }, "updated_at": old });
        assert!(!needs_job(record).await, "{state}");
    }
    let retried = json!({ "state": { "S": "retrying" }, "class": { "S": "transient" },
        "updated_at": old });
    assert!(!needs_job(retried).await);
}

/// A run that began three hours ago is no longer alive, and SQS should have delivered its message
/// again.
#[tokio::test]
async fn a_run_that_never_ended_needs_a_job_after_hours() {
    let claimed = |at: i64| {
        json!({ "state": { "S": "retrying" },
        "updated_at": { "N": at.to_string() } })
    };
    assert!(!needs_job(claimed(NOW - THREE_HOURS)).await);
    assert!(needs_job(claimed(NOW - THREE_HOURS - 1)).await);
    assert!(!needs_job(json!({ "state": { "S": "retrying" } })).await, "its time is unknown");
}

#[tokio::test]
async fn a_failed_read_is_an_error() {
    let aws = Aws::answer_in_order([Answer::json_error(400, "AccessDeniedException")]).await;
    let failed = records(&aws).needs_job(&instance(), &job().message, NOW).await;
    assert_eq!(failed.expect_err("refused").operation, "dynamodb:GetItem");
}
