//! Finds webhooks in the wrappers of relays, exports and logs: lists, objects of any name, and
//! texts that hold JSON.

use serde_json::{Map, Value};

use crate::{
    field_name::is_same_name,
    fields::Fields,
    json::{Reader, may_hold_webhook},
};

/// Maximum depth of the search. An execution exported from a workflow engine has about twelve
/// levels.
const MAX_DEPTH: usize = 32;

/// Maximum nesting of JSON texts within JSON texts.
const MAX_TEXTS: usize = 4;

/// Fields of an envelope that apply to a webhook in it that lacks them.
const INHERITED: &[&str] = &["instanceId", "event"];

/// Fields in which an entry of a log may say when it was written. Their real names are unknown.
const TIMES: &[&str] =
    &["time", "timestamp", "createdAt", "loggedAt", "receivedAt", "sentAt", "date", "dateTime"];

/// The position of the search.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    texts: usize,
}

/// The webhooks found, and the number of entries without one.
pub(crate) struct Relay<'a> {
    reader: &'a mut Reader,
    /// The webhooks, in the order of the search.
    pub(crate) webhooks: Vec<Value>,
    /// For each webhook, the time of the entry in which it was found, as the entry writes it.
    pub(crate) times: Vec<Option<Value>>,
    /// List entries in which no webhook was found.
    pub(crate) not_understood: usize,
    /// Those of them whose list also has webhooks, each as its number in its list, from 1.
    pub(crate) missed: Vec<usize>,
    /// Texts that begin like JSON and cannot be parsed, and values beyond the limits: what is in
    /// them is not known.
    pub(crate) unread: usize,
}

impl<'a> Relay<'a> {
    /// Searches a value.
    pub(crate) fn search(value: &Value, reader: &'a mut Reader) -> Self {
        let mut relay = Self {
            reader,
            webhooks: Vec::new(),
            times: Vec::new(),
            not_understood: 0,
            missed: Vec::new(),
            unread: 0,
        };
        relay.visit_value(value, Place::default());
        relay
    }

    fn visit_value(&mut self, value: &Value, place: Place) {
        if place.depth > MAX_DEPTH {
            self.unread += usize::from(value.is_object() || value.is_array());
            return;
        }
        let below = Place { depth: place.depth + 1, ..place };
        match value {
            value if has_content(value) => self.add_webhook(value),
            Value::Object(fields) => self.visit_object(value, fields, below),
            Value::Array(entries) => self.visit_list(entries, below),
            Value::String(text) if place.texts < MAX_TEXTS => {
                let inner = self.reader.read_text(text);
                match inner.or_else(|| self.reader.read_base64(text)) {
                    Some(inner) => {
                        let texts = place.texts + 1;
                        self.visit_value(&inner, Place { texts, ..below });
                    }
                    None => self.unread += usize::from(may_hold_webhook(text)),
                }
            }
            Value::String(text) => self.unread += usize::from(may_hold_webhook(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn visit_list(&mut self, entries: &[Value], below: Place) {
        let mut missed = Vec::new();
        for (number, entry) in (1..).zip(entries) {
            let before = self.webhooks.len();
            self.visit_value(entry, below);
            if self.webhooks.len() == before {
                missed.push(number);
            }
        }
        self.not_understood += missed.len();
        if missed.len() < entries.len() {
            self.missed.extend(missed);
        }
    }

    /// Visits an object without content: an envelope, or, if no webhook is in it, an event that is
    /// not a message.
    fn visit_object(&mut self, object: &Value, fields: &Map<String, Value>, below: Place) {
        let (before, unread) = (self.webhooks.len(), self.unread);
        for value in fields.values() {
            self.visit_value(value, below);
        }
        if self.webhooks.len() == before && has_own_event(object) {
            self.add_webhook(object);
            // Its texts are its reader's to judge, which knows those that people wrote.
            self.unread = unread;
        }
        for webhook in self.webhooks.iter_mut().skip(before) {
            inherit_fields(webhook, fields);
        }
        // The time of an envelope around several webhooks is that of the answer.
        if let [time @ None] = self.times.get_mut(before..).unwrap_or_default() {
            *time = find_time(object);
        }
    }

    fn add_webhook(&mut self, webhook: &Value) {
        self.times.push(find_time(webhook));
        self.webhooks.push(webhook.clone());
    }
}

/// Whether the value is the webhook of a message.
pub(crate) fn has_content(value: &Value) -> bool {
    Fields::from_value(value).is_some_and(|fields| fields.get("msgContent").is_some())
}

/// Whether the value has the name of one of W-API's events.
fn has_own_event(value: &Value) -> bool {
    let event = Fields::from_value(value).and_then(|fields| fields.text("event"));
    event.is_some_and(|event| event.starts_with("webhook"))
}

/// The first field of the value that may be the time of an entry.
fn find_time(value: &Value) -> Option<Value> {
    let fields = Fields::from_value(value)?;
    TIMES.iter().find_map(|name| fields.get(name)).cloned()
}

/// Copies the fields that a webhook lacks from its envelope.
fn inherit_fields(webhook: &mut Value, envelope: &Map<String, Value>) {
    let Value::Object(fields) = webhook else {
        return;
    };
    for inherited in INHERITED {
        if fields.keys().any(|known| is_same_name(known, inherited)) {
            continue;
        }
        let mut named = envelope.iter().filter(|(name, _)| is_same_name(name, inherited));
        if let Some((name, value)) = named.find(|(_, value)| value.is_string()) {
            fields.insert(name.clone(), value.clone());
        }
    }
}
