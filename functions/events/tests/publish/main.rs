//! What the events function publishes for a change of a record, to whom, and what it sends again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod again;
mod links;
mod states;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use events::{Ambient, Events, batch::handle_batch, config::Config};
use media::{delivery::Delivery, media_link::LinkToken};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use tokio::time::Instant;

const NOW: i64 = 1_787_438_900;
const WRITTEN_AT: i64 = 1_787_438_879;
const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
const KEY: &str = "acme/LITE-AAAAAA-BBBBBB/5500900000002/2026-08/20260822-211759_in_image_x.jpg";
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// AWS as one test has it.
#[derive(Clone)]
struct Scene {
    receivers: Value,
    link_rule: &'static str,
    /// Operations that fail.
    down: Vec<&'static str>,
    /// The answer of the event bus, for each of its entries.
    bus_errors: Vec<bool>,
    /// The item with the texts of message `3EB0A`.
    texts: Option<Value>,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            receivers: json!([receiver("rcv_aaaaaaaaaaaaaaaa", "media", "*")]),
            link_rule: "off",
            down: Vec::new(),
            bus_errors: Vec::new(),
            texts: None,
        }
    }
}

fn receiver(id: &str, kind: &str, instance: &str) -> Value {
    json!({
        "tenant": { "S": "acme" }, "receiver": { "S": format!("{instance}#{id}") },
        "host": { "S": "app.example.com" }, "what": { "S": kind },
    })
}

impl Scene {
    fn answer(&self, seen: &RecordedRequest) -> Answer {
        let operation = seen.operation();
        if self.down.contains(&operation) {
            return Answer::json_error(400, "AccessDeniedException");
        }
        match operation {
            "Query" => Answer::json(&json!({ "Items": self.receivers, "Count": 1 })),
            "GetItem" if seen.json()["TableName"] == "jobs" => self.answer_texts(seen),
            "GetItem" => {
                let policy = json!({ "M": { "links": { "S": self.link_rule } } });
                Answer::json(&json!({ "Item": { "tenant": { "S": "acme" }, "policy": policy } }))
            }
            "SendMessage" => Answer::message_accepted(),
            "PutEvents" => {
                let count = seen.json()["Entries"].as_array().map_or(0, Vec::len);
                let entries = (0..count).map(|index| match self.bus_errors.get(index) {
                    Some(true) => json!({ "ErrorCode": "InternalFailure" }),
                    _ => json!({ "EventId": index.to_string() }),
                });
                let entries: Vec<_> = entries.collect();
                Answer::json(&json!({ "FailedEntryCount": 0, "Entries": entries }))
            }
            _ => Answer::json(&json!({})),
        }
    }

    /// The texts of one message, under its own key.
    fn answer_texts(&self, seen: &RecordedRequest) -> Answer {
        let key = &seen.json()["Key"];
        let is_its = key["instance"]["S"] == format!("texts#{INSTANCE}")
            && key["message_id"]["S"] == "3EB0A#DIGEST";
        match &self.texts {
            Some(texts) if is_its => Answer::json(&json!({ "Item": texts })),
            _ => Answer::json(&json!({})),
        }
    }

    async fn start(self) -> Aws {
        Aws::start(move |seen| self.answer(seen)).await
    }
}

fn create_events(aws: &Aws, bus: Option<&str>) -> Events {
    let config = Config {
        region: "us-east-1".to_owned(),
        endpoint: None,
        receivers_table: "receivers".to_owned(),
        tenants_table: "tenants".to_owned(),
        media_table: "media".to_owned(),
        jobs_table: "jobs".to_owned(),
        links_table: "links".to_owned(),
        media_bucket: "bucket".to_owned(),
        deliveries_queue_url: "https://sqs.example.invalid/deliveries".to_owned(),
        event_bus: bus.map(str::to_owned),
        base_url: "https://api.example.invalid".to_owned(),
    };
    let number = Arc::new(Mutex::new(0_u8));
    let token_bytes = Arc::new(move || {
        let mut number = number.lock().expect("a number");
        *number += 1;
        Some([*number; LinkToken::BYTES])
    });
    let ambient = Ambient { now: Arc::new(|| NOW), token_bytes };
    Events::with_clients(&aws.clients, config, ambient)
}

/// A record as the media table has it, in this state.
fn record(message: &str, state: &str) -> Value {
    let mut record = json!({
        "instance": { "S": INSTANCE }, "message_id": { "S": format!("{message}#DIGEST") },
        "message": { "S": message }, "tenant": { "S": "acme" }, "state": { "S": state },
        "chat": { "S": "5500900000002" }, "chat_phone": { "S": "5500900000002" },
        "sender_phone": { "S": "5500900000003" }, "sender_lid": { "S": "900000000000003" },
        "kind": { "S": "image" }, "direction": { "S": "in" }, "moment": { "N": "1787438879" },
        "attempts": { "L": [{ "M": { "host": { "S": "w-api.example.invalid" } } }] },
        "lease_owner": { "S": "a run" },
    });
    let fields = match state {
        "stored" => json!({
            "object_key": { "S": KEY }, "size_bytes": { "N": "3" }, "sha256": { "S": SHA256 },
            "integrity": { "S": "mac+sha256" }, "strategy": { "S": "cdn" },
            "mimetype": { "S": "image/jpeg" },
        }),
        "parked" => json!({
            "class": { "S": "expired" }, "reason": { "S": "the file is gone" },
            "recoverable_until": { "N": "1788648479" },
        }),
        "skipped" => json!({ "reason": { "S": "view_once" } }),
        "erased" => {
            return json!({
                "instance": { "S": INSTANCE }, "message_id": { "S": format!("{message}#DIGEST") },
                "message": { "S": message }, "state": { "S": "erased" },
            });
        }
        _ => json!({}),
    };
    let fields = fields.as_object().cloned().expect("fields");
    record.as_object_mut().expect("a record").extend(fields);
    record
}

/// A record of the stream.
fn change(number: u64, before: &Value, after: &Value) -> Value {
    json!({
        "eventID": format!("event-{number}"), "eventName": "MODIFY", "awsRegion": "us-east-1",
        "eventSource": "aws:dynamodb", "eventVersion": "1.1",
        "dynamodb": {
            "ApproximateCreationDateTime": WRITTEN_AT, "SequenceNumber": format!("{number}00"),
            "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES", "Keys": {},
            "OldImage": before, "NewImage": after,
        },
    })
}

/// The sequence number from which on Lambda sends the batch again.
async fn handle(events: &Events, changes: &[Value]) -> Option<String> {
    let batch = serde_json::from_value(json!({ "Records": changes })).expect("a batch");
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut failures = handle_batch(events, batch, deadline).await.batch_item_failures;
    assert!(failures.len() <= 1);
    failures.pop().and_then(|one| one.item_identifier)
}

/// The bodies that the deliveries queue got, each with its receiver's id.
fn delivered(aws: &Aws) -> Vec<(String, Value)> {
    let sends = aws.requests_of("SendMessage").into_iter();
    let parsed = sends.map(|send| {
        let body = send.json()["MessageBody"].as_str().expect("a body").to_owned();
        let delivery = Delivery::parse(&body).expect("a delivery");
        assert_eq!(delivery.content_type.as_deref(), Some("application/json"));
        assert_eq!(delivery.accepted_at, WRITTEN_AT);
        let event = serde_json::from_slice(delivery.expose().expect("bytes")).expect("JSON");
        (delivery.receiver.to_string(), event)
    });
    parsed.collect()
}

fn only_event(aws: &Aws) -> Value {
    let mut all = delivered(aws);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).1
}

/// Fails if the event is not as the committed schema of its kind says.
fn assert_valid(event: &Value) {
    let kind = event["type"].as_str().and_then(|word| word.split('.').next());
    let schema = match kind {
        Some("media") => include_str!("../../../../docs/schemas/media-event-1.json"),
        Some("instance") => include_str!("../../../../docs/schemas/instance-event-1.json"),
        Some("receiver") => include_str!("../../../../docs/schemas/receiver-event-1.json"),
        other => unreachable!("no schema for {other:?}"),
    };
    let schema = serde_json::from_str(schema).expect("a schema");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema);
    let errors: Vec<_> =
        validator.expect("a schema").iter_errors(event).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} {event}");
}

#[tokio::test]
async fn a_stored_file_is_announced_with_all_that_is_known() {
    let aws = Scene::default().start().await;
    let events = create_events(&aws, None);
    let stored = change(1, &record("3EB0A", "retrying"), &record("3EB0A", "stored"));
    assert_eq!(handle(&events, &[stored]).await, None);
    let event = only_event(&aws);
    assert_valid(&event);
    let expected = json!({
        "id": event["id"], "type": "media.stored", "timestamp": "2026-08-22T22:47:59Z",
        "schema_version": 1,
        "data": {
            "tenant": "acme", "instance": INSTANCE, "message_id": "3EB0A",
            "file_id": event["data"]["file_id"], "kind": "image",
            "direction": "in", "moment": "2026-08-22T22:47:59Z", "mimetype": "image/jpeg",
            "size": 3, "sha256": SHA256, "integrity": "mac+sha256", "strategy": "cdn",
            "bucket": "bucket", "key": KEY, "chat": "5500900000002",
            "chat_phone": "5500900000002", "sender_phone": "5500900000003",
            "sender_lid": "900000000000003",
        },
    });
    assert_eq!(event, expected);
}

/// What is parked, skipped and erased; and nothing that has no news.
#[tokio::test]
async fn each_end_is_one_event() {
    let aws = Scene::default().start().await;
    let events = create_events(&aws, None);
    let (none, one) = (json!({}), |state| record("3EB0A", state));
    let changes = [
        change(1, &none, &one("parked")),
        change(2, &one("retrying"), &one("skipped")),
        change(3, &one("stored"), &one("erased")),
        // It may have been parked, and redriven, before.
        change(6, &one("retrying"), &one("erased")),
        // Nothing new: a lease, a link, a retry, a removal, no record.
        change(4, &one("stored"), &one("stored")),
        change(5, &one("parked"), &one("retrying")),
        change(7, &one("stored"), &none),
        change(8, &none, &json!({ "instance": { "S": INSTANCE }, "state": { "S": "revoked" } })),
        change(9, &none, &json!({ "state": { "S": "stored" } })),
        change(10, &none, &json!({ "state": { "N": "7" } })),
    ];
    assert_eq!(handle(&events, &changes).await, None);
    let all: Vec<_> = delivered(&aws).into_iter().map(|(_, event)| event).collect();
    all.iter().for_each(assert_valid);
    let mut types: Vec<_> = all.iter().map(|event| event["type"].as_str()).collect();
    types.sort_unstable();
    let expected = ["media.erased", "media.erased", "media.parked", "media.skipped"];
    assert_eq!(types, expected.map(Some));
    let erased = all.iter().find(|event| event["type"] == "media.erased").expect("it");
    let mut names: Vec<_> = erased["data"].as_object().expect("data").keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["file_id", "instance", "message_id", "tenant"]);
    assert!(all.iter().all(|one| one["data"]["file_id"] == erased["data"]["file_id"]), "{all:?}");
}

#[tokio::test]
async fn only_receivers_that_want_media_events_of_the_instance_get_them() {
    let receivers = json!([
        receiver("rcv_aaaaaaaaaaaaaaaa", "media", "*"),
        receiver("rcv_bbbbbbbbbbbbbbbb", "all", INSTANCE),
        receiver("rcv_cccccccccccccccc", "webhooks", "*"),
        receiver("rcv_dddddddddddddddd", "media", "LITE-CCCCCC-DDDDDD"),
        receiver("rcv_eeeeeeeeeeeeeeee", "something newer", "*"),
    ]);
    let aws = Scene { receivers, ..Scene::default() }.start().await;
    let events = create_events(&aws, None);
    let stored = change(1, &json!({}), &record("3EB0A", "stored"));
    assert_eq!(handle(&events, &[stored]).await, None);
    let mut all = delivered(&aws);
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let got: Vec<_> = all.iter().map(|(receiver, _)| receiver.as_str()).collect();
    assert_eq!(got, ["rcv_aaaaaaaaaaaaaaaa", "rcv_bbbbbbbbbbbbbbbb"]);
    assert_eq!(all[0].1, all[1].1);
}

/// The bus is not the tenant's alone: no number and no link.
#[tokio::test]
async fn the_bus_gets_no_personal_data_but_the_key() {
    let receivers = json!([]);
    let texts = Some(json!({ "caption": { "S": "legenda" }, "file_name": { "S": "nota.pdf" } }));
    let aws = Scene { receivers, link_rule: "7d", texts, ..Scene::default() }.start().await;
    let events = create_events(&aws, Some("default"));
    let changes: Vec<_> = ["stored", "parked", "skipped"]
        .into_iter()
        .zip(1..)
        .map(|(state, number)| change(number, &json!({}), &record("3EB0A", state)))
        .collect();
    assert_eq!(handle(&events, &changes).await, None);
    let put = aws.only_request("PutEvents").json();
    for entry in put["Entries"].as_array().expect("entries") {
        assert_eq!(
            (&entry["Source"], &entry["EventBusName"]),
            (&json!("wapi-media"), &json!("default"))
        );
        let detail: Value =
            serde_json::from_str(entry["Detail"].as_str().expect("a detail")).expect("JSON");
        assert_valid(&detail);
        assert_eq!(detail["type"], entry["DetailType"]);
        let mut data = detail["data"].clone();
        data.as_object_mut().expect("data").remove("key");
        let text = data.to_string();
        for personal in ["5500900000002", "900000000000003", "/m/", "legenda", "nota.pdf"] {
            assert!(!text.contains(personal), "{personal} in {text}");
        }
    }
    assert!(aws.requests_of("SendMessage").is_empty() && aws.requests_of("PutItem").is_empty());
}

/// The caption and the name are told as they are, each if there is one; those of another message
/// are not.
#[tokio::test]
async fn a_stored_file_is_announced_with_its_texts() {
    let both = json!({ "caption": { "S": "=1+1 \"segue\"" }, "file_name": { "S": "nota 1.pdf" } });
    let caption = json!({ "caption": { "S": "legenda" } });
    for (message, texts, expected) in [
        ("3EB0A", both.clone(), (json!("=1+1 \"segue\""), json!("nota 1.pdf"))),
        ("3EB0A", caption, (json!("legenda"), Value::Null)),
        ("3EB0B", both, (Value::Null, Value::Null)),
    ] {
        let aws = Scene { texts: Some(texts), ..Scene::default() }.start().await;
        let events = create_events(&aws, None);
        let changes = [change(1, &json!({}), &record(message, "stored"))];
        assert_eq!(handle(&events, &changes).await, None);
        let event = only_event(&aws);
        assert_valid(&event);
        let data = &event["data"];
        assert_eq!((data["caption"].clone(), data["file_name"].clone()), expected);
    }
}

#[tokio::test]
async fn a_tenant_with_links_gets_one_in_the_event() {
    let aws = Scene { link_rule: "7d", ..Scene::default() }.start().await;
    let events = create_events(&aws, None);
    let changes = [
        change(1, &json!({}), &record("3EB0A", "stored")),
        change(2, &json!({}), &record("3EB0B", "parked")),
    ];
    assert_eq!(handle(&events, &changes).await, None);
    let all = delivered(&aws);
    let stored = all.iter().find(|(_, event)| event["type"] == "media.stored").expect("it");
    assert_valid(&stored.1);
    let token = LinkToken::from_random([1; LinkToken::BYTES]);
    let url = format!("https://api.example.invalid/m/{}", token.expose());
    let link = json!({ "url": url, "ends_at": "2026-08-29T22:48:20Z" });
    assert_eq!(stored.1["data"]["link"], link);
    // The record knows the link before it is there, so that an erasure finds it.
    let order = aws.operations();
    let place = |name| order.iter().position(|one| *one == name).expect(name);
    assert!(place("UpdateItem") < place("PutItem"), "{order:?}");
    let added = aws.only_request("UpdateItem").json();
    assert_eq!(added["ExpressionAttributeValues"][":link"], json!({ "SS": [token.hash()] }));
    let item = aws.only_request("PutItem").json()["Item"].clone();
    assert_eq!(item["token"], json!({ "S": token.hash() }));
    assert_eq!(item["record_key"], json!({ "S": "3EB0A#DIGEST" }));
}

/// A file that is gone, or has as many links as it may have, is announced without one.
#[tokio::test]
async fn without_room_for_a_link_the_event_has_none() {
    let scene = Scene { link_rule: "7d", ..Scene::default() };
    let aws = Aws::start(move |seen| match seen.operation() {
        "UpdateItem" => Answer::condition_failed(None),
        _ => scene.answer(seen),
    })
    .await;
    let events = create_events(&aws, None);
    let stored = change(1, &json!({}), &record("3EB0A", "stored"));
    assert_eq!(handle(&events, &[stored]).await, None);
    assert!(only_event(&aws)["data"]["link"].is_null());
}

/// A sender chooses the declared type: what is no type is not passed on.
#[tokio::test]
async fn a_declared_type_has_no_parameters() {
    let aws = Scene::default().start().await;
    let events = create_events(&aws, None);
    let mut stored = record("3EB0A", "stored");
    for (declared, passed_on) in [
        ("audio/ogg; codecs=opus; name=\"5500900000002\"", json!("audio/ogg")),
        ("Contato Exemplo/x", Value::Null),
        ("image", Value::Null),
    ] {
        stored["mimetype"] = json!({ "S": declared });
        let number = u64::try_from(declared.len()).expect("a number");
        assert_eq!(handle(&events, &[change(number, &json!({}), &stored)]).await, None);
        let all = delivered(&aws);
        assert_eq!(all.last().expect("one").1["data"]["mimetype"], passed_on, "{declared}");
    }
}
