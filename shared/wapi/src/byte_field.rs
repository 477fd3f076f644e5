//! Reads a field with bytes (a key or a hash) in every form that gateways and relays were seen to
//! write.

use media::byte_text;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{field_name::is_same_name, json::holds_json};

/// Maximum nesting of forms: JSON text, holder object, content.
const MAX_LEVELS: usize = 4;

/// Maximum length of a JSON text that may hold a key or a hash, in bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// Names under which libraries put the bytes of an object, in lower case: Node's and Baileys'
/// `Buffer`, `MongoDB`'s extended JSON, and names of some relays.
const HOLDERS: &[&str] = &["data", "bytes", "value", "buffer", "base64", "$binary"];

/// The content of such a field.
pub enum ByteField {
    /// No value, or an empty one, which some senders write instead.
    Absent,
    /// A value that is not bytes in any known form.
    Unreadable,
    /// The bytes. They are wiped on drop, because they may be a media key.
    Read(Zeroizing<Vec<u8>>),
}

/// Omits the bytes, because they may be a media key.
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
    /// Parses the value of a field.
    #[must_use]
    pub fn parse(value: Option<&Value>) -> Self {
        let Some(value) = value else {
            return Self::Absent;
        };
        match read_value(value, MAX_LEVELS) {
            Some(bytes) if bytes.is_empty() => Self::Absent,
            Some(bytes) => Self::Read(bytes),
            None => Self::Unreadable,
        }
    }

    /// Whether the field has a value, readable or not.
    #[must_use]
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The bytes, if they were readable.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Read(bytes) => Some(bytes),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

fn read_value(value: &Value, levels: usize) -> Option<Zeroizing<Vec<u8>>> {
    let levels = levels.checked_sub(1)?;
    match value {
        Value::Null => Some(Zeroizing::default()),
        Value::String(text) if holds_json(text) => {
            let text = Some(text).filter(|text| text.len() <= MAX_TEXT_BYTES)?;
            let inner: Value = serde_json::from_str(text).ok()?;
            read_value(&inner, levels)
        }
        Value::String(text) => byte_text::decode(text),
        Value::Array(numbers) => {
            let bytes: Option<Vec<u8>> = numbers.iter().map(parse_byte).collect();
            bytes.map(Zeroizing::new)
        }
        Value::Object(object) => match held_value(object) {
            Some(inner) => read_value(inner, levels),
            None => read_numbered(object),
        },
        Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The value in which an object holds its bytes.
fn held_value(object: &Map<String, Value>) -> Option<&Value> {
    let is_holder = |name: &str| HOLDERS.iter().any(|holder| is_same_name(name, holder));
    let mut holders = object.iter().filter(|(name, _)| is_holder(name));
    holders.next().map(|(_, value)| value)
}

/// Reads `{"0": 18, "1": 205, …}`: JavaScript's `Uint8Array`, with or without its length.
fn read_numbered(object: &Map<String, Value>) -> Option<Zeroizing<Vec<u8>>> {
    let is_number = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
    let count = object.keys().filter(is_number).count();
    if count == 0 && !object.is_empty() {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..count).map(|n| parse_byte(object.get(&n.to_string())?)).collect();
    bytes.map(Zeroizing::new)
}

/// Parses a byte, which Java writes with a sign and some relays as text.
fn parse_byte(number: &Value) -> Option<u8> {
    let text = number.as_str().and_then(|text| text.trim().parse().ok());
    let number: i64 = number.as_i64().or(text)?;
    u8::try_from(number).ok().or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
}
