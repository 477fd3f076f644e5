//! One record of the media table, as an operator reads it: every attribute is shown, whatever its
//! form.

use std::{collections::BTreeMap, str::FromStr};

use aws::{
    dynamodb::Attributes,
    ledger::{self, MESSAGE, RELINKED_FROM},
};
use aws_sdk_dynamodb::types::AttributeValue;
use media::identity::RecordKey;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A record of the media table, which another version may have written. A record that was read from
/// an index lacks the attributes that the index does not have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaRecord {
    /// The instance that received or sent the message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// The message's id. Several records may have the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message_id: String,
    /// The sort key in the table: the message's id and a digest of the media message's identity.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The tenant. The mark of an erased media file has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// The folder of the chat.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chat: String,
    /// The hidden id of the contact in a one-to-one chat, if the webhook named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_lid: Option<String>,
    /// The phone number of that contact, if the webhook named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_phone: Option<String>,
    /// The hidden id of the sender in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_lid: Option<String>,
    /// The phone number of the sender in a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_phone: Option<String>,
    /// `image`, `video`, …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// `in` or `out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// When the message was sent, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moment: Option<i64>,
    /// Where the moment comes from: `message`, `key` (the media key's time) or `accepted` (the time
    /// when the webhook was accepted).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moment_source: Option<String>,
    /// `stored`, `retrying`, `parked`, `skipped`, `erased`, or a state of another version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// The failure class, if the media file is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Why the media file is not stored, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The strategy that fetched the stored file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// How far the stored bytes are proven to be the sender's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
    /// The key of the stored object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_key: Option<String>,
    /// The key that the object had before, while an object may be left under it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relinked_from: Option<String>,
    /// SHA-256 of the stored bytes, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The size of the stored file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Until when the origins are expected to have the file, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recoverable_until: Option<i64>,
    /// When the file was stored, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<i64>,
    /// When the record was last written, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// When the sender deleted the message for everyone, in seconds since 1970, as far as webhooks
    /// said so. It is not an attribute of the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// The hashes of the tokens of its media links.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The attempts, oldest first: each a [`media::record::Attempt`], or that of another version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Value>,
    /// Names of attributes that are missing, or have a form that this version does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_understood: Vec<String>,
    /// Every other attribute, and those of an unknown form, as JSON.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl MediaRecord {
    /// The state of the mark that an erased media file leaves.
    pub const ERASED: &str = ledger::ERASED;

    /// Reads an item. Every item is a record.
    #[must_use]
    pub fn from_item(item: Attributes) -> Self {
        let mut reader = Reader::new(item);
        let state = reader.text("state");
        let is_mark = state.as_deref() == Some(Self::ERASED);
        let key = reader.required("message_id");
        let message_id = reader.text(MESSAGE).filter(|id| !id.is_empty());
        let message_id =
            message_id.unwrap_or_else(|| RecordKey::from_record(&*key).message_id().to_owned());
        let record = Self {
            instance: reader.required("instance"),
            message_id,
            key,
            tenant: reader.required_unless(is_mark, "tenant"),
            chat: reader.required_unless(is_mark, "chat"),
            kind: reader.required_unless(is_mark, "kind"),
            chat_lid: reader.text("chat_lid"),
            chat_phone: reader.text("chat_phone"),
            sender_lid: reader.text("sender_lid"),
            sender_phone: reader.text("sender_phone"),
            direction: reader.text("direction"),
            moment_source: reader.text("moment_source"),
            moment: reader.number("moment"),
            class: reader.text("class"),
            reason: reader.text("reason"),
            strategy: reader.text("strategy"),
            integrity: reader.text("integrity"),
            object_key: reader.text("object_key"),
            relinked_from: reader.text(RELINKED_FROM),
            sha256: reader.text("sha256"),
            size_bytes: reader.number("size_bytes"),
            recoverable_until: reader.number("recoverable_until"),
            stored_at: reader.number("stored_at"),
            updated_at: reader.number("updated_at"),
            links: reader.texts("links"),
            attempts: reader.list("attempts"),
            ..Self::default()
        };
        let required = [
            ("state", state.as_ref().is_some_and(|state| !state.is_empty())),
            ("moment", is_mark || record.moment.is_some()),
            ("updated_at", is_mark || record.updated_at.is_some()),
        ];
        required
            .into_iter()
            .filter(|(_, is_there)| !is_there)
            .for_each(|(name, _)| reader.note(name));
        Self {
            state: state.unwrap_or_default(),
            other: reader.other_attributes(),
            not_understood: reader.not_understood,
            ..record
        }
    }

    /// Whether this is the mark of an erased media file.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        self.state == Self::ERASED
    }

    /// When the media file was stored, or else last tried; in seconds since 1970.
    #[must_use]
    pub fn happened_at(&self) -> Option<i64> {
        self.stored_at.or(self.updated_at).or(self.moment)
    }
}

/// Takes attributes out of an item, and leaves those of an unexpected form in it.
struct Reader {
    rest: Attributes,
    not_understood: Vec<String>,
}

impl Reader {
    fn new(item: Attributes) -> Self {
        Self { rest: item, not_understood: Vec::new() }
    }

    /// The attributes that were not taken. Names that are fields of [`MediaRecord`] with another
    /// meaning get the suffix `(attribute)`.
    fn other_attributes(&self) -> BTreeMap<String, Value> {
        let named = |name: &String| match name.as_str() {
            "key" | "message_id" | "not_understood" | "revoked_at" => {
                format!("{name} (attribute)")
            }
            _ => name.clone(),
        };
        let rest = self.rest.iter();
        rest.map(|(name, value)| (named(name), to_json(value))).collect()
    }

    /// Notes an attribute as not understood.
    fn note(&mut self, name: &str) {
        if self.not_understood.iter().all(|noted| noted != name) {
            self.not_understood.push(name.to_owned());
        }
    }

    fn take<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&AttributeValue) -> Option<T>,
    ) -> Option<T> {
        let taken = read(self.rest.get(name)?);
        if taken.is_some() {
            self.rest.remove(name);
        } else {
            self.note(name);
        }
        taken
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, |value| value.as_s().ok().cloned())
    }

    fn required_unless(&mut self, is_excused: bool, name: &str) -> String {
        let text = self.text(name);
        let is_empty = text.as_ref().is_some_and(String::is_empty);
        if is_empty || (text.is_none() && !is_excused) {
            self.note(name);
        }
        text.unwrap_or_default()
    }

    fn required(&mut self, name: &str) -> String {
        self.required_unless(false, name)
    }

    fn number<T: FromStr>(&mut self, name: &str) -> Option<T> {
        self.take(name, |value| value.as_n().ok()?.parse().ok())
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        self.take(name, |value| value.as_ss().ok().cloned()).unwrap_or_default()
    }

    fn list(&mut self, name: &str) -> Vec<Value> {
        let list = self.take(name, |value| {
            let items = value.as_l().ok()?;
            Some(items.iter().map(to_json).collect())
        });
        list.unwrap_or_default()
    }
}

/// Converts a value to JSON. A number that JSON programs would round becomes a text; bytes become
/// their count.
pub(super) fn to_json(value: &AttributeValue) -> Value {
    let number = |text: &String| {
        let signed = text.parse::<i64>().map(Value::from).ok();
        let whole = signed.or_else(|| text.parse::<u64>().map(Value::from).ok());
        whole.unwrap_or_else(|| Value::String(text.clone()))
    };
    match value {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(text) => number(text),
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::L(list) => list.iter().map(to_json).collect(),
        AttributeValue::M(map) => {
            let fields = map.iter().map(|(name, value)| (name.clone(), to_json(value)));
            Value::Object(fields.collect())
        }
        AttributeValue::Ss(texts) => texts.iter().cloned().map(Value::String).collect(),
        AttributeValue::Ns(numbers) => numbers.iter().map(number).collect(),
        AttributeValue::B(bytes) => Value::String(format!("{} bytes", bytes.as_ref().len())),
        AttributeValue::Bs(all) => Value::String(format!("{} times bytes", all.len())),
        AttributeValue::Null(_) | _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Every attribute that this version or another may have written.
    static NAMES: [&str; 34] = [
        "instance",
        "message_id",
        "tenant",
        "chat",
        "kind",
        "direction",
        "moment",
        "state",
        "class",
        "reason",
        "strategy",
        "integrity",
        "object_key",
        "relinked_from",
        "sha256",
        "size_bytes",
        "recoverable_until",
        "stored_at",
        "updated_at",
        "attempts",
        "message",
        "chat_lid",
        "chat_phone",
        "sender_lid",
        "sender_phone",
        "moment_source",
        "revoked_at",
        "key",
        "not_understood",
        "lost_since",
        "lease_until",
        "forget_at",
        "other",
        "of a later version",
    ];

    /// A value of any type, numbers of every size among them.
    fn any_value() -> impl Strategy<Value = AttributeValue> {
        let number = prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<u64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_map(|n| n.to_string()),
            "-?[0-9]{1,38}(\\.[0-9]{1,4})?",
        ];
        let words =
            prop_oneof![Just("stored".to_owned()), Just("erased".to_owned()), any::<String>()];
        let leaf = prop_oneof![
            4 => words.prop_map(AttributeValue::S),
            4 => number.prop_map(AttributeValue::N),
            1 => any::<bool>().prop_map(AttributeValue::Bool),
            1 => Just(AttributeValue::Null(true)),
            1 => any::<Vec<u8>>().prop_map(|bytes| AttributeValue::B(Blob::new(bytes))),
            1 => any::<Vec<String>>().prop_map(AttributeValue::Ss),
            1 => Just(AttributeValue::Ns(vec!["1".to_owned(), "1e30".to_owned()])),
            1 => Just(AttributeValue::Bs(vec![Blob::new([0])])),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
                proptest::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(AttributeValue::M),
            ]
        })
    }

    proptest! {
        /// Every attribute of the item is somewhere in the record, and those of an unexpected form
        /// are named.
        #[test]
        fn a_record_shows_every_attribute(
            item in proptest::collection::hash_map(
                proptest::sample::select(&NAMES[..]), any_value(), 0..24,
            )
        ) {
            let item: Attributes = item.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            let record = MediaRecord::from_item(item.clone());
            let told = json!(record);
            for (name, value) in &item {
                let is_nothing = matches!(value, AttributeValue::S(text) if text.is_empty())
                    || matches!(value, AttributeValue::L(list) if list.is_empty());
                let shown_as = match name.as_str() {
                    "message_id" if value.is_s() => "key".to_owned(),
                    "message" if value.is_s() => "message_id".to_owned(),
                    "key" | "message_id" | "not_understood" | "revoked_at" => {
                format!("{name} (attribute)")
            }
                    _ => name.clone(),
                };
                let is_shown = told.get(&shown_as).is_some_and(|told| *told == to_json(value));
                prop_assert!(is_nothing || is_shown, "{name} {value:?} {told}");
            }
            let is_mark = record.state == MediaRecord::ERASED;
            for name in ["tenant", "chat", "kind", "moment", "updated_at"] {
                let is_noted = record.not_understood.iter().any(|noted| noted == name);
                prop_assert!(is_mark || item.contains_key(name) || is_noted, "{name}");
            }
        }
    }
}
