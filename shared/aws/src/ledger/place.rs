//! The places where a medium's record may be, and whether what is there is its own.

use aws_sdk_dynamodb::types::AttributeValue;
use media::{
    identity::{MediaIdentity, RecordKey},
    message::{ChatKind, MediaMessage},
};

use super::{Attributes, ERASED, update::Update};

/// The attribute with the message's id. Records of versions before have none: their sort key is the
/// id.
pub const MESSAGE: &str = "message";

/// The last second of the year 5138: no version before took a moment beyond it for one in seconds.
const LAST_MOMENT: i64 = 100_000_000_000;

/// One place.
#[derive(Debug)]
pub struct Place<'a> {
    /// The record's key.
    pub key: RecordKey,
    message: &'a MediaMessage,
    identity: &'a MediaIdentity,
    /// Of a version before, which kept no identity: one record for all media of a message.
    is_earlier: bool,
}

/// A condition of a write, with the names and values that it needs.
#[derive(Debug, Default)]
pub(super) struct Condition {
    pub(super) text: String,
    pub(super) names: Vec<(String, String)>,
    pub(super) values: Vec<(String, AttributeValue)>,
}

impl<'a> Place<'a> {
    /// All of them, in the order in which they are to be looked at: the record of a version before
    /// comes first, because its medium may be on its way under it, or stored.
    pub fn all(
        message: &'a MediaMessage,
        identity: &'a MediaIdentity,
    ) -> impl Iterator<Item = Self> {
        let place = move |key, is_earlier| Self { key, message, identity, is_earlier };
        let present = identity.record_keys().map(move |key| place(key, false));
        std::iter::once(place(identity.earlier_key(), true)).chain(present)
    }

    /// Whether nothing here means that nothing is anywhere. Only where a record would be made.
    pub fn is_made_here(&self) -> bool {
        !self.is_earlier
    }

    /// What a new record keeps of its medium's identity.
    pub(super) fn identify(&self, update: Update) -> Update {
        let facts = self.identity.chat_facts().iter();
        let update = facts.fold(update, |update, fact| update.set_once(fact.name, &fact.text));
        if self.is_earlier {
            return update;
        }
        let id = self.identity.message_id().to_string();
        update.set(MESSAGE, AttributeValue::S(id))
    }

    /// Of a record that is stored: the condition under which it may still learn what this
    /// announcement tells of the chat, and the update. Nothing if it knows all of it.
    pub(super) fn lesson(&self, item: &Attributes) -> Option<Update> {
        let is_new = |name: &str| !item.contains_key(name);
        let facts = self.identity.chat_facts().iter();
        let news: Vec<_> = facts.filter(|fact| is_new(fact.name)).collect();
        if news.is_empty() || self.is_earlier {
            return None;
        }
        let update = Update::default();
        Some(news.into_iter().fold(update, |update, fact| update.set_once(fact.name, &fact.text)))
    }

    /// Whether a record that is here is this medium's.
    pub fn is_its(&self, item: &Attributes) -> bool {
        if self.is_earlier {
            return self.is_earlier_one(item);
        }
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
        let is_of_message =
            text(MESSAGE).map(String::as_str) == Some(self.identity.message_id().as_str());
        let agrees = |(name, alike): (&str, Vec<String>)| {
            text(name).is_none_or(|text| alike.iter().any(|one| one == text))
        };
        is_of_message && self.alike().all(agrees)
    }

    /// The same as a condition, which a missing record of before does not fulfil and a missing one
    /// of now does.
    pub(super) fn condition(&self) -> Condition {
        let mut condition = Condition::default();
        if self.is_earlier {
            self.require_earlier(&mut condition);
            return condition;
        }
        let id = condition.value(self.identity.message_id().as_str());
        let message = condition.name(MESSAGE);
        condition.and(&format!("(attribute_not_exists(#state) OR {message} = {id})"));
        for (name, alike) in self.alike() {
            let list = condition.list(&alike);
            let name = condition.name(name);
            condition.and(&format!("(attribute_not_exists({name}) OR {name} IN ({list}))"));
        }
        condition
    }

    /// Each fact's attribute, and every text there that means the same: also in the mark of what
    /// was erased.
    fn alike(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        self.identity.chat_facts().iter().map(|fact| {
            let plain = std::iter::once(&fact.text).chain(&fact.other_spelling);
            let blurred = plain.clone().map(|text| self.key.hash_fact(text));
            (fact.name, plain.cloned().chain(blurred).collect())
        })
    }

    /// The folders that versions before gave this chat.
    fn earlier_folders(&self) -> Vec<String> {
        let mut folders = vec![self.message.chat.as_str().to_owned()];
        for fact in self.identity.chat_facts() {
            folders.extend(std::iter::once(&fact.text).chain(&fact.other_spelling).cloned());
            if fact.name == "chat_lid" {
                folders.push(format!("lid-{}", fact.text));
            }
        }
        if self.message.chat.kind() == ChatKind::Group {
            let bare = self.message.chat.as_str().strip_prefix("group-");
            folders.extend(bare.map(str::to_owned));
        }
        folders
    }

    fn require_earlier(&self, condition: &mut Condition) {
        let message = condition.name(MESSAGE);
        condition.and(&format!("attribute_exists(#state) AND attribute_not_exists({message})"));
        let list = condition.list(&self.earlier_folders());
        let chat = condition.name("chat");
        condition.and(&format!("{chat} IN ({list})"));
        for (name, text) in
            [("direction", self.message.direction.as_str()), ("kind", self.message.kind.as_str())]
        {
            let text = condition.value(text);
            let name = condition.name(name);
            condition.and(&format!("{name} = {text}"));
        }
        let moment = condition.name("moment");
        let [said, first, last] = [self.message.moment, MediaMessage::FIRST_MOMENT, LAST_MOMENT]
            .map(|moment| condition.number(moment));
        condition.and(&format!("({moment} = {said} OR {moment} < {first} OR {moment} > {last})"));
    }

    /// Whether a record of before is this medium's, as far as it tells: by its bytes if both name
    /// them, else by chat, direction, kind and moment. A moment that cannot be agrees with every
    /// other.
    fn is_earlier_one(&self, item: &Attributes) -> bool {
        let text = |name: &str| item.get(name)?.as_s().ok().map(String::as_str);
        if text(MESSAGE).is_some() {
            return false;
        }
        if text("state") == Some(ERASED) {
            return true;
        }
        let folders = self.earlier_folders();
        let is_its_chat = text("chat").is_some_and(|chat| folders.iter().any(|one| one == chat));
        if !is_its_chat || text("direction") != Some(self.message.direction.as_str()) {
            return false;
        }
        let said = self.message.file_sha256.map(|hash| hash.to_hex());
        if let (Some(said), Some(is)) = (said, text("sha256")) {
            // What is stored may contradict what its sender said, and then its hash tells nothing.
            let is_proven =
                matches!(text("integrity"), Some("mac+sha256" | "sha256" | "unverified"));
            if said == is || is_proven {
                return said == is;
            }
        }
        let moment = item.get("moment").and_then(|moment| moment.as_n().ok());
        let moment: i64 = moment.and_then(|n| n.parse().ok()).unwrap_or_default();
        let can_be = (MediaMessage::FIRST_MOMENT..=LAST_MOMENT).contains(&moment);
        text("kind") == Some(self.message.kind.as_str())
            && (moment == self.message.moment || !can_be)
    }
}

impl Condition {
    /// Adds what must hold, too.
    pub(super) fn and(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push_str(" AND ");
        }
        self.text.push_str(text);
    }

    /// A text behind a placeholder.
    pub(super) fn value(&mut self, text: &str) -> String {
        self.bind(super::text(text))
    }

    /// A number behind a placeholder.
    pub(super) fn number(&mut self, number: i64) -> String {
        self.bind(AttributeValue::N(number.to_string()))
    }

    fn bind(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":c{}", self.values.len() + 1);
        self.values.push((placeholder.clone(), value));
        placeholder
    }

    fn list(&mut self, texts: &[String]) -> String {
        let list: Vec<_> = texts.iter().map(|text| self.value(text)).collect();
        list.join(", ")
    }

    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#c{}", self.names.len() + 1);
        self.names.push((placeholder.clone(), name.to_owned()));
        placeholder
    }
}
