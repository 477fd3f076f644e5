//! The count of media that expire soon.

use scripted_aws::{Answer, Aws};
use serde_json::json;

use super::helpers::{NOW, TABLE, ledger};
use crate::samples::{INSTANCE, MESSAGE};

#[tokio::test]
async fn expiring_media_are_counted_over_every_page() {
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
async fn an_incomplete_count_is_an_error() {
    let aws = Aws::answer_in_order([
        Answer::json(&json!({ "Count": 3 })),
        Answer::json_error(400, "AccessDeniedException"),
    ])
    .await;
    let counted = ledger(&aws).count_expiring(NOW, NOW + 86_400).await;
    assert_eq!(counted.expect_err("half a count").operation, "dynamodb:Query");
}
