//! Searches a raw body that could not be read for texts, also in the base64 within it.

use media::{byte_text, unread::Search};
use percent_encoding::percent_decode_str;

use crate::repair;

/// Minimum length of a run of base64 that is decoded: a phone number or a word alone is shorter.
const MIN_CODE_CHARS: usize = 16;

/// Maximum nesting of base64 within base64 that is decoded.
const MAX_DEPTH: usize = 4;

/// A text may have one strange character among this many.
const CHARS_PER_STRANGE: usize = 32;

/// Beginnings of compressed bytes: gzip, ZIP, Zstandard, and zlib at its four levels.
const COMPRESSED: [&[u8]; 7] = [
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"\x28\xb5\x2f\xfd",
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
];

/// Minimum length of a list of numbers that is read as bytes.
const MIN_NUMBERS: usize = 16;

/// Searches the body for one of the texts, in every encoding that relays were seen to use. The
/// result is unclear if the body, or a part of it, is not text, for example compressed, or if there
/// are no texts to search for.
#[must_use]
pub fn search(body: &[u8], texts: &[&str]) -> Search {
    let mut result = match texts.is_empty() || !is_text(&repair::decode_text(body)) {
        true => Search::Unclear,
        false => Search::Absent,
    };
    for one in texts {
        match search_bytes(body, one, 0) {
            Search::Found => return Search::Found,
            Search::Unclear => result = Search::Unclear,
            Search::Absent => {}
        }
    }
    result
}

/// The texts that a body is without escapes: its own, and that of the base64 in it.
pub(crate) fn plain_texts(body: &[u8]) -> [String; 2] {
    let plain = unescape(&repair::decode_text(body));
    let is_of_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let codes = plain.split(|c| !is_of_code(c)).filter(|code| code.len() >= MIN_CODE_CHARS);
    let decoded = codes.filter_map(|code| byte_text::decode(trim_code(code)));
    let decoded: Vec<_> = decoded.map(|bytes| unescape(&repair::decode_text(&bytes))).collect();
    [plain, decoded.join("\n")]
}

/// Searches the bytes in their most likely encoding, and as UTF-8 in any case.
fn search_bytes(bytes: &[u8], wanted: &str, depth: usize) -> Search {
    let likely = search_text(&repair::decode_text(bytes), wanted, depth);
    let result =
        combine_searches(likely, || search_text(&String::from_utf8_lossy(bytes), wanted, depth));
    let is_compressed = COMPRESSED.iter().any(|start| bytes.starts_with(start));
    match result {
        Search::Absent if is_compressed => Search::Unclear,
        Search::Found | Search::Absent | Search::Unclear => result,
    }
}

fn search_text(text: &str, wanted: &str, depth: usize) -> Search {
    if text.contains(wanted) {
        return Search::Found;
    }
    let plain = unescape(text);
    if plain.contains(wanted) {
        return Search::Found;
    }
    if depth == MAX_DEPTH {
        return Search::Absent;
    }
    // Base64 may be broken into lines, and stand in a list or beside other words.
    let joined: String = plain.chars().filter(|c| !c.is_whitespace()).collect();
    let in_codes = combine_searches(search_codes(&plain, wanted, depth), || {
        combine_searches(search_codes(&joined, wanted, depth), || search_codes(text, wanted, depth))
    });
    combine_searches(in_codes, || search_numbers(&joined, wanted, depth))
}

fn search_codes(text: &str, wanted: &str, depth: usize) -> Search {
    let is_of_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let codes = text.split(|c| !is_of_code(c)).filter(|code| code.len() >= MIN_CODE_CHARS);
    let codes = codes.filter_map(|code| byte_text::decode(trim_code(code)));
    search_all(codes, wanted, depth)
}

/// Searches lists of numbers, which are bytes as some programs print them.
fn search_numbers(text: &str, wanted: &str, depth: usize) -> Search {
    let lists = text.split(|c: char| !c.is_ascii_digit() && c != ',');
    let lists = lists.filter_map(|list| {
        let bytes: Result<Vec<u8>, _> = list.trim_matches(',').split(',').map(str::parse).collect();
        bytes.ok().filter(|bytes| bytes.len() >= MIN_NUMBERS)
    });
    search_all(lists, wanted, depth)
}

fn search_all<B: AsRef<[u8]>>(
    parts: impl Iterator<Item = B>,
    wanted: &str,
    depth: usize,
) -> Search {
    let mut result = Search::Absent;
    for bytes in parts {
        match search_bytes(bytes.as_ref(), wanted, depth + 1) {
            Search::Found => return Search::Found,
            Search::Unclear => result = Search::Unclear,
            Search::Absent => {}
        }
    }
    result
}

/// The first result if it was found there, else the clearer doubt of the two.
fn combine_searches(first: Search, second: impl FnOnce() -> Search) -> Search {
    match (first, first == Search::Found) {
        (found, true) => found,
        (Search::Absent, _) => second(),
        (unclear, _) => match second() {
            Search::Found => Search::Found,
            Search::Unclear | Search::Absent => unclear,
        },
    }
}

/// The text without JSON's escapes, at any nesting, and without those of a form.
fn unescape(text: &str) -> String {
    let mut plain = percent_decode_str(text).decode_utf8_lossy().into_owned();
    while plain.contains(r"\\") {
        plain = plain.replace(r"\\", r"\");
    }
    unescape_code_points(&plain).replace(r"\/", "/").replace(r"\r", "").replace(r"\n", "")
}

/// The text with its `\uXXXX` replaced by the characters that they mean.
fn unescape_code_points(text: &str) -> String {
    let mut parts = text.split(r"\u");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(4).unwrap_or(("", part));
        match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
            Some(c) => {
                plain.push(c);
                plain.push_str(rest);
            }
            None => {
                plain.push_str(r"\u");
                plain.push_str(part);
            }
        }
    }
    plain
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
