//! Erasing records, and the marks in their place.

use aws::{
    error::AwsError,
    ledger::{Erasable, EraseOutcome, WriteOutcome},
};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

use super::helpers::{JOBS_TABLE, NOW, TABLE, item_key, key, ledger};
use crate::samples::{MESSAGE, instance, job};

/// Erases a record whose state is `retrying`.
async fn erase(aws: &Aws, mark_until: i64) -> Result<WriteOutcome, AwsError> {
    let key = key();
    let item = json!({ "message_id": key.as_str(), "message": MESSAGE, "state": "retrying",
        "chat": "5500900000002", "chat_phone": "5500900000002" });
    erase_one(aws, &erasable(&item), mark_until).await
}

/// The writes of the nth transaction: of the record, of the job entry and of the texts.
fn writes(aws: &Aws, nth: usize) -> [Value; 3] {
    let body = aws.requests_of("TransactWriteItems")[nth].json();
    [0, 1, 2].map(|n| body["TransactItems"][n].clone())
}

fn erasable(item: &Value) -> Erasable {
    Erasable::from_item(&serde_dynamo::to_item(item).expect("an item"))
}

async fn erase_one(
    aws: &Aws,
    record: &Erasable,
    mark_until: i64,
) -> Result<WriteOutcome, AwsError> {
    let (ledger, instance) = (ledger(aws), instance());
    ledger.erase(&instance, record, mark_until, NOW).await
}

/// A record without a state is erased only while it has none.
#[tokio::test]
async fn a_record_without_state_must_stay_without() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let record = erasable(&json!({ "message_id": "3EB0" }));
    assert!(record.may_be_in_work() && !record.is_mark());
    assert_eq!(erase_one(&aws, &record, NOW + 100).await, Ok(WriteOutcome::Yes));
    let asked = writes(&aws, 0)[0]["Put"].clone();
    let condition = "attribute_not_exists(#state) AND attribute_not_exists(object_key) AND \
        attribute_not_exists(links) AND (attribute_not_exists(lease_owner) OR lease_until < :now)";
    assert_eq!(asked["ConditionExpression"], condition);
    let values = json!({ ":now": { "N": NOW.to_string() } });
    assert_eq!(asked["ExpressionAttributeValues"], values);
}

/// Its state must be the one that was read.
#[tokio::test]
async fn only_an_unchanged_record_without_lease_is_erased() {
    let condition = "#state = :state AND attribute_not_exists(object_key) AND \
        attribute_not_exists(links) AND (attribute_not_exists(lease_owner) OR lease_until < :now)";
    let values = json!({ ":state": { "S": "retrying" }, ":now": { "N": NOW.to_string() } });
    let aws = Aws::answer_in_order([
        Answer::json(&json!({})),
        Answer::transaction_cancelled(["ConditionalCheckFailed", "None"]),
        Answer::json_error(400, "AccessDeniedException"),
    ])
    .await;
    assert_eq!(erase(&aws, NOW + 100).await, Ok(WriteOutcome::Yes));
    assert_eq!(erase(&aws, NOW + 100).await, Ok(WriteOutcome::Overtaken));
    let refused = erase(&aws, NOW + 100).await.expect_err("refused");
    assert_eq!(refused.operation, "dynamodb:TransactWriteItems");
    let [record, entry, texts] = writes(&aws, 0);
    let (asked, at) = (record["Put"].clone(), item_key());
    // The job entry and the texts go with the record.
    let mut texts_at = item_key();
    texts_at["instance"] = json!({ "S": format!("texts#{}", instance()) });
    assert_eq!(texts["Delete"], json!({ "TableName": JOBS_TABLE, "Key": texts_at }));
    assert_eq!(entry["Delete"]["TableName"], JOBS_TABLE);
    assert_eq!(entry["Delete"]["Key"], at);
    assert_eq!(asked["TableName"], TABLE);
    assert_eq!(asked["ExpressionAttributeValues"], values);
    // A mark keeps the ids and digests of the facts that tell the chat from others.
    let mut mark = at;
    mark["state"] = json!({ "S": "erased" });
    mark["message"] = json!({ "S": MESSAGE });
    mark["chat_phone"] = json!({ "S": key().hash_fact("5500900000002") });
    mark["forget_at"] = json!({ "N": (NOW + 100).to_string() });
    assert_eq!(asked["Item"], mark);
    assert_eq!(asked["ConditionExpression"], condition);
}

/// A file that `media relink` moved since, or a link that was made, would stay: the command looks
/// again.
#[tokio::test]
async fn what_was_moved_or_linked_since_is_read_again() {
    let aws =
        Aws::answer_in_order([Answer::transaction_cancelled(["ConditionalCheckFailed", "None"])])
            .await;
    let item = json!({ "message_id": { "S": "3EB0" }, "state": { "S": "stored" },
        "object_key": { "S": "acme/old" }, "links": { "SS": ["hash"] } });
    let item = serde_json::from_value::<serde_dynamo::Item>(item).expect("an item");
    let record = Erasable::from_item(&item.into());
    assert_eq!(erase_one(&aws, &record, NOW + 100).await, Ok(WriteOutcome::Overtaken));
    let asked = writes(&aws, 0)[0]["Put"].clone();
    let condition = asked["ConditionExpression"].as_str().expect("a condition");
    assert!(condition.contains("object_key = :object AND links = :links"), "{condition}");
    let values = &asked["ExpressionAttributeValues"];
    assert_eq!(values[":object"], json!({ "S": "acme/old" }));
    assert_eq!(values[":links"], json!({ "SS": ["hash"] }));
}

/// A job that an order covers: the command finds the files of stored media by their records, and
/// what is another tenant's is not touched.
#[tokio::test]
async fn only_an_unstored_record_of_the_tenant_becomes_a_mark() {
    for (state, tenant, is_written) in [
        ("retrying", "acme", true),
        ("parked", "acme", true),
        ("skipped", "acme", true),
        ("stored", "acme", false),
        ("erased", "acme", false),
        ("parked", "bravo", false),
    ] {
        let (state_text, tenant_text) = (state.to_owned(), tenant.to_owned());
        let aws = Aws::start(move |seen| match seen.operation() {
            "GetItem" => Answer::json(&json!({ "Item": {
                "message_id": { "S": key().as_str() }, "message": { "S": MESSAGE },
                "state": { "S": state_text }, "tenant": { "S": tenant_text },
            } })),
            _ => Answer::json(&json!({})),
        })
        .await;
        let erased = ledger(&aws).erase_job(&job(), NOW).await;
        assert_eq!(erased, Ok(EraseOutcome::Erased), "{state} {tenant}");
        let written = aws.requests_of("TransactWriteItems").len();
        assert_eq!(written, usize::from(is_written), "{state} {tenant}");
    }
}
