//! Webhooks that are passed on: which, to whom, and what happens while AWS fails.

use std::{collections::BTreeSet, time::Instant};

use lambda_http::{Body, Request, http};
use media::delivery::Delivery;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::{INSTANCE, create_webhook, healthy_aws, image_webhook, post_request, webhook_request};

const FIRST: &str = "rcv_aaaaaaaaaaaaaaaa";
const SECOND: &str = "rcv_bbbbbbbbbbbbbbbb";

fn receiver(id: &str, whose: &str, fields: &Value) -> Value {
    let mut item = json!({
        "tenant": { "S": "acme" }, "receiver": { "S": format!("{whose}#{id}") },
        "host": { "S": "app.example.invalid" }, "sealed": { "S": "c2VhbGVk" },
    });
    item.as_object_mut().expect("an item").extend(fields.as_object().cloned().expect("fields"));
    item
}

/// AWS with these receivers; `other` may answer a request before healthy AWS does.
async fn start_aws(
    receivers: Vec<Value>,
    other: impl Fn(&RecordedRequest) -> Option<Answer> + Send + Sync + 'static,
) -> Aws {
    Aws::start(move |seen| {
        if let Some(answer) = other(seen) {
            return answer;
        }
        match seen.operation() {
            "Query" if seen.text().contains("receivers") => {
                Answer::json(&json!({ "Items": receivers, "Count": receivers.len() }))
            }
            _ => healthy_aws(seen),
        }
    })
    .await
}

/// The deliveries that the queue got, by receiver.
fn sent(aws: &Aws) -> Vec<Delivery> {
    let messages = aws.requests_of("SendMessage").into_iter().map(|one| one.json());
    let of_queue = messages
        .filter(|one| one["QueueUrl"].as_str().is_some_and(|url| url.ends_with("deliveries")));
    of_queue
        .map(|one| {
            Delivery::parse(one["MessageBody"].as_str().expect("a body")).expect("a delivery")
        })
        .collect()
}

fn raw_request(body: &[u8]) -> Request {
    let mut request = webhook_request(INSTANCE, "secret", &json!({}));
    *request.body_mut() = Body::Binary(body.to_vec());
    let content_type = http::HeaderValue::from_static("text/plain; charset=x-unknown");
    request.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    request
}

/// Each receiver of the instance, and of the tenant for all instances, gets the bytes as they came.
#[tokio::test]
async fn every_receiver_gets_every_byte() {
    let receivers = vec![
        receiver(FIRST, INSTANCE, &json!({})),
        receiver(SECOND, "*", &json!({})),
        receiver("rcv_cccccccccccccccc", "LITE-OTHERS-AAAAAA", &json!({})),
        receiver("rcv_dddddddddddddddd", "*", &json!({ "what": { "S": "media" } })),
    ];
    let aws = start_aws(receivers, |_| None).await;
    let body = b"{\"event\": \"caf\xe9\xff\x00\" \r\n";
    let (status, ..) = post_request(&create_webhook(&aws), &raw_request(body)).await;
    assert_eq!(status, 200, "it could not be read, and is kept as well");
    let sent = sent(&aws);
    let ids: BTreeSet<_> = sent.iter().map(|one| one.receiver.as_str()).collect();
    assert_eq!(ids, BTreeSet::from([FIRST, SECOND]));
    for one in &sent {
        assert_eq!(one.expose(), Ok(&body[..]));
        assert_eq!(one.content_type.as_deref(), Some("text/plain; charset=x-unknown"));
        assert_eq!(one.id, sent[0].id, "one webhook has one id");
    }
    let groups = aws.requests_of("SendMessage").into_iter().map(|one| one.json());
    let groups: BTreeSet<_> =
        groups.filter_map(|one| one["MessageGroupId"].as_str().map(str::to_owned)).collect();
    assert!(groups.contains(FIRST) && groups.contains(SECOND), "{groups:?}");
}

/// Ignored and refused webhooks are passed on as well, but for one that names another instance.
#[tokio::test]
async fn only_what_names_another_instance_stays_here() {
    let aws = start_aws(vec![receiver(FIRST, "*", &json!({}))], |_| None).await;
    let webhook = create_webhook(&aws);
    let mut of_another = image_webhook();
    of_another["instanceId"] = json!("LITE-OTHERS-AAAAAA");
    let presence = json!({ "event": "webhookPresence", "instanceId": INSTANCE });
    for (n, (body, status)) in
        [(image_webhook(), 200), (presence, 200), (json!("text"), 400), (of_another, 400)]
            .into_iter()
            .enumerate()
    {
        let request = webhook_request(INSTANCE, "secret", &body);
        assert_eq!(post_request(&webhook, &request).await.0, status, "{body}");
        assert_eq!(sent(&aws).len(), (n + 1).min(3), "{body}");
    }
}

#[tokio::test]
async fn a_receiver_gets_the_events_of_its_hooks() {
    let hooks = json!({ "hooks": { "SS": ["connected", "message-status"] } });
    let aws = start_aws(vec![receiver(FIRST, "*", &hooks)], |_| None).await;
    let webhook = create_webhook(&aws);
    for (event, count) in [
        ("webhookReceived", 0),
        ("webhookConnected", 1),
        ("webhookStatus", 2),
        ("webhookPresence", 2),
        ("webhookOfTomorrow", 3),
    ] {
        let body = json!({ "event": event, "instanceId": INSTANCE });
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &body)).await;
        assert_eq!(sent(&aws).len(), count, "{event}");
    }
}

/// Without receivers, a webhook costs no call more than the query, which is remembered.
#[tokio::test]
async fn without_receivers_nothing_is_sent() {
    let aws = start_aws(Vec::new(), |_| None).await;
    let webhook = create_webhook(&aws);
    for _ in 0..5 {
        post_request(&webhook, &webhook_request(INSTANCE, "secret", &image_webhook())).await;
    }
    assert_eq!(aws.requests_of("Query").len(), 1);
    assert_eq!(aws.requests_of("SendMessage").len(), 5, "the jobs");
}

/// Jobs and deliveries are sent side by side: the receiver does not cost the time of a call.
#[tokio::test]
async fn deliveries_do_not_wait_for_the_jobs() {
    let aws = start_aws(vec![receiver(FIRST, "*", &json!({}))], |seen| {
        // The jobs queue is silent until the SDK gives up.
        let is_job = seen.operation() == "SendMessage" && seen.text().contains("/jobs\"");
        is_job.then(Answer::silence)
    })
    .await;
    let began = Instant::now();
    let webhook = create_webhook(&aws);
    let request = webhook_request(INSTANCE, "secret", &image_webhook());
    let posting = tokio::time::timeout(
        std::time::Duration::from_millis(500),
        post_request(&webhook, &request),
    );
    assert!(posting.await.is_err(), "the answer waits for the jobs");
    assert_eq!(sent(&aws).len(), 1, "after {:?}", began.elapsed());
}

/// What the deliveries queue does not take rests in the jobs table; if that fails, too, W-API is
/// told to send the webhook again.
#[tokio::test]
async fn the_jobs_table_takes_deliveries_that_sqs_refuses() {
    for table_works in [true, false] {
        let aws = start_aws(vec![receiver(FIRST, "*", &json!({}))], move |seen| {
            let is_delivery = seen.text().contains("/deliveries\"");
            match seen.operation() {
                "SendMessage" if is_delivery => Some(Answer::json_error(400, "QueueDoesNotExist")),
                "UpdateItem" if !table_works => {
                    Some(Answer::json_error(400, "AccessDeniedException"))
                }
                _ => None,
            }
        })
        .await;
        let request = webhook_request(INSTANCE, "secret", &image_webhook());
        let (status, ..) = post_request(&create_webhook(&aws), &request).await;
        assert_eq!(status, if table_works { 200 } else { 503 });
        let rested = aws.requests_of("UpdateItem")[0].json();
        assert_eq!(rested["Key"]["instance"]["S"], format!("~{FIRST}"));
        let values = &rested["ExpressionAttributeValues"];
        assert_eq!(values[":due"]["N"], "1787438879", "at once");
    }
}

/// A receiver that fails or is paused costs one write, and no message.
#[tokio::test]
async fn a_resting_receiver_gets_no_message() {
    for fields in
        [json!({ "paused_at": { "N": "1" } }), json!({ "failing_since": { "N": "1787430000" } })]
    {
        let aws = start_aws(vec![receiver(FIRST, "*", &fields)], |_| None).await;
        let request = webhook_request(INSTANCE, "secret", &image_webhook());
        assert_eq!(post_request(&create_webhook(&aws), &request).await.0, 200);
        assert!(sent(&aws).is_empty());
        assert_eq!(aws.requests_of("UpdateItem").len(), 1);
    }
}

/// A failure of the table must not lose what a receiver would get.
#[tokio::test]
async fn unknown_receivers_are_unavailable() {
    let aws = start_aws(Vec::new(), |seen| {
        let is_asked = seen.operation() == "Query" && seen.text().contains("receivers");
        is_asked.then(|| Answer::json_error(400, "AccessDeniedException"))
    })
    .await;
    let request = webhook_request(INSTANCE, "secret", &image_webhook());
    assert_eq!(post_request(&create_webhook(&aws), &request).await.0, 503);
}

/// A circle of receivers would never end.
#[tokio::test]
async fn what_was_passed_on_is_not_passed_on_again() {
    let aws = start_aws(vec![receiver(FIRST, "*", &json!({}))], |_| None).await;
    let mut request = webhook_request(INSTANCE, "secret", &image_webhook());
    let agent = http::HeaderValue::from_static("wapi-media/0.3.0");
    request.headers_mut().insert(http::header::USER_AGENT, agent);
    let recorder = redaction::Recorder::start();
    assert_eq!(post_request(&create_webhook(&aws), &request).await.0, 200);
    assert!(sent(&aws).is_empty());
    assert!(recorder.text().contains("\"not_passed_on\":1"), "{}", recorder.text());
}

/// SQS and the jobs table could not take it. It is stored once, before any receiver is told of it.
#[tokio::test]
async fn a_large_body_is_stored_for_all_its_receivers() {
    let receivers = vec![
        receiver(FIRST, INSTANCE, &json!({})),
        receiver(SECOND, "*", &json!({ "paused_at": { "N": "1" } })),
    ];
    let aws = start_aws(receivers, |_| None).await;
    let mut body = image_webhook();
    body["msgContent"]["imageMessage"]["JPEGThumbnail"] = json!("x".repeat(5_000_000));
    let request = webhook_request(INSTANCE, "secret", &body);
    let (status, answer, _) = post_request(&create_webhook(&aws), &request).await;
    assert_eq!((status, answer), (200, json!({ "queued": 1 })));
    let stored = aws.only_request("PutObject");
    assert_eq!(stored.body_bytes, body.to_string().len() as u64);
    assert_eq!(stored.header("if-none-match"), Some("*"), "it is only created");
    let path = stored.path.as_str();
    assert!(path.contains("/acme/") && path.contains(INSTANCE) && path.contains("/msg_"), "{path}");
    let sent = sent(&aws);
    let key = sent[0].expose().expect_err("a key");
    assert!(path.ends_with(key.as_str()), "{path} {key:?}");
    let rested = aws.requests_of("UpdateItem")[0].json();
    let rested = rested["ExpressionAttributeValues"][":body"]["S"].as_str().expect("a body");
    assert!(rested.contains(key.as_str()) && rested.len() < 1000);
    let order = aws.operations();
    let at = |name: &str| order.iter().position(|one| *one == name).expect(name);
    assert!(at("PutObject") < at("UpdateItem"), "{order:?}");
}

/// W-API must send it again.
#[tokio::test]
async fn a_large_body_that_s3_refuses_is_unavailable() {
    let aws = start_aws(vec![receiver(FIRST, "*", &json!({}))], |seen| {
        let is_put = seen.operation() == "PutObject";
        is_put.then(|| Answer::s3_error(403, "AccessDenied"))
    })
    .await;
    let mut body = image_webhook();
    body["msgContent"]["imageMessage"]["JPEGThumbnail"] = json!("x".repeat(500_000));
    let request = webhook_request(INSTANCE, "secret", &body);
    assert_eq!(post_request(&create_webhook(&aws), &request).await.0, 503);
    assert!(sent(&aws).is_empty());
}
