//! The deployed stack's long waits made short, so that killed jobs come back within minutes. The template is left as it is.
//!
//! | | template | here | what it means |
//! |---|---|---|---|
//! | the jobs queue's visibility timeout | 3,630 s | 30 s | a job whose function was killed comes back; one that takes longer is delivered while it is still worked on |
//! | the download function's timeout | 600 s | 120 s | a killed run's lease on its media ends after less than three minutes |
//!
//! Everything else, above all when a failed job is retried, is as deployed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::Stack;

/// A job that nobody acknowledges comes back after this.
const VISIBILITY_SECONDS: u32 = 30;
/// The function starts no job with less than 80 seconds left, so it must have more.
const TIMEOUT_SECONDS: u32 = 120;
/// A changed function is ready within a moment.
const READY_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Shortens both.
///
/// # Errors
/// If the stack does not let itself be changed.
pub(crate) async fn shorten_waits(stack: &Stack) -> Result<()> {
    let visibility = json!({
        "QueueUrl": stack.outputs().jobs_queue_url,
        "Attributes": { "VisibilityTimeout": VISIBILITY_SECONDS.to_string() },
    });
    let endpoint = stack.endpoint();
    endpoint
        .call("sqs", "AmazonSQS.SetQueueAttributes", &visibility)
        .await?;
    let function = &stack.outputs().download_function;
    let path = format!("/2015-03-31/functions/{function}/configuration");
    let timeout = json!({ "Timeout": TIMEOUT_SECONDS });
    endpoint
        .call_lambda(Method::PUT, &path, Some(&timeout))
        .await?;
    let begun = Instant::now();
    loop {
        let now = endpoint.call_lambda(Method::GET, &path, None).await?;
        let is_ready = now.get("LastUpdateStatus").and_then(Value::as_str) == Some("Successful");
        if is_ready && now.get("Timeout") == Some(&json!(TIMEOUT_SECONDS)) {
            return Ok(());
        }
        if begun.elapsed() > READY_WITHIN {
            bail!("the download function does not take its new timeout: {now}");
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
