//! A batch: its answer's shape, a panic in one record, the end of an invocation's time, failures of
//! AWS, and who holds the lease.

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
use media::{object_key::parse_offset, sha256::Sha256};
use redaction::{Canary, Class, Recorder, Scan, Sink};
use samples::verified_instance;
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use stand_in::{
    AnnouncedMedia, CdnScenario, DEFAULT_INSTANCE, DEFAULT_TOKEN, Kind, Spec, StandIn, WapiScenario,
};
use tokio::time::Instant;
use wapi::webhook::WebhookBody;

fn is_of_instances(seen: &RecordedRequest) -> bool {
    seen.operation() == "GetItem" && seen.text().contains("\"instances\"")
}

/// The usual instance as it lies in its table.
fn instance_with(policy: &Value, sealed_token: &str) -> Answer {
    Answer::json(&json!({ "Item": {
        "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "acme" }, "secret_hashes": { "L": [] },
        "policy": { "M": policy }, "sealed_token": { "S": sealed_token }, "created_at": { "N": "0" },
    } }))
}

/// Whether it looks for a record of a version before, which had the message's id as its key.
fn is_of_before(seen: &RecordedRequest) -> bool {
    let key =
        |seen: &RecordedRequest| seen.json()["Key"]["message_id"]["S"].as_str().map(str::to_owned);
    seen.operation() == "UpdateItem" && key(seen).is_some_and(|key| !key.contains('#'))
}

/// A record that refuses a claim, with what the claim tells of the medium.
fn held(seen: &RecordedRequest, mut item: Value) -> Answer {
    if is_of_before(seen) {
        return Answer::condition_failed(None);
    }
    let Update { sets, sets_once, .. } = Update::from_request(seen);
    let told = sets.into_iter().chain(sets_once);
    for (name, value) in told.filter(|(name, _)| name == "message" || name.starts_with("chat_")) {
        item[name] = value;
    }
    Answer::condition_failed(Some(&item))
}

/// Whether it is the word that a run gives before it commits.
fn is_word(seen: &RecordedRequest) -> bool {
    seen.operation() == "UpdateItem" && Update::from_request(seen).sets.contains_key("committing")
}

/// AWS in good health: one instance, nothing stored yet, and every claim succeeds.
fn healthy(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        _ if is_of_before(seen) => Answer::condition_failed(None),
        _ if is_of_instances(seen) => instance_with(&json!({}), "c2VhbGVk"),
        "Decrypt" => Answer::json(
            &json!({ "Plaintext": "aW52ZW50ZWQtdG9rZW4tb2YtTElURS1BQUFBQUEtQkJCQkJCLWZyb20tdGhlLXN0YXJ0" }),
        ),
        "PutObject" => Answer::empty_success().with_header("etag", "\"e\""),
        _ => Answer::json(&json!({})),
    }
}

/// Whether it takes the lease; what comes later only keeps or ends it.
fn is_claim(seen: &RecordedRequest) -> bool {
    seen.operation() == "UpdateItem"
        && !is_of_before(seen)
        && Update::from_request(seen).sets.contains_key("lease_owner")
}

/// Whether it writes what became of a medium, or ends a lease.
fn is_outcome(seen: &RecordedRequest) -> bool {
    seen.operation() == "UpdateItem" && !is_claim(seen) && !is_of_before(seen) && !is_word(seen)
}

/// What was written of a medium after its claim.
fn writes(aws: &Aws) -> Vec<Update> {
    let updates = aws.requests_of("UpdateItem");
    let writes = updates.iter().filter(|seen| is_outcome(seen));
    writes.map(Update::from_request).collect()
}

/// The state that a write sets, if any, and whether it ends the lease.
fn state_of(write: &Update) -> (Option<&str>, bool) {
    let state = write.sets.get("state").and_then(|one| one["S"].as_str());
    (state, write.removes.contains("lease_owner"))
}

/// What is done with the record, the parked queue and the message, in order.
fn ends(aws: &Aws) -> Vec<&'static str> {
    let is_end =
        |name: &&str| ["UpdateItem", "SendMessage", "ChangeMessageVisibility"].contains(name);
    operations(aws).into_iter().filter(is_end).collect()
}

/// What was asked, without the looks for records of a version before and without words.
fn operations(aws: &Aws) -> Vec<&'static str> {
    let seen = aws.requests();
    let counts = |seen: &&RecordedRequest| !is_of_before(seen) && !is_word(seen);
    seen.iter().filter(counts).map(RecordedRequest::operation).collect()
}

async fn start(
    script: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
) -> (Aws, StandIn) {
    let (aws, origins) = (Aws::start(script).await, StandIn::start().await);
    (aws, origins.expect("origins"))
}

fn worker(aws: &Aws, origins: &StandIn, now: impl Fn() -> i64 + Send + Sync + 'static) -> Worker {
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
        planned_panic: download::fault::PlannedPanic::default(),
    };
    Worker::with_clients(
        &aws.clients,
        config,
        Limits::default(),
        Ambient { now: Arc::new(now), ..Ambient::of_machine() },
    )
    .expect("a worker")
}

fn job(announced: &AnnouncedMedia) -> String {
    job_accepted_at(announced, boot::clock::now())
}

fn job_accepted_at(announced: &AnnouncedMedia, accepted_at: i64) -> String {
    let verified = verified_instance();
    let body = WebhookBody::parse(announced.webhook.to_string().as_bytes()).expect("JSON");
    let message = body.announcement(&verified).expect("the same instance").media.remove(0);
    verified.create_job(message, accepted_at).to_json().expect("JSON")
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
    let response = batch::run(worker, event, Instant::now() + left).await.expect("an answer");
    serde_json::to_value(response).expect("JSON")
}

/// Runs one job at the machine's own time.
async fn run_job(aws: &Aws, origins: &StandIn, job: String) -> Value {
    let worker = worker(aws, origins, boot::clock::now);
    run(&worker, event(&[job]), PLENTY).await
}

fn acknowledged() -> Value {
    json!({ "batchItemFailures": [] })
}

/// The only record comes back.
fn back() -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": "m0" }] })
}

/// When the message comes back, in seconds.
fn hidden_for(aws: &Aws) -> Value {
    aws.only_request("ChangeMessageVisibility").json()["VisibilityTimeout"].clone()
}

/// A medium that nobody has.
fn lost() -> Spec {
    Spec::of(Kind::Image).wapi(WapiScenario::NotFound404).cdn(CdnScenario::Gone { status: 404 })
}

/// A medium that nobody can give now.
fn delayed() -> Spec {
    Spec::of(Kind::Image).wapi(WapiScenario::fail_500()).cdn(CdnScenario::Status { code: 503 })
}

const PLENTY: Duration = Duration::from_mins(10);

#[tokio::test]
async fn a_batch_that_went_well_answers_with_an_empty_list_of_failures() {
    let (aws, origins) = (Aws::start(healthy).await, StandIn::start().await.expect("origins"));
    let jobs: Vec<_> =
        (0..10).map(|_| job(&origins.announce(Spec::of(Kind::Image)).expect("a medium"))).collect();
    let answer = run(&worker(&aws, &origins, boot::clock::now), event(&jobs), PLENTY).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(aws.requests_of("PutObject").len(), 10);
    assert_eq!(aws.requests_of("UpdateItem").len(), 40);
    let writes = writes(&aws);
    let states: Vec<_> = writes.iter().map(state_of).collect();
    assert_eq!(states, [(Some("stored"), true); 10]);
}

/// Panics the first time it is asked for the time.
fn now_panicking_once() -> i64 {
    static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
    assert!(HAS_PANICKED.swap(true, Ordering::SeqCst), "a panic in the middle of a record");
    boot::clock::now()
}

#[tokio::test]
async fn a_panic_in_one_record_brings_only_that_one_back() {
    let (aws, origins) = (Aws::start(healthy).await, StandIn::start().await.expect("origins"));
    let jobs: Vec<_> =
        (0..4).map(|_| job(&origins.announce(Spec::of(Kind::Image)).expect("a medium"))).collect();
    let answer = run(&worker(&aws, &origins, now_panicking_once), event(&jobs), PLENTY).await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(aws.requests_of("PutObject").len(), 3);
    assert_eq!(aws.only_request("ChangeMessageVisibility").json()["VisibilityTimeout"], 300);
}

#[tokio::test]
async fn near_the_end_of_its_time_nothing_is_started_and_everything_handed_back_soon() {
    let (aws, origins) = (Aws::start(healthy).await, StandIn::start().await.expect("origins"));
    let jobs: Vec<_> =
        (0..3).map(|_| job(&origins.announce(Spec::of(Kind::Image)).expect("a medium"))).collect();
    let answer =
        run(&worker(&aws, &origins, boot::clock::now), event(&jobs), Duration::from_secs(30)).await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(3), "{answer}");
    assert!(
        aws.requests_of("ChangeMessageVisibility")
            .iter()
            .all(|one| one.json()["VisibilityTimeout"] == 5)
    );
    assert_eq!(origins.requests().len(), 0);
}

#[tokio::test]
async fn a_record_without_an_id_fails_the_whole_batch_because_no_answer_could_name_it() {
    let (aws, origins) = (Aws::start(healthy).await, StandIn::start().await.expect("origins"));
    let event = serde_json::from_value(json!({ "Records": [{ "body": "x" }] })).expect("an event");
    let worker = worker(&aws, &origins, boot::clock::now);
    assert!(batch::run(&worker, event, Instant::now() + PLENTY).await.is_err());
}

#[tokio::test]
async fn a_message_that_is_no_job_is_parked_or_comes_back_and_has_no_record() {
    for (refuses, answer) in [(false, acknowledged()), (true, back())] {
        let script = move |seen: &RecordedRequest| match seen.operation() {
            "SendMessage" if refuses => Answer::json_error(400, "QueueDoesNotExist"),
            _ => healthy(seen),
        };
        let (aws, origins) = start(script).await;
        let run = run_job(&aws, &origins, "not a job".to_owned()).await;
        assert_eq!(run, answer);
        let sent = aws.only_request("SendMessage").json();
        assert_eq!(sent["MessageBody"], "not a job");
        assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "poison");
        assert_eq!(aws.requests_of("UpdateItem").len(), 0);
    }
}

#[tokio::test]
async fn what_is_stored_but_not_recorded_comes_back_and_heals_itself() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" if is_outcome(seen) => Answer::json_error(400, "ResourceNotFoundException"),
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, back());
    assert_eq!(aws.requests_of("PutObject").len(), 1);

    let script = |seen: &RecordedRequest| match seen.operation() {
        "PutObject" => Answer::s3_error(412, "PreconditionFailed"),
        _ => healthy(seen),
    };
    let aws = Aws::start(script).await;
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, acknowledged());
    let writes = writes(&aws);
    assert_eq!(writes.len(), 1);
    assert_eq!(state_of(&writes[0]), (Some("stored"), true));
    assert_eq!(writes[0].sets["sha256"], json!({ "S": announced.sha256_hex }));
}

/// An instance whose token is `old` until it is changed to `new`. The script's cipher seals a token
/// as itself.
fn with_token(
    is_changed: &Arc<AtomicBool>,
) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    let is_changed = Arc::clone(is_changed);
    move |seen| match seen.operation() {
        _ if is_of_instances(seen) => {
            let is_changed = is_changed.load(Ordering::SeqCst);
            instance_with(&json!({}), if is_changed { "bmV3" } else { "b2xk" })
        }
        "Decrypt" => Answer::json(&json!({ "Plaintext": seen.json()["CiphertextBlob"] })),
        _ => healthy(seen),
    }
}

/// Lets time pass for what remembers the instance.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn only_by_wapi() -> Spec {
    Spec::of(Kind::Image).cdn(CdnScenario::Gone { status: 410 })
}

#[tokio::test]
async fn a_token_that_was_changed_is_read_again_before_the_instance_is_blamed() {
    let is_changed = Arc::default();
    let (aws, origins) = start(with_token(&is_changed)).await;
    let worker = worker(&aws, &origins, boot::clock::now);
    let next = || event(&[job(&origins.announce(only_by_wapi()).expect("a medium"))]);
    origins.register_instance(DEFAULT_INSTANCE, "old");
    assert_eq!(run(&worker, next(), PLENTY).await, acknowledged());

    origins.register_instance(DEFAULT_INSTANCE, "new");
    let answer = run(&worker, next(), PLENTY).await;
    assert_eq!(answer, back(), "nobody has told us yet");
    let class = writes(&aws)[1].sets["class"].clone();
    assert_eq!(class, json!({ "S": "instance" }));
    let wait = hidden_for(&aws).as_u64();
    assert!(wait >= Some(900), "a person needs time: {wait:?}");

    is_changed.store(true, Ordering::SeqCst);
    later(Duration::from_secs(11)).await;
    assert_eq!(run(&worker, next(), PLENTY).await, acknowledged());
    assert_eq!(aws.requests_of("PutObject").len(), 2);
    let attempts = writes(&aws)[2].sets["attempts"]["L"].clone();
    let verdicts: Vec<_> = attempts
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["M"]["verdict"]["S"].clone())
        .collect();
    assert_eq!(verdicts.len(), 2, "{verdicts:?}");
    assert_eq!(verdicts[1], "stored");
}

#[tokio::test]
async fn a_token_that_was_changed_is_tried_at_once_although_the_instance_is_spared() {
    let is_changed = Arc::default();
    let (aws, origins) = start(with_token(&is_changed)).await;
    let now = boot::clock::now();
    let worker = worker(&aws, &origins, move || now);
    let next = || event(&[job(&origins.announce(only_by_wapi()).expect("a medium"))]);
    origins.register_instance(DEFAULT_INSTANCE, "new");
    for _ in 0..6 {
        assert_eq!(run(&worker, next(), PLENTY).await, back());
    }
    let all = writes(&aws);
    let classes = all.iter().map(|write| &write.sets["class"]["S"]);
    assert!(classes.eq(&["instance"; 6].map(Value::from)), "also when spared");

    is_changed.store(true, Ordering::SeqCst);
    later(Duration::from_secs(11)).await;
    assert_eq!(run(&worker, next(), PLENTY).await, acknowledged());
    // One success ends the rest for all.
    assert_eq!(run(&worker, next(), PLENTY).await, acknowledged());
}

#[tokio::test]
async fn a_duplicate_of_what_is_stored_is_acknowledged_without_a_download() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => held(seen, json!({ "state": { "S": "stored" } })),
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, acknowledged());
    assert_eq!(operations(&aws), ["GetItem", "UpdateItem"]);
    assert_eq!(origins.requests().len(), 0);
}

#[tokio::test]
async fn a_medium_that_another_run_holds_comes_back_when_the_lease_ends_and_is_not_downloaded() {
    const NOW: i64 = 1_795_000_000;
    // Two seconds are added; a lease longer than a run can have is not believed.
    for (lease_until, wait) in [(NOW + 125, 127), (NOW, 2), (NOW - 1000, 2), (NOW + 9999, 662)] {
        let item = json!({
            "state": { "S": "retrying" }, "lease_owner": { "S": "another run" },
            "lease_until": { "N": lease_until.to_string() },
        });
        let script = move |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" => held(seen, item.clone()),
            _ => healthy(seen),
        };
        let (aws, origins) = start(script).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
        let worker = worker(&aws, &origins, || NOW);
        let answer = run(&worker, event(&[job(&announced)]), PLENTY).await;
        assert_eq!(answer, back());
        assert_eq!(hidden_for(&aws), wait, "{lease_until}");
        let asked = ["GetItem", "UpdateItem", "ChangeMessageVisibility"];
        assert_eq!(operations(&aws), asked);
        assert_eq!(origins.requests().len(), 0);
    }
}

#[tokio::test]
async fn every_run_claims_under_a_token_of_its_own_for_as_long_as_it_can_live() {
    const NOW: i64 = 1_795_000_000;
    let (aws, origins) = start(healthy).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let worker = worker(&aws, &origins, || NOW);
    for _ in 0..2 {
        let answer = run(&worker, event(&[job(&announced)]), PLENTY).await;
        assert_eq!(answer, acknowledged());
    }
    let updates = aws.requests_of("UpdateItem");
    let claims: Vec<_> = updates
        .iter()
        .filter(|seen| is_claim(seen))
        .map(|seen| Update::from_request(seen).sets)
        .collect();
    assert_eq!(claims.len(), 2);
    assert_ne!(claims[0]["lease_owner"], claims[1]["lease_owner"]);
    for sets in claims {
        let until = sets["lease_until"]["N"].as_str().expect("a number");
        let until: i64 = until.parse().expect("a number");
        // Ten minutes, less what the batch keeps, and a minute on top.
        assert!((651..=652).contains(&(until - NOW)), "{until}");
    }
}

#[tokio::test]
async fn what_earlier_runs_tried_stays_in_the_record_before_what_this_one_tried() {
    let earlier = json!({ "attempts": { "L": [{ "M": {
        "strategy": { "S": "cdn" }, "received_bytes": { "N": "0" }, "duration_ms": { "N": "1" },
        "verdict": { "S": "an earlier run's" },
    } }] } });
    let script = move |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" if is_claim(seen) => Answer::json(&json!({ "Attributes": earlier })),
        _ => healthy(seen),
    };
    for (spec, tried) in [(Spec::of(Kind::Image), 1), (delayed(), 3), (lost(), 3)] {
        let (aws, origins) = start(script.clone()).await;
        let announced = origins.announce(spec).expect("a medium");
        run_job(&aws, &origins, job(&announced)).await;
        let attempts = writes(&aws)[0].sets["attempts"]["L"].clone();
        let attempts = attempts.as_array().expect("a list");
        assert_eq!(attempts.len(), 1 + tried);
        assert_eq!(attempts[0]["M"]["verdict"]["S"], "an earlier run's");
    }
}

#[tokio::test]
async fn a_run_that_was_overtaken_is_not_acknowledged_and_writes_nothing_else() {
    for (spec, stores) in
        [(Spec::of(Kind::Image), 1), (lost(), 0), (delayed(), 0), (Spec::of(Kind::Sticker), 0)]
    {
        let script = |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" if is_outcome(seen) => Answer::condition_failed(None),
            _ if is_of_instances(seen) => {
                instance_with(&json!({ "kinds": { "L": [{ "S": "image" }] } }), "c2VhbGVk")
            }
            _ => healthy(seen),
        };
        let (aws, origins) = start(script).await;
        let announced = origins.announce(spec).expect("a medium");
        assert_eq!(run_job(&aws, &origins, job(&announced)).await, back());
        assert_eq!(aws.requests_of("PutObject").len(), stores);
        assert_eq!(ends(&aws), ["UpdateItem", "UpdateItem", "ChangeMessageVisibility"]);
    }
}

#[tokio::test]
async fn parking_writes_the_record_first_then_the_queue_and_only_then_ends_the_lease() {
    let (aws, origins) = start(healthy).await;
    let job = job(&origins.announce(lost()).expect("a medium"));
    assert_eq!(run_job(&aws, &origins, job.clone()).await, acknowledged());
    assert_eq!(ends(&aws), ["UpdateItem", "UpdateItem", "SendMessage", "UpdateItem"]);
    let writes = writes(&aws);
    let states: Vec<_> = writes.iter().map(state_of).collect();
    assert_eq!(states, [(Some("parked"), false), (None, true)]);
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageBody"], job);
    let said = |name: &str| sent["MessageAttributes"][name]["StringValue"].clone();
    assert_eq!(said("class"), "expired");
    assert_eq!(said("reason"), writes[0].sets["reason"]["S"]);
    assert_eq!((said("tenant"), said("receives")), (json!("acme"), json!("1")));
}

/// A record that a run finds, which says since when nobody has the medium.
fn lost_since(since: Option<i64>) -> impl Fn(&RecordedRequest) -> Answer {
    move |seen: &RecordedRequest| match since.filter(|_| is_claim(seen)) {
        Some(since) => {
            Answer::json(&json!({ "Attributes": { "lost_since": { "N": since.to_string() } } }))
        }
        None => healthy(seen),
    }
}

/// One 403 of one edge, or a 404 during a deploy of W-API's, must not end a medium of today.
#[tokio::test]
async fn a_young_medium_is_lost_only_when_it_is_found_so_again_an_hour_later() {
    let now = boot::clock::now();
    let day = 24 * 60 * 60;
    let wrong_key = lost().cdn(CdnScenario::Ok).seal(stand_in::Encryption::BadMac);
    let refused = lost().wapi(WapiScenario::BadRequest400);
    for (spec, since, sent_ago, parks) in [
        (lost(), None, 60, false),
        (lost(), Some(now - 1800), 7200, false),
        (lost(), Some(now - 3700), 7200, true),
        (lost(), None, 15 * day, true),
        (refused, None, 60, false),
        (wrong_key, None, 60, false),
    ] {
        let (aws, origins) = start(lost_since(since)).await;
        let announced = origins.announce(spec.moment(now - sent_ago)).expect("a medium");
        let answer = run_job(&aws, &origins, job(&announced)).await;
        let written = &writes(&aws)[0].sets;
        let state = if parks { "parked" } else { "retrying" };
        assert_eq!(written["state"]["S"], state, "{since:?} {sent_ago} {:?}", written["reason"]);
        let kept = written.get("lost_since").map(|it| it["N"].clone());
        if parks {
            assert_eq!(answer, acknowledged());
        } else {
            assert_eq!(answer, back());
            let first = since.unwrap_or(now);
            let kept: i64 = kept.and_then(|n| n.as_str()?.parse().ok()).expect("a time");
            assert!((first..first + 60).contains(&kept), "{kept}");
            let hidden = hidden_for(&aws).as_i64().expect("seconds");
            let due = first + 3600;
            assert!((now + hidden - due).abs() < 60, "{hidden} s, due in {}", due - now);
        }
    }
}

/// Time does not change what a path says of itself.
#[tokio::test]
async fn what_has_expired_by_its_own_word_is_parked_at_once() {
    let (aws, origins) = start(healthy).await;
    // W-API is not asked for a channel's media.
    let channel = Spec::of(Kind::NewsletterImage).oe(1_700_000_000);
    let young = channel.moment(boot::clock::now() - 60);
    let job = job(&origins.announce(young).expect("a medium"));
    assert_eq!(run_job(&aws, &origins, job).await, acknowledged());
    let written = &writes(&aws)[0].sets;
    assert_eq!(written["state"]["S"], "parked");
    assert_eq!(written["class"]["S"], "expired");
}

/// W-API answers again: what was found before was no loss.
#[tokio::test]
async fn hope_ends_a_loss_and_a_failure_of_aws_leaves_it() {
    let now = boot::clock::now();
    let (aws, origins) = start(lost_since(Some(now - 1800))).await;
    let announced = origins.announce(delayed().moment(now - 7200)).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, back());
    assert!(!writes(&aws)[0].sets.contains_key("lost_since"));
    let script = move |seen: &RecordedRequest| match seen.operation() {
        "Decrypt" => Answer::json_error(400, "AccessDeniedException"),
        _ => lost_since(Some(now - 1800))(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(lost().moment(now - 7200)).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, back());
    assert_eq!(writes(&aws)[0].sets["lost_since"]["N"], (now - 1800).to_string());
}

#[tokio::test]
async fn if_the_parked_queue_refuses_the_record_says_retrying_again_and_the_message_comes_back() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "SendMessage" => Answer::json_error(400, "QueueDoesNotExist"),
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(lost()).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, back());
    let writes = writes(&aws);
    let states: Vec<_> = writes.iter().map(state_of).collect();
    assert_eq!(states, [(Some("parked"), false), (Some("retrying"), true)]);
    assert_eq!(writes[1].sets["class"], writes[0].sets["class"]);
    assert_eq!(writes[1].sets["reason"], writes[0].sets["reason"]);
    assert_eq!(hidden_for(&aws), 300);
}

#[tokio::test]
async fn if_the_record_cannot_be_written_nothing_is_parked_and_the_message_comes_back() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" if is_outcome(seen) => Answer::json_error(400, "ResourceNotFoundException"),
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(lost()).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, back());
    assert_eq!(aws.requests_of("SendMessage").len(), 0);
    assert_eq!(hidden_for(&aws), 300);
}

#[tokio::test]
async fn a_lease_that_cannot_be_ended_ends_by_itself_and_the_parked_job_is_acknowledged() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" if Update::from_request(seen).sets.is_empty() => {
            Answer::json_error(400, "ResourceNotFoundException")
        }
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(lost()).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, acknowledged());
    assert_eq!(aws.requests_of("SendMessage").len(), 1);
}

#[tokio::test]
async fn a_job_that_cannot_be_claimed_because_the_table_fails_comes_back_without_a_download() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => Answer::json_error(400, "ResourceNotFoundException"),
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, back());
    let asked = ["GetItem", "UpdateItem", "ChangeMessageVisibility"];
    assert_eq!(aws.operations(), asked);

    // Past its time too, because no source was asked, until the queue is about to drop it.
    let ends = [(back(), "ChangeMessageVisibility"), (acknowledged(), "SendMessage")];
    for (half_days, (answer, end)) in [(12, ends[0].clone()), (13, ends[1].clone())] {
        let aws = Aws::start(script).await;
        let accepted_at = boot::clock::now() - half_days * 12 * 60 * 60;
        let job = job_accepted_at(&announced, accepted_at);
        assert_eq!(run_job(&aws, &origins, job).await, answer);
        assert_eq!(aws.operations(), ["GetItem", "UpdateItem", end]);
    }
    assert_eq!(origins.requests().len(), 0);
}

/// With table and parked queue away together there is no place where a person would find it.
#[tokio::test]
async fn what_can_neither_be_claimed_nor_parked_comes_back() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => Answer::json_error(400, "ResourceNotFoundException"),
        "SendMessage" => Answer::json_error(403, "AccessDeniedException"),
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let job = job_accepted_at(&announced, boot::clock::now() - 7 * 24 * 60 * 60);
    assert_eq!(run_job(&aws, &origins, job).await, back());
    let asked = ["GetItem", "UpdateItem", "SendMessage", "ChangeMessageVisibility"];
    assert_eq!(aws.operations(), asked);
}

/// Whose fault it was decides how long a job whose time is over may come back.
#[tokio::test]
async fn what_aws_failed_at_says_nothing_against_a_medium_at_its_last_try() {
    let refused = |operation: &'static str| {
        move |seen: &RecordedRequest| match seen.operation() {
            name if name == operation && (name != "GetItem" || is_of_instances(seen)) => {
                Answer::json_error(400, "AccessDeniedException")
            }
            _ => healthy(seen),
        }
    };
    let accepted_at = boot::clock::now() - 6 * 24 * 60 * 60;
    for (operation, spec) in [("GetItem", Spec::of(Kind::Image)), ("Decrypt", only_by_wapi())] {
        let (aws, origins) = start(refused(operation)).await;
        let announced = origins.announce(spec).expect("a medium");
        let job = job_accepted_at(&announced, accepted_at);
        assert_eq!(run_job(&aws, &origins, job).await, back(), "{operation}");
        let waits = hidden_for(&aws);
        assert!(waits.as_u64() <= Some(12 * 60 * 60), "{operation}: {waits}");
    }
}

/// AWS in good health, and an instance with this policy.
fn with_policy(policy: Value) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    move |seen| {
        if is_of_instances(seen) { instance_with(&policy, "c2VhbGVk") } else { healthy(seen) }
    }
}

#[tokio::test]
async fn kinds_and_chats_that_the_instance_does_not_want_are_skipped_without_a_download() {
    let kinds = json!({ "kinds": { "L": [{ "S": "image" }, { "S": "video" }] } });
    let chats = json!({ "chats": { "L": [{ "S": "person" }] } });
    let not_of_kind = "the tenant does not store media of this kind";
    let not_of_chat = "the tenant does not store media of this sort of chat";
    for (policy, spec, skipped) in [
        (&kinds, Spec::of(Kind::Voice), Some(not_of_kind)),
        (&kinds, Spec::of(Kind::Image).group(), None),
        (&chats, Spec::of(Kind::Image).group(), Some(not_of_chat)),
        (&chats, Spec::of(Kind::Voice), None),
    ] {
        let (aws, origins) = start(with_policy(policy.clone())).await;
        let announced = origins.announce(spec).expect("a medium");
        assert_eq!(run_job(&aws, &origins, job(&announced)).await, acknowledged());
        let writes = writes(&aws);
        assert_eq!(writes.len(), 1);
        let state = if skipped.is_some() { "skipped" } else { "stored" };
        assert_eq!(state_of(&writes[0]), (Some(state), true));
        let reason = writes[0].sets.get("reason").map(|one| one["S"].clone());
        assert_eq!(reason, skipped.map(Value::from));
        assert_eq!(origins.requests().is_empty(), skipped.is_some());
        assert_eq!(aws.requests_of("PutObject").is_empty(), skipped.is_some());
    }
}

/// What linked devices get of a message that is to be seen once. Nobody can fetch it, so nobody is
/// alarmed.
#[tokio::test]
async fn a_shell_is_skipped_with_a_reason_and_a_key_without_a_path_is_parked() {
    let (aws, origins) = start(healthy).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    for (kept, state) in [("", "skipped"), ("media_key", "parked")] {
        let mut job: Value = serde_json::from_str(&job(&announced)).expect("a job");
        let message = job["message"].as_object_mut().expect("a message");
        for name in ["media_key", "direct_path", "url", "file_enc_sha256", "is_encrypted"] {
            if name != kept {
                message.remove(name);
            }
        }
        assert_eq!(run_job(&aws, &origins, job.to_string()).await, acknowledged());
        let writes = writes(&aws);
        let states: Vec<_> = writes.iter().filter_map(|write| state_of(write).0).collect();
        assert_eq!(states.last(), Some(&state), "{kept}");
    }
    assert!(origins.requests().is_empty());
}

#[tokio::test]
async fn a_file_over_the_instances_cap_is_parked_as_refused() {
    let policy = json!({ "max_bytes": { "N": "50000" } });
    let (aws, origins) = start(with_policy(policy)).await;
    for (size, state) in [(50_000, "stored"), (60_000, "parked")] {
        let announced = origins.announce(Spec::of(Kind::Image).size(size));
        let job = job(&announced.expect("a medium"));
        assert_eq!(run_job(&aws, &origins, job).await, acknowledged());
        let states: Vec<_> =
            writes(&aws).iter().filter_map(|write| state_of(write).0.map(str::to_owned)).collect();
        assert_eq!(states.last().map(String::as_str), Some(state));
    }
    assert_eq!(aws.requests_of("PutObject").len(), 1);
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "refused");
}

#[tokio::test]
async fn an_origin_that_keeps_failing_is_spared_except_on_a_jobs_last_try() {
    let (aws, origins) = start(healthy).await;
    let now = boot::clock::now();
    let worker = worker(&aws, &origins, move || now);
    let asked = || {
        let requests = origins.requests();
        let posts = requests.iter().filter(|one| one.path.ends_with("download-media"));
        posts.count()
    };
    origins.set_wapi(Some(WapiScenario::BadGateway502Html));
    let next = || origins.announce(Spec::of(Kind::Image)).expect("a medium");
    for _ in 0..6 {
        let answer = run(&worker, event(&[job(&next())]), PLENTY).await;
        assert_eq!(answer, acknowledged(), "the CDN has it");
    }
    assert_eq!(asked(), 5);

    // Of an old message six hours are left from its acceptance; here five minutes of them.
    let nearly_over = now - 6 * 60 * 60 + 300;
    let job = job_accepted_at(&next(), nearly_over);
    assert_eq!(run(&worker, event(&[job]), PLENTY).await, acknowledged());
    assert_eq!(asked(), 6);
}

#[tokio::test]
async fn when_s3_fails_the_job_comes_back_and_no_other_strategy_is_blamed() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "PutObject" => Answer::s3_error(403, "AccessDenied"),
        _ => healthy(seen),
    };
    let (aws, origins) = (Aws::start(script).await, StandIn::start().await.expect("origins"));
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let answer =
        run(&worker(&aws, &origins, boot::clock::now), event(&[job(&announced)]), PLENTY).await;
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(1));
    assert!(
        origins.requests().iter().all(|one| !one.path.starts_with("/v/")),
        "the CDN was not asked"
    );
    let writes = writes(&aws);
    assert_eq!(writes.len(), 1);
    assert_eq!(state_of(&writes[0]), (Some("retrying"), true));
    let reason = writes[0].sets["reason"]["S"].as_str().unwrap_or_default();
    assert!(reason.starts_with("s3:PutObject failed: AccessDenied"), "{reason}");
}

#[tokio::test]
async fn a_job_of_another_tenant_than_its_instance_is_parked_and_opens_no_token() {
    let (aws, origins) = start(healthy).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let forged = job(&announced).replace(r#""tenant":"acme""#, r#""tenant":"thief""#);
    let answer = run_job(&aws, &origins, forged).await;
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "poison");
    // The record of that id is the other tenant's.
    assert_eq!(operations(&aws), ["GetItem", "SendMessage"]);
    assert!(origins.requests().is_empty());
}

#[tokio::test]
async fn what_is_stored_for_the_tenant_of_before_is_parked_and_no_duplicate() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "UpdateItem" => {
            held(seen, json!({ "state": { "S": "stored" }, "tenant": { "S": "the one before" } }))
        }
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    assert_eq!(run_job(&aws, &origins, job(&announced)).await, acknowledged());
    let sent = aws.only_request("SendMessage").json();
    assert_eq!(sent["MessageAttributes"]["class"]["StringValue"], "poison");
    assert_eq!(operations(&aws), ["GetItem", "UpdateItem", "SendMessage"]);
}

#[tokio::test]
async fn a_stranger_s_job_that_cannot_be_parked_comes_back() {
    let script = |seen: &RecordedRequest| match seen.operation() {
        "SendMessage" => Answer::json_error(403, "AccessDeniedException"),
        _ => healthy(seen),
    };
    let (aws, origins) = start(script).await;
    let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
    let forged = job(&announced).replace(r#""tenant":"acme""#, r#""tenant":"thief""#);
    assert_eq!(run_job(&aws, &origins, forged).await, back());
    assert_eq!(hidden_for(&aws), 300);
}

/// The instance moves while its record is remembered, and the token that was refused is not
/// replaced by the next tenant's.
#[tokio::test]
async fn a_token_that_is_another_tenants_by_now_is_not_used() {
    let is_changed: Arc<AtomicBool> = Arc::default();
    let script = {
        let before = with_token(&is_changed);
        let is_changed = Arc::clone(&is_changed);
        move |seen: &RecordedRequest| match seen.operation() {
            _ if is_of_instances(seen) && is_changed.load(Ordering::SeqCst) => {
                Answer::json(&json!({ "Item": {
                    "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "next" }, "secret_hashes": { "L": [] },
                    "sealed_token": { "S": "bmV3" }, "created_at": { "N": "0" } } }))
            }
            _ => before(seen),
        }
    };
    let (aws, origins) = start(script).await;
    let worker = worker(&aws, &origins, boot::clock::now);
    let next = || event(&[job(&origins.announce(only_by_wapi()).expect("a medium"))]);
    origins.register_instance(DEFAULT_INSTANCE, "old");
    assert_eq!(run(&worker, next(), PLENTY).await, acknowledged());
    origins.register_instance(DEFAULT_INSTANCE, "new");
    is_changed.store(true, Ordering::SeqCst);
    later(Duration::from_secs(11)).await;
    assert_eq!(run(&worker, next(), PLENTY).await, back());
    assert_eq!(aws.requests_of("PutObject").len(), 1);
    let opened = aws.requests_of("Decrypt");
    let opened: Vec<_> = opened.iter().map(|seen| seen.json()["CiphertextBlob"].clone()).collect();
    assert_eq!(opened, ["b2xk"], "only the token of before was opened");
}

/// Runs one medium of each kind, whose webhook says everything that a webhook can, and one body
/// that is no job; gives what was planted.
async fn run_telling_media(aws: &Aws, origins: &StandIn, change: fn(Spec) -> Spec) -> Vec<Canary> {
    let worker = worker(aws, origins, boot::clock::now);
    worker.connect().await;
    let mut planted = Vec::new();
    for kind in [Kind::Image, Kind::Voice, Kind::Document, Kind::Sticker] {
        let spec = Spec::of(kind)
            .chat("5500900000077")
            .caption("legenda de canário")
            .file_name("Nome de Canário.pdf");
        let announced = origins.announce(change(spec)).expect("a medium");
        planted.extend(Canary::collect_all(&announced.webhook));
        run(&worker, event(&[job(&announced)]), PLENTY).await;
        run(&worker, event(&[announced.webhook.to_string()]), PLENTY).await;
    }
    planted
}

#[tokio::test]
async fn whatever_becomes_of_a_job_nothing_written_of_it_has_a_secret_or_a_name_in_it() {
    let recorder = Recorder::start();
    let token = Canary::new(Class::Secret, "token", DEFAULT_TOKEN);
    let mut planted: Vec<_> = token.into_iter().collect();
    let mut written = Vec::new();
    let changes: [fn(Spec) -> Spec; 5] = [
        |spec| spec,
        |spec| spec.wapi(WapiScenario::fail_500()),
        |spec| spec.wapi(WapiScenario::LinkNeedsToken),
        |spec| spec.wapi(WapiScenario::fail_500()).cdn(CdnScenario::Status { code: 503 }),
        |spec| spec.wapi(WapiScenario::BadRequest400).cdn(CdnScenario::Gone { status: 410 }),
    ];
    for failing in ["nothing", "GetItem", "Decrypt", "UpdateItem", "PutObject", "SendMessage"] {
        let script = move |seen: &RecordedRequest| match seen.operation() {
            name if name == failing => Answer::json_error(400, "AccessDeniedException"),
            _ => healthy(seen),
        };
        for change in changes {
            let (aws, origins) = start(script).await;
            planted.extend(Box::pin(run_telling_media(&aws, &origins, change)).await);
            let records = aws.requests_of("UpdateItem").into_iter();
            written.extend(records.map(|seen| (Sink::Record, seen.text().to_owned())));
            let tickets = aws.requests_of("SendMessage").into_iter();
            written.extend(
                tickets.map(|seen| (Sink::Ticket, seen.json()["MessageAttributes"].to_string())),
            );
        }
    }
    written.push((Sink::Log, recorder.text()));
    let texts = written.iter().map(|(sink, text)| (*sink, text.as_str()));
    let scan = Scan::search_all(planted, texts).expect("a search");
    assert!(scan.findings.is_empty(), "{:#?}", scan.findings);
    for (sink, least) in [(Sink::Log, 200), (Sink::Record, 200), (Sink::Ticket, 100)] {
        let lines = scan.lines.get(&sink).copied().unwrap_or_default();
        assert!(lines >= least, "{lines} lines of {sink:?}");
    }
    assert!(scan.quiet_lines > 0, "the log is at TRACE");
}

/// What is in the bucket was put there by a run that died before its record: its word says what it
/// is.
#[tokio::test]
async fn after_a_412_the_record_says_what_the_run_before_committed() {
    let first = json!({
        "strategy": { "S": "cdn" }, "size_bytes": { "N": "12" }, "integrity": { "S": "mac-only" },
        "sha256": { "S": Sha256::from_data(b"first").to_hex() },
    });
    let elsewhere = json!({ "M": { "object_key": { "S": "acme/another.jpg" }, "strategy": { "S": "wapi" },
        "size_bytes": { "N": "1" }, "integrity": { "S": "sha256" }, "sha256": { "S": Sha256::from_data(b"x").to_hex() } } });
    // Without a word of before, with one of another object only, and with one of this object.
    for (words, is_known) in
        [(json!([]), false), (json!([elsewhere.clone()]), false), (json!([]), true)]
    {
        let key = Arc::new(std::sync::Mutex::new(String::new()));
        let (first, words, known_key) = (first.clone(), words.clone(), Arc::clone(&key));
        let script = move |seen: &RecordedRequest| match seen.operation() {
            "UpdateItem" if is_claim(seen) => {
                let mut words = words.as_array().expect("a list").clone();
                if is_known {
                    let mut word = first.clone();
                    word["object_key"] = json!({ "S": *known_key.lock().expect("the key") });
                    words.push(json!({ "M": word }));
                }
                Answer::json(&json!({ "Attributes": { "committing": { "L": words } } }))
            }
            "PutObject" => Answer::s3_error(412, "PreconditionFailed"),
            _ => healthy(seen),
        };
        let (aws, origins) = start(script).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
        run_job(&aws, &origins, job(&announced)).await;
        let put = aws.only_request("PutObject").path;
        *key.lock().expect("the key") = put.trim_start_matches("/bucket/").to_owned();
        assert_eq!(run_job(&aws, &origins, job(&announced)).await, acknowledged());
        let wrote = writes(&aws).pop().expect("a record");
        let said = |name: &str| wrote.sets[name]["S"].as_str().unwrap_or_default().to_owned();
        let (sha256, integrity, strategy) = if is_known {
            (Sha256::from_data(b"first").to_hex(), "mac-only", "cdn")
        } else {
            (announced.sha256_hex.clone(), "sha256", "wapi")
        };
        assert_eq!((said("state"), said("sha256")), ("stored".to_owned(), sha256));
        assert_eq!(
            (said("integrity"), said("strategy")),
            (integrity.to_owned(), strategy.to_owned())
        );
        assert!(wrote.removes.contains("committing"), "{:?}", wrote.removes);
    }
}

/// What would be committed is written down first, and what cannot be written down is not committed.
#[tokio::test]
async fn a_run_gives_its_word_before_it_commits_and_does_not_commit_without() {
    for refusal in [
        None,
        Some(Answer::condition_failed as fn(Option<&Value>) -> Answer),
        Some(|_| Answer::json_error(400, "ResourceNotFoundException")),
    ] {
        let script = move |seen: &RecordedRequest| match (refusal, is_word(seen)) {
            (Some(refusal), true) => refusal(None),
            _ => healthy(seen),
        };
        let (aws, origins) = start(script).await;
        let announced = origins.announce(Spec::of(Kind::Image)).expect("a medium");
        let answer = run_job(&aws, &origins, job(&announced)).await;
        let words = aws.requests().into_iter().filter(is_word);
        let word = Update::from_request(&words.last().expect("a word"));
        assert!(word.condition.expect("a condition").starts_with("lease_owner = "));
        let said = &word.sets["committing"]["L"][0]["M"];
        assert_eq!(said["sha256"]["S"], announced.sha256_hex);
        let committed = aws.requests_of("PutObject").len();
        match refusal {
            None => assert_eq!((answer, committed), (acknowledged(), 1)),
            Some(_) => assert_eq!((answer, committed), (back(), 0)),
        }
    }
}
