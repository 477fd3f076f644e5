//! The count of media that expire soon.

use media::failure::FailureClass;
use scripted_aws::{Answer, Aws};
use serde_json::json;

use super::helpers::{JOBS_TABLE, NOW, ledger};
use crate::samples::{INSTANCE, MESSAGE};

/// Both states and every class, each to its last page.
#[tokio::test]
async fn expiring_media_are_counted_over_every_page() {
    let last_key = json!({ "instance": { "S": INSTANCE }, "message_id": { "S": MESSAGE } });
    let mut answers = vec![
        Answer::json(&json!({ "Count": 3, "LastEvaluatedKey": last_key })),
        Answer::json(&json!({ "Count": 0, "LastEvaluatedKey": last_key })),
        Answer::json(&json!({ "Count": 4 })),
    ];
    let partitions = 2 * FailureClass::ALL.len();
    answers.extend((1..partitions).map(|_| Answer::json(&json!({ "Count": 50 }))));
    let aws = Aws::answer_in_order(answers).await;
    let counted = ledger(&aws).jobs.count_expiring(NOW, NOW + 86_400).await;
    assert_eq!(counted, Ok(7 + 50 * (partitions as u64 - 1)));
    let asked = aws.requests_of("Query");
    let mut asked_for: Vec<_> = asked
        .iter()
        .map(|one| one.json()["ExpressionAttributeValues"][":partition"]["S"].to_string())
        .collect();
    assert_eq!(asked_for[..3], [r#""retrying#refused""#; 3]);
    asked_for.dedup();
    assert_eq!(asked_for.len(), partitions, "{asked_for:?}");
    let starts: Vec<_> = asked.iter().map(|one| one.json()["ExclusiveStartKey"].clone()).collect();
    assert_eq!(starts[..4], [json!(null), last_key.clone(), last_key, json!(null)]);
    assert_eq!(
        asked[0].json(),
        json!({
            "TableName": JOBS_TABLE,
            "IndexName": "by_class",
            "Select": "COUNT",
            "KeyConditionExpression":
                "state_class = :partition AND recoverable_until BETWEEN :from AND :until",
            "ExpressionAttributeValues": {
                ":partition": { "S": "retrying#refused" },
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
    let counted = ledger(&aws).jobs.count_expiring(NOW, NOW + 86_400).await;
    assert_eq!(counted.expect_err("half a count").operation, "dynamodb:Query");
}

/// A burst of one state and class does not hide what expires in the others.
#[tokio::test]
async fn every_class_has_its_turn_among_what_expires() {
    let page = |prefix: &str, count: usize| {
        let item = |n: usize| {
            json!({
                "instance": { "S": INSTANCE }, "message_id": { "S": format!("{prefix}{n}") },
            })
        };
        Answer::json(&json!({ "Items": (0..count).map(item).collect::<Vec<_>>() }))
    };
    let mut answers = vec![page("many", 50), page("few", 2)];
    answers.extend((2..2 * FailureClass::ALL.len()).map(|_| page("none", 0)));
    let aws = Aws::answer_in_order(answers).await;
    let listed = ledger(&aws).jobs.list_expiring(NOW..=NOW + 86_400, None, 6).await;
    let keys: Vec<_> =
        listed.expect("keys").into_iter().map(|one| one.key.as_str().to_owned()).collect();
    assert_eq!(keys, ["many0", "few0", "many1", "few1", "many2", "many3"]);
}
