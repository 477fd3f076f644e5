//! Who may post an instance's webhooks: how long records are cached, and which secrets are valid.

use std::time::{Duration, Instant};

use aws::{
    instances::InstanceError,
    webhook_access::{AccessTable, MAX_UNMATCHED_AGE, WebhookAccess},
};
use media::sha256::Sha256;
use scripted_aws::{Answer, Aws, KeepAliveAws, Treatment};
use serde_json::{Value, json};

use crate::samples::{INSTANCE, instance, instance_item as item};

const TABLE: &str = "instances-table";

fn found(item: &Value) -> Answer {
    Answer::json(&json!({ "Item": item }))
}

fn table(aws: &Aws) -> AccessTable {
    AccessTable::new(&aws.clients, TABLE.to_owned())
}

/// Advances the clock of tokio, between two requests.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A sample record with these attributes added or replaced.
async fn read_record_with(attributes: &Value) -> Result<WebhookAccess, InstanceError> {
    let mut item = item();
    let whole = item.as_object_mut().expect("an item");
    whole.extend(attributes.as_object().cloned().expect("attributes"));
    let aws = Aws::answer_in_order([found(&item)]).await;
    let found = table(&aws).find(&instance()).await?;
    Ok(found.expect("a record").as_ref().clone())
}

async fn record_with(attributes: &Value) -> WebhookAccess {
    read_record_with(attributes).await.expect("an answer")
}

#[tokio::test]
async fn access_is_read_consistently() {
    let aws = Aws::answer_in_order([found(&item())]).await;
    let record = table(&aws).find(&instance()).await.expect("an answer").expect("a record");
    let secrets = record.secrets_at(0);
    assert!(secrets.is_valid("secret") && !secrets.is_valid("another"));
    let verified = record.verify_secret("secret", 0).expect("verified");
    assert_eq!((verified.tenant().as_str(), verified.instance()), ("acme", &instance()));
    assert!(record.verify_secret("another", 0).is_none());
    let read = aws.only_request("GetItem").json();
    let key = json!({ "instance": { "S": INSTANCE } });
    assert_eq!(read, json!({ "TableName": TABLE, "Key": key, "ConsistentRead": true }));
}

#[tokio::test]
async fn access_is_cached_for_a_minute() {
    let aws = Aws::start(|_| found(&item())).await;
    let table = table(&aws);
    table.find(&instance()).await.expect("read");
    later(Duration::from_secs(59)).await;
    table.find(&instance()).await.expect("remembered");
    assert_eq!(aws.operations(), ["GetItem"]);
    table.find_changed(&instance()).await.expect("read again");
    assert_eq!(aws.operations(), ["GetItem"; 2]);
    later(Duration::from_secs(60)).await;
    table.find(&instance()).await.expect("read again");
    assert_eq!(aws.operations(), ["GetItem"; 3]);
}

#[tokio::test]
async fn no_access_is_cached_for_a_second() {
    assert_eq!(MAX_UNMATCHED_AGE, Duration::from_secs(1));
    let none = Answer::json(&json!({}));
    let aws = Aws::answer_in_order([none, found(&item())]).await;
    let table = table(&aws);
    assert!(table.find(&instance()).await.expect("an answer").is_none());
    assert!(table.find(&instance()).await.expect("remembered").is_none());
    later(MAX_UNMATCHED_AGE).await;
    assert!(table.find(&instance()).await.expect("an answer").is_some(), "it was added meanwhile");
}

/// The record may change while the answer is on its way.
#[tokio::test]
async fn the_age_counts_from_the_start_of_the_read() {
    let aws = KeepAliveAws::start(
        |_| json!({ "Item": item() }),
        |_| Treatment::AnswerAfter(Duration::from_millis(500)),
    )
    .await;
    let table = AccessTable::new(&aws.clients(Duration::from_secs(3)), TABLE.to_owned());
    table.find(&instance()).await.expect("read");
    later(Duration::from_millis(600)).await;
    let started = Instant::now();
    table.find_changed(&instance()).await.expect("read again");
    assert!(started.elapsed() >= Duration::from_millis(400), "it was read again");
}

/// An older record serves the right secret. For another secret, it must not be used.
#[tokio::test]
async fn older_access_is_used_while_the_table_fails() {
    let refusal = || Answer::json_error(400, "AccessDeniedException");
    let aws = Aws::answer_in_order([found(&item()), refusal(), refusal()]).await;
    let table = table(&aws);
    let before = table.find(&instance()).await.expect("read");
    later(Duration::from_hours(10)).await;
    assert_eq!(table.find(&instance()).await.expect("an older record"), before);
    table.find_changed(&instance()).await.expect_err("the table failed");
    assert_eq!(aws.operations(), ["GetItem"; 3], "the table was asked");
}

#[tokio::test]
async fn unreadable_access_is_an_error_and_no_absence() {
    for (attribute, value) in [
        ("tenant", json!({ "S": "Not A Tenant" })),
        ("tenant", json!({ "NULL": true })),
        ("secret_hashes", json!({ "L": [{ "S": "abc" }] })),
        ("paused_at", json!({ "S": "yes" })),
    ] {
        let refused = read_record_with(&json!({ attribute: value })).await.expect_err(attribute);
        assert!(matches!(refused, InstanceError::Malformed(_)), "{attribute}: {refused:?}");
    }
}

#[tokio::test]
async fn the_earlier_secret_is_valid_until_it_expires() {
    let hash = |secret: &[u8]| json!({ "S": Sha256::from_data(secret).to_hex() });
    let hashes = json!({ "L": [hash(b"new"), hash(b"old")] });
    let rotating = json!({ "secret_hashes": hashes, "old_secret_until": { "N": "1000" } });
    let record = record_with(&rotating).await;
    for (now, is_old_valid) in [(999, true), (1000, false)] {
        let secrets = record.secrets_at(now);
        assert!(secrets.is_valid("new"), "{now}");
        assert_eq!(secrets.is_valid("old"), is_old_valid, "{now}");
    }
    // Without an end of its overlap, the earlier secret is not valid.
    let record = record_with(&json!({ "secret_hashes": hashes })).await;
    assert!(!record.secrets_at(0).is_valid("old"));
}

#[tokio::test]
async fn a_paused_instance_has_no_valid_secret() {
    let record = record_with(&json!({ "paused_at": { "N": "1787431000" } })).await;
    assert!(!record.secrets_at(2_000_000_000).is_valid("secret"));
}
