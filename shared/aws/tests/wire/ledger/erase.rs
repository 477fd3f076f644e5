//! Erasing records, and the marks in their place.

use aws::{
    error::AwsError,
    ledger::{Erasable, WriteOutcome},
};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

use super::helpers::{NOW, TABLE, item_key, key, ledger};
use crate::samples::{MESSAGE, instance};

/// Erases a record whose state is `retrying`.
async fn erase(aws: &Aws, mark_until: Option<i64>) -> Result<WriteOutcome, AwsError> {
    let key = key();
    let item = json!({ "message_id": key.as_str(), "message": MESSAGE, "state": "retrying",
        "chat": "5500900000002", "chat_phone": "5500900000002" });
    erase_one(aws, &erasable(&item), mark_until).await
}

fn erasable(item: &Value) -> Erasable {
    Erasable::from_item(&serde_dynamo::to_item(item).expect("an item"))
}

async fn erase_one(
    aws: &Aws,
    record: &Erasable,
    mark_until: Option<i64>,
) -> Result<WriteOutcome, AwsError> {
    let (ledger, instance) = (ledger(aws), instance());
    ledger.erase(&instance, record, mark_until, NOW).await
}

/// A record without a state is erased only while it has none.
#[tokio::test]
async fn a_record_without_state_must_stay_without() {
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

/// Its state must be the one that was read.
#[tokio::test]
async fn only_an_unchanged_record_without_lease_is_erased() {
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
    // A mark keeps the ids and digests of the facts that tell the chat from others. The condition
    // is the same.
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
