//! Finds webhooks in what relays, exports and logs wrap around them: lists, objects of any names,
//! and texts that hold JSON.

use serde_json::{Map, Value};

use crate::{fields::Fields, json::Reader};

/// Levels that are searched: an execution that a workflow engine exports has about twelve.
const MAX_DEPTH: usize = 32;

/// Texts of JSON within texts of JSON that are opened.
const MAX_TEXTS: usize = 4;

/// Fields of an envelope that hold for a webhook within it that says nothing of the kind itself.
const INHERITED: &[&str] = &["instanceId", "event"];

/// Where a search stands.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    texts: usize,
}

/// The webhooks that were found, and what was found instead.
pub(crate) struct Relay<'a> {
    reader: &'a mut Reader,
    /// In the order of what was searched.
    pub(crate) webhooks: Vec<Value>,
    /// Entries of a list in which no webhook was found.
    pub(crate) not_understood: usize,
    /// The same where other entries of the list are webhooks, each as its number in the list.
    pub(crate) missed: Vec<usize>,
}

impl<'a> Relay<'a> {
    /// Searches the value.
    pub(crate) fn search(value: &Value, reader: &'a mut Reader) -> Self {
        let mut relay = Self {
            reader,
            webhooks: Vec::new(),
            not_understood: 0,
            missed: Vec::new(),
        };
        relay.visit(value, Place::default());
        relay
    }

    fn visit(&mut self, value: &Value, place: Place) {
        if place.depth > MAX_DEPTH {
            return;
        }
        let below = Place {
            depth: place.depth + 1,
            ..place
        };
        match value {
            value if has_content(value) => self.webhooks.push(value.clone()),
            Value::Object(fields) => self.visit_object(value, fields, below),
            Value::Array(entries) => self.visit_list(entries, below),
            Value::String(text) if place.texts < MAX_TEXTS => {
                let inner = self.reader.read_text(text);
                if let Some(inner) = inner.or_else(|| self.reader.read_base64(text)) {
                    let texts = place.texts + 1;
                    self.visit(&inner, Place { texts, ..below });
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn visit_list(&mut self, entries: &[Value], below: Place) {
        let mut missed = Vec::new();
        for (number, entry) in (1..).zip(entries) {
            let before = self.webhooks.len();
            self.visit(entry, below);
            if self.webhooks.len() == before {
                missed.push(number);
            }
        }
        self.not_understood += missed.len();
        if missed.len() < entries.len() {
            self.missed.extend(missed);
        }
    }

    /// An object without content is an envelope, or, if no webhook is in it, one that tells of
    /// something else than a message.
    fn visit_object(&mut self, object: &Value, fields: &Map<String, Value>, below: Place) {
        let before = self.webhooks.len();
        for value in fields.values() {
            self.visit(value, below);
        }
        if self.webhooks.len() == before && has_own_event(object) {
            self.webhooks.push(object.clone());
        }
        for webhook in self.webhooks.iter_mut().skip(before) {
            inherit(webhook, fields);
        }
    }
}

/// Whether it is the webhook of a message.
pub(crate) fn has_content(value: &Value) -> bool {
    Fields::of(value).is_some_and(|fields| fields.get("msgContent").is_some())
}

/// Whether it has the name of one of W-API's own events.
fn has_own_event(value: &Value) -> bool {
    let event = Fields::of(value).and_then(|fields| fields.text("event"));
    event.is_some_and(|event| event.starts_with("webhook"))
}

/// Gives a webhook what it does not say and its envelope does.
fn inherit(webhook: &mut Value, envelope: &Map<String, Value>) {
    let Value::Object(fields) = webhook else {
        return;
    };
    let is_inherited = |name: &str| INHERITED.iter().any(|one| name.eq_ignore_ascii_case(one));
    for (name, value) in envelope.iter().filter(|(name, _)| is_inherited(name)) {
        let is_said = fields.keys().any(|known| known.eq_ignore_ascii_case(name));
        if value.is_string() && !is_said {
            fields.insert(name.clone(), value.clone());
        }
    }
}
