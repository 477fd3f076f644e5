//! Shortens the deployed stack's long waits, so that killed jobs are retried within minutes. The
//! template stays unchanged.
//!
//! | | template | here | effect |
//! |---|---|---|---|
//! | jobs queue, visibility timeout | 3,630 s | 30 s | see below |
//! | download function, timeout | 600 s | 120 s | a killed run's lease ends within three minutes |
//!
//! A job whose function was killed is delivered again after the visibility timeout; one that takes
//! longer is delivered while it still runs. Everything else, above all the retry schedule, is as
//! deployed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

use crate::Stack;

/// A job that is not acknowledged is delivered again after this time.
const VISIBILITY_SECONDS: u32 = 30;
/// The function starts no job with less than 80 seconds left, so its timeout must be longer.
const TIMEOUT_SECONDS: u32 = 120;
/// A changed function is ready after a moment.
const MAX_READY_TIME: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Shortens both timeouts.
///
/// # Errors
/// If the stack refuses a change.
pub(crate) async fn shorten_waits(stack: &Stack) -> Result<()> {
    let visibility = json!({
        "QueueUrl": stack.outputs().jobs_queue_url,
        "Attributes": { "VisibilityTimeout": VISIBILITY_SECONDS.to_string() },
    });
    let endpoint = stack.endpoint();
    endpoint.call_json("sqs", "AmazonSQS.SetQueueAttributes", &visibility).await?;
    let function = &stack.outputs().download_function;
    let path = format!("/2015-03-31/functions/{function}/configuration");
    let timeout = json!({ "Timeout": TIMEOUT_SECONDS });
    endpoint.call_lambda(Method::PUT, &path, Some(&timeout)).await?;
    let begun = Instant::now();
    loop {
        let now = endpoint.call_lambda(Method::GET, &path, None).await?;
        let is_ready = now.get("LastUpdateStatus").and_then(Value::as_str) == Some("Successful");
        if is_ready && now.get("Timeout") == Some(&json!(TIMEOUT_SECONDS)) {
            return Ok(());
        }
        if begun.elapsed() > MAX_READY_TIME {
            bail!("the download function did not apply its new timeout: {now}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
