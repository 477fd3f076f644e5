//! Looks for texts in a raw body that could not be read: as it is, and in what is encoded in it.

use media::{byte_text, unread::Search};

use crate::repair;

/// Shortest run of base64 that is opened: a phone number alone is shorter, and so is a word.
const SHORTEST_CODE: usize = 16;

/// Codes within codes that are opened.
const MAX_DEPTH: usize = 4;

/// Of this many characters one may be none that a text has.
const STRANGE_ONE_OF: usize = 32;

/// Whether one of the texts is in the body. A body of bytes that are no text, such as a compressed
/// one, tells nothing; and without texts there is nothing to look for.
#[must_use]
pub fn search(body: &[u8], texts: &[&str]) -> Search {
    if texts.iter().any(|one| is_in(body, one, 0)) {
        return Search::Found;
    }
    if texts.is_empty() || !is_text(&repair::decoded(body)) {
        return Search::Unclear;
    }
    Search::Absent
}

/// Looks through the bytes as the text that they most likely are, and as UTF-8 in any case.
fn is_in(bytes: &[u8], wanted: &str, depth: usize) -> bool {
    let is_in = |text: &str| is_in_text(text, wanted, depth);
    is_in(&repair::decoded(bytes)) || is_in(&String::from_utf8_lossy(bytes))
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
    let text = text
        .replace("\\/", "/")
        .replace("\\r", "")
        .replace("\\n", "");
    let codes = text.split(|c| !is_of_code(c));
    let mut codes = codes.filter(|code| code.len() >= SHORTEST_CODE);
    codes.any(|code| {
        let code = byte_text::decode(whole(code));
        code.is_some_and(|bytes| is_in(&bytes, wanted, depth + 1))
    })
}

/// A code without the last character of one that was cut where no byte ends.
fn whole(code: &str) -> &str {
    match code.len() % 4 {
        1 => code.get(..code.len() - 1).unwrap_or(code),
        _ => code,
    }
}

/// Whether nearly all of it are characters that people and programs write.
fn is_text(text: &str) -> bool {
    let is_strange = |c: &char| {
        *c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_ascii_whitespace())
    };
    let strange = text.chars().filter(is_strange).count();
    strange * STRANGE_ONE_OF <= text.chars().count()
}
