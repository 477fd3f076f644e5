//! Detects whether bytes are text, and the syntax at their start.

use std::borrow::Cow;

/// Maximum bytes that are examined. WHATWG's rules for telling text from binary examine 1,445.
const MAX_TEXT_HEAD_BYTES: usize = 4096;

/// The properties of a head that is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    /// The extension of its syntax; `None` if it has no recognizable one.
    pub(super) extension: Option<&'static str>,
    /// Whether the whole head is UTF-8 and has non-ASCII characters.
    pub(super) is_utf8: bool,
}

impl Text {
    /// Reads the head as text; `None` if it is empty or binary.
    pub(super) fn from_head(head: &[u8]) -> Option<Self> {
        // Ctrl-Z ends DOS texts, and still ends files for banks.
        let head = head.trim_suffix_of(0x1a);
        let start = head.get(..MAX_TEXT_HEAD_BYTES).unwrap_or(head);
        let text = decode_text(start)?;
        let text = text.trim_start().to_ascii_lowercase();
        (!head.is_empty()).then(|| Self {
            extension: detect_syntax(&text),
            is_utf8: !head.is_ascii() && is_utf8(head),
        })
    }

    /// Whether a browser could render it as a page or drawing and run scripts in it.
    pub(super) fn is_page(self) -> bool {
        matches!(self.extension, Some("html" | "svg"))
    }
}

trait TrimSuffix {
    fn trim_suffix_of(&self, byte: u8) -> &Self;
}

impl TrimSuffix for [u8] {
    fn trim_suffix_of(&self, byte: u8) -> &Self {
        let mut rest = self;
        while let Some(shorter) = rest.strip_suffix(&[byte]) {
            rest = shorter;
        }
        rest
    }
}

/// Decodes text; `None` if the bytes are binary.
fn decode_text(start: &[u8]) -> Option<Cow<'_, str>> {
    if let Some(wide) = start.strip_prefix(b"\xff\xfe") {
        return decode_utf16(wide, u16::from_le_bytes).map(Cow::Owned);
    }
    if let Some(wide) = start.strip_prefix(b"\xfe\xff") {
        return decode_utf16(wide, u16::from_be_bytes).map(Cow::Owned);
    }
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    if start.iter().any(|byte| is_binary(u32::from(*byte))) {
        return None;
    }
    let beyond_ascii = start.iter().filter(|byte| !byte.is_ascii()).count();
    // Texts in single-byte encodings have few accented characters; half of compressed bytes are not
    // ASCII.
    let may_be_latin = beyond_ascii * 4 < start.len();
    (is_utf8(start) || may_be_latin).then(|| String::from_utf8_lossy(start))
}

/// Whether the bytes are UTF-8, possibly cut within the last character.
fn is_utf8(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

fn decode_utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let text: String =
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let is_invalid = |c: char| c == char::REPLACEMENT_CHARACTER || is_binary(u32::from(c));
    // The last character may be cut in two.
    let invalid_chars = text.chars().filter(|c| is_invalid(*c)).count();
    (invalid_chars <= 1).then_some(text)
}

/// WHATWG's "binary data bytes": control characters that do not occur in text.
fn is_binary(code: u32) -> bool {
    matches!(code, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

/// The syntax of a text in lower case.
fn detect_syntax(text: &str) -> Option<&'static str> {
    const STARTS: &[(&str, &str)] = &[
        ("-----begin ", "pem"),
        ("begin:vcard", "vcf"),
        ("begin:vcalendar", "ics"),
        ("ofxheader", "ofx"),
        ("!type:", "qif"),
        ("%!ps", "ps"),
    ];
    let known = STARTS.iter().find(|(start, _)| text.starts_with(start));
    known.map(|(_, extension)| *extension).or_else(|| detect_markup(text))
}

/// The markup language of a text, after its prolog, comments and document type.
fn detect_markup(text: &str) -> Option<&'static str> {
    let (mut rest, mut is_xml, mut has_comment) = (text, false, false);
    loop {
        rest = rest.trim_start();
        let (end, start) = if rest.starts_with("<?ofx") {
            return Some("ofx");
        } else if rest.starts_with("<?") {
            is_xml |= rest.starts_with("<?xml");
            ("?>", 2)
        } else if rest.starts_with("<!--") {
            has_comment = true;
            ("-->", 4)
        } else if rest.starts_with("<!doctype") {
            let named = rest.get(9..).unwrap_or_default().trim_start();
            if named.starts_with("html") {
                return Some("html");
            }
            (">", 2)
        } else {
            break;
        };
        let after = rest.get(start..).and_then(|rest| rest.split_once(end));
        let Some((_, after)) = after else {
            rest = "";
            break;
        };
        rest = after;
    }
    let unnamed = match (is_xml, has_comment) {
        (true, _) => Some("xml"),
        // HTML may begin with a comment; the other syntaxes do not.
        (false, true) => Some("html"),
        (false, false) => None,
    };
    detect_element(rest, is_xml).or(unnamed)
}

/// The markup language of the first element.
fn detect_element(text: &str, is_xml: bool) -> Option<&'static str> {
    /// Tags that WHATWG's rules recognize as HTML, and others that pages begin with.
    const HTML: &[&str] = &[
        "html", "head", "script", "iframe", "h1", "h2", "h3", "div", "font", "table", "a", "style",
        "title", "b", "body", "br", "p", "meta", "link", "img", "span", "form", "center", "object",
        "embed", "base", "frameset", "input", "button", "video", "audio", "details", "marquee",
    ];
    let tag = text.strip_prefix('<')?;
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, ':' | '-' | '_' | '.');
    let end = tag.find(|c| !is_of_name(c)).unwrap_or(tag.len());
    let (name, after) = tag.split_at_checked(end)?;
    let is_tag = name.starts_with(char::is_alphabetic)
        && after.starts_with([' ', '\t', '\r', '\n', '>', '/']);
    let local = name.rsplit(':').next().unwrap_or(name);
    let is_closed = ["</", "/>", "=\"", "='"].iter().any(|sign| after.contains(sign));
    match local {
        _ if !is_tag => None,
        "svg" => Some("svg"),
        "ofx" => Some("ofx"),
        "html" => Some("html"),
        _ if !is_xml && HTML.contains(&local) => Some("html"),
        _ if is_xml || is_closed => Some("xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn texts_and_bytes_are_distinguished() {
        for text in ["a", "Olá\n", "\u{feff}x", "\u{1b}[1m", "a\x0cb", "fim\x1a\x1a"] {
            assert!(Text::from_head(text.as_bytes()).is_some(), "{text:?}");
        }
        let latin = b"a\xe7\xe3o do banco".as_slice();
        assert!(Text::from_head(latin).is_some());
        let cut = "situação".as_bytes().split_last().expect("bytes").1;
        assert!(Text::from_head(cut).is_some());
        for bytes in
            [b"".as_slice(), b"\0", b"a\0b", b"\x1aab", b"\xff\xd8\xff\xe0", b"\xff\xfe\0\0\0\0"]
        {
            assert_eq!(Text::from_head(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_syntax_is_found_behind_a_prolog() {
        let syntax = |text: &str| Text::from_head(text.as_bytes()).and_then(|text| text.extension);
        for (text, extension) in [
            ("<?xml version='1.0'?>\n<?xml-stylesheet href='x'?><!-- a --><SVG/>", Some("svg")),
            ("<!DOCTYPE svg PUBLIC 'x'><svg>", Some("svg")),
            ("<s:svg xmlns:s='x'>", Some("svg")),
            ("<?xml version='1.0'?><?OFX OFXHEADER='200'?><OFX>", Some("ofx")),
            ("<!-- never closed", Some("html")),
            ("<?xml never closed", Some("xml")),
            ("<a>", Some("html")),
            ("<body\n>", Some("html")),
            ("<ab>c</ab>", Some("xml")),
            ("<3 <3", None),
            ("<nome> falou", None),
            ("< b", None),
            ("a <b>", None),
        ] {
            assert_eq!(syntax(text), extension, "{text}");
        }
    }
}
