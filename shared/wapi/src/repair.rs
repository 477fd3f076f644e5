//! Repairs bytes that are almost JSON. Each repair has as many bytes as the error.

/// Converts the bytes to UTF-8 without a byte order mark and replaces what JSON does not allow:
/// half a surrogate pair and non-characters by U+FFFD, control characters by spaces, the backslash
/// of an invalid escape by `?`.
pub(crate) fn repair_json(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = decode_text(bytes).into_bytes();
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = bytes.get(at).copied() {
        at += match byte {
            b'"' => {
                in_text = !in_text;
                1
            }
            b'\\' if in_text => mend_escape(&mut bytes, at),
            0..0x20 => {
                overwrite(&mut bytes, at, b" ");
                1
            }
            b'N' | b'I' if !in_text => mend_number(&mut bytes, at),
            _ => 1,
        };
    }
    bytes
}

/// Replaces a number that JSON does not have (Python writes them) by 0, and returns its length.
fn mend_number(bytes: &mut [u8], at: usize) -> usize {
    for (number, zero) in [(b"NaN" as &[u8], b"0  " as &[u8]), (b"Infinity", b"0       ")] {
        if bytes.get(at..at + number.len()) == Some(number) {
            overwrite(bytes, at, zero);
            return number.len();
        }
    }
    1
}

/// Decodes by the byte order mark, or by the position of zeros in the first character, as JSON's
/// older specification (RFC 4627) detected encodings.
pub(crate) fn decode_text(bytes: &[u8]) -> String {
    match *bytes {
        [0xff, 0xfe, ..] | [_, 0, ..] => decode_utf16(bytes, u16::from_le_bytes),
        [0xfe, 0xff, ..] | [0, _, ..] => decode_utf16(bytes, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes)
            .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
            .to_owned(),
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let chars = char::decode_utf16(units).map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER));
    chars.skip_while(|one| *one == '\u{feff}').collect()
}

/// Repairs the escape at this position if necessary, and returns its length.
fn mend_escape(bytes: &mut [u8], at: usize) -> usize {
    const SHORT: usize = 2;
    const UNICODE: usize = 6;
    match bytes.get(at + 1).copied() {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => return SHORT,
        Some(b'u') => {}
        _ => {
            overwrite(bytes, at, b"?");
            return 1;
        }
    }
    match (escaped_unit(bytes, at), escaped_unit(bytes, at + UNICODE)) {
        (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 2 * UNICODE,
        (Some(0xd800..0xe000), _) => {
            overwrite(bytes, at, b"\\ufffd");
            UNICODE
        }
        (Some(_), _) => UNICODE,
        (None, _) => {
            overwrite(bytes, at, b"?");
            1
        }
    }
}

/// The UTF-16 unit of the escape `\uXXXX` at this position.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digit = |value: u32, digit: &u8| Some(value * 16 + char::from(*digit).to_digit(16)?);
    let value = digits.iter().try_fold(0, digit)?;
    value.try_into().ok()
}

fn overwrite(bytes: &mut [u8], at: usize, text: &[u8]) {
    if let Some(room) = bytes.get_mut(at..at + text.len()) {
        room.copy_from_slice(text);
    }
}
