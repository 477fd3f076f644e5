//! The requests that the stand-in received, unredacted, for tests to check.

use axum::http::{HeaderMap, Method, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The listener that received a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// W-API, calls and links.
    Wapi,
    /// The CDN's main host.
    Cdn,
    /// The CDN's fallback host.
    CdnFallback,
}

/// A request that a listener received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceivedRequest {
    /// The listener that received it.
    pub role: Role,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The raw query, without the `?`.
    pub query: Option<String>,
    /// The headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body: as JSON if it is JSON, otherwise as a string; null if it is empty.
    pub body: Value,
    /// The message id of the requested media file, if it is known.
    pub message_id: Option<String>,
    /// The status of the answer; absent while there is none (a hanging scenario).
    pub status: Option<u16>,
    /// The rules that the request violates, in words.
    pub violations: Vec<String>,
}

impl ReceivedRequest {
    /// Records a request as it arrived.
    pub(crate) fn new(role: Role, method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self {
            role,
            method: method.as_str().to_owned(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            headers: headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect(),
            body: Value::Null,
            message_id: None,
            status: None,
            violations: Vec::new(),
        }
    }

    /// Adds a rule that the request violates.
    pub(crate) fn add_violation(&mut self, violation: &str) {
        self.violations.push(violation.to_owned());
    }

    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
