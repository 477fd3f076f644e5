//! Changes of an instance's record: a new secret, a new instance and a resumed one are believed at
//! once, and what a newer version wrote refuses no webhook.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use lambda_http::{Body, Request, RequestExt, http};
use media::sha256::Sha256;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use webhook::{Webhook, config::Config};

const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";

/// The longest time that a record may be believed after it was read.
const FLOOR: Duration = Duration::from_secs(1);

/// An instance's item with these secrets, the current one first.
fn item(secrets: &[&str]) -> Value {
    let hash = |secret: &&str| json!({ "S": Sha256::from_data(secret.as_bytes()).to_hex() });
    json!({
        "instance": { "S": INSTANCE }, "tenant": { "S": "acme" },
        "secret_hashes": { "L": secrets.iter().map(hash).collect::<Vec<_>>() },
        "old_secret_until": { "N": "32503679999" },
        "sealed_token": { "S": "c2VhbGVk" }, "created_at": { "N": "0" },
    })
}

/// The item with these attributes added or replaced.
fn item_with(attributes: &Value) -> Value {
    let mut item = item(&["secret"]);
    let whole = item.as_object_mut().expect("an item");
    whole.extend(attributes.as_object().cloned().expect("attributes"));
    item
}

/// The table of instances. As in `DynamoDB`, only a consistent read is sure to see the last write;
/// another one may return the state before it.
struct Table {
    before: Option<Value>,
    now: Option<Value>,
}

/// A webhook function, and the table that it reads.
struct Door {
    aws: Aws,
    webhook: Webhook,
    table: Arc<Mutex<Table>>,
}

impl Door {
    async fn open(item: Option<Value>) -> Self {
        let table = Arc::new(Mutex::new(Table { before: item.clone(), now: item }));
        let read = Arc::clone(&table);
        let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
            "GetItem" => {
                let table = read.lock().expect("the table");
                let is_consistent = seen.json()["ConsistentRead"] == true;
                let item = if is_consistent { &table.now } else { &table.before };
                let found = item.clone().filter(|_| seen.text().contains(INSTANCE));
                Answer::json(&found.map_or_else(|| json!({}), |item| json!({ "Item": item })))
            }
            "SendMessageBatch" => Answer::batch_accepted(seen),
            _ => Answer::message_accepted(),
        })
        .await;
        let config = Config {
            region: "us-east-1".to_owned(),
            endpoint: None,
            instances_table: "instances".to_owned(),
            jobs_table: "jobs-table".to_owned(),
            people_table: "people".to_owned(),
            orders_table: "orders".to_owned(),
            asks_lids: false,
            marks_table: "marks".to_owned(),
            receivers_table: "receivers".to_owned(),
            jobs_queue_url: "https://sqs.example.invalid/jobs".to_owned(),
            deliveries_queue_url: "https://sqs.example.invalid/deliveries".to_owned(),
            deliveries_bucket: "deliveries".to_owned(),
        };
        Self { webhook: Webhook::with_clients(&aws.clients, config), aws, table }
    }

    /// Posts a webhook with one image; returns the status of the answer.
    async fn post(&self, secret: &str) -> u16 {
        let body = json!({
            "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0A",
            "chat": { "id": "5500900000002" },
            "msgContent": { "imageMessage": { "directPath": "/v/FAKE", "mimetype": "image/jpeg" } },
        });
        let path = HashMap::from([
            ("instanceId".to_owned(), INSTANCE.to_owned()),
            ("secret".to_owned(), secret.to_owned()),
        ]);
        let request = http::Request::post("/webhook").body(Body::from(body.to_string()));
        let request: Request = request.expect("a request").with_path_parameters(path);
        let response = self.webhook.handle_request(&request, 1_787_438_879).await;
        response.expect("a response").status().as_u16()
    }

    /// Writes the item, as the operator's command does.
    fn write(&self, item: Value) {
        let mut table = self.table.lock().expect("the table");
        table.before = table.now.replace(item);
    }

    fn count_reads(&self) -> usize {
        self.aws.requests_of("GetItem").len()
    }
}

/// Advances the clock of tokio, between two requests.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_rotated_secret_is_valid_at_once() {
    let door = Door::open(Some(item(&["old"]))).await;
    assert_eq!(door.post("old").await, 200);
    door.write(item(&["new", "old"]));
    later(FLOOR).await;
    assert_eq!(door.post("new").await, 200);
    assert_eq!(door.post("old").await, 200);
}

/// A stranger makes the function read the record just before it changes.
#[tokio::test]
async fn a_registered_secret_is_valid_at_once() {
    let door = Door::open(Some(item(&["printed when it was added"]))).await;
    assert_eq!(door.post("wrong").await, 401);
    door.write(item(&["registered", "printed when it was added"]));
    later(FLOOR).await;
    assert_eq!(door.post("registered").await, 200);
}

#[tokio::test]
async fn a_resumed_instance_is_open_at_once() {
    let door = Door::open(Some(item_with(&json!({ "paused_at": { "N": "1" } })))).await;
    assert_eq!(door.post("secret").await, 401);
    door.write(item(&["secret"]));
    later(FLOOR).await;
    assert_eq!(door.post("secret").await, 200);
}

#[tokio::test]
async fn an_added_instance_is_known_at_once() {
    let door = Door::open(None).await;
    assert_eq!(door.post("secret").await, 401);
    door.write(item(&["secret"]));
    later(FLOOR).await;
    assert_eq!(door.post("secret").await, 200);
}

/// Somebody else knows it. A process that remembers it stops to accept it within a minute, although
/// only that secret comes; and a busy instance costs one read per minute.
#[tokio::test]
async fn a_revoked_secret_ends_within_a_minute() {
    let door = Door::open(Some(item(&["leaked"]))).await;
    assert_eq!(door.post("leaked").await, 200);
    door.write(item(&["new"]));
    for _ in 0..5 {
        later(Duration::from_secs(11)).await;
        assert_eq!(door.post("leaked").await, 200);
    }
    assert_eq!(door.count_reads(), 1);
    later(Duration::from_secs(5)).await;
    assert_eq!(door.post("leaked").await, 401);
    assert_eq!(door.post("new").await, 200);
}

/// However many wrong secrets come, a record is read at most once a second.
#[tokio::test]
async fn strangers_cause_one_read_per_second() {
    for known in [Some(item(&["secret"])), None] {
        let door = Door::open(known).await;
        let started = Instant::now();
        for _ in 0..6 {
            assert_eq!(door.post("wrong").await, 401);
        }
        let reads = door.count_reads();
        // Usually one: six answers take 600 ms.
        let most = 1 + started.elapsed().as_secs();
        assert!(reads as u64 <= most, "{reads} reads");
        later(FLOOR).await;
        assert_eq!(door.post("wrong").await, 401);
        assert_eq!(door.count_reads(), reads + 1);
    }
}

/// Records as a newer version might write them: words and shapes that this one does not know.
#[tokio::test]
async fn a_newer_versions_record_refuses_no_webhook() {
    for attributes in [
        json!({ "strategies": { "L": [{ "S": "carrier pigeon" }] } }),
        json!({ "strategies": { "S": "fastest" } }),
        json!({ "policy": { "M": { "kinds": { "L": [{ "S": "hologram" }] } } } }),
        json!({ "policy": { "M": { "retention": { "S": "10y" } } } }),
        json!({ "policy": { "M": { "view_once": { "S": "blur" } } } }),
        json!({ "policy": { "S": "see the tenant" } }),
        json!({ "sealed_token": { "M": { "v2": { "S": "c2VhbGVk" } } } }),
        json!({ "created_at": { "S": "2031-01-01" } }),
        json!({ "region": { "S": "sa-east-1" } }),
    ] {
        let door = Door::open(Some(item_with(&attributes))).await;
        assert_eq!(door.post("secret").await, 200, "{attributes}");
        assert_eq!(door.post("wrong").await, 401, "{attributes}");
    }
}
