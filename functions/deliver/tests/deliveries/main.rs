//! What the deliver function posts, and what follows from each answer.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod answers;
mod orders;
mod posts;
mod rest;

use std::{sync::Arc, time::Duration};

use data_encoding::BASE64;
use deliver::{Ambient, Deliver, batch::handle_batch, config::Config};
use media::{
    delivery::{Delivery, DeliveryId, DeliverySource},
    receiver::ReceiverId,
};
use samples::{INSTANCE, TENANT, instance_id, tenant_id};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use stand_in::{AppAnswer, Application};
use tokio::time::Instant;

const RECEIVER: &str = "rcv_aaaaaaaaaaaaaaaa";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const NOW: i64 = 1_787_438_879;

/// An application that answers every request with this status.
async fn with_status(status: u16) -> Application {
    Application::start(move |_| AppAnswer::status(status)).await.expect("an application")
}

/// A receiver as its table has it, with more attributes.
fn receiver_item(fields: &Value) -> Value {
    let mut item = json!({
        "tenant": { "S": TENANT }, "receiver": { "S": format!("*#{RECEIVER}") },
        "host": { "S": "127.0.0.1" }, "sealed": { "S": "c2VhbGVk" }, "created_at": { "N": "1" },
    });
    let fields = fields.as_object().cloned().expect("fields");
    item.as_object_mut().expect("an item").extend(fields);
    item
}

/// AWS with one receiver at this URL.
async fn start_aws(url: &str, fields: Value) -> Aws {
    start_aws_with_endpoint(json!({ "url": url, "secret": SECRET }), fields).await
}

/// AWS with one receiver whose encrypted part is this.
async fn start_aws_with_endpoint(endpoint: Value, fields: Value) -> Aws {
    Aws::start(move |seen: &RecordedRequest| answer_for(&endpoint, &fields, seen)).await
}

/// Healthy AWS with one receiver.
fn answer_for(endpoint: &Value, fields: &Value, seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        "Query" => Answer::json(&json!({ "Items": [receiver_item(fields)], "Count": 1 })),
        "Decrypt" => {
            let plain = BASE64.encode(endpoint.to_string().as_bytes());
            Answer::json(&json!({ "Plaintext": plain, "KeyId": "key" }))
        }
        "SendMessage" => Answer::message_accepted(),
        _ => Answer::json(&json!({})),
    }
}

fn create_deliver(aws: &Aws) -> Deliver {
    create_deliver_near(aws, "http://localhost:1/v1")
}

/// A function whose W-API has this base.
fn create_deliver_near(aws: &Aws, wapi_base_url: &str) -> Deliver {
    let config = Config {
        region: "us-east-1".to_owned(),
        endpoint: None,
        receivers_table: "receivers".to_owned(),
        jobs_table: "jobs-table".to_owned(),
        orders_table: "orders".to_owned(),
        deliveries_queue_url: "https://sqs.example.invalid/deliveries".to_owned(),
        deliveries_bucket: "deliveries".to_owned(),
        webhook_base_url: "https://own.execute-api.example.invalid".to_owned(),
        wapi_base_url: wapi_base_url.to_owned(),
    };
    let ambient = Ambient { now: Arc::new(|| NOW), random: Arc::new(|| u64::MAX) };
    Deliver::with_clients(&aws.clients, config, ambient).expect("a function")
}

/// A webhook that was accepted this many seconds ago.
fn delivery(body: &[u8], age: i64) -> Delivery {
    let source = DeliverySource {
        id: &DeliveryId::of_request("a request"),
        tenant: &tenant_id(TENANT),
        instance: &instance_id(INSTANCE),
        event: Some("received"),
        content_type: Some("application/json; charset=utf-8"),
        body,
        accepted_at: NOW - age,
    };
    let id = ReceiverId::parse(RECEIVER).expect("an id");
    Delivery::new(&source, &id)
}

/// Handles one message, received for the n-th time; whether SQS must deliver it again.
async fn handle(deliver: &Deliver, delivery: &Delivery, receives: u32) -> bool {
    let body = delivery.to_json().expect("JSON");
    handle_record(deliver, record("message", &body, receives, &[])).await
}

fn record(id: &str, body: &str, receives: u32, attributes: &[(&str, &str)]) -> Value {
    let attributes = attributes.iter().map(|(name, text)| {
        ((*name).to_owned(), json!({ "stringValue": text, "dataType": "String" }))
    });
    json!({
        "messageId": id, "receiptHandle": "receipt", "body": body,
        "attributes": { "ApproximateReceiveCount": receives.to_string() },
        "messageAttributes": attributes.collect::<serde_json::Map<_, _>>(),
        "eventSource": "aws:sqs",
    })
}

async fn handle_record(deliver: &Deliver, record: Value) -> bool {
    let event = serde_json::from_value(json!({ "Records": [record] })).expect("an event");
    let deadline = Instant::now() + Duration::from_mins(1);
    let answer = handle_batch(deliver, event, deadline).await.expect("an answer");
    !answer.batch_item_failures.is_empty()
}

/// The seconds for which a message was hidden.
fn hidden_for(aws: &Aws) -> u64 {
    let changed = aws.only_request("ChangeMessageVisibility").json();
    changed["VisibilityTimeout"].as_u64().expect("seconds")
}

/// The updates of this table, each with its expression and its values.
fn updates_of(aws: &Aws, table: &str) -> Vec<Value> {
    let updates = aws.requests_of("UpdateItem").into_iter().map(|update| update.json());
    updates.filter(|update| update["TableName"] == table).collect()
}
