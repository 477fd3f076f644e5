//! W-API's own log of the webhooks of an instance: what it holds, and the shapes it may be told in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How long W-API keeps a webhook in its log: 30 days.
pub(crate) const KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A webhook as W-API's log tells of it. The endpoints write it as `id`, `time` and `body`; their real names are unknown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedWebhook {
    /// What `get-webhook-log` finds it by.
    pub id: String,
    /// When it was posted, in milliseconds since the epoch.
    #[serde(rename = "time")]
    pub time_ms: u64,
    /// The event, every key in lower case at every depth, values untouched.
    pub body: Value,
}

/// How the log is told. Its real shape is unknown; one client reads `logs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogShape {
    /// `{"logs": […]}`, and one as `{"log": …}`.
    #[default]
    Logs,
    /// `[…]`, and one by itself.
    Bare,
    /// `{"data": […]}`, and one as `{"data": …}`.
    Data,
    /// `{"data": {"logs": […], "total": …}}`, and one as `{"data": {"log": …}}`.
    Nested,
    /// JSON without an event in it.
    Opaque,
}

/// Some of the log, and how much there is.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    logs: &'a [LoggedWebhook],
    total: usize,
}

impl<'a> Page<'a> {
    /// The pages count from 1; one beyond the last is empty.
    pub(crate) fn of(all: &'a [LoggedWebhook], per_page: usize, page: usize) -> Self {
        let logs = all.chunks(per_page.max(1)).nth(page.saturating_sub(1));
        Self {
            logs: logs.unwrap_or_default(),
            total: all.len(),
        }
    }
}

impl LogShape {
    /// The answer of `fetch-webhook-logs`.
    pub(crate) fn list(self, page: &Page<'_>) -> Value {
        let Page { logs, total } = page;
        match self {
            Self::Logs => json!({ "error": false, "logs": logs }),
            Self::Bare => json!(logs),
            Self::Data => json!({ "error": false, "data": logs }),
            Self::Nested => json!({ "error": false, "data": { "logs": logs, "total": total } }),
            Self::Opaque => json!({ "error": false, "resultado": { "registros": total } }),
        }
    }

    /// The answer of `get-webhook-log`.
    pub(crate) fn one(self, logged: &LoggedWebhook) -> Value {
        match self {
            Self::Logs => json!({ "error": false, "log": logged }),
            Self::Bare => json!(logged),
            Self::Data => json!({ "error": false, "data": logged }),
            Self::Nested => json!({ "error": false, "data": { "log": logged } }),
            Self::Opaque => json!({ "error": false, "resultado": { "registros": 1 } }),
        }
    }
}

/// The same value with every key in lower case, at every depth.
pub(crate) fn lower_case_keys(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let lowered = object
                .iter()
                .map(|(key, value)| (key.to_lowercase(), lower_case_keys(value)));
            Value::Object(lowered.collect::<Map<_, _>>())
        }
        Value::Array(array) => Value::Array(array.iter().map(lower_case_keys).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
