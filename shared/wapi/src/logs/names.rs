//! Gives the fields of a logged webhook the names with which W-API posted it.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::Value;

/// The known names, separated by white space. A line that begins with `#` is about them.
const FIELD_NAMES: &str = include_str!("field_names.txt");

/// Each known name, by the name in lower case.
static BY_LOWER_CASE: LazyLock<HashMap<String, &str>> = LazyLock::new(|| {
    let lines = FIELD_NAMES.lines().filter(|line| !line.starts_with('#'));
    let names = lines.flat_map(str::split_whitespace);
    names.map(|name| (name.to_ascii_lowercase(), name)).collect()
});

/// The value with the known names of its fields as W-API posts them. An unknown name stays in lower
/// case, and so does one of several that differ only in case.
pub(super) fn restore_names(value: &Value) -> Value {
    restore_below("", value)
}

/// As [`restore_names`], for the value of the field `parent`.
fn restore_below(parent: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let restored = fields.iter().map(|(name, child)| {
                let known = find_name(parent, name);
                let known = known.filter(|known| !fields.contains_key(*known));
                (known.unwrap_or(name).to_owned(), restore_below(name, child))
            });
            Value::Object(restored.collect())
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| restore_below(parent, item)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The known name of a field in the value of `parent`. WhatsApp's key of a message has `ID`,
/// W-API's envelope has `id`.
fn find_name(parent: &str, name: &str) -> Option<&'static str> {
    match (parent, name) {
        ("key", "id") => Some("ID"),
        (_, name) => BY_LOWER_CASE.get(name).copied(),
    }
}
