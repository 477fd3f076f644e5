//! What is posted: the bytes, the headers, and signatures that another implementation verifies.

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::{
    NOW, SECRET, answer_for, create_deliver, delivery, handle, start_aws, start_aws_with_endpoint,
    with_status,
};

/// Whether a signature is right, by the specification and another library.
fn is_signed_with(secret: &str, posted: &stand_in::PostedWebhook) -> bool {
    let header = |name: &str| posted.headers[name].to_str().expect("a text");
    let key = BASE64.decode(secret.trim_start_matches("whsec_").as_bytes()).expect("a secret");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(header("webhook-id").as_bytes());
    mac.update(b".");
    mac.update(header("webhook-timestamp").as_bytes());
    mac.update(b".");
    mac.update(&posted.body);
    let expected = format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()));
    header("webhook-signature").split(' ').any(|one| one == expected)
}

#[tokio::test]
async fn every_byte_and_the_query_arrive_signed() {
    let application = with_status(204).await;
    let url = format!("{}/hooks/w-api?token=a%20b&x=1", application.base());
    let aws = start_aws(&url, json!({})).await;
    let body = b"{\"text\":\"caf\xe9\xff\x00\"}\r\n";
    assert!(!handle(&create_deliver(&aws), &delivery(body, 0), 1).await);
    let posted = application.posted();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].body, body, "also bytes that are no text");
    assert_eq!(posted[0].path_and_query, "/hooks/w-api?token=a%20b&x=1");
    let header = |name: &str| posted[0].headers[name].to_str().expect("a text").to_owned();
    assert_eq!(header("content-type"), "application/json; charset=utf-8");
    assert_eq!(header("webhook-timestamp"), NOW.to_string());
    assert!(header("webhook-id").starts_with("msg_"));
    assert!(header("user-agent").starts_with("wapi-media/"));
    assert!(is_signed_with(SECRET, &posted[0]), "{posted:?}");
    assert_eq!(aws.operations(), ["Query", "Decrypt"], "nothing else is called");
}

/// A receiver that verifies must not fail while its secret is replaced.
#[tokio::test]
async fn both_secrets_sign_until_the_old_one_ends() {
    const OLD: &str = "whsec_b2xkLXNlY3JldC1vbGQtc2VjcmV0LW9sZC1zZWNyZXQ=";
    for (until, is_old_valid) in [(NOW + 60, true), (NOW, false)] {
        let application = with_status(200).await;
        let old = json!({ "secret": OLD, "until": until });
        let endpoint = json!({ "url": application.base(), "secret": SECRET, "old": old });
        let aws = start_aws_with_endpoint(endpoint, json!({})).await;
        assert!(!handle(&create_deliver(&aws), &delivery(b"{}", 0), 1).await);
        let posted = application.posted();
        assert!(is_signed_with(SECRET, &posted[0]));
        assert_eq!(is_signed_with(OLD, &posted[0]), is_old_valid);
    }
}

/// A second delivery of the same message, as SQS may make, has the same id.
#[tokio::test]
async fn a_repetition_has_the_same_id() {
    let application = with_status(200).await;
    let aws = start_aws(application.base(), json!({})).await;
    let deliver = create_deliver(&aws);
    for receives in [1, 2] {
        assert!(!handle(&deliver, &delivery(b"{}", 0), receives).await);
    }
    let ids: Vec<_> =
        application.posted().iter().map(|one| one.headers["webhook-id"].clone()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(aws.requests_of("Query").len(), 1, "the receiver is remembered");
}

/// A webhook with a large thumbnail does not fit into a message.
#[tokio::test]
async fn a_large_body_comes_from_the_bucket() {
    let body = "x".repeat(1_200_000);
    let application = with_status(200).await;
    let url = application.base().to_owned();
    let stored = body.clone();
    let aws =
        scripted_aws::Aws::start(move |seen| match (seen.operation(), seen.method.as_str()) {
            ("something else", "GET") => scripted_aws::Answer::new(200, stored.clone()),
            _ => answer_for(&json!({ "url": url, "secret": SECRET }), &json!({}), seen),
        })
        .await;
    assert!(!handle(&create_deliver(&aws), &delivery(body.as_bytes(), 0), 1).await);
    let posted = application.posted();
    assert!(posted[0].body == body.as_bytes(), "{} bytes", posted[0].body.len());
    assert!(is_signed_with(SECRET, &posted[0]));
    let asked = aws.only_request("something else");
    assert!(asked.path.contains("/msg_"), "{}", asked.path);
}

/// It is tried again: S3 may have the body in a minute.
#[tokio::test]
async fn without_its_body_nothing_is_posted() {
    let application = with_status(200).await;
    let url = application.base().to_owned();
    let aws =
        scripted_aws::Aws::start(move |seen| match (seen.operation(), seen.method.as_str()) {
            ("something else", "GET") => scripted_aws::Answer::s3_error(403, "AccessDenied"),
            _ => answer_for(&json!({ "url": url, "secret": SECRET }), &json!({}), seen),
        })
        .await;
    assert!(handle(&create_deliver(&aws), &delivery(&[b'x'; 500_000], 0), 1).await);
    assert!(application.posted().is_empty());
}
