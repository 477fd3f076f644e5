//! An unread body is read again: its jobs are sent, or it is parked.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{sync::Arc, time::Duration};

use aws::bucket::MultipartChecksum;
use download::{
    batch,
    config::Config,
    worker::{ClockAndRandom, Worker},
};
use fetch::{Limits, Origins};
use media::{job::QueuedJob, object_key::parse_offset};
use redaction::Recorder;
use samples::{INSTANCE, verified_instance};
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use tokio::time::Instant;

const ACCEPTED: i64 = 1_787_438_879;
/// Twelve days later: a job accepted with the webhook would be parked at once.
const NOW: i64 = ACCEPTED + 12 * 24 * 60 * 60;
const JOBS: &str = "https://sqs.example.invalid/jobs";
const PARKED: &str = "https://sqs.example.invalid/parked";

/// The calls that park a body: its orders, once before it is read and once before it is kept, its
/// instance, the table and the queue.
const PARKED_CALLS: [&str; 5] =
    ["GetItem", "GetItem", "GetItem", "TransactWriteItems", "SendMessage"];

/// AWS accepts every request.
fn healthy_aws(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        "SendMessageBatch" => Answer::batch_accepted(seen),
        "SendMessage" => Answer::message_accepted(),
        _ => Answer::json(&json!({})),
    }
}

/// AWS refuses messages to one queue.
fn aws_refusing_messages(
    queue: &'static str,
) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    move |seen| match seen.operation() {
        "SendMessage" if seen.json()["QueueUrl"] == queue => {
            Answer::json_error(400, "AccessDeniedException")
        }
        _ => healthy_aws(seen),
    }
}

/// AWS refuses one operation.
fn aws_failing_at(
    operation: &'static str,
) -> impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static {
    move |seen| match seen.operation() {
        name if name == operation => Answer::json_error(400, "AccessDeniedException"),
        _ => healthy_aws(seen),
    }
}

fn create_worker(aws: &Aws) -> Worker {
    let text = |text: &str| text.to_owned();
    let nowhere = "https://api.example.invalid/v1";
    let config = Config {
        region: text("us-east-1"),
        endpoint: None,
        instances_table: text("instances"),
        media_table: text("media"),
        jobs_table: text("jobs-table"),
        counters_table: text("counters"),
        orders_table: text("orders"),
        bucket: text("bucket"),
        jobs_queue_url: text(JOBS),
        parked_queue_url: text(PARKED),
        origins: Origins::parse(nowhere, "https://mmg.whatsapp.net").expect("URLs"),
        offset: parse_offset("-03:00").expect("an offset"),
        checksum: MultipartChecksum::FullObject,
        planned_panic: download::fault::PlannedPanic::default(),
    };
    let ambient = ClockAndRandom { now: Arc::new(|| NOW), ..ClockAndRandom::from_machine() };
    Worker::with_clients(&aws.clients, config, Limits::default(), ambient).expect("a worker")
}

/// The body as the webhook function queues it. `why` is the reason.
fn unread_body(body: &[u8], why: &str) -> String {
    let body = verified_instance().keep_unread(body, why, ACCEPTED).expect("it fits");
    body.to_json().expect("JSON")
}

/// The first update of the only transaction.
fn first_update(aws: &Aws) -> Update {
    let written = aws.only_request("TransactWriteItems").json();
    Update::from_body(&written["TransactItems"][0]["Update"])
}

/// Runs one message; returns whether it is retried.
async fn is_retried(aws: &Aws, body: &str) -> bool {
    is_retried_with(aws, body, json!({})).await
}

/// As [`is_retried`], for a message with these attributes.
async fn is_retried_with(aws: &Aws, body: &str, attributes: Value) -> bool {
    let event = json!({ "Records": [{ "messageId": "m0", "receiptHandle": "r0", "body": body,
        "attributes": { "ApproximateReceiveCount": "2" }, "messageAttributes": attributes }] });
    let event = serde_json::from_value(event).expect("an event");
    let deadline = Instant::now() + Duration::from_mins(10);
    let answer =
        batch::handle_batch(&create_worker(aws), event, deadline).await.expect("an answer");
    !answer.batch_item_failures.is_empty()
}

fn webhook_with(content: &Value) -> Value {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0A",
        "chat": { "id": "5500900000002" }, "msgContent": content,
    })
}

fn image_object() -> Value {
    json!({ "mimetype": "image/jpeg", "mediaKey": "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=",
        "directPath": "/v/t62.7118-24/invented.enc?oe=F48EE600" })
}

/// An object with a key and a path, but without a type.
fn untyped_object() -> Value {
    json!({ "mediaKey": "gXcMgEvt3O4+kyxHeJQGw0/3e9MfZr4mnYsbZm+mPsg=", "directPath": "/v/riddle" })
}

/// The jobs that were sent to the jobs queue.
fn sent_jobs(aws: &Aws) -> Vec<media::job::Job> {
    let mut jobs = Vec::new();
    for message in aws.requests_of("SendMessage") {
        let message = message.json();
        if message["QueueUrl"] == JOBS {
            assert_eq!(message["MessageGroupId"], "acme");
            let body = message["MessageBody"].as_str().expect("a body");
            jobs.push(QueuedJob::parse(body).expect("a job").into_job());
        }
    }
    jobs
}

/// The jobs are accepted now, and their messages keep the time of the webhook.
#[tokio::test]
async fn a_readable_body_becomes_jobs() {
    let aws = Aws::start(healthy_aws).await;
    let body = webhook_with(&json!({ "imageMessage": image_object() })).to_string();
    assert!(!is_retried(&aws, &unread_body(body.as_bytes(), "bad_body")).await);
    let jobs = sent_jobs(&aws);
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].tenant.as_str(), jobs[0].instance.as_str()), ("acme", INSTANCE));
    // The message says no time of its own.
    assert_eq!((jobs[0].accepted_at, jobs[0].message.moment), (NOW, ACCEPTED));
    // If it was parked before, its entry goes.
    assert_eq!(aws.operations(), ["GetItem", "SendMessage", "TransactWriteItems"]);
    let settled = first_update(&aws);
    assert_eq!(settled.sets["state"]["S"], "settled");
    assert_eq!(settled.condition.as_deref(), Some("attribute_exists(body)"));
}

#[tokio::test]
async fn a_body_without_media_is_done() {
    let aws = Aws::start(healthy_aws).await;
    let body = webhook_with(&json!({ "conversation": "Mensagem de teste" })).to_string();
    assert!(!is_retried(&aws, &unread_body(body.as_bytes(), "not_understood")).await);
    assert_eq!(aws.operations(), ["GetItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn an_unreadable_body_is_parked_unchanged() {
    let riddles = webhook_with(&json!({ "riddle": untyped_object() })).to_string();
    let mut of_another = webhook_with(&json!({ "imageMessage": image_object() }));
    of_another["instanceId"] = json!("LITE-OTHERS-AAAAAA");
    let of_another = of_another.to_string();
    for (body, word) in [
        ("{ no JSON", "bad_body"),
        ("[{\"body\":{}}]", "no_webhook"),
        (riddles.as_str(), "not_understood"),
        (of_another.as_str(), "instance_mismatch"),
    ] {
        let aws = Aws::start(healthy_aws).await;
        let message = unread_body(body.as_bytes(), "bad_body");
        assert!(!is_retried(&aws, &message).await, "{word}");
        let parked = aws.only_request("SendMessage").json();
        assert_eq!(parked["QueueUrl"], PARKED);
        assert_eq!(parked["MessageBody"], message);
        assert_eq!(parked["MessageGroupId"], "acme");
        let told = |name: &str| parked["MessageAttributes"][name]["StringValue"].clone();
        assert_eq!(told("class"), "unread");
        assert_eq!((told("tenant"), told("receives")), (json!("acme"), json!("2")));
        let reason = told("reason").as_str().map(str::to_owned).expect("a reason");
        assert!(reason.starts_with(&format!("{word}: ")), "{reason}");
        let until = (ACCEPTED + 14 * 24 * 60 * 60).to_string();
        assert_eq!(told("recoverable_until"), until);
        // The table has it before the queue.
        assert_eq!(aws.operations(), PARKED_CALLS, "{word}");
        let entry = first_update(&aws);
        assert_eq!(entry.table, "jobs-table");
        assert_eq!(entry.key["instance"]["S"], INSTANCE);
        assert_eq!(entry.sets["state_class"]["S"], "parked#unread");
        assert_eq!(
            (&entry.sets["body"]["S"], &entry.sets["tenant"]["S"]),
            (&json!(message), &json!("acme"))
        );
        assert_eq!(entry.sets["reason"]["S"], reason);
        assert_eq!(entry.sets["recoverable_until"]["N"], until);
        assert!(entry.removes.contains("forget_at"), "a tenant without a retention");
    }
}

/// Whoever erased a person has searched the parked bodies already. What can be read is not ended
/// for the names in it: each of its messages has orders of its own.
#[tokio::test]
async fn a_body_that_names_an_erased_person_is_not_parked() {
    // HMAC-SHA256 of `chat 5500900000002` under 32 bytes of 7, in base32, computed elsewhere.
    const ORDER: &str = "erase#chat#*#ukfsooea7xqro6nnfqy3sykfj4tm4pxc5zfmor7qulaotsh4rpzq";
    let readable = webhook_with(&json!({ "conversation": "oi" })).to_string();
    for (body, before, is_parked) in [
        ("{ 5500900000002", ACCEPTED, false),
        ("{ 5500900000002", ACCEPTED - 1, true),
        ("{ 5500900000003", ACCEPTED, true),
        (readable.as_str(), ACCEPTED, false),
    ] {
        let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
            "GetItem" if seen.json()["TableName"] == "orders" => {
                Answer::json(&json!({ "Item": { "sealed_key": { "S": "c2VhbGVk" } } }))
            }
            "Decrypt" => {
                let key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
                Answer::json(&json!({ "Plaintext": key, "KeyId": "key" }))
            }
            "BatchGetItem" => {
                let order = json!({ "order": { "S": ORDER }, "before": { "N": before.to_string() },
                    "from_now_on": { "BOOL": false }, "id": { "S": "order1" } });
                let found = if seen.text().contains(ORDER) { json!([order]) } else { json!([]) };
                Answer::json(&json!({ "Responses": { "orders": found } }))
            }
            _ => healthy_aws(seen),
        })
        .await;
        assert!(!is_retried(&aws, &unread_body(body.as_bytes(), "bad_body")).await, "{body}");
        assert_eq!(aws.requests_of("SendMessage").len(), usize::from(is_parked), "{body} {before}");
        let settled = first_update(&aws).sets["state"]["S"] == "settled";
        assert_eq!(settled, !is_parked, "{body} {before}");
    }
}

/// A class of 90 days ends 90 days after the webhook.
#[tokio::test]
async fn an_unread_body_ends_with_the_retention() {
    for (tenant, ends) in [("acme", true), ("another", false)] {
        let instance = json!({
            "instance": { "S": INSTANCE }, "tenant": { "S": tenant }, "secret_hashes": { "L": [] },
            "sealed_token": { "S": "b2xk" }, "created_at": { "N": "1700000000" },
            "policy": { "M": { "retention": { "S": "90d" } } },
        });
        let aws = Aws::start(move |seen: &RecordedRequest| match seen.operation() {
            "GetItem" if seen.json()["TableName"] == "instances" => {
                Answer::json(&json!({ "Item": instance }))
            }
            _ => healthy_aws(seen),
        })
        .await;
        assert!(!is_retried(&aws, &unread_body(b"{ no JSON", "bad_body")).await);
        let end = ends.then(|| json!({ "N": (ACCEPTED + 90 * 24 * 60 * 60).to_string() }));
        assert_eq!(first_update(&aws).sets.get("forget_at"), end.as_ref(), "{tenant}");
    }
}

/// The parked queue has a copy, or had one: the entry is what counts, and says why anew.
#[tokio::test]
async fn a_redriven_body_is_parked_in_the_table_alone() {
    let aws = Aws::start(healthy_aws).await;
    let body = unread_body(b"{ no JSON", "bad_body");
    let digest = media::sha256::Sha256::from_data(body.as_bytes()).to_hex();
    let name = format!("{INSTANCE}/~body.{digest}.9");
    let attribute = json!({ "body_entry": { "stringValue": name, "dataType": "String" } });
    assert!(!is_retried_with(&aws, &body, attribute).await);
    assert_eq!(aws.operations(), ["GetItem", "GetItem", "GetItem", "TransactWriteItems"]);
    assert_eq!(first_update(&aws).key["message_id"]["S"], format!("~body.{digest}.9"));
}

/// An operator dropped it, or a newer version read it, while this copy was in a queue.
#[tokio::test]
async fn a_copy_of_a_dropped_body_is_done() {
    let aws = Aws::start(|seen: &RecordedRequest| match seen.operation() {
        "TransactWriteItems" => Answer::transaction_cancelled(["ConditionalCheckFailed", "None"]),
        _ => healthy_aws(seen),
    })
    .await;
    assert!(!is_retried(&aws, &unread_body(b"{ no JSON", "bad_body")).await);
    assert!(aws.requests_of("SendMessage").is_empty());
    let condition = first_update(&aws).condition;
    let condition = condition.as_deref();
    assert_eq!(condition, Some("(attribute_not_exists(state) OR state <> settled)"));
}

/// The message is its only copy then.
#[tokio::test]
async fn a_body_that_the_table_refuses_is_retried() {
    let aws = Aws::start(aws_failing_at("TransactWriteItems")).await;
    assert!(is_retried(&aws, &unread_body(b"{ no JSON", "bad_body")).await);
    assert!(aws.requests_of("SendMessage").is_empty());
}

/// It names no instance, and is kept for 30 days.
#[tokio::test]
async fn what_is_no_job_is_kept_in_the_table() {
    let aws = Aws::start(healthy_aws).await;
    assert!(!is_retried(&aws, "no job at all").await);
    assert_eq!(aws.operations(), ["TransactWriteItems", "SendMessage"]);
    let entry = first_update(&aws);
    assert_eq!(entry.key["instance"]["S"], "~");
    assert_eq!(entry.sets["state_class"]["S"], "parked#poison");
    assert_eq!(entry.sets["forget_at"]["N"], (NOW + 30 * 24 * 60 * 60).to_string());
    assert_eq!(entry.sets["body"]["S"], "no job at all");
}

/// What was read becomes jobs; the body is parked for the rest.
#[tokio::test]
async fn a_partly_readable_body_is_also_parked() {
    let aws = Aws::start(healthy_aws).await;
    let body = webhook_with(&json!({ "imageMessage": image_object(), "riddle": untyped_object() }))
        .to_string();
    assert!(!is_retried(&aws, &unread_body(body.as_bytes(), "not_understood")).await);
    assert_eq!(sent_jobs(&aws).len(), 1);
    let parked = &PARKED_CALLS[1..];
    assert_eq!(aws.operations(), [&["GetItem", "SendMessage"][..], parked].concat());
}

#[tokio::test]
async fn what_sqs_refuses_is_retried() {
    let good = webhook_with(&json!({ "imageMessage": image_object() })).to_string();
    let part = webhook_with(&json!({ "imageMessage": image_object(), "riddle": untyped_object() }))
        .to_string();
    for (body, queue) in [
        (good.as_str(), JOBS),
        (part.as_str(), JOBS),
        (part.as_str(), PARKED),
        ("{ no JSON", PARKED),
    ] {
        let aws = Aws::start(aws_refusing_messages(queue)).await;
        assert!(is_retried(&aws, &unread_body(body.as_bytes(), "bad_body")).await, "{queue}");
        let hidden =
            aws.only_request("ChangeMessageVisibility").json()["VisibilityTimeout"].clone();
        assert_eq!(hidden, 300, "{queue}");
        let sent = aws.requests_of("SendMessage").into_iter();
        let parked = sent.filter(|message| message.json()["QueueUrl"] == PARKED).count();
        assert_eq!(parked, usize::from(queue == PARKED));
    }
}

#[tokio::test]
async fn logs_and_tickets_have_nothing_of_the_body() {
    let recorder = Recorder::start();
    let body = "{\"pushName\": \"Contato Exemplo\", \"mediaKey\": \"RkFLRS1NRURJQS1LRVktMDEyMzQ1\"";
    let mut tickets = String::new();
    for operation in ["nothing", "SendMessage"] {
        let aws = Aws::start(aws_failing_at(operation)).await;
        is_retried(&aws, &unread_body(body.as_bytes(), "bad_body")).await;
        tickets += &aws.only_request("SendMessage").json()["MessageAttributes"].to_string();
    }
    let log = recorder.text();
    assert!(log.contains("bad_body") && log.contains("parking a message failed"), "{log}");
    // The body as it is, as base64, and as numbers.
    for part in ["pushName", "RkFLRS1NRU", "eyJwdXNoTmFtZSI", "112, 117, 115, 104"] {
        assert!(!log.contains(part) && !tickets.contains(part), "{part}");
    }
}
