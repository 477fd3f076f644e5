//! Parses the JSON texts of a webhook that stand where an object belongs.

use serde_json::Value;

use super::{
    content::MAX_DEPTH,
    names::{Meaning, meaning_of},
};
use crate::{field_name::plain_name, json::Reader};

/// Fields of a webhook that hold objects, in lower case.
const OBJECTS: &[&str] = &["chat", "msgcontent", "sender"];

/// Replaces texts by the objects in them, where relays wrote an object as text. Only fields that
/// hold objects are parsed, so a text that a person wrote never is.
pub(super) fn open_texts(mut webhook: Value, reader: &mut Reader) -> Value {
    if let Value::Object(fields) = &mut webhook {
        for (name, value) in fields.iter_mut() {
            let name = plain_name(name);
            if OBJECTS.contains(&name.as_str()) {
                open_text(value, reader);
            }
            if name == "msgcontent" {
                open_messages(value, reader, 0);
            }
        }
    }
    webhook
}

fn open_messages(value: &mut Value, reader: &mut Reader, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Array(items) => {
            for item in items {
                open_messages(item, reader, depth + 1);
            }
        }
        Value::Object(fields) => {
            for (name, child) in fields.iter_mut() {
                match meaning_of(name) {
                    Meaning::NotOfTheChat => {}
                    Meaning::Unknown => open_messages(child, reader, depth + 1),
                    Meaning::Media(_) | Meaning::StickerPack | Meaning::Wrapper => {
                        open_text(child, reader);
                        open_messages(child, reader, depth + 1);
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces a JSON text, plain or in base64, by its content, also if it is a text within a text.
fn open_text(value: &mut Value, reader: &mut Reader) {
    const MAX_TEXTS: usize = 4;
    for _ in 0..MAX_TEXTS {
        let Value::String(text) = &*value else {
            return;
        };
        match reader.read_text(text).or_else(|| reader.read_base64(text)) {
            Some(inner) => *value = inner,
            None => return,
        }
    }
}
