//! The time limits of calls: what one attempt may take, and what all attempts together.

use std::time::{Duration, Instant};

use aws::instances::Instances;
use scripted_aws::{KeepAliveAws, Treatment};
use serde_json::json;

use crate::samples::instance;

const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// One attempt at a small call is given up when there is still time for two more.
#[tokio::test]
async fn a_silent_aws_gets_three_attempts() {
    let aws = KeepAliveAws::start(|_| json!({}), |_| Treatment::Silence).await;
    let started = Instant::now();
    let table = Instances::new(&aws.clients(CALL_TIMEOUT), "instances".to_owned());
    let refused = table.find(&instance()).await.expect_err("nobody answers");
    assert_eq!(refused.to_string(), "dynamodb:GetItem failed: timeout (HTTP -)");
    assert!(aws.count_connections() >= 3, "{} attempts", aws.count_connections());
    assert!(started.elapsed() < CALL_TIMEOUT + Duration::from_millis(100));
}

/// A part of a file may take longer than a small call: on a slow path, its bytes do.
#[tokio::test]
async fn an_upload_is_one_attempt() {
    let slow = |_| Treatment::AnswerAfter(Duration::from_secs(2));
    let aws = KeepAliveAws::start(|_| json!({}), slow).await;
    let clients = aws.clients(CALL_TIMEOUT);
    clients.s3.put_object().bucket("bucket").key("key").send().await.expect("stored");
    assert_eq!(aws.count_connections(), 1);
}
