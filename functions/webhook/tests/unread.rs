//! Bodies of a verified sender that cannot be read: they are queued before the answer is 200.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use lambda_http::{Body, Request, RequestExt, http};
use media::{job::QueueBody, sha256::Sha256};
use redaction::Recorder;
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};
use webhook::{Webhook, config::Config};

const INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
const NOW: i64 = 1_787_438_879;

/// Healthy AWS, with one instance whose secret is `secret`.
fn healthy_aws(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        "GetItem" => Answer::json(&json!({ "Item": {
            "instance": { "S": INSTANCE }, "tenant": { "S": "acme" },
            "secret_hashes": { "L": [{ "S": Sha256::from_data(b"secret").to_hex() }] },
            "sealed_token": { "S": "c2VhbGVk" }, "created_at": { "N": "0" },
        } })),
        "SendMessageBatch" => Answer::batch_accepted(seen),
        _ => Answer::json(&json!({ "MessageId": "m", "MD5OfMessageBody": "x" })),
    }
}

fn create_webhook(aws: &Aws) -> Webhook {
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
    Webhook::with_clients(&aws.clients, config)
}

/// A webhook as API Gateway passes it on.
fn webhook_request(secret: &str, body: &[u8]) -> Request {
    let path = HashMap::from([
        ("instanceId".to_owned(), INSTANCE.to_owned()),
        ("secret".to_owned(), secret.to_owned()),
    ]);
    let request = http::Request::post("/webhook").body(Body::from(body.to_vec()));
    request.expect("a request").with_path_parameters(path)
}

/// Posts a body with the right secret; returns status and body of the answer.
async fn post_body(webhook: &Webhook, body: &[u8]) -> (u16, Value) {
    let answer = webhook.handle_request(&webhook_request("secret", body), NOW).await;
    let (head, body) = answer.expect("a response").into_parts();
    let body = serde_json::from_slice(&body).expect("JSON");
    (head.status.as_u16(), body)
}

fn image_object() -> Value {
    json!({
        "mediaKey": "RkFLRS1NRURJQS1LRVktMDEyMzQ1Njc4OS1BQkNERUY=", "mimetype": "image/jpeg",
        "directPath": "/v/t62.7118-24/FAKE?oe=F48EE600",
    })
}

/// An object with a key and a path, but without a type.
fn untyped_object() -> Value {
    json!({ "mediaKey": "RkFLRQ==", "directPath": "/v/t62.7118-24/RIDDLE" })
}

fn webhook_of(content: &Value) -> Value {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0A", "moment": NOW,
        "chat": { "id": "5500900000002" }, "msgContent": content,
    })
}

/// What a `SendMessage` sends.
fn read_message(sent: &RecordedRequest) -> QueueBody {
    let sent = sent.json();
    assert_eq!(sent["QueueUrl"], "https://sqs.example.invalid/jobs");
    assert_eq!(sent["MessageGroupId"], "acme");
    QueueBody::parse(sent["MessageBody"].as_str().expect("a body")).expect("a known body")
}

/// The reason, the bytes and the tenant of the only unread body that was sent; before it, `jobs`
/// jobs were.
fn only_unread_body(aws: &Aws, jobs: usize) -> (String, Vec<u8>, String) {
    let mut sent: Vec<_> = aws.requests_of("SendMessage").iter().map(read_message).collect();
    let Some(QueueBody::Unread(body)) = sent.pop() else {
        unreachable!("the last message is an unread body");
    };
    assert_eq!(sent.len(), jobs);
    assert!(sent.iter().all(|message| matches!(message, QueueBody::Job(_))));
    let about = body.summary();
    assert_eq!((about.accepted_at, about.instance.as_str()), (NOW, INSTANCE));
    (about.why, body.expose().to_vec(), about.tenant.to_string())
}

#[tokio::test]
async fn an_unreadable_body_is_kept_before_the_answer() {
    let good = webhook_of(&json!({ "imageMessage": image_object() })).to_string();
    let mut second = webhook_of(&json!({ "imageMessage": image_object() }));
    second["messageId"] = json!("3EB0B");
    let one = |n: usize| json!({ "imageMessage": { "directPath": format!("/v/{n}") } });
    let many = webhook_of(&json!({ "cards": (0..101).map(one).collect::<Vec<_>>() }));
    let cases = [
        (good.as_bytes()[..200].to_vec(), "bad_body"),
        (b"\xff\x00\x01 no JSON".to_vec(), "bad_body"),
        (b"[{\"headers\":{},\"body\":{}}]".to_vec(), "no_webhook"),
        (format!("[{good},{second}]").into_bytes(), "several_webhooks"),
        (many.to_string().into_bytes(), "too_many_media"),
        (
            webhook_of(&json!({ "riddle": untyped_object() })).to_string().into_bytes(),
            "not_understood",
        ),
    ];
    for (body, word) in cases {
        let aws = Aws::start(healthy_aws).await;
        let answer = post_body(&create_webhook(&aws), &body).await;
        assert_eq!(answer, (200, json!({ "unread": word })));
        assert_eq!(only_unread_body(&aws, 0), (word.to_owned(), body, "acme".to_owned()));
        assert!(aws.requests_of("SendMessageBatch").is_empty(), "{word}");
    }
}

#[tokio::test]
async fn a_partly_readable_body_is_kept_too() {
    let body = webhook_of(&json!({ "imageMessage": image_object(), "riddle": untyped_object() }))
        .to_string();
    let aws = Aws::start(healthy_aws).await;
    let answer = post_body(&create_webhook(&aws), body.as_bytes()).await;
    assert_eq!(answer, (200, json!({ "queued": 1, "unread": "not_understood" })));
    let (word, bytes, _) = only_unread_body(&aws, 1);
    assert_eq!((word.as_str(), bytes.as_slice()), ("not_understood", body.as_bytes()));
}

/// The jobs table takes what SQS refuses. Only if neither takes a job or a body, the sender is told
/// to post it again.
#[tokio::test]
async fn what_nothing_takes_is_never_a_200() {
    let part = webhook_of(&json!({ "imageMessage": image_object(), "riddle": untyped_object() }))
        .to_string();
    let cases = [
        (b"{ no JSON".to_vec(), "unread"),
        (part.clone().into_bytes(), "unread"),
        (part.into_bytes(), "job"),
    ];
    let both_tables = cases.iter().flat_map(|case| [(case, true), (case, false)]);
    for ((body, failing), table_works) in both_tables {
        let failing = *failing;
        let aws = Aws::start(move |seen: &RecordedRequest| {
            let is_table = ["UpdateItem", "TransactWriteItems"].contains(&seen.operation());
            if is_table && !table_works {
                return Answer::json_error(400, "AccessDeniedException");
            }
            if seen.operation() != "SendMessage" {
                return healthy_aws(seen);
            }
            let kind = match read_message(seen) {
                QueueBody::Job(_) => "job",
                QueueBody::Unread(_) => "unread",
            };
            if kind == failing {
                return Answer::json_error(400, "AccessDeniedException");
            }
            healthy_aws(seen)
        })
        .await;
        let (status, answer) = post_body(&create_webhook(&aws), body).await;
        if !table_works {
            assert_eq!((status, answer), (503, json!({ "error": "unavailable" })), "{failing}");
            continue;
        }
        assert_eq!(status, 200, "{failing}: {answer}");
        if failing == "unread" {
            must_keep(&aws, body);
        }
    }
}

/// The whole body, due now, for the watch function to send.
fn must_keep(aws: &Aws, body: &[u8]) {
    let items = aws.only_request("TransactWriteItems").json()["TransactItems"].clone();
    assert_eq!(items.as_array().map(Vec::len), Some(1));
    let entry = Update::from_body(&items[0]["Update"]);
    assert_eq!(
        (entry.table.as_str(), &entry.sets["state"]["S"]),
        ("jobs-table", &json!("retrying"))
    );
    assert_eq!(entry.key["instance"]["S"], INSTANCE);
    assert_eq!(entry.sets["due_at"]["N"], NOW.to_string());
    assert_eq!(entry.sets["tenant"]["S"], "acme");
    assert_eq!(entry.condition.as_deref(), Some("attribute_not_exists(state)"));
    let kept = QueueBody::parse(entry.sets["body"]["S"].as_str().expect("a body"));
    let Ok(QueueBody::Unread(kept)) = kept else { unreachable!("an unread body") };
    assert_eq!(kept.expose(), body);
}

/// They lead to no media, or belong to another instance.
#[tokio::test]
async fn useless_bodies_are_refused_and_not_kept() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    let mut of_another = webhook_of(&json!({ "riddle": untyped_object() }));
    of_another["instanceId"] = json!("LITE-OTHERS-AAAAAA");
    for (body, word) in [
        ("", "bad_body"),
        (" \n", "bad_body"),
        ("null", "bad_body"),
        ("[]", "bad_body"),
        ("0", "bad_body"),
        (&of_another.to_string(), "instance_mismatch"),
    ] {
        let (status, answer) = post_body(&webhook, body.as_bytes()).await;
        assert_eq!((status, &answer["error"]), (400, &json!(word)), "{body:?}");
    }
    let stranger = webhook.handle_request(&webhook_request("wrong", b"{ no JSON"), NOW).await;
    assert_eq!(stranger.expect("a response").status(), 401);
    assert!(
        aws.requests_of("SendMessage").is_empty() && aws.requests_of("SendMessageBatch").is_empty()
    );
}

/// Thumbnails and other fields that no job needs are left out first.
#[tokio::test]
async fn a_body_too_large_for_sqs_is_a_413() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    let broken = vec![b'{'; 780_001];
    let refused = (413, json!({ "error": "unread_too_large" }));
    assert_eq!(post_body(&webhook, &broken).await, refused);
    assert!(aws.requests_of("SendMessage").is_empty());
    let mut riddle = untyped_object();
    riddle["JPEGThumbnail"] = json!("x".repeat(1_000_000));
    let body = webhook_of(&json!({ "riddle": riddle })).to_string();
    let answer = post_body(&webhook, body.as_bytes()).await;
    assert_eq!(answer, (200, json!({ "unread": "not_understood" })));
    let (_, bytes, _) = only_unread_body(&aws, 0);
    let small: Value = serde_json::from_slice(&bytes).expect("JSON");
    let there = &small["msgContent"]["riddle"];
    assert!(there["directPath"].is_string() && there["JPEGThumbnail"].is_null());
    assert!(aws.only_request("SendMessage").body.len() < 10_000);
    let largest = post_body(&webhook, &broken[1..]).await;
    assert_eq!(largest, (200, json!({ "unread": "bad_body" })));
}

/// The recorded events with a media message of their own, not in a quote or an edit.
fn read_media_events() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let paths = folder.read_dir().expect("events");
    let paths = paths.map(|entry| entry.expect("an entry").path());
    let texts = paths.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let texts = texts.map(|path| std::fs::read_to_string(path).expect("an event"));
    let has_media = |text: &String| {
        text.contains("\"directPath\"")
            && !text.contains("quotedMessage")
            && !text.contains("protocolMessage")
    };
    texts.filter(has_media).collect()
}

/// Bodies that differ from the event by one fault of a sender or a relay each.
fn break_event(event: &str, n: usize) -> Vec<Vec<u8>> {
    let bytes = event.as_bytes();
    // A step that shares no factor with most lengths: the places differ from event to event.
    let places = (0..12).map(|one| (n * 97 + one * 211) % bytes.len());
    let mut bodies = Vec::new();
    for at in places {
        bodies.push(bytes[..at].to_vec());
        bodies.push(bytes[at..].to_vec());
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (at % 8);
        bodies.push(flipped);
        bodies.push([&bytes[..at], b"\"", &bytes[at..]].concat());
        let text = String::from_utf8_lossy(&bytes[..at]).into_owned();
        bodies.push(json!(text).to_string().into_bytes());
        bodies.push(json!([{ "body": text }]).to_string().into_bytes());
    }
    for (from, to) in [
        ("msgContent", "messageContent"),
        ("\"event\"", "\"type\""),
        ("Message\"", "\""),
        ("\"mimetype\"", "\"mime\""),
    ] {
        bodies.push(event.replace(from, to).into_bytes());
    }
    bodies
}

/// Whether the text has the names of a key and a path, which lead to a file.
fn may_contain_media(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    text.contains("mediakey\"") && text.contains("directpath\"")
}

/// For every body that a verified sender posts.
#[tokio::test]
async fn a_200_means_durable_or_without_media() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let aws = Aws::start(move |seen: &RecordedRequest| {
        let is_send = seen.operation().starts_with("SendMessage");
        counted.fetch_add(usize::from(is_send), Ordering::SeqCst);
        healthy_aws(seen)
    })
    .await;
    let webhook = create_webhook(&aws);
    let sent = || taken.load(Ordering::SeqCst);
    let (mut posted, mut unread, mut lost) = (0, 0, Vec::new());
    for (n, event) in read_media_events().iter().enumerate() {
        for body in break_event(event, n) {
            let before = sent();
            let (status, answer) = post_body(&webhook, &body).await;
            let is_durable = sent() > before;
            let shown = String::from_utf8_lossy(&body);
            let is_fine = status != 200 || is_durable || !may_contain_media(&body);
            lost.extend((!is_fine).then(|| format!("{answer}: {shown}")));
            let promises = answer["queued"].is_u64() || answer["unread"].is_string();
            assert_eq!(promises && status == 200, is_durable, "{answer}: {shown}");
            posted += 1;
            unread += usize::from(answer["unread"].is_string());
        }
    }
    assert!(lost.is_empty(), "{} lost, such as {}", lost.len(), lost[0]);
    assert!(posted > 1500 && unread > 700, "{posted} posted, {unread} unread");
}

#[tokio::test]
async fn no_level_logs_an_unread_body() {
    let recorder = Recorder::start();
    let body = "{\"pushName\": \"Contato Exemplo\", \"mediaKey\": \"RkFLRS1NRURJQS1LRVktMDEyMzQ1\"";
    let failing = |seen: &RecordedRequest| match seen.operation() {
        "SendMessage" => Answer::json_error(400, "AccessDeniedException"),
        _ => healthy_aws(seen),
    };
    for aws in [Aws::start(healthy_aws).await, Aws::start(failing).await] {
        post_body(&create_webhook(&aws), body.as_bytes()).await;
        post_body(&create_webhook(&aws), &vec![b'{'; 800_000]).await;
    }
    let log = recorder.text();
    assert!(log.contains("bad_body") && log.contains("unread_too_large"));
    // The body as it is, as base64, and as numbers.
    for part in ["pushName", "RkFLRS1NRU", "eyJwdXNoTmFtZSI", "112, 117, 115, 104", "{{{{"] {
        assert!(!log.contains(part), "{part}");
    }
}
