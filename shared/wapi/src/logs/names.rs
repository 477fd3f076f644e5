//! Gives the fields of a logged webhook the names with which W-API posted it.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Map, Value};

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
    match value {
        Value::Object(fields) => {
            let restored = fields.iter().map(|(name, child)| {
                let known = find_name(name, fields);
                let known = known.filter(|known| !fields.contains_key(*known));
                (known.unwrap_or(name).to_owned(), restore_names(child))
            });
            Value::Object(restored.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(restore_names).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The known name of one of these fields. WhatsApp's key of a message, which also has `remoteJID`,
/// has `ID`; W-API's own objects have `id`.
fn find_name(name: &str, fields: &Map<String, Value>) -> Option<&'static str> {
    match name {
        "id" => fields.contains_key("remotejid").then_some("ID"),
        name => BY_LOWER_CASE.get(name).copied(),
    }
}
