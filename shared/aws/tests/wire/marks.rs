//! The marks of the back-fill: what is written, and that a run does not overwrite another's.

use aws::marks::{Mark, MarkOutcome, Marks, OpenPass};
use media::ids::TenantId;
use scripted_aws::{Answer, Aws, Update};
use serde_json::json;

use crate::samples::{INSTANCE, instance};

const NOW: i64 = 1_787_440_000;

fn marks(aws: &Aws) -> Marks {
    Marks::new(&aws.clients, "marks-table".to_owned())
}

fn open_mark() -> Mark {
    Mark {
        tenant: TenantId::parse("acme").ok(),
        until: Some(NOW - 3600),
        open_pass: Some(OpenPass {
            until: NOW - 600,
            from: NOW - 5400,
            page: 7,
            is_oldest_first: true,
            is_look_back: true,
        }),
        failed_since: None,
        looked_back_at: Some(NOW - 90_000),
        kept: vec!["a digest".to_owned()],
        updated_at: Some(NOW - 3599),
    }
}

#[tokio::test]
async fn a_mark_is_read_as_it_was_written() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    let mark = open_mark();
    let written = marks(&aws).put(&instance(), &mark, NOW).await;
    assert_eq!(written, Ok(MarkOutcome::Written));
    let request = aws.only_request("UpdateItem");
    assert_eq!(request.json()["TableName"], "marks-table");
    let update = Update::from_request(&request);
    assert_eq!(update.key, json!({ "instance": { "S": INSTANCE } }));
    assert_eq!(update.sets["until"], json!({ "N": "1787436400" }));
    assert_eq!(update.sets["updated_at"], json!({ "N": "1787440000" }));
    assert_eq!(update.removes.into_iter().collect::<Vec<_>>(), ["failed_since"]);
    assert_eq!(update.condition.as_deref(), Some("updated_at = 1787436401"));

    let aws = Aws::answer_in_order([Answer::json(&json!({ "Item": update.sets }))]).await;
    let read = marks(&aws).get(&instance()).await;
    assert_eq!(read, Ok(Mark { updated_at: Some(NOW), ..mark }));
    assert_eq!(aws.only_request("GetItem").json()["ConsistentRead"], true);
}

#[tokio::test]
async fn a_first_mark_overwrites_none() {
    let aws = Aws::answer_in_order([Answer::condition_failed(None)]).await;
    let written = marks(&aws).put(&instance(), &Mark::default(), NOW).await;
    assert_eq!(written, Ok(MarkOutcome::Overtaken));
    let update = Update::from_request(&aws.only_request("UpdateItem"));
    assert_eq!(update.condition.as_deref(), Some("attribute_not_exists(updated_at)"));
    assert_eq!(update.sets.into_keys().collect::<Vec<_>>(), ["updated_at"]);
}

#[tokio::test]
async fn an_instance_without_a_mark_has_an_empty_one() {
    let aws = Aws::answer_in_order([Answer::json(&json!({}))]).await;
    assert_eq!(marks(&aws).get(&instance()).await, Ok(Mark::default()));
}

/// The log is then read again from the first pass on, which loses nothing.
#[tokio::test]
async fn what_a_mark_holds_of_another_type_counts_as_missing() {
    let odd = json!({
        "until": { "S": "yesterday" }, "pass_page": { "N": "-1" }, "pass_until": { "N": "1" },
        "pass_from": { "N": "1" }, "kept": { "L": [{ "N": "1" }, { "S": "a digest" }] },
        "tenant": { "S": "../escape" },
    });
    let aws = Aws::answer_in_order([Answer::json(&json!({ "Item": odd }))]).await;
    let read = marks(&aws).get(&instance()).await;
    assert_eq!(read, Ok(Mark { kept: vec!["a digest".to_owned()], ..Mark::default() }));
}
