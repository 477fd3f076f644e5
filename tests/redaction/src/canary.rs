//! What must not be found: every text of a webhook but those that may be told, tokens, webhook secrets.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::listener;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What a record keeps and a folder or a file may be named by: the numbers and ids of a chat and of
    /// who sent to it, a document's own name.
    Filed,
    /// A name, a number, a text, a picture: whatever people are or say.
    Person,
    /// A token, a media key, a signed path, a webhook secret.
    Secret,
}

/// A text that was planted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Canary {
    /// What it is.
    pub class: Class,
    /// The field that it was in.
    pub field: String,
    /// The text.
    pub text: String,
}

/// Shorter texts are also words that may be anywhere, in characters.
const SHORTEST: usize = 8;

/// Of 32 random bytes, however they are written.
const SHORTEST_SECRET: usize = 32;

/// Fields, in lower case, that a log or a record may tell: names of events and instances, ids of messages, types,
/// sizes, times, hashes.
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

/// Fields, in lower case, that open something.
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
    /// One, unless the text is too short to be recognised.
    #[must_use]
    pub fn new(class: Class, field: &str, text: &str) -> Option<Self> {
        let is_long = text.chars().count() >= SHORTEST;
        is_long.then(|| Self {
            class,
            field: field.to_owned(),
            text: text.to_owned(),
        })
    }

    /// Every text of a webhook, whatever it is called: a field nobody has thought of is a person's.
    #[must_use]
    pub fn all_of(body: &Value) -> Vec<Self> {
        let mut all = Vec::new();
        walk("", "", body, &mut all);
        all
    }
}

/// Plants one text.
pub fn plant(class: Class, field: &str, text: &str) {
    Canary::new(class, field, text)
        .into_iter()
        .for_each(listener::keep);
}

/// Plants the secret in a webhook's URL, which is its last part. Tests of the stand-in set hooks that end in words.
pub fn plant_url(url: &str) {
    let secret = url.rsplit('/').next().unwrap_or_default();
    if secret.len() >= SHORTEST_SECRET {
        plant(Class::Secret, "webhook secret", secret);
    }
}

/// Plants every text of a webhook.
pub fn plant_event(body: &Value) {
    if listener::is_on() {
        Canary::all_of(body).into_iter().for_each(listener::keep);
    }
}

fn walk(parent: &str, name: &str, value: &Value, found: &mut Vec<Canary>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(child, value)| walk(name, child, value, found)),
        Value::Array(items) => items
            .iter()
            .for_each(|item| walk(parent, name, item, found)),
        Value::String(text) => found.extend(of_field(parent, name, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `id` is a message's in a `key`, and a chat's or a person's elsewhere, where only what stands before the `@` tells
/// one from another.
fn of_field(parent: &str, name: &str, text: &str) -> Option<Canary> {
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
