//! W-API's own log of an instance's webhooks, and the shapes of its answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// How long W-API keeps a webhook in its log: 30 days.
pub(crate) const MAX_LOG_AGE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A webhook in W-API's log. The endpoints write the fields as `id`, `time` and `body`; their
/// real names are unknown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoggedWebhook {
    /// The id that `get-webhook-log` takes.
    pub id: String,
    /// When it was posted, in milliseconds since 1970.
    #[serde(rename = "time")]
    pub time_ms: u64,
    /// The event, with every key in lower case at every depth and unchanged values.
    pub body: Value,
}

/// The shape of the log's answers. The real shape is unknown; one client reads `logs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogShape {
    /// `{"logs": […]}`, and a single webhook as `{"log": …}`.
    #[default]
    Logs,
    /// `[…]`, and a single webhook without a wrapper.
    Bare,
    /// `{"data": […]}`, and a single webhook as `{"data": …}`.
    Data,
    /// `{"data": {"logs": […], "total": …}}`, and a single webhook as `{"data": {"log": …}}`.
    Nested,
    /// JSON that contains no event.
    Opaque,
}

/// A page of the log, and the log's length.
#[derive(Debug)]
pub(crate) struct LogPage<'a> {
    logs: &'a [LoggedWebhook],
    total: usize,
}

impl<'a> LogPage<'a> {
    /// Pages count from 1; one beyond the last is empty.
    pub(crate) fn of_page(all: &'a [LoggedWebhook], per_page: usize, page: usize) -> Self {
        let logs = all.chunks(per_page.max(1)).nth(page.saturating_sub(1));
        Self { logs: logs.unwrap_or_default(), total: all.len() }
    }
}

impl LogShape {
    /// The answer of `fetch-webhook-logs`.
    pub(crate) fn list_json(self, page: &LogPage<'_>) -> Value {
        let LogPage { logs, total } = page;
        match self {
            Self::Logs => json!({ "error": false, "logs": logs }),
            Self::Bare => json!(logs),
            Self::Data => json!({ "error": false, "data": logs }),
            Self::Nested => json!({ "error": false, "data": { "logs": logs, "total": total } }),
            Self::Opaque => json!({ "error": false, "resultado": { "registros": total } }),
        }
    }

    /// The answer of `get-webhook-log`.
    pub(crate) fn single_json(self, logged: &LoggedWebhook) -> Value {
        match self {
            Self::Logs => json!({ "error": false, "log": logged }),
            Self::Bare => json!(logged),
            Self::Data => json!({ "error": false, "data": logged }),
            Self::Nested => json!({ "error": false, "data": { "log": logged } }),
            Self::Opaque => json!({ "error": false, "resultado": { "registros": 1 } }),
        }
    }
}

/// The value with every key in lower case, at every depth.
pub(crate) fn lower_case_keys(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let lowered =
                object.iter().map(|(key, value)| (key.to_lowercase(), lower_case_keys(value)));
            Value::Object(lowered.collect::<Map<_, _>>())
        }
        Value::Array(array) => Value::Array(array.iter().map(lower_case_keys).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
