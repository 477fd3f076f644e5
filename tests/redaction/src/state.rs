//! What a local stack held when it ended: its logs, tables, parked jobs and metrics.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::sink::Sink;

/// Attributes of a record that are ciphertext. What the emulator makes of KMS is no cipher, so they are left out.
const SEALED: &str = "sealed_token";

/// Everything in the state that MiniStack saved in this folder, by place.
///
/// # Errors
/// If the stack saved no state, or a file is not JSON.
pub fn of_stack(folder: &Path) -> Result<Vec<(Sink, String)>> {
    let state = |name: &str| -> Result<Value> {
        let path = folder.join("state").join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path);
        let text = text.with_context(|| format!("{} was not saved", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} as JSON", path.display()))
    };
    let mut found = Vec::new();
    messages(&state("cloudwatch_logs")?, &mut found);
    let mut tables = state("dynamodb")?;
    without_ciphertext(&mut tables);
    found.push((Sink::Record, lines(&tables)));
    tickets(&state("sqs")?, &mut found);
    found.push((Sink::Metric, lines(&state("cloudwatch")?)));
    Ok(found)
}

/// One line for each value: a finding then shows where it is.
fn lines(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Every `message` of a log event.
fn messages(value: &Value, found: &mut Vec<(Sink, String)>) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(text)), true) =
                (fields.get("message"), fields.contains_key("timestamp"))
            {
                found.push((Sink::Log, text.clone()));
            }
            fields.values().for_each(|field| messages(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| messages(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without_ciphertext(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove(SEALED);
            fields.values_mut().for_each(without_ciphertext);
        }
        Value::Array(items) => items.iter_mut().for_each(without_ciphertext),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is written beside the messages of queues. Their bodies are jobs, which hold keys and rest encrypted.
fn tickets(value: &Value, found: &mut Vec<(Sink, String)>) {
    match value {
        Value::Object(fields) if is_message(fields) => {
            let beside = fields.iter().filter(|(name, _)| !is_body(name));
            let beside: Map<_, _> = beside
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            found.push((Sink::Ticket, lines(&Value::Object(beside))));
        }
        Value::Object(fields) => fields.values().for_each(|field| tickets(field, found)),
        Value::Array(items) => items.iter().for_each(|item| tickets(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_body(name: &str) -> bool {
    name.eq_ignore_ascii_case("body")
}

fn is_message(fields: &Map<String, Value>) -> bool {
    fields.keys().any(|name| is_body(name))
}
