//! Small HTTP calls on loopback.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Response};

/// No call of this crate takes longer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No answer read as text is longer: a page of records or log lines is far below it.
const TEXT_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// A client that uses no proxy and follows no redirect.
pub(crate) fn client() -> Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .context("no HTTP client")
}

/// The whole answer as text.
pub(crate) async fn text(mut answer: Response) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the answer broke off")? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT_LIMIT_BYTES {
            bail!("the answer is longer than {TEXT_LIMIT_BYTES} bytes");
        }
    }
    String::from_utf8(bytes).context("the answer is not text")
}
