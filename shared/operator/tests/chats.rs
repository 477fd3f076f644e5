//! The records of a chat: all pages of the index, and the complete records that it names.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::{ids::InstanceId, message::Chat};
use operator::{chats::ChatError, records::MediaRecords};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

const INSTANCE: &str = "LITE-AAAAAA-000001";

fn records(aws: &Aws) -> MediaRecords {
    MediaRecords::new(&aws.clients, "media".to_owned())
}

fn chat(name: &str) -> Chat {
    Chat::try_from(name.to_owned()).expect("a folder")
}

fn instance() -> InstanceId {
    InstanceId::parse(INSTANCE).expect("an instance")
}

fn key(key: &str) -> Value {
    json!({ "instance": { "S": INSTANCE }, "message_id": { "S": key } })
}

/// What the index has of a record.
fn entry(name: &str, moment: Option<&str>) -> Value {
    let mut item = key(name);
    item["chat"] = json!({ "S": "5500900000001" });
    item["tenant"] = json!({ "S": "acme" });
    if let Some(moment) = moment {
        item["moment"] = json!({ "N": moment });
    }
    item
}

/// A record of the table.
fn record(name: &str) -> Value {
    let mut item = key(name);
    item["state"] = json!({ "S": "stored" });
    item
}

/// The answer of `BatchGetItem`: these records, and the keys that it left out.
fn batch(found: &[&str], left: &[&str]) -> Answer {
    let found: Vec<_> = found.iter().map(|name| record(name)).collect();
    let left: Vec<_> = left.iter().map(|name| key(name)).collect();
    let left = match left.is_empty() {
        true => json!({}),
        false => json!({ "media": { "Keys": left, "ConsistentRead": true } }),
    };
    Answer::json(&json!({ "Responses": { "media": found }, "UnprocessedKeys": left }))
}

/// A page is not the answer: what is on the next pages would not be found, and not be erased.
#[tokio::test]
async fn a_chat_is_read_to_its_last_page() {
    let aws = Aws::answer_in_order([
        Answer::json(&json!({ "Items": [entry("old", Some("1"))],
            "LastEvaluatedKey": entry("old", None) })),
        // A page may be empty and not be the last.
        Answer::json(&json!({ "Items": [], "LastEvaluatedKey": entry("older", None) })),
        Answer::json(&json!({ "Items": [entry("new", Some("3")), entry("odd", None)] })),
        Answer::json(&json!({ "Items": [entry("other", Some("2"))] })),
    ])
    .await;
    let chats = ["5500990000001", "550090000001"].map(chat);
    let found = records(&aws).list_by_chat(&instance(), &chats).await.expect("an answer");
    let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["new", "other", "old", "odd"]);
    let asked: Vec<_> = aws.requests_of("Query").iter().map(|seen| seen.json()).collect();
    assert_eq!(asked.len(), 4);
    for (n, asked) in asked.iter().enumerate() {
        assert_eq!(asked["IndexName"], "by_chat");
        let values = &asked["ExpressionAttributeValues"];
        assert_eq!(values[":instance"], json!({ "S": INSTANCE }));
        assert_eq!(values[":chat"], json!({ "S": chats[n / 3] }));
    }
    assert_eq!(asked[1]["ExclusiveStartKey"], entry("old", None));
    assert_eq!(asked[2]["ExclusiveStartKey"], entry("older", None));
}

/// The sentence names what the operator must change.
#[tokio::test]
async fn a_missing_index_is_named_with_its_parameter() {
    let missing = Answer::json_error(400, "ValidationException");
    let refused = Answer::json_error(400, "AccessDeniedException");
    let aws = Aws::answer_in_order([missing, refused]).await;
    let chats = [chat("5500900000001")];
    let error = records(&aws).list_by_chat(&instance(), &chats).await.expect_err("no index");
    assert_eq!(error, ChatError::NoIndex);
    assert!(error.to_string().contains("ChatIndex=on"), "{error}");
    let error = records(&aws).list_by_chat(&instance(), &chats).await.expect_err("no permission");
    assert!(matches!(error, ChatError::Aws(_)), "{error:?}");
}

/// `DynamoDB` answers in any order, and leaves keys out when it is busy or the answer is large.
#[tokio::test]
async fn left_out_records_are_asked_for_again() {
    let aws = Aws::answer_in_order([
        batch(&["c", "a"], &["b", "gone"]),
        batch(&[], &["b", "gone"]),
        batch(&["b"], &[]),
    ])
    .await;
    let found = records(&aws).get_all(&instance(), &["a", "b", "c", "gone"]).await;
    let found = found.expect("an answer");
    let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    let asked = aws.requests_of("BatchGetItem");
    let asked = asked.iter().map(|seen| seen.json()["RequestItems"]["media"].clone());
    let asked: Vec<_> = asked.collect();
    assert_eq!(asked[0]["ConsistentRead"], true);
    let counts: Vec<_> = asked.iter().map(|it| it["Keys"].as_array().map(Vec::len)).collect();
    assert_eq!(counts, [Some(4), Some(2), Some(2)]);
}

/// `DynamoDB` takes at most 100 keys in a call.
#[tokio::test]
async fn many_records_take_several_calls() {
    let aws = Aws::start(|seen| {
        let keys = &seen.json()["RequestItems"]["media"]["Keys"];
        let names = keys.as_array().into_iter().flatten();
        let names: Vec<_> = names.filter_map(|key| key["message_id"]["S"].as_str()).collect();
        batch(&names, &[])
    })
    .await;
    let names: Vec<_> = (0..250).map(|n| format!("3EB0{n:04}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let found = records(&aws).get_all(&instance(), &names).await.expect("an answer");
    let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, names);
    assert_eq!(aws.requests_of("BatchGetItem").len(), 3);
}

/// `find` reads on until it has what it shows, however many other records come before.
#[tokio::test]
async fn a_search_reads_until_it_has_found_enough() {
    let with_state = |name: &str, state: &str| {
        let mut item = entry(name, Some("5"));
        item["state"] = json!({ "S": state });
        item
    };
    let page = |items: &[Value], next: &str| {
        Answer::json(&json!({ "Items": items, "LastEvaluatedKey": entry(next, Some("5")) }))
    };
    let stored = with_state("a", "stored");
    let aws = Aws::answer_in_order([
        page(&[stored.clone(), stored.clone()], "x"),
        page(&[with_state("b", "parked"), stored], "y"),
        page(&[with_state("c", "parked")], "z"),
    ])
    .await;
    let is_parked = |one: &operator::records::MediaRecord| one.state == "parked";
    let found = records(&aws).search_instance(&instance(), 0, is_parked, 2).await;
    let found = found.expect("an answer");
    let keys: Vec<_> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["b", "c"]);
    assert_eq!(aws.requests_of("Query").len(), 3);
}
