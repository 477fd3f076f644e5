//! Opens the texts of a webhook that hold JSON where an object belongs.

use serde_json::Value;

use super::{
    content::MAX_DEPTH,
    names::{Meaning, meaning},
};
use crate::json::Reader;

/// Fields of a webhook that are objects, in lower case.
const OBJECTS: &[&str] = &["chat", "msgcontent", "sender"];

/// The webhook with objects where relays wrote them as text. A text that a person wrote is never
/// opened: only names that hold an object are.
pub(super) fn opened(mut webhook: Value, reader: &mut Reader) -> Value {
    if let Value::Object(fields) = &mut webhook {
        for (name, value) in fields.iter_mut() {
            let name = name.to_ascii_lowercase();
            if OBJECTS.contains(&name.as_str()) {
                open(value, reader);
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
                match meaning(name) {
                    Meaning::NotOfTheChat => {}
                    Meaning::Unknown => open_messages(child, reader, depth + 1),
                    Meaning::Medium(_) | Meaning::StickerPack | Meaning::Wrapper => {
                        open(child, reader);
                        open_messages(child, reader, depth + 1);
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Puts what a text holds in its place, also if it is a text of a text.
fn open(value: &mut Value, reader: &mut Reader) {
    const MAX_TEXTS: usize = 4;
    for _ in 0..MAX_TEXTS {
        let Value::String(text) = &*value else {
            return;
        };
        match reader.read_text(text) {
            Some(inner) => *value = inner,
            None => return,
        }
    }
}
