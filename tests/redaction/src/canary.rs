//! Texts that must not be found: every text of a webhook except public fields, every token, every
//! webhook secret.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::listener;

/// The class of a planted text, which decides where the text may appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Texts that a record keeps and that may name a folder or a file: the numbers and ids of a
    /// chat and of its senders, and a document's own name.
    Filed,
    /// A name, a number, a caption, a picture: anything that identifies or quotes a person.
    Person,
    /// A token, a media key, a signed path, a webhook secret.
    Secret,
}

/// A text that was planted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Canary {
    /// Decides in which sinks the text may appear.
    pub class: Class,
    /// The webhook field that held it.
    pub field: String,
    /// The text itself, as the webhook held it.
    pub text: String,
}

/// Minimum length of a canary, in characters: shorter texts are also ordinary words.
const MIN_CANARY_CHARS: usize = 8;

/// Minimum length of a webhook secret: 32 random bytes are longer in every encoding.
const MIN_SECRET_CHARS: usize = 32;

/// Fields, in lower case, that a log or a record may contain: names of events and instances,
/// message ids, types, sizes, times, hashes.
const PUBLIC: [&str; 16] = [
    "event",
    "instanceid",
    "messageid",
    "mimetype",
    "filesha256",
    "fileencsha256",
    "filelength",
    "mediakeytimestamp",
    "mediakeydomain",
    "sendertimestampms",
    "status",
    "type",
    "id",
    "stanzaid",
    "moment",
    "groupid",
];

/// Fields, in lower case, whose value gives access to something.
const SECRET: [&str; 7] = [
    "mediakey",
    "directpath",
    "url",
    "messagesecret",
    "e2eemediakey",
    "streamingsidecar",
    "scanssidecar",
];

impl Canary {
    /// Builds a canary, or `None` if the text is too short to be recognised.
    #[must_use]
    pub fn new(class: Class, field: &str, text: &str) -> Option<Self> {
        let is_long = text.chars().count() >= MIN_CANARY_CHARS;
        is_long.then(|| Self { class, field: field.to_owned(), text: text.to_owned() })
    }

    /// Collects every text of a webhook. An unknown field counts as a person's.
    #[must_use]
    pub fn collect_all(body: &Value) -> Vec<Self> {
        let mut all = Vec::new();
        collect_canaries("", "", body, &mut all);
        all
    }
}

/// Plants one text, unless it is too short.
pub fn plant(class: Class, field: &str, text: &str) {
    Canary::new(class, field, text).into_iter().for_each(listener::keep_canary);
}

/// Plants the secret in a webhook's URL, which is its last part. The stand-in's own tests set
/// hooks that end in words; these are too short and are not planted.
pub fn plant_url(url: &str) {
    let secret = url.rsplit('/').next().unwrap_or_default();
    if secret.len() >= MIN_SECRET_CHARS {
        plant(Class::Secret, "webhook secret", secret);
    }
}

/// Plants every text of a webhook.
pub fn plant_event(body: &Value) {
    if listener::is_on() {
        Canary::collect_all(body).into_iter().for_each(listener::keep_canary);
    }
}

fn collect_canaries(parent: &str, name: &str, value: &Value, found: &mut Vec<Canary>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(child, value)| collect_canaries(name, child, value, found))
        }
        Value::Array(items) => {
            items.iter().for_each(|item| collect_canaries(parent, name, item, found))
        }
        Value::String(text) => found.extend(classify_field(parent, name, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Classifies the text of one field. `id` is a message's id inside a `key`, and a chat's or a
/// person's elsewhere; there, only the part before the `@` identifies anyone.
fn classify_field(parent: &str, name: &str, text: &str) -> Option<Canary> {
    let lower = name.to_ascii_lowercase();
    let user = text.split('@').next().unwrap_or(text);
    match (parent, lower.as_str()) {
        ("chat", "id" | "lid" | "chatlid") => Canary::new(Class::Filed, "chat", user),
        ("sender", "id" | "senderlid" | "lid") => Canary::new(Class::Filed, "sender", user),
        (_, "participant" | "participantlid") => Canary::new(Class::Filed, "sender", user),
        (_, "filename" | "title") => Canary::new(Class::Filed, name, text),
        (_, lower) if SECRET.contains(&lower) => Canary::new(Class::Secret, name, text),
        (_, lower) if PUBLIC.contains(&lower) => None,
        _ => Canary::new(Class::Person, name, user),
    }
}
