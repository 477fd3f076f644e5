//! Searches a raw body that could not be read for texts, also in the base64 within it.

use media::{byte_text, unread::Search};

use crate::repair;

/// Minimum length of a run of base64 that is decoded: a phone number or a word alone is shorter.
const MIN_CODE_CHARS: usize = 16;

/// Maximum nesting of base64 within base64 that is decoded.
const MAX_DEPTH: usize = 4;

/// A text may have one strange character among this many.
const CHARS_PER_STRANGE: usize = 32;

/// Searches the body for one of the texts. The result is unclear if the body is not text, for
/// example compressed, or if there are no texts to search for.
#[must_use]
pub fn search(body: &[u8], texts: &[&str]) -> Search {
    if texts.iter().any(|one| is_in_bytes(body, one, 0)) {
        return Search::Found;
    }
    if texts.is_empty() || !is_text(&repair::decode_text(body)) {
        return Search::Unclear;
    }
    Search::Absent
}

/// Searches the bytes in their most likely encoding, and as UTF-8 in any case.
fn is_in_bytes(bytes: &[u8], wanted: &str, depth: usize) -> bool {
    let is_in = |text: &str| is_in_text(text, wanted, depth);
    is_in(&repair::decode_text(bytes)) || is_in(&String::from_utf8_lossy(bytes))
}

fn is_in_text(text: &str, wanted: &str, depth: usize) -> bool {
    if text.contains(wanted) {
        return true;
    }
    if depth == MAX_DEPTH {
        return false;
    }
    let is_of_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    // JSON may write a slash as `\/`, and a line end in a text as `\n`.
    let text = text.replace("\\/", "/").replace("\\r", "").replace("\\n", "");
    let codes = text.split(|c| !is_of_code(c));
    let mut codes = codes.filter(|code| code.len() >= MIN_CODE_CHARS);
    codes.any(|code| {
        let code = byte_text::decode(trim_code(code));
        code.is_some_and(|bytes| is_in_bytes(&bytes, wanted, depth + 1))
    })
}

/// The code without its last character if it was cut where no byte ends.
fn trim_code(code: &str) -> &str {
    match code.len() % 4 {
        1 => code.get(..code.len() - 1).unwrap_or(code),
        _ => code,
    }
}

/// Whether nearly all characters are those that people and programs write.
fn is_text(text: &str) -> bool {
    let is_strange = |c: &char| {
        *c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_ascii_whitespace())
    };
    let strange = text.chars().filter(is_strange).count();
    strange * CHARS_PER_STRANGE <= text.chars().count()
}
