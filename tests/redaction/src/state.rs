//! What a local stack held when it stopped: its logs, tables, parked jobs and metrics.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::sink::Sink;

/// The attribute that holds ciphertext. The emulator's KMS does not really encrypt, so it is left
/// out.
const SEALED: &str = "sealed_token";

/// The attribute of a job entry with the job, and of a delivery that rests with its webhook, which
/// hold keys and rest encrypted, as in the queue. Only items with one of [`ENTRY_KEYS`] may have
/// it: a record with a body is searched.
const BODY: &str = "body";

/// The attributes of which each item of the jobs table has one, and no item of another table: that
/// of job entries, and that of deliveries.
const ENTRY_KEYS: [&str; 2] = ["state_class", "of_instance"];

/// The partition of the jobs table, up to its instance, with the texts of stored messages. Their
/// event tells them, and they end a day later: only these two attributes may hold them, and only in
/// an item of such a partition.
const TEXTS_PARTITION: &str = "texts#";
const TEXTS: [&str; 2] = ["caption", "file_name"];

/// Reads every text in the state that MiniStack saved in this folder, with its sink.
///
/// # Errors
/// If the stack saved no state, or a file is not JSON.
pub fn read_stack_texts(folder: &Path) -> Result<Vec<(Sink, String)>> {
    let state = |name: &str| -> Result<Value> {
        let path = folder.join("state").join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path);
        let text = text.with_context(|| format!("{} was not saved", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} as JSON", path.display()))
    };
    let mut found = Vec::new();
    collect_log_messages(&state("cloudwatch_logs")?, &mut found);
    let mut tables = state("dynamodb")?;
    remove_protected(&mut tables);
    found.push((Sink::Record, pretty_lines(&tables)));
    collect_tickets(&state("sqs")?, &mut found);
    found.push((Sink::Metric, pretty_lines(&state("cloudwatch")?)));
    Ok(found)
}

/// Writes one line for each value, so that a finding shows where it is.
fn pretty_lines(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Collects the `message` of every log event.
fn collect_log_messages(value: &Value, found: &mut Vec<(Sink, String)>) {
    match value {
        Value::Object(fields) => {
            if let (Some(Value::String(text)), true) =
                (fields.get("message"), fields.contains_key("timestamp"))
            {
                found.push((Sink::Log, text.clone()));
            }
            fields.values().for_each(|field| collect_log_messages(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_log_messages(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Removes what rests encrypted: tokens, and the bodies and texts of the jobs table.
fn remove_protected(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove(SEALED);
            if ENTRY_KEYS.into_iter().any(|key| fields.contains_key(key)) {
                fields.remove(BODY);
            }
            if fields.get("instance").is_some_and(is_texts_partition) {
                TEXTS.into_iter().for_each(|name| drop(fields.remove(name)));
            }
            fields.values_mut().for_each(remove_protected);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_protected),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_texts_partition(instance: &Value) -> bool {
    instance["S"].as_str().is_some_and(|text| text.starts_with(TEXTS_PARTITION))
}

/// Collects the attributes of queue messages. Their bodies are jobs, which hold keys and rest
/// encrypted.
fn collect_tickets(value: &Value, found: &mut Vec<(Sink, String)>) {
    match value {
        Value::Object(fields) if is_message(fields) => {
            let beside = fields.iter().filter(|(name, _)| !is_body(name));
            let beside: Map<_, _> =
                beside.map(|(name, value)| (name.clone(), value.clone())).collect();
            found.push((Sink::Ticket, pretty_lines(&Value::Object(beside))));
        }
        Value::Object(fields) => fields.values().for_each(|field| collect_tickets(field, found)),
        Value::Array(items) => items.iter().for_each(|item| collect_tickets(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_body(name: &str) -> bool {
    name.eq_ignore_ascii_case("body")
}

fn is_message(fields: &Map<String, Value>) -> bool {
    fields.keys().any(|name| is_body(name))
}
