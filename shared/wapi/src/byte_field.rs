//! Reads a field that holds bytes, a key or a hash, in every form that gateways and relays were
//! seen to write.

use media::byte_text;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::json::holds_json;

/// Forms within each other that are opened: a text of JSON, a holder, and what it holds.
const MAX_LEVELS: usize = 4;

/// Longest text of JSON that may be a key or a hash, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// Names under which libraries put an object's bytes, in lower case: Node's and Baileys' `Buffer`,
/// `MongoDB`'s extended JSON, and relays of their own.
const HOLDERS: &[&str] = &["data", "bytes", "value", "buffer", "base64", "$binary"];

/// What stands in such a field.
pub enum ByteField {
    /// Nothing, or no bytes at all, which is how some say nothing.
    Absent,
    /// Something that is no bytes in any form that is known.
    Unreadable,
    /// The bytes. They may be a key's, so they are wiped on drop.
    Read(Zeroizing<Vec<u8>>),
}

/// Prints no byte: they may be a key's.
impl std::fmt::Debug for ByteField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Unreadable => "Unreadable",
            Self::Read(_) => "Read([redacted])",
        })
    }
}

impl ByteField {
    /// Reads a field's value.
    #[must_use]
    pub fn of(value: Option<&Value>) -> Self {
        let Some(value) = value else {
            return Self::Absent;
        };
        match read(value, MAX_LEVELS) {
            Some(bytes) if bytes.is_empty() => Self::Absent,
            Some(bytes) => Self::Read(bytes),
            None => Self::Unreadable,
        }
    }

    /// Whether something stands there, readable or not.
    #[must_use]
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The bytes, if they could be read.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Read(bytes) => Some(bytes),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

fn read(value: &Value, levels: usize) -> Option<Zeroizing<Vec<u8>>> {
    let levels = levels.checked_sub(1)?;
    match value {
        Value::Null => Some(Zeroizing::default()),
        Value::String(text) if holds_json(text) => {
            let text = Some(text).filter(|text| text.len() <= MAX_TEXT_BYTES)?;
            let inner: Value = serde_json::from_str(text).ok()?;
            read(&inner, levels)
        }
        Value::String(text) => byte_text::decode(text),
        Value::Array(numbers) => {
            let bytes: Option<Vec<u8>> = numbers.iter().map(byte).collect();
            bytes.map(Zeroizing::new)
        }
        Value::Object(object) => match held(object) {
            Some(inner) => read(inner, levels),
            None => numbered(object),
        },
        Value::Bool(_) | Value::Number(_) => None,
    }
}

/// What an object holds its bytes in.
fn held(object: &Map<String, Value>) -> Option<&Value> {
    let is_holder = |name: &str| {
        HOLDERS
            .iter()
            .any(|holder| name.eq_ignore_ascii_case(holder))
    };
    let mut holders = object.iter().filter(|(name, _)| is_holder(name));
    holders.next().map(|(_, value)| value)
}

/// `{"0": 18, "1": 205, …}`: JavaScript's `Uint8Array`, with or without its length.
fn numbered(object: &Map<String, Value>) -> Option<Zeroizing<Vec<u8>>> {
    let is_number = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
    let count = object.keys().filter(is_number).count();
    if count == 0 && !object.is_empty() {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..count)
        .map(|n| byte(object.get(&n.to_string())?))
        .collect();
    bytes.map(Zeroizing::new)
}

/// A number of a list, which Java writes with a sign, and some as text.
fn byte(number: &Value) -> Option<u8> {
    let text = number.as_str().and_then(|text| text.trim().parse().ok());
    let number: i64 = number.as_i64().or(text)?;
    u8::try_from(number)
        .ok()
        .or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
}
