//! W-API's own log of webhooks, kept for 30 days. Nobody has documented its shape: whatever lies in an answer
//! and looks like a webhook is one.

use serde_json::Value;

use crate::{fields::Fields, webhook::WebhookBody};

/// Levels of JSON that are searched.
const MAX_DEPTH: usize = 12;

/// What an answer holds.
#[derive(Debug, Default)]
pub struct LogPage {
    /// The webhooks, in the order of the answer. Their keys are in lower case.
    pub webhooks: Vec<WebhookBody>,
    /// Entries of a list in which no webhook was found: to be shown, not to be hidden.
    pub not_understood: usize,
}

impl LogPage {
    /// Searches an answer; nothing if it is no JSON.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let mut page = Self::default();
        page.search(answer, 0);
        Some(page)
    }

    fn search(&mut self, value: Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        if is_webhook(&value) {
            self.webhooks.push(WebhookBody(value));
            return;
        }
        match value {
            Value::Object(fields) => {
                for (_, field) in fields {
                    self.search(field, depth + 1);
                }
            }
            Value::Array(entries) => {
                for entry in entries {
                    let before = self.webhooks.len();
                    self.search(entry, depth + 1);
                    self.not_understood += usize::from(self.webhooks.len() == before);
                }
            }
            // A body may be kept as the text that was posted.
            Value::String(text) if text.trim_start().starts_with('{') => {
                if let Ok(inner) = serde_json::from_str(&text) {
                    self.search(inner, depth + 1);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Whether an object is the body of a message's webhook.
fn is_webhook(value: &Value) -> bool {
    let Some(fields) = Fields::of(value) else {
        return false;
    };
    fields.object("msgContent").is_some() && fields.text("instanceId").is_some()
}
