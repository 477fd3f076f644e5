//! A batch: its answer's shape, a panic in one record, the end of an invocation's time, and failures of AWS.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws::bucket::MultipartChecksum;
use aws_lambda_events::sqs::SqsEvent;
use download::{
    batch,
    config::Config,
    worker::{Ambient, Worker},
};
use fetch::{Limits, Origins};
use media::{
    access::{SecretHashes, Verified},
    ids::{InstanceId, TenantId},
    object_key::parse_offset,
    sha256::Sha256,
};
use scripted_aws::{Answer, Aws, Seen};
use serde_json::{Value, json};
use stand_in::{Announced, CdnScenario, DEFAULT_INSTANCE, Kind, Spec, StandIn, WapiScenario};
use tokio::time::Instant;
use wapi::webhook::WebhookBody;

/// AWS in good health: one instance, nothing stored yet.
fn healthy(seen: &Seen) -> Answer {
    match seen.operation() {
        "GetItem" if seen.text().contains("\"instances\"") => Answer::json(&json!({ "Item": {
            "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "acme" }, "secret_hashes": { "L": [] },
            "sealed_token": { "S": "c2VhbGVk" }, "created_at": { "N": "0" },
        } })),
        "Decrypt" => Answer::json(
            &json!({ "Plaintext": "aW52ZW50ZWQtdG9rZW4tb2YtTElURS1BQUFBQUEtQkJCQkJC" }),
        ),
        "PutObject" => Answer::ok().with_header("etag", "\"e\""),
        _ => Answer::json(&json!({})),
    }
}

fn worker(aws: &Aws, origins: &StandIn, now: fn() -> i64) -> Worker {
    let text = |text: &str| text.to_owned();
    let config = Config {
        region: text("us-east-1"),
        endpoint: None,
        instances_table: text("instances"),
        media_table: text("media"),
        bucket: text("bucket"),
        jobs_queue_url: text("https://sqs.example.invalid/jobs"),
        parked_queue_url: text("https://sqs.example.invalid/parked"),
        origins: Origins::parse(&origins.wapi_base(), &origins.cdn_bases()).expect("URLs"),
        offset: parse_offset("-03:00").expect("an offset"),
        checksum: MultipartChecksum::FullObject,
    };
    Worker::with_clients(
        &aws.clients,
        config,
        Limits::default(),
        Ambient {
            now: Arc::new(now),
            ..Ambient::of_machine()
        },
    )
    .expect("a worker")
}

fn job(announced: &Announced) -> String {
    let tenant = TenantId::parse("acme").expect("a tenant");
    let instance = InstanceId::parse(DEFAULT_INSTANCE).expect("an instance");
    let secrets = SecretHashes::new([Sha256::of(b"s")]);
    let verified = Verified::check(&tenant, &instance, &secrets, "s").expect("the right secret");
    let body = WebhookBody::parse(announced.webhook.to_string().as_bytes()).expect("JSON");
    let message = body
        .announcement(&verified)
        .expect("the same instance")
        .media
        .remove(0);
    verified
        .job(message, boot::clock::now())
        .to_json()
        .expect("JSON")
}

fn event(bodies: &[String]) -> SqsEvent {
    let record = |(n, body): (usize, &String)| {
        json!({ "messageId": format!("m{n}"), "receiptHandle": format!("r{n}"), "body": body,
            "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {} })
    };
    let records: Vec<_> = bodies.iter().enumerate().map(record).collect();
    serde_json::from_value(json!({ "Records": records })).expect("an event")
}

/// The answer as Lambda gets it.
async fn run(worker: &Worker, event: SqsEvent, left: Duration) -> Value {
    let response = batch::run(worker, event, Instant::now() + left)
        .await
        .expect("an answer");
    serde_json::to_value(response).expect("JSON")
}

const PLENTY: Duration = Duration::from_mins(10);

#[tokio::test]
async fn a_batch_that_went_well_answers_with_an_empty_list_of_failures() {
    let (aws, origins) = (
        Aws::start(healthy).await,
        StandIn::start().await.expect("origins"),
    );
    let jobs: Vec<_> = (0..10)
        .map(|_| job(&origins.announce(Spec::of(Kind::Image)).expect("a medium")))
        .collect();
    let answer = run(
        &worker(&aws, &origins, boot::clock::now),
        event(&jobs),
        PLENTY,
    )
    .await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(aws.of("PutObject").len(), 10);
    assert_eq!(aws.of("UpdateItem").len(), 10);
}

/// Panics the first time it is asked for the time.
fn now_panicking_once() -> i64 {
    static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
    assert!(
        HAS_PANICKED.swap(true, Ordering::SeqCst),
        "a panic in the middle of a record"
    );
    boot::clock::now()
}

#[tokio::test]
async fn a_panic_in_one_record_brings_only_that_one_back() {
    let (aws, origins) = (
        Aws::start(healthy).await,
        StandIn::start().await.expect("origins"),
    );
    let jobs: Vec<_> = (0..4)
        .map(|_| job(&origins.announce(Spec::of(Kind::Image)).expect("a medium")))
        .collect();
    let answer = run(
        &worker(&aws, &origins, now_panicking_once),
        event(&jobs),
        PLENTY,
    )
    .await;
    assert_eq!(
        answer["batchItemFailures"].as_array().map(Vec::len),
        Some(1),
        "{answer}"
    );
    assert_eq!(aws.of("PutObject").len(), 3);
    assert_eq!(
        aws.the("ChangeMessageVisibility").json()["VisibilityTimeout"],
        300
    );
}

#[tokio::test]
async fn near_the_end_of_its_time_nothing_is_started_and_everything_handed_back_soon() {
    let (aws, origins) = (
        Aws::start(healthy).await,
        StandIn::start().await.expect("origins"),
    );
    let jobs: Vec<_> = (0..3)
        .map(|_| job(&origins.announce(Spec::of(Kind::Image)).expect("a medium")))
        .collect();
    let answer = run(
        &worker(&aws, &origins, boot::clock::now),
        event(&jobs),
        Duration::from_secs(30),
    )
    .await;
    assert_eq!(
        answer["batchItemFailures"].as_array().map(Vec::len),
        Some(3),
        "{answer}"
    );
    assert!(
        aws.of("ChangeMessageVisibility")
            .iter()
            .all(|one| one.json()["VisibilityTimeout"] == 5)
    );
    assert_eq!(origins.requests().len(), 0);
}

#[tokio::test]
async fn a_record_without_an_id_fails_the_whole_batch_because_no_answer_could_name_it() {
    let (aws, origins) = (
        Aws::start(healthy).await,
        StandIn::start().await.expect("origins"),
    );
    let event = serde_json::from_value(json!({ "Records": [{ "body": "x" }] })).expect("an event");
    let worker = worker(&aws, &origins, boot::clock::now);
    assert!(
        batch::run(&worker, event, Instant::now() + PLENTY)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_job_that_cannot_be_parked_comes_back() {
    let script = |seen: &Seen| match seen.operation() {
        "SendMessage" => Answer::json_error(400, "QueueDoesNotExist"),
        _ => healthy(seen),
    };
    let (aws, origins) = (
        Aws::start(script).await,
        StandIn::start().await.expect("origins"),
    );
    let spec = Spec::of(Kind::Image)
        .wapi(WapiScenario::NotFound404)
        .cdn(CdnScenario::Gone { status: 404 });
    let jobs = [
        "not a job".to_owned(),
        job(&origins.announce(spec).expect("a medium")),
    ];
    let answer = run(
        &worker(&aws, &origins, boot::clock::now),
        event(&jobs),
        PLENTY,
    )
    .await;
    assert_eq!(
        answer["batchItemFailures"].as_array().map(Vec::len),
        Some(2),
        "{answer}"
    );
    assert_eq!(aws.of("UpdateItem").len(), 0, "no record says parked");
}

#[tokio::test]
async fn what_is_stored_but_not_recorded_comes_back_and_heals_itself() {
    let script = |seen: &Seen| match seen.operation() {
        "UpdateItem" => Answer::json_error(400, "ThrottlingException"),
        _ => healthy(seen),
    };
    let (aws, origins) = (
        Aws::start(script).await,
        StandIn::start().await.expect("origins"),
    );
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let answer = run(
        &worker(&aws, &origins, boot::clock::now),
        event(&[job(&announced)]),
        PLENTY,
    )
    .await;
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": "m0" }] })
    );

    let script = |seen: &Seen| match seen.operation() {
        "PutObject" => Answer::s3_error(412, "PreconditionFailed"),
        _ => healthy(seen),
    };
    let aws = Aws::start(script).await;
    let answer = run(
        &worker(&aws, &origins, boot::clock::now),
        event(&[job(&announced)]),
        PLENTY,
    )
    .await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let written = aws.the("UpdateItem").text().to_owned();
    assert!(
        written.contains("\"stored\"") && written.contains(&announced.sha256_hex),
        "{written}"
    );
}

#[tokio::test]
async fn a_token_that_was_changed_is_read_again_before_the_instance_is_blamed() {
    static IS_CHANGED: AtomicBool = AtomicBool::new(false);
    let script = |seen: &Seen| {
        let sealed = if IS_CHANGED.load(Ordering::SeqCst) {
            "bmV3"
        } else {
            "b2xk"
        };
        match seen.operation() {
            "GetItem" if seen.text().contains("\"instances\"") => Answer::json(&json!({ "Item": {
                "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "acme" },
                "secret_hashes": { "L": [] }, "sealed_token": { "S": sealed }, "created_at": { "N": "0" },
            } })),
            // The script's cipher: a token is sealed as itself.
            "Decrypt" => Answer::json(&json!({ "Plaintext": seen.json()["CiphertextBlob"] })),
            _ => healthy(seen),
        }
    };
    let (aws, origins) = (
        Aws::start(script).await,
        StandIn::start().await.expect("origins"),
    );
    let worker = worker(&aws, &origins, boot::clock::now);
    let only_wapi = || Spec::of(Kind::Image).cdn(CdnScenario::Gone { status: 410 });
    let next = || event(&[job(&origins.announce(only_wapi()).expect("a medium"))]);
    origins.register_instance(DEFAULT_INSTANCE, "old");
    assert_eq!(
        run(&worker, next(), PLENTY).await,
        json!({ "batchItemFailures": [] })
    );

    origins.register_instance(DEFAULT_INSTANCE, "new");
    let answer = run(&worker, next(), PLENTY).await;
    assert_eq!(
        answer["batchItemFailures"].as_array().map(Vec::len),
        Some(1),
        "nobody has told us yet"
    );

    IS_CHANGED.store(true, Ordering::SeqCst);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert_eq!(
        run(&worker, next(), PLENTY).await,
        json!({ "batchItemFailures": [] })
    );
    assert_eq!(aws.of("PutObject").len(), 2);
}

#[tokio::test]
async fn a_duplicate_of_what_is_stored_is_acknowledged_without_a_download() {
    let script = |seen: &Seen| match seen.operation() {
        "GetItem" if seen.text().contains("\"media\"") => Answer::json(
            &json!({ "Item": { "state": { "S": "stored" }, "object_key": { "S": "k" } } }),
        ),
        _ => healthy(seen),
    };
    let (aws, origins) = (
        Aws::start(script).await,
        StandIn::start().await.expect("origins"),
    );
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let answer = run(
        &worker(&aws, &origins, boot::clock::now),
        event(&[job(&announced)]),
        PLENTY,
    )
    .await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(origins.requests().len(), 0);
}

#[tokio::test]
async fn when_s3_fails_the_job_comes_back_and_no_other_strategy_is_blamed() {
    let script = |seen: &Seen| match seen.operation() {
        "PutObject" => Answer::s3_error(403, "AccessDenied"),
        _ => healthy(seen),
    };
    let (aws, origins) = (
        Aws::start(script).await,
        StandIn::start().await.expect("origins"),
    );
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let answer = run(
        &worker(&aws, &origins, boot::clock::now),
        event(&[job(&announced)]),
        PLENTY,
    )
    .await;
    assert_eq!(
        answer["batchItemFailures"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(
        origins
            .requests()
            .iter()
            .all(|one| !one.path.starts_with("/v/")),
        "the CDN was not asked"
    );
    assert!(
        aws.the("UpdateItem")
            .text()
            .contains("s3:PutObject failed: AccessDenied")
    );
}
