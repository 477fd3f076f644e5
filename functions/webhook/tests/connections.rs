//! A webhook is accepted although a connection to AWS is silent or was closed: one attempt must not
//! use the time of all.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lambda_http::{Body, Request, RequestExt, http};
use media::sha256::Sha256;
use scripted_aws::{KeepAliveAws, Treatment};
use serde_json::{Value, json};
use webhook::{MAX_CALL_TIME, Webhook, config::Config};

const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";

fn healthy_answer(operation: &str) -> Value {
    match operation {
        "getitem" => json!({ "Item": {
            "instance": { "S": INSTANCE }, "tenant": { "S": "acme" },
            "secret_hashes": { "L": [{ "S": Sha256::from_data(b"secret").to_hex() }] },
            "sealed_token": { "S": "c2VhbGVk" }, "created_at": { "N": "0" },
        } }),
        "sendmessagebatch" => json!({ "Successful": [{ "Id": "0", "MessageId": "m" }] }),
        _ => json!({ "MessageId": "m" }),
    }
}

/// Posts a webhook with one image; returns the status and the time of the answer.
async fn post_image(webhook: &Webhook) -> (u16, Duration) {
    let body = json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0A",
        "chat": { "id": "5500900000002" },
        "msgContent": { "imageMessage": { "directPath": "/v/FAKE", "mimetype": "image/jpeg" } },
    });
    let path = HashMap::from([
        ("instanceId".to_owned(), INSTANCE.to_owned()),
        ("secret".to_owned(), "secret".to_owned()),
    ]);
    let request = http::Request::post("/webhook").body(Body::from(body.to_string()));
    let request: Request = request.expect("a request").with_path_parameters(path);
    let started = Instant::now();
    let response = webhook.handle_request(&request, 1_787_438_879).await.expect("a response");
    (response.status().as_u16(), started.elapsed())
}

/// A webhook function whose connections before the `dead`-th are silent.
async fn start(dead: &Arc<AtomicUsize>) -> (KeepAliveAws, Webhook) {
    let dead = Arc::clone(dead);
    let aws = KeepAliveAws::start(healthy_answer, move |n| {
        if n < dead.load(Ordering::SeqCst) { Treatment::Silence } else { Treatment::Answer }
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
    let webhook = Webhook::with_clients(&aws.clients(MAX_CALL_TIME), config);
    (aws, webhook)
}

#[tokio::test]
async fn a_silent_connection_costs_one_attempt() {
    let (_aws, webhook) = start(&Arc::new(AtomicUsize::new(1))).await;
    let (status, time) = post_image(&webhook).await;
    assert_eq!(status, 200);
    assert!(time < Duration::from_secs(2), "{time:?}");
}

#[tokio::test]
async fn two_silent_connections_cost_two_attempts() {
    let (_aws, webhook) = start(&Arc::new(AtomicUsize::new(2))).await;
    let (status, time) = post_image(&webhook).await;
    assert_eq!(status, 200);
    assert!(time < MAX_CALL_TIME, "{time:?}");
}

/// A function that thaws uses the connections from before it was frozen. The other end has
/// forgotten them and says nothing.
#[tokio::test]
async fn a_thawed_function_survives_silent_connections() {
    let dead = Arc::new(AtomicUsize::new(0));
    let (aws, webhook) = start(&dead).await;
    assert_eq!(post_image(&webhook).await.0, 200);
    dead.store(aws.count_connections(), Ordering::SeqCst);
    assert_eq!(post_image(&webhook).await.0, 200);
}

#[tokio::test]
async fn a_thawed_function_survives_closed_connections() {
    let (aws, webhook) = start(&Arc::default()).await;
    assert_eq!(post_image(&webhook).await.0, 200);
    aws.close_connections();
    assert_eq!(post_image(&webhook).await.0, 200);
}

/// The limit is not so short that a slow answer is lost.
#[tokio::test]
async fn half_a_second_is_not_too_slow() {
    let slow = |_| Treatment::AnswerAfter(Duration::from_millis(500));
    let aws = KeepAliveAws::start(healthy_answer, slow).await;
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
    let webhook = Webhook::with_clients(&aws.clients(MAX_CALL_TIME), config);
    assert_eq!(post_image(&webhook).await.0, 200);
    // The receivers are read while the job is sent. An attempt that is given up opens another one.
    assert_eq!(aws.count_connections(), 2, "no attempt was given up");
}
