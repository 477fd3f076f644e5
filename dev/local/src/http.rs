//! Small HTTP calls on loopback.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Response};

/// The time limit of each call.
const MAX_CALL_TIME: Duration = Duration::from_secs(60);
/// Maximum size of an answer that is read as text; a page of records or log lines is far smaller.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

/// A client that uses no proxy and follows no redirect.
pub(crate) fn build_client() -> Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(MAX_CALL_TIME)
        .build()
        .context("no HTTP client")
}

/// The whole answer as text.
pub(crate) async fn read_text(mut answer: Response) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the answer was interrupted")? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_TEXT_BYTES {
            bail!("the answer is longer than {MAX_TEXT_BYTES} bytes");
        }
    }
    String::from_utf8(bytes).context("the answer is not text")
}
