//! A short excerpt of an error answer that is safe to log: no keys, links or phone numbers, and not
//! the secret that was sent.

use media::message::Secret;
use serde_json::Value;
use url::form_urlencoded;

/// Maximum length of an excerpt, in characters.
pub const MAX_CHARS: usize = 300;

/// How much of an answer that is not JSON is searched for the secret.
const MAX_READ_BYTES: usize = 64 * 1024;

/// How many characters of a message are redacted; more than [`MAX_CHARS`], because redacting
/// shortens.
const MAX_REDACTED_CHARS: usize = 4096;

/// Maximum depth of the search for a text.
const MAX_DEPTH: usize = 8;

/// The error message of an answer. In JSON, it is the first text under `message`, `error` or
/// `data`, however deeply nested; otherwise the text itself. HTML is named, not quoted.
///
/// `sent` is the secret of the request, which the answer may repeat: a token, or the secret in a
/// webhook URL. It is removed whatever it looks like, before the text is shortened.
#[must_use]
pub fn from_answer(body: &[u8], sent: &Secret) -> Option<String> {
    let message = match serde_json::from_slice::<Value>(body) {
        Ok(json) => first_text(&json, 0)?,
        Err(_) if looks_like_html(body) => "an HTML page".to_owned(),
        Err(_) => String::from_utf8_lossy(body.get(..MAX_READ_BYTES).unwrap_or(body)).into_owned(),
    };
    let without: String = remove_secret(&message, sent).chars().take(MAX_REDACTED_CHARS).collect();
    let redacted = redact(&without);
    (!redacted.is_empty()).then_some(redacted)
}

/// Replaces the secret by `[…]` wherever it stands in the text: as it is, URL-encoded with either
/// case of hex digits, as a form encodes it, or escaped as in JSON.
#[must_use]
pub fn remove_secret(text: &str, secret: &Secret) -> String {
    let secret = secret.expose();
    if secret.is_empty() {
        return text.to_owned();
    }
    let in_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let in_url: String = secret.bytes().map(percent_encode).collect();
    let json = Value::from(secret).to_string();
    let in_json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    let with_slashes = in_json.replace('/', "\\/");
    let mut forms = vec![secret.to_owned(), in_json, with_slashes];
    for encoded in [in_form, in_url] {
        forms.push(lower_hex(&encoded));
        forms.push(encoded);
    }
    // A longer form may contain a shorter one.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), "[…]"))
}

/// A byte as in a URL's path: itself if no URL encodes it, else `%XX`.
fn percent_encode(byte: u8) -> String {
    match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    }
}

/// The text with the hex digits after each `%` in lower case.
fn lower_hex(encoded: &str) -> String {
    let mut left = 0;
    let lower = encoded.chars().map(|c| {
        let is_hex = left > 0;
        left = if c == '%' { 2 } else { u8::saturating_sub(left, 1) };
        if is_hex { c.to_ascii_lowercase() } else { c }
    });
    lower.collect()
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
