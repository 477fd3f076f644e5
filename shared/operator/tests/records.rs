//! The media table as an operator reads it: every record is read, whatever its attributes are.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::ids::{InstanceId, MessageId, TenantId};
use operator::{
    erase::ErasableNames,
    records::{MediaRecord, MediaRecords},
};
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};

fn records(aws: &Aws) -> MediaRecords {
    MediaRecords::new(&aws.clients, "media".to_owned())
}

fn instance() -> InstanceId {
    InstanceId::parse("LITE-AAAAAA-BBBBBB").expect("an instance")
}

fn message(id: &str) -> MessageId {
    MessageId::parse(id).expect("an id")
}

/// A sample item with these attributes changed; `null` removes one.
fn item(key: &str, more: Value) -> Value {
    let mut item = json!({ "instance": { "S": "LITE-AAAAAA-BBBBBB" }, "message_id": { "S": key },
        "tenant": { "S": "acme" }, "chat": { "S": "5500900000001" }, "kind": { "S": "image" },
        "state": { "S": "stored" } });
    for (name, value) in more.as_object().into_iter().flatten() {
        item[name] = value.clone();
    }
    let fields = item.as_object_mut().expect("an item");
    fields.retain(|_, value| !value.is_null());
    item
}

fn page(items: &[Value]) -> Answer {
    Answer::json(&json!({ "Items": items }))
}

fn keys(found: &[MediaRecord]) -> Vec<&str> {
    found.iter().map(|one| one.key.as_str()).collect()
}

#[tokio::test]
async fn the_mark_of_an_erased_media_file_is_a_mark() {
    let mark = json!({ "instance": { "S": "LITE-AAAAAA-BBBBBB" }, "message_id": { "S": "3EB0" },
        "state": { "S": "erased" }, "forget_at": { "N": "1789000000" } });
    let aws = Aws::answer_in_order([Answer::json(&json!({ "Item": mark }))]).await;
    let found = records(&aws).get(&instance(), "3EB0").await;
    let found = found.expect("an answer").expect("a record");
    assert!(found.is_mark());
    assert_eq!(
        json!(found),
        json!({ "instance": "LITE-AAAAAA-BBBBBB", "message_id": "3EB0", "key": "3EB0",
            "state": "erased", "forget_at": 1_789_000_000 })
    );
}

/// A back-fill stores files of old messages, and a broken clock gives impossible moments. Records
/// of any form are read.
#[tokio::test]
async fn records_are_listed_by_their_time_of_change() {
    let microseconds =
        json!({ "moment": { "N": "1787438879000000" }, "updated_at": { "N": "50" } });
    let yesterday = json!({ "moment": { "N": "1.5" }, "updated_at": { "S": "yesterday" } });
    let at = |moment: &str, updated: &str| json!({ "moment": { "N": moment }, "updated_at": { "N": updated } });
    let aws = Aws::answer_in_order([page(&[
        item("in microseconds", microseconds),
        item("back-filled", at("1", "1000")),
        item("before", at("999", "999")),
        item("odd", yesterday),
        item("old", json!({ "moment": { "N": "1001" } })),
    ])])
    .await;
    let mut found = Vec::new();
    let visited =
        records(&aws).visit_changed_since(&instance(), 1000, |record| found.push(record)).await;
    visited.expect("an answer");
    assert_eq!(keys(&found), ["back-filled", "odd", "old"]);
    let odd: Vec<_> = found.iter().map(|one| one.not_understood.len()).collect();
    assert_eq!(odd, [0, 2, 1]);
    // The query covers all moments. The filter excludes only records that changed earlier.
    let asked = aws.only_request("Query").json();
    assert_eq!(asked["KeyConditionExpression"], "instance = :instance");
    let filter = "updated_at >= :from OR NOT attribute_type(updated_at, :number)";
    assert_eq!(asked["FilterExpression"], filter);
}

#[tokio::test]
async fn records_of_a_message_are_found_by_their_keys() {
    let digest = "3EB0#AAAAAAAAAAAAAAAAAAAAAAAAAA";
    let aws = Aws::answer_in_order([
        page(&[item(
            digest,
            json!({ "message": { "N": "7" }, "chat": null, "state": { "BOOL": true } }),
        )]),
        page(&[item("3EB0", json!({ "tenant": null, "moment": { "N": "9e40" } }))]),
        page(&[item("3EB0.x", json!({})), item("3EB0.2", json!({}))]),
    ])
    .await;
    let found = records(&aws).list_by_message(&instance(), &message("3EB0")).await;
    let mut found = found.expect("an answer");
    found.sort_by(|one, other| one.key.cmp(&other.key));
    // `3EB0.x` is the id of another message.
    assert_eq!(keys(&found), ["3EB0", digest, "3EB0.2"]);
    let told = json!(found);
    assert!(told.to_string().contains("9e40"), "{told}");
}

#[tokio::test]
async fn records_without_tenant_or_chat_are_named_and_not_erased() {
    let mark = json!({ "tenant": null, "chat": null, "state": { "S": "erased" } });
    let items = [
        item("meant", json!({ "lease_until": { "S": "soon" }, "state": null })),
        item("another chat", json!({ "chat": { "S": "group-1" } })),
        item("another tenant", json!({ "tenant": { "S": "beta" }, "chat": null })),
        item("no chat", json!({ "chat": { "N": "5500900000001" } })),
        item("no tenant", json!({ "tenant": null })),
        item("a mark", mark),
    ];
    let aws = Aws::answer_in_order([page(&items)]).await;
    let (tenant, chats) =
        (TenantId::parse("acme").expect("a tenant"), ["5500900000001".to_owned()]);
    let names = ErasableNames { chats: &chats, senders: &[] };
    let found = records(&aws).list_erasable(&tenant, &instance(), names, None).await;
    let found = found.expect("an answer");
    let meant: Vec<_> = found.meant.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(meant, ["meant"]);
    assert_eq!(found.unread, ["no chat", "no tenant"]);
}
