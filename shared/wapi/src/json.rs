//! Reads JSON as gateways and relays write it: repaired if that loses nothing, and, unless all is
//! wanted, without values that no job needs.

use std::fmt;

use media::byte_text;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::repair;

/// Maximum depth that is kept. `serde_json` itself stops at 128.
const MAX_DEPTH: usize = 120;

/// Maximum numbers and flags kept of one list or object: all of a key's 32 bytes, few of an
/// image's.
const MAX_SCALARS: usize = 4096;

/// Maximum bytes kept of a text without JSON, plain or encoded: many times a signed path, the
/// longest text that is used.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Parts of field names whose values are skipped: thumbnails and player data, which are most of a
/// body.
const BULK: &[&str] = &["thumbnail", "sidecar", "waveform"];

/// Reads the texts of one body within a common limit of values.
#[derive(Debug)]
pub(crate) struct Reader {
    left: usize,
    is_cut: bool,
    keeps_all: bool,
}

impl Reader {
    /// Creates a reader that keeps at most `max_values` values, over all texts together.
    pub(crate) fn new(max_values: usize) -> Self {
        Self { left: max_values, is_cut: false, keeps_all: false }
    }

    /// As [`Self::new`], but what no job needs is kept as well.
    pub(crate) fn keeping_all(max_values: usize) -> Self {
        Self { keeps_all: true, ..Self::new(max_values) }
    }

    /// Whether a value was left out because the body was too deep or too large.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Parses the bytes as JSON, after repair if necessary.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Option<Value> {
        let (left, is_cut) = (self.left, self.is_cut);
        self.parse(bytes).or_else(|| {
            (self.left, self.is_cut) = (left, is_cut);
            self.parse(&repair::repair_json(bytes))
        })
    }

    /// Parses a text that looks like a JSON object, list or text. Other texts are not parsed.
    pub(crate) fn read_text(&mut self, text: &str) -> Option<Value> {
        holds_json(text).then(|| self.read(text.as_bytes()))?
    }

    /// Parses a text that is base64 of a JSON object or list: gateways pass bodies that may be
    /// binary in this form.
    pub(crate) fn read_base64(&mut self, text: &str) -> Option<Value> {
        let bytes = is_base64_of_json(text).then(|| byte_text::decode(text))??;
        self.read(&bytes)
    }

    /// Parses the JSON texts in the fields of a form, which some relays send instead of JSON.
    pub(crate) fn read_form(&mut self, bytes: &[u8]) -> Option<Value> {
        // Broken JSON must not be searched for a form that a person wrote into it.
        if holds_json(&String::from_utf8_lossy(bytes)) {
            return None;
        }
        let fields = url::form_urlencoded::parse(bytes);
        let texts = fields.flat_map(|(name, value)| [name, value]);
        let mut read = Vec::new();
        let mut is_read = false;
        for text in texts.filter(|text| holds_json(text)) {
            let value = self.read_text(&text);
            is_read |= value.is_some();
            // A broken text stays, so that it is noticed beside the others.
            read.push(value.unwrap_or_else(|| Value::String(text.into_owned())));
        }
        is_read.then_some(Value::Array(read))
    }

    fn parse(&mut self, bytes: &[u8]) -> Option<Value> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let kept = KeptValue { reader: self, depth: 0 };
        let value = kept.deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some(value)
    }

    /// Whether the value is kept: all but numbers and flags beyond the limit of their list or
    /// object.
    fn keeps(&self, value: &Value, scalars: &mut usize) -> bool {
        let is_scalar = !(value.is_object() || value.is_array() || value.is_string());
        *scalars += usize::from(is_scalar);
        self.keeps_all || !is_scalar || *scalars <= MAX_SCALARS
    }

    /// Reserves room for one value; `false` if the limit is reached.
    fn take_room(&mut self) -> bool {
        let has_room = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.is_cut |= !has_room;
        has_room
    }
}

/// Whether the bytes hold nothing but white space and a byte order mark.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    let is_mark = |byte: &u8| [0xef, 0xbb, 0xbf, 0xfe, 0xff, 0].contains(byte);
    bytes.iter().all(|byte| byte.is_ascii_whitespace() || is_mark(byte))
}

/// Whether a text may be a JSON object, list or text, plain or in base64.
pub(crate) fn may_hold_json(text: &str) -> bool {
    holds_json(text) || is_base64_of_json(text)
}

/// Whether a text that cannot be parsed may hold a webhook or a media object: base64 of JSON, or
/// JSON with a word that only these have. It may be cut anywhere, so one word is enough.
pub(crate) fn may_hold_webhook(text: &str) -> bool {
    const WORDS: [&str; 8] = [
        "directpath",
        "fileencsha256",
        "instanceid",
        "mediakey",
        "msgcontent",
        "webhookdelivery",
        "webhookreceived",
        "whatsapp.net",
    ];
    if is_base64_of_json(text) {
        return true;
    }
    holds_json(text) && {
        let plain = text.replace('_', "").to_ascii_lowercase();
        WORDS.iter().any(|word| plain.contains(word))
    }
}

/// Whether a text may be a JSON object, list or text.
pub(crate) fn holds_json(text: &str) -> bool {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    start.starts_with(['{', '[', '"'])
}

/// Whether a text begins like base64 of a JSON object or list.
fn is_base64_of_json(text: &str) -> bool {
    // Base64 of `{"`, `{` and white space, `[{`, `["`, `[` and white space.
    const STARTS: [&str; 12] =
        ["eyJ", "eyA", "ewk", "ewo", "ew0", "W3s", "WyJ", "WyA", "WyB", "Wwo", "Wwp", "Ww0"];
    STARTS.iter().any(|start| text.starts_with(start))
}

/// A value that is read without the parts that no job needs.
struct KeptValue<'a> {
    reader: &'a mut Reader,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for KeptValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH {
            self.reader.is_cut = true;
            return json.deserialize_ignored_any(IgnoredAny).map(|_| Value::Null);
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KeptValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        let kept = if self.reader.keeps_all || may_hold_json(text) {
            text
        } else {
            media::message::truncate_bytes(text, MAX_TEXT_BYTES)
        };
        Ok(kept.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let (reader, depth) = (self.reader, self.depth + 1);
        let (mut kept, mut scalars) = (Vec::new(), 0);
        while let Some(value) = list.next_element_seed(KeptValue { reader, depth })? {
            if reader.keeps(&value, &mut scalars) && reader.take_room() {
                kept.push(value);
            }
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let (reader, depth) = (self.reader, self.depth + 1);
        let (mut kept, mut scalars) = (Map::new(), 0);
        while let Some(name) = object.next_key::<String>()? {
            if !reader.keeps_all && is_bulk(&name) {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = object.next_value_seed(KeptValue { reader, depth })?;
            if reader.keeps(&value, &mut scalars) && reader.take_room() {
                kept.insert(name, value);
            }
        }
        Ok(Value::Object(kept))
    }
}

fn is_bulk(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    BULK.iter().any(|part| name.contains(part))
}
