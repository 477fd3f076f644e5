//! The log line of a refused webhook names its sender, without the sender's address.

use std::sync::{Arc, Mutex};

use lambda_http::{Request, RequestExt, request::RequestContext};
use redaction::Recorder;
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::{Value, json};

use crate::{INSTANCE, create_webhook, healthy_aws, image_webhook, post_request, webhook_request};

/// A request from this address, as API Gateway passes it on.
fn request_from(address: &str, secret: &str) -> Request {
    let context = json!({
        "routeKey": "POST /webhook", "accountId": "123456789012", "stage": "$default",
        "requestId": "r", "apiId": "a", "time": "t", "timeEpoch": 0,
        "http": {
            "method": "POST", "path": "/webhook", "protocol": "HTTP/1.1", "sourceIp": address,
            "userAgent": "invented",
        },
    });
    let context = serde_json::from_value(context).expect("a context");
    webhook_request(INSTANCE, secret, &image_webhook())
        .with_request_context(RequestContext::ApiGatewayV2(context))
}

/// The jobs table, which keeps the first key that it is given.
fn table_with_key(seen: &RecordedRequest, kept: &Mutex<Option<Value>>) -> Answer {
    if seen.operation() != "UpdateItem" {
        return healthy_aws(seen);
    }
    let new = seen.json()["ExpressionAttributeValues"][":new"].clone();
    let key = kept.lock().expect("the key").get_or_insert(new).clone();
    Answer::json(&json!({ "Attributes": { "source_key": key } }))
}

/// The sources in the log lines of refused webhooks.
fn sources(log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| line.contains("refused"));
    let source = |line: &str| {
        let (_, rest) = line.split_once("source")?;
        let word = rest.trim_start_matches(['"', ':', '=', ' ']);
        let name: String = word.chars().take_while(char::is_ascii_hexdigit).collect();
        // A request of another test in this process comes from nowhere.
        (!name.is_empty()).then_some(name)
    };
    lines.filter_map(source).collect()
}

/// Two processes give a sender one name. Otherwise a flood from one address could not be told from
/// one of many.
#[tokio::test]
async fn a_refused_sender_has_one_name_everywhere() {
    let recorder = Recorder::start();
    let kept = Arc::new(Mutex::new(None));
    let aws = Aws::start({
        let kept = Arc::clone(&kept);
        move |seen| table_with_key(seen, &kept)
    })
    .await;
    let processes = [create_webhook(&aws), create_webhook(&aws)];
    for webhook in &processes {
        for address in ["198.51.100.7", "203.0.113.9"] {
            let refused = post_request(webhook, &request_from(address, "wrong")).await;
            assert_eq!(refused.0, 401);
        }
        assert_eq!(post_request(webhook, &request_from("198.51.100.7", "secret")).await.0, 200);
    }
    let log = recorder.text();
    assert!(!log.contains("198.51.100.7") && !log.contains("203.0.113.9"), "{log}");
    let found = sources(&log);
    let [one, other, same, same_other] = found.as_slice() else { panic!("{found:?} in {log}") };
    assert!(one.len() == 16 && one == same && other == same_other && one != other, "{found:?}");
    assert_eq!(aws.requests_of("UpdateItem").len(), 2, "the key is read once per process");
    let update = Update::from_request(&aws.requests_of("UpdateItem")[0]);
    assert_eq!(update.table, "jobs-table");
}

/// A sender is refused as before if the key cannot be read.
#[tokio::test]
async fn without_a_key_a_refusal_has_no_name() {
    let aws = Aws::start(|seen| match seen.operation() {
        "UpdateItem" => Answer::json_error(400, "AccessDeniedException"),
        _ => healthy_aws(seen),
    })
    .await;
    let webhook = create_webhook(&aws);
    for _ in 0..2 {
        let refused = post_request(&webhook, &request_from("198.51.100.7", "wrong")).await;
        assert_eq!(refused.0, 401);
    }
    assert_eq!(aws.requests_of("UpdateItem").len(), 1, "it is asked again only after a minute");
}
