//! A short excerpt of an error answer that is safe to log: no keys, links or phone numbers.

use serde_json::Value;

/// Maximum length of an excerpt, in characters.
pub const MAX_CHARS: usize = 300;

/// Maximum depth of the search for a text.
const MAX_DEPTH: usize = 8;

/// The error message of an answer. In JSON, it is the first text under `message`, `error` or
/// `data`, however deeply nested; otherwise the text itself. HTML is named, not quoted.
#[must_use]
pub fn from_answer(body: &[u8]) -> Option<String> {
    let message = match serde_json::from_slice::<Value>(body) {
        Ok(json) => first_text(&json, 0)?,
        Err(_) if looks_like_html(body) => "an HTML page".to_owned(),
        Err(_) => String::from_utf8_lossy(body.get(..4096).unwrap_or(body)).into_owned(),
    };
    let redacted = redact(&message);
    (!redacted.is_empty()).then_some(redacted)
}

/// Whether the bytes begin like a web page.
#[must_use]
pub fn looks_like_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.first() == Some(&b'<') && !start.starts_with(b"<svg")
}

/// Replaces every word that may be a secret or identify a person by `[…]`, and cuts to
/// [`MAX_CHARS`].
///
/// A word is replaced if it is a link or a path, is too long for a word, or belongs to a run of
/// words with digits that have six or more in total, because a phone number may be written in
/// groups.
#[must_use]
pub fn redact(text: &str) -> String {
    const MAX_WORD_CHARS: usize = 24;
    const MAX_DIGITS: usize = 5;
    let digits = |word: &str| word.bytes().filter(u8::is_ascii_digit).count();
    let words: Vec<_> = text.split_whitespace().collect();
    let runs = words.chunk_by(|one, next| digits(one) > 0 && digits(next) > 0);
    let shown = runs.flat_map(|run| {
        let is_number = run.iter().map(|word| digits(word)).sum::<usize>() > MAX_DIGITS;
        run.iter().map(move |word| {
            let is_suspect =
                is_number || word.contains(['/', '@']) || word.chars().count() > MAX_WORD_CHARS;
            if is_suspect { "[…]" } else { word }
        })
    });
    let joined = shown.collect::<Vec<_>>().join(" ");
    // U+FFFE and U+FFFF are not characters, and SQS refuses a message that has them.
    let printable =
        joined.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
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
