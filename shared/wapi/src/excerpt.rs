//! A few words of an origin's error answer, fit for a log: no keys, no links, no phone numbers.

use serde_json::Value;

/// Longest excerpt, in characters.
pub const MAX_CHARS: usize = 300;

/// Levels of JSON that are searched for a text.
const MAX_DEPTH: usize = 8;

/// What the answer says went wrong: the first text under `message`, `error` or `data` when it is JSON,
/// however deep W-API has nested it; the text itself otherwise. Markup is named, not quoted.
#[must_use]
pub fn of_answer(body: &[u8]) -> Option<String> {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(json) => first_text(&json, 0)?,
        Err(_) if looks_like_html(body) => "an HTML page".to_owned(),
        Err(_) => String::from_utf8_lossy(body.get(..4096).unwrap_or(body)).into_owned(),
    };
    let redacted = redact(&said);
    (!redacted.is_empty()).then_some(redacted)
}

/// Whether the bytes begin like a web page.
#[must_use]
pub fn looks_like_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.first() == Some(&b'<') && !start.starts_with(b"<svg")
}

/// Replaces every word that could be a secret or a person by `[…]`, and cuts to [`MAX_CHARS`].
///
/// A word is suspect when it is a link or a path, has six digits or more, or is longer than words are.
#[must_use]
pub fn redact(text: &str) -> String {
    const LONGEST_WORD: usize = 24;
    let is_suspect = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        word.contains('/')
            || word.contains('@')
            || digits >= 6
            || word.chars().count() > LONGEST_WORD
    };
    let words = text
        .split_whitespace()
        .map(|word| if is_suspect(word) { "[…]" } else { word });
    let joined = words.collect::<Vec<_>>().join(" ");
    let printable = joined.chars().filter(|c| !c.is_control());
    printable.take(MAX_CHARS).collect()
}

fn first_text(value: &Value, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.iter().find_map(|item| first_text(item, depth + 1)),
        Value::Object(fields) => ["message", "error", "data", "reason", "errors"]
            .into_iter()
            .filter_map(|name| fields.get(name))
            .find_map(|field| first_text(field, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
