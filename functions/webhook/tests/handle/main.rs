//! What the webhook function answers while AWS is healthy, while it fails, and when secrets change.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod connection;
mod kept;
mod pass_on;
mod people;
mod refused;
mod revoked;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lambda_http::{Body, Request, RequestExt, http};
use media::{job::QueuedJob, sha256::Sha256};
use redaction::{Canary, Class, Recorder, Scan, Sink};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use webhook::{Webhook, config::Config};

const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";

/// The instance as the table holds it, with these valid secrets.
fn instance_answer(secrets: &[&str]) -> Answer {
    instance_answer_with(secrets, &json!({}))
}

/// The same with more fields.
fn instance_answer_with(secrets: &[&str], fields: &Value) -> Answer {
    let hashes: Vec<_> = secrets
        .iter()
        .map(|secret| json!({ "S": Sha256::from_data(secret.as_bytes()).to_hex() }))
        .collect();
    let mut item = json!({
        "instance": { "S": INSTANCE }, "tenant": { "S": "acme" }, "secret_hashes": { "L": hashes },
        "old_secret_until": { "N": "32503679999" }, "sealed_token": { "S": "c2VhbGVk" }, "created_at": { "N": "0" },
    });
    let fields = fields.as_object().cloned().expect("fields");
    item.as_object_mut().expect("an item").extend(fields);
    Answer::json(&json!({ "Item": item }))
}

/// Healthy AWS, with one instance whose secret is `secret`.
fn healthy_aws(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        "GetItem" if seen.text().contains(INSTANCE) => instance_answer(&["secret"]),
        "SendMessage" => Answer::message_accepted(),
        "SendMessageBatch" => Answer::batch_accepted(seen),
        _ => Answer::json(&json!({})),
    }
}

/// How many jobs were sent, each in a message of its own.
fn count_jobs(aws: &Aws) -> usize {
    let sent = aws.requests_of("SendMessage").into_iter().map(|message| message.json());
    let is_job = |message: &Value| {
        QueuedJob::parse(message["MessageBody"].as_str().expect("a body")).is_ok()
    };
    sent.filter(is_job).count()
}

fn create_webhook(aws: &Aws) -> Webhook {
    create_asking_webhook(aws, false)
}

/// A function that notes numbers without a LID, if `asks_lids`.
fn create_asking_webhook(aws: &Aws, asks_lids: bool) -> Webhook {
    let config = Config {
        region: "us-east-1".to_owned(),
        endpoint: None,
        instances_table: "instances".to_owned(),
        jobs_table: "jobs-table".to_owned(),
        people_table: "people".to_owned(),
        orders_table: "orders".to_owned(),
        asks_lids,
        marks_table: "marks".to_owned(),
        receivers_table: "receivers".to_owned(),
        jobs_queue_url: "https://sqs.example.invalid/jobs".to_owned(),
        deliveries_queue_url: "https://sqs.example.invalid/deliveries".to_owned(),
        deliveries_bucket: "deliveries".to_owned(),
    };
    Webhook::with_clients(&aws.clients, config)
}

/// A webhook as API Gateway passes it on.
fn webhook_request(instance: &str, secret: &str, body: &Value) -> Request {
    let path = HashMap::from([
        ("instanceId".to_owned(), instance.to_owned()),
        ("secret".to_owned(), secret.to_owned()),
    ]);
    let request = http::Request::post("/webhook").body(Body::from(body.to_string()));
    request.expect("a request").with_path_parameters(path)
}

/// Handles a request; returns status, body and headers of the answer.
async fn post_request(webhook: &Webhook, request: &Request) -> (u16, Value, http::HeaderMap) {
    let response = webhook.handle_request(request, 1_787_438_879).await.expect("a response");
    let (head, body) = response.into_parts();
    let body = serde_json::from_slice(&body).expect("JSON");
    (head.status.as_u16(), body, head.headers)
}

fn image_webhook() -> Value {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0A", "moment": 1_787_438_879,
        "chat": { "id": "5500900000002" },
        "msgContent": { "imageMessage": {
            "mediaKey": "RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY=", "directPath": "/v/FAKE?oe=F48EE600",
            "mimetype": "image/jpeg",
        } },
    })
}

#[tokio::test]
async fn media_are_queued_before_the_answer() {
    let aws = Aws::start(healthy_aws).await;
    let (status, body, _) =
        post_request(&create_webhook(&aws), &webhook_request(INSTANCE, "secret", &image_webhook()))
            .await;
    assert_eq!((status, body), (200, json!({ "queued": 1 })));
    let message = aws.only_request("SendMessage").json();
    assert_eq!(message["MessageGroupId"], "acme");
    let job: Value =
        serde_json::from_str(message["MessageBody"].as_str().expect("text")).expect("JSON");
    assert_eq!(
        (&job["version"], &job["tenant"], &job["instance"]),
        (&json!("1"), &json!("acme"), &json!(INSTANCE))
    );
    assert_eq!(job["message"]["message_id"], "3EB0A");
}

/// Neither the answer nor its time tells whether the instance exists.
#[tokio::test]
async fn strangers_get_one_late_answer() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    post_request(&webhook, &webhook_request(INSTANCE, "secret", &image_webhook())).await;
    for (instance, secret) in
        [(INSTANCE, "wrong"), (INSTANCE, ""), ("LITE-NOBODY-AAAAAA", "secret"), ("../..", "secret")]
    {
        let started = Instant::now();
        let (status, body, _) =
            post_request(&webhook, &webhook_request(instance, secret, &image_webhook())).await;
        assert_eq!(
            (status, body),
            (401, json!({ "error": "unauthorized" })),
            "{instance} {secret}"
        );
        assert!(started.elapsed() >= Duration::from_millis(100), "{instance} {secret}");
    }
}

/// An instance that is not cached is answered with 503.
#[tokio::test]
async fn a_cached_instance_survives_a_dynamodb_failure() {
    let reads = Arc::new(AtomicUsize::new(0));
    let script = {
        let reads = Arc::clone(&reads);
        move |seen: &RecordedRequest| match seen.operation() {
            "GetItem" if reads.fetch_add(1, Ordering::SeqCst) > 0 => {
                Answer::json_error(400, "ThrottlingException")
            }
            _ => healthy_aws(seen),
        }
    };
    let aws = Aws::start(script).await;
    let webhook = create_webhook(&aws);
    for _ in 0..2 {
        let known = webhook_request(INSTANCE, "secret", &image_webhook());
        assert_eq!(post_request(&webhook, &known).await.0, 200);
    }
    let (status, _, headers) =
        post_request(&webhook, &webhook_request("LITE-OTHERS-AAAAAA", "secret", &image_webhook()))
            .await;
    assert_eq!(status, 503);
    assert!(headers.contains_key("retry-after"));
}

#[tokio::test]
async fn strangers_learn_nothing_while_dynamodb_fails() {
    let fails = Arc::new(AtomicUsize::new(0));
    let script = {
        let fails = Arc::clone(&fails);
        move |seen: &RecordedRequest| match seen.operation() {
            "GetItem" if fails.load(Ordering::SeqCst) > 0 => {
                Answer::json_error(400, "ThrottlingException")
            }
            _ => healthy_aws(seen),
        }
    };
    let aws = Aws::start(script).await;
    let webhook = create_webhook(&aws);
    post_request(&webhook, &webhook_request(INSTANCE, "secret", &image_webhook())).await;
    fails.store(1, Ordering::SeqCst);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    let known = webhook_request(INSTANCE, "wrong", &image_webhook());
    let unknown = webhook_request("LITE-NOBODY-AAAAAA", "wrong", &image_webhook());
    for request in [known, unknown] {
        let started = tokio::time::Instant::now();
        let (status, body, _) = post_request(&webhook, &request).await;
        assert_eq!((status, body), (503, json!({ "error": "unavailable" })));
        assert!(started.elapsed() >= Duration::from_millis(100));
    }
    let (status, ..) =
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &image_webhook())).await;
    assert_eq!(status, 200, "who knows the secret is served from the cache");
}

#[tokio::test]
async fn headers_of_64_kib_change_nothing() {
    let aws = Aws::start(healthy_aws).await;
    let mut request = webhook_request(INSTANCE, "secret", &image_webhook());
    for n in 0..64 {
        let name = http::HeaderName::try_from(format!("x-{n}")).expect("a name");
        let value = http::HeaderValue::try_from("v".repeat(1024)).expect("a value");
        request.headers_mut().insert(name, value);
    }
    let (status, body, _) = post_request(&create_webhook(&aws), &request).await;
    assert_eq!((status, body), (200, json!({ "queued": 1 })));
    let bytes = aws.only_request("SendMessage").body.len();
    assert!(bytes < 4096, "{bytes} bytes in the queue");
}

#[tokio::test]
async fn ten_thousand_media_make_no_jobs() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    let short_fields = (0..40_000).map(|n| (format!("f{n}"), json!(0)));
    let mut first: serde_json::Map<_, _> = short_fields.collect();
    first.insert("directpath".to_owned(), json!("p"));
    let same = json!({ "imageMessage": { "directPath": "p" } });
    let other = |n: usize| json!({ "imageMessage": { "directPath": format!("p{n}") } });
    let heavy = |media: Vec<Value>| {
        let mut body = image_webhook();
        body["msgContent"] = json!({ "a": { "imageMessage": first }, "b": media });
        body
    };
    let repeated = heavy(vec![same; 10_000]);
    let (status, body, _) =
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &repeated)).await;
    assert_eq!((status, body), (200, json!({ "queued": 1 })));
    let many = heavy((0..10_000).map(other).collect());
    let (status, body, _) =
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &many)).await;
    assert_eq!((status, body), (200, json!({ "unread": "too_many_media" })));
    assert_eq!(count_jobs(&aws), 1);
}

#[tokio::test]
async fn a_second_secret_is_valid_too() {
    let aws = Aws::start(|seen| match seen.operation() {
        "GetItem" => instance_answer(&["old", "new"]),
        _ => healthy_aws(seen),
    })
    .await;
    let webhook = create_webhook(&aws);
    for secret in ["old", "new"] {
        assert_eq!(
            post_request(&webhook, &webhook_request(INSTANCE, secret, &image_webhook())).await.0,
            200,
            "{secret}"
        );
    }
}

#[tokio::test]
async fn a_paused_instance_answers_as_to_strangers() {
    let aws = Aws::start(|seen| match seen.operation() {
        "GetItem" => instance_answer_with(&["secret"], &json!({ "paused_at": { "N": "1" } })),
        _ => healthy_aws(seen),
    })
    .await;
    let webhook = create_webhook(&aws);
    let right =
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &image_webhook())).await;
    let wrong = post_request(&webhook, &webhook_request(INSTANCE, "wrong", &image_webhook())).await;
    let unknown =
        post_request(&webhook, &webhook_request("LITE-NOBODY-AAAAAA", "secret", &image_webhook()))
            .await;
    assert_eq!(right.0, 401);
    assert_eq!(right, wrong);
    assert_eq!(right, unknown);
    assert!(aws.operations().iter().all(|operation| *operation == "GetItem"));
}

#[tokio::test]
async fn one_table_read_serves_many_webhooks() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    for _ in 0..10 {
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &image_webhook())).await;
    }
    assert_eq!(aws.requests_of("GetItem").len(), 1);
}

#[tokio::test]
async fn a_carousel_is_queued_whole() {
    let aws = Aws::start(healthy_aws).await;
    let card = |n: usize| json!({ "header": { "imageMessage": { "mediaKey": format!("k{n}"), "directPath": format!("/v/{n}"), "mimetype": "image/jpeg" } } });
    let mut body = image_webhook();
    body["msgContent"] = json!({ "cards": (0..12).map(card).collect::<Vec<_>>() });
    let (status, body, _) =
        post_request(&create_webhook(&aws), &webhook_request(INSTANCE, "secret", &body)).await;
    assert_eq!((status, body), (200, json!({ "queued": 12 })));
    assert_eq!(aws.requests_of("SendMessageBatch").len(), 2);
}

/// Lambda accepts at most six megabytes, and the thumbnail of a document makes a webhook of one.
#[tokio::test]
async fn a_six_mebibyte_body_makes_a_small_job() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    for (pad, expected) in [(6 * 1024 * 1024, 413), (6 * 1024 * 1024 - 1000, 200), (1_100_000, 200)]
    {
        let mut body = image_webhook();
        body["msgContent"]["imageMessage"]["JPEGThumbnail"] = json!("x".repeat(pad));
        let (status, ..) =
            post_request(&webhook, &webhook_request(INSTANCE, "secret", &body)).await;
        assert_eq!(status, expected, "{pad}");
    }
    let sent = aws.requests_of("SendMessage");
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|message| message.body.len() < 4096));
}

/// The answer to any other body says why in one word.
#[tokio::test]
async fn only_one_webhook_per_body_makes_jobs() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    let mut other = image_webhook();
    other["messageId"] = json!("3EB0B");
    let envelope =
        |body: Value| json!([{ "headers": {}, "params": {}, "query": {}, "body": body }]);
    for (body, status, word) in [
        (envelope(json!({})), 200, "no_webhook"),
        (json!([image_webhook(), other]), 200, "several_webhooks"),
        (json!("text"), 400, "bad_body"),
        (envelope(image_webhook()), 200, ""),
        (envelope(json!(image_webhook().to_string())), 200, ""),
    ] {
        let (answered, answer, _) =
            post_request(&webhook, &webhook_request(INSTANCE, "secret", &body)).await;
        assert_eq!(answered, status, "{body}");
        let told = answer["error"].as_str().or(answer["unread"].as_str());
        assert_eq!(told.unwrap_or_default(), word, "{body}");
    }
    assert_eq!(count_jobs(&aws), 2);
}

/// The recorded events, which have every field that webhooks have.
fn read_events() -> Vec<Value> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let paths = folder.read_dir().expect("events").map(|entry| entry.expect("an entry").path());
    let json = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read(path).expect("an event");
        serde_json::from_slice(&text).expect("JSON")
    };
    json.map(read).collect()
}

#[tokio::test]
async fn logs_and_answers_have_no_secrets_or_names() {
    const SECRET: &str = "an invented webhook secret";
    let recorder = Recorder::start();
    let secret = Canary::new(Class::Secret, "webhook secret", SECRET);
    let mut planted: Vec<_> = secret.into_iter().collect();
    let mut answers = String::new();
    let mut posted = 0;
    // Unverified requests are answered late, so only a few are posted.
    let all = usize::MAX;
    for (failing, count) in [
        ("nothing", all),
        ("SendMessage", all),
        ("SendMessageBatch", all),
        ("SendMessage UpdateItem", all),
        ("GetItem", 3),
    ] {
        let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
            name if failing.split(' ').any(|one| one == name) => {
                Answer::json_error(400, "AccessDeniedException")
            }
            "GetItem" if seen.text().contains(INSTANCE) => instance_answer(&[SECRET]),
            _ => healthy_aws(seen),
        })
        .await;
        let webhook = create_webhook(&aws);
        for event in read_events().into_iter().take(count) {
            planted.extend(Canary::collect_all(&event));
            let mut of_another = event.clone();
            of_another["instanceId"] = json!("LITE-OTHERS-AAAAAA");
            let right = webhook_request(INSTANCE, SECRET, &event);
            let wrong = webhook_request(INSTANCE, SECRET, &of_another);
            let mut broken = webhook_request(INSTANCE, SECRET, &event);
            let text = event.to_string();
            *broken.body_mut() = Body::from(text[..text.len() / 2].to_owned());
            for request in [right, wrong, broken] {
                posted += 1;
                let (_, body, headers) = post_request(&webhook, &request).await;
                answers += &format!("{body} {headers:?}\n");
            }
        }
        let stranger = webhook_request("5500900000002", SECRET, &json!({}));
        answers += &post_request(&webhook, &stranger).await.1.to_string();
    }
    let log = recorder.text();
    let texts = [(Sink::Log, log.as_str()), (Sink::Answer, answers.as_str())];
    let scan = Scan::search_all(planted, texts).expect("a search");
    assert!(scan.findings.is_empty(), "{:#?}", scan.findings);
    for sink in [Sink::Log, Sink::Answer] {
        assert!(scan.lines[&sink] >= posted, "{} lines of {sink:?}", scan.lines[&sink]);
    }
}
