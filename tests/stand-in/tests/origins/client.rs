//! A small HTTP client that returns exactly what came over the wire, truncated bodies included.

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer with its body as it arrived.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body has its declared length.
    pub(crate) complete: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).context("the body is not JSON")
    }
}

/// Sends one request on its own connection and reads until it closes.
pub(crate) async fn send_request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer> {
    let rest = url.strip_prefix("http://").context("http only")?;
    let (host, path) = rest.split_once('/').context("no path")?;
    let mut request = format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        let length = body.len();
        request
            .push_str(&format!("content-type: application/json\r\ncontent-length: {length}\r\n"));
    }
    request.push_str(&format!("\r\n{body}"));
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut raw = Vec::new();
    // A reset after the last byte counts as an end; the length shows whether something is
    // missing.
    stream.read_to_end(&mut raw).await.unwrap_or_default();
    parse_answer(&raw)
}

fn parse_answer(raw: &[u8]) -> Result<Answer> {
    let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") else {
        bail!("no head in {} bytes", raw.len());
    };
    let head = std::str::from_utf8(raw.get(..end).unwrap_or_default())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut answer = Answer {
        status: status.parse()?,
        headers,
        body: raw.get(end + 4..).unwrap_or_default().to_vec(),
        complete: true,
    };
    if answer.header("transfer-encoding") == Some("chunked") {
        (answer.body, answer.complete) = join_chunks(&answer.body)?;
    } else if let Some(length) = answer.header("content-length") {
        answer.complete = length.parse::<usize>()? == answer.body.len();
    }
    Ok(answer)
}

fn join_chunks(mut raw: &[u8]) -> Result<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|two| two == b"\r\n") {
        let length =
            usize::from_str_radix(std::str::from_utf8(raw.get(..end).unwrap_or_default())?, 16)?;
        if length == 0 {
            return Ok((body, true));
        }
        let from = end + 2;
        let chunk = raw.get(from..raw.len().min(from + length));
        body.extend_from_slice(chunk.unwrap_or_default());
        raw = raw.get(from + length + 2..).unwrap_or(&[]);
    }
    Ok((body, false))
}

/// The headers that WhatsApp's own clients send to the CDN.
pub(crate) const CDN_HEADERS: [(&str, &str); 4] = [
    ("origin", "https://web.whatsapp.com"),
    ("referer", "https://web.whatsapp.com/"),
    ("user-agent", "test"),
    ("accept-encoding", "identity"),
];

/// Sends a GET as the CDN requires it.
pub(crate) async fn get_cdn(base: &str, direct_path: &str, range: Option<&str>) -> Result<Answer> {
    let mut headers = CDN_HEADERS.to_vec();
    headers.extend(range.map(|range| ("range", range)));
    send_request("GET", &format!("{base}{direct_path}"), &headers, "").await
}
