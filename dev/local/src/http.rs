//! Small HTTP calls on loopback.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, Response, header};

/// The time limit of each call.
const MAX_CALL_TIME: Duration = Duration::from_secs(60);
/// Maximum size of an answer. The largest file that a test opens by a link has 20 MiB; a page of
/// records or log lines is far smaller.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// A client that uses no proxy and follows no redirect.
pub(crate) fn build_client() -> Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(MAX_CALL_TIME)
        .build()
        .context("no HTTP client")
}

/// The answer of a URL that was asked as a browser does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// Whether a browser shows or saves the file, and under which name.
    pub disposition: Option<String>,
    /// The body.
    pub bytes: Vec<u8>,
}

/// Asks for a URL with this method, without following a redirect. `range` is the value of a `Range`
/// header.
///
/// # Errors
/// If there is no answer.
pub async fn ask_url(method: Method, url: &str, range: Option<&str>) -> Result<UrlAnswer> {
    let request = build_client()?.request(method, url);
    let request = match range {
        Some(range) => request.header(header::RANGE, range),
        None => request,
    };
    let answer = request.send().await.context("no answer")?;
    let text = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
    let (location, disposition) = (text(header::LOCATION), text(header::CONTENT_DISPOSITION));
    let status = answer.status().as_u16();
    let bytes = read_bytes(answer).await?;
    Ok(UrlAnswer { status, location, disposition, bytes })
}

/// The whole answer as text.
pub(crate) async fn read_text(answer: Response) -> Result<String> {
    String::from_utf8(read_bytes(answer).await?).context("the answer is not text")
}

async fn read_bytes(mut answer: Response) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the answer was interrupted")? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ANSWER_BYTES {
            bail!("the answer is longer than {MAX_ANSWER_BYTES} bytes");
        }
    }
    Ok(bytes)
}
