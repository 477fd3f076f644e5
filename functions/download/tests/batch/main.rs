//! A batch: its answer, a panic in one record, the end of an invocation's time, failures of AWS,
//! and who holds the lease.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod answer;
mod commit;
mod counters;
mod entry;
mod lease;
mod moves;
mod parking;
mod policy;
mod privacy;
mod requests;
mod revoked;
mod tenants;
mod tokens;

use std::{sync::Arc, time::Duration};

use aws::bucket::MultipartChecksum;
use aws_lambda_events::sqs::SqsEvent;
use download::{
    batch,
    config::Config,
    worker::{ClockAndRandom, Worker},
};
use fetch::{Limits, Origins};
use media::object_key::parse_offset;
use samples::verified_instance;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, CdnScenario, Kind, Spec, StandIn, WapiScenario};
use tokio::time::Instant;
use wapi::webhook::WebhookBody;

/// More time than any batch of these tests needs.
const PLENTY: Duration = Duration::from_mins(10);

/// Starts an AWS with this script, and the origins.
async fn start_servers(
    script: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
) -> (Aws, StandIn) {
    let (aws, origins) = (Aws::start(script).await, StandIn::start().await);
    (aws, origins.expect("origins"))
}

/// A worker that uses these servers and this clock.
fn create_worker(
    aws: &Aws,
    origins: &StandIn,
    now: impl Fn() -> i64 + Send + Sync + 'static,
) -> Worker {
    let clock_and_random = ClockAndRandom { now: Arc::new(now), ..ClockAndRandom::from_machine() };
    create_worker_with(aws, origins, clock_and_random)
}

/// A worker that uses these servers, this clock and this random generator.
fn create_worker_with(aws: &Aws, origins: &StandIn, clock_and_random: ClockAndRandom) -> Worker {
    let text = |text: &str| text.to_owned();
    let config = Config {
        region: text("us-east-1"),
        endpoint: None,
        instances_table: text("instances"),
        media_table: text("media"),
        jobs_table: text("jobs-table"),
        counters_table: text("counters"),
        orders_table: text("orders"),
        bucket: text("bucket"),
        jobs_queue_url: text("https://sqs.example.invalid/jobs"),
        parked_queue_url: text("https://sqs.example.invalid/parked"),
        origins: Origins::parse(&origins.wapi_base(), &origins.cdn_bases()).expect("URLs"),
        offset: parse_offset("-03:00").expect("an offset"),
        checksum: MultipartChecksum::FullObject,
        planned_panic: download::fault::PlannedPanic::default(),
    };
    Worker::with_clients(&aws.clients, config, Limits::default(), clock_and_random)
        .expect("a worker")
}

/// The queue message of a media file whose webhook was accepted now.
fn queued_job(announced: &AnnouncedMedia) -> String {
    job_accepted_at(announced, boot::clock::now())
}

/// The queue message of a media file. `accepted_at` is in seconds since 1970.
fn job_accepted_at(announced: &AnnouncedMedia, accepted_at: i64) -> String {
    let verified = verified_instance();
    let body = WebhookBody::parse(announced.webhook.to_string().as_bytes()).expect("JSON");
    let message = body.announcement(&verified).expect("the same instance").media.remove(0);
    verified.create_job(message, accepted_at).to_json().expect("JSON")
}

/// The event of one batch; the n-th message has the id `m{n}`.
fn sqs_event(bodies: &[String]) -> SqsEvent {
    let record = |(n, body): (usize, &String)| {
        json!({ "messageId": format!("m{n}"), "receiptHandle": format!("r{n}"), "body": body,
            "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {} })
    };
    let records: Vec<_> = bodies.iter().enumerate().map(record).collect();
    serde_json::from_value(json!({ "Records": records })).expect("an event")
}

/// Runs a batch. Returns the answer as Lambda gets it.
async fn run_batch(worker: &Worker, event: SqsEvent, left: Duration) -> Value {
    let response =
        batch::handle_batch(worker, event, Instant::now() + left).await.expect("an answer");
    serde_json::to_value(response).expect("JSON")
}

/// Runs one job with the real clock.
async fn run_job(aws: &Aws, origins: &StandIn, job: String) -> Value {
    let worker = create_worker(aws, origins, boot::clock::now);
    run_batch(&worker, sqs_event(&[job]), PLENTY).await
}

/// The answer if all records are done.
fn success_answer() -> Value {
    json!({ "batchItemFailures": [] })
}

/// The answer if the only record is to be retried.
fn retry_answer() -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": "m0" }] })
}

/// The seconds for which the message was hidden.
fn hidden_seconds(aws: &Aws) -> Value {
    aws.only_request("ChangeMessageVisibility").json()["VisibilityTimeout"].clone()
}

/// A media file that no source has.
fn lost_media() -> Spec {
    Spec::of(Kind::Image).wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
}

/// A media file that no source can give now.
fn delayed_media() -> Spec {
    Spec::of(Kind::Image).wapi(WapiScenario::fail_500()).cdn(CdnScenario::Status { code: 503 })
}

/// A media file that only W-API has.
fn wapi_only_media() -> Spec {
    Spec::of(Kind::Image).cdn(CdnScenario::Gone { status: 410 })
}

/// Advances the clock of the instances' cache.
async fn advance_time(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
