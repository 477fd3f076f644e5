//! Decodes bytes that were written as text: base64 in either alphabet, also in a data URL, hex, or
//! comma-separated numbers.

use data_encoding::{BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

/// Hex digits of a key or a hash, which have 32 bytes. As base64, the same text would be 48 bytes,
/// which neither has.
const HEX_DIGITS: usize = 2 * 32;

/// Decodes a text in any of these forms; `None` if it is in none of them. White space, padding and
/// the base64 alphabet do not matter, because gateways and relays were seen to write every
/// combination. The bytes are wiped on drop, because they may be a media key.
#[must_use]
pub fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("\\x"));
    let hex = hex.unwrap_or(&text);
    if hex.len() == HEX_DIGITS
        && let Ok(bytes) = HEXLOWER_PERMISSIVE.decode(hex.as_bytes())
    {
        return Some(Zeroizing::new(bytes));
    }
    let text = text.split_once(";base64,").map_or(&**text, |(_, text)| text);
    if text.contains(',') {
        let bytes: Option<Vec<u8>> = text.split(',').map(|number| number.parse().ok()).collect();
        return bytes.map(Zeroizing::new);
    }
    let standard = |c: char| match c {
        '-' => '+',
        '_' => '/',
        other => other,
    };
    let unpadded = text.trim_end_matches('=').chars().map(standard);
    let unpadded: Zeroizing<String> = Zeroizing::new(unpadded.collect());
    let bytes = BASE64_NOPAD.decode(unpadded.as_bytes()).ok()?;
    Some(Zeroizing::new(bytes))
}
