//! The table of media as an operator reads it: page by page, past anything that stands in a record.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::ids::{InstanceId, MessageId, TenantId};
use operator::records::{MediaRecord, MediaRecords};
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

/// An item with these attributes instead of its own; `null` takes one away.
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
async fn the_mark_of_an_erased_medium_is_shown_as_a_mark() {
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

/// A back-fill brings what was sent long ago, and a broken clock what was sent in another age.
#[tokio::test]
async fn what_a_day_brought_is_told_by_when_it_was_stored_and_goes_on_past_any_record() {
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
    let found = records(&aws).since(&instance(), 1000, 100).await;
    let found = found.expect("an answer");
    assert_eq!(keys(&found), ["back-filled", "odd", "old"]);
    let odd: Vec<_> = found.iter().map(|one| one.not_understood.len()).collect();
    assert_eq!(odd, [0, 2, 1]);
    // The index is asked for all moments, and leaves out only what says that it is older.
    let asked = aws.only_request("Query").json();
    assert_eq!(asked["KeyConditionExpression"], "instance = :instance");
    let filter = "updated_at >= :from OR NOT attribute_type(updated_at, :number)";
    assert_eq!(asked["FilterExpression"], filter);
}

#[tokio::test]
async fn what_lies_under_a_messages_key_is_shown_whatever_it_says() {
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
    let found = records(&aws).of_message(&instance(), &message("3EB0")).await;
    let mut found = found.expect("an answer");
    found.sort_by(|one, other| one.key.cmp(&other.key));
    // Nothing of `3EB0.x` says that it is a medium of 3EB0: it is another message.
    assert_eq!(keys(&found), ["3EB0", digest, "3EB0.2"]);
    let told = json!(found);
    assert!(told.to_string().contains("9e40"), "{told}");
}

#[tokio::test]
async fn erasing_leaves_alone_and_names_what_does_not_say_whose_it_is_or_of_which_chat() {
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
    let found = records(&aws).erasable(&tenant, &instance(), &chats, None).await;
    let found = found.expect("an answer");
    let meant: Vec<_> = found.meant.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(meant, ["meant"]);
    assert_eq!(found.unread, ["no chat", "no tenant"]);
}
