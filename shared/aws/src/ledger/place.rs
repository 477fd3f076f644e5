//! The places where a media message's record may be, and whether the record there is its own.

use media::{
    identity::{ChatFact, MediaIdentity, RecordKey},
    message::{ChatKind, MediaMessage},
};

use super::{condition::Condition, table::ERASED, update::Update};
use crate::dynamodb::{Attributes, get_number, get_string, string_value};

/// The attribute with the message's id. Records of earlier versions have none: their sort key is
/// the id.
pub const MESSAGE: &str = "message";

/// The attribute with which the media message that claimed a record of an earlier version makes it
/// its own: the key that a record of this version would have. Such a record knows no hash before
/// its file is stored.
const IDENTITY: &str = "identity";

/// The last second of the year 5138. Earlier versions never read a later moment as seconds.
const LAST_MOMENT: i64 = 100_000_000_000;

/// One place where the record of a media message may be.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// The record's key.
    pub(super) key: RecordKey,
    message: &'a MediaMessage,
    identity: &'a MediaIdentity,
    /// The place of earlier versions, which kept no identity: one record for all media of a
    /// message.
    is_earlier: bool,
}

impl<'a> Place<'a> {
    /// All places, in the order in which they are tried. The place of earlier versions comes first:
    /// the media file may be stored or in work under that record.
    pub(super) fn all(
        message: &'a MediaMessage,
        identity: &'a MediaIdentity,
    ) -> impl Iterator<Item = Self> {
        let place = move |key, is_earlier| Self { key, message, identity, is_earlier };
        let present = identity.record_keys().map(move |key| place(key, false));
        std::iter::once(place(identity.earlier_key(), true)).chain(present)
    }

    /// Whether new records are created at this place. If such a place is empty, the media message
    /// has no record.
    pub(super) fn creates_records(&self) -> bool {
        !self.is_earlier
    }

    /// Whether the table need not be written at this place to find out that it has no record: only
    /// an earlier version wrote there, so a read that finds nothing decides it, for a fifth of the
    /// price of a write that is refused.
    pub(super) fn is_read_first(&self) -> bool {
        self.is_earlier
    }

    /// Adds the identity of the media message to the update of its record.
    pub(super) fn identify(&self, update: Update) -> Update {
        let facts = self.identity.chat_facts().iter();
        let update = facts.fold(update, |update, fact| update.set_once(fact.name, &fact.text));
        if self.is_earlier {
            return update.set_once(IDENTITY, &self.own_key());
        }
        let id = self.identity.message_id().as_str();
        update.set(MESSAGE, string_value(id))
    }

    /// The first key that a record of this version may have.
    fn own_key(&self) -> String {
        self.identity.record_keys().next().map(|key| key.as_str().to_owned()).unwrap_or_default()
    }

    /// The update that adds what this webhook tells of the chat and the stored record lacks. `None`
    /// if the record lacks nothing.
    pub(super) fn new_facts(&self, item: &Attributes) -> Option<Update> {
        let is_new = |name: &str| !item.contains_key(name);
        let facts = self.identity.chat_facts().iter();
        let new_facts: Vec<_> = facts.filter(|fact| is_new(fact.name)).collect();
        if new_facts.is_empty() || self.is_earlier {
            return None;
        }
        let add = |update: Update, fact: &ChatFact| update.set_once(fact.name, &fact.text);
        Some(new_facts.into_iter().fold(Update::default(), add))
    }

    /// Whether the record at this place is the media message's.
    pub(super) fn matches(&self, item: &Attributes) -> bool {
        if self.is_earlier {
            return self.matches_earlier(item);
        }
        let is_of_message = get_string(item, MESSAGE) == Some(self.identity.message_id().as_str());
        let agrees = |(name, spellings): (&str, Vec<String>)| {
            get_string(item, name).is_none_or(|text| spellings.iter().any(|one| one == text))
        };
        is_of_message && self.fact_spellings().all(agrees)
    }

    /// [`Self::matches`] as a condition. An empty place fulfils it if records are created there.
    pub(super) fn condition(&self) -> Condition {
        let mut condition = Condition::default().with_state_name();
        if self.is_earlier {
            self.require_earlier(&mut condition);
            return condition;
        }
        let id = condition.bind_text(self.identity.message_id().as_str());
        let message = condition.bind_name(MESSAGE);
        condition.require(&format!("(attribute_not_exists(#state) OR {message} = {id})"));
        for (name, spellings) in self.fact_spellings() {
            let list = condition.bind_texts(&spellings);
            let name = condition.bind_name(name);
            condition.require(&format!("(attribute_not_exists({name}) OR {name} IN ({list}))"));
        }
        condition
    }

    /// Each fact's attribute, and every text that means the same there, also in the mark of an
    /// erased media file.
    fn fact_spellings(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        self.identity.chat_facts().iter().map(|fact| {
            let plain = std::iter::once(&fact.text).chain(&fact.other_spelling);
            let hashed = plain.clone().map(|text| self.key.hash_fact(text));
            (fact.name, plain.cloned().chain(hashed).collect())
        })
    }

    /// The folders that earlier versions gave this chat.
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

    /// The part of [`Self::matches_earlier`] that a condition can express.
    fn require_earlier(&self, condition: &mut Condition) {
        let message = condition.bind_name(MESSAGE);
        condition.require(&format!("attribute_exists(#state) AND attribute_not_exists({message})"));
        let list = condition.bind_texts(&self.earlier_folders());
        let chat = condition.bind_name("chat");
        condition.require(&format!("{chat} IN ({list})"));
        for (name, text) in
            [("direction", self.message.direction.as_str()), ("kind", self.message.kind.as_str())]
        {
            let text = condition.bind_text(text);
            let name = condition.bind_name(name);
            condition.require(&format!("{name} = {text}"));
        }
        let (own, identity) = (condition.bind_text(&self.own_key()), condition.bind_name(IDENTITY));
        condition.require(&format!("(attribute_not_exists({identity}) OR {identity} = {own})"));
        let moment = condition.bind_name("moment");
        let [announced, first, last] =
            [self.message.moment, MediaMessage::FIRST_MOMENT, LAST_MOMENT]
                .map(|moment| condition.bind_number(moment));
        condition.require(&format!(
            "({moment} = {announced} OR {moment} < {first} OR {moment} > {last})"
        ));
    }

    /// Whether a record of an earlier version is the media message's: nobody else has claimed it,
    /// and the hash of its bytes is the same if both name one; otherwise chat, direction, kind and
    /// moment are. An impossible moment agrees with every other.
    fn matches_earlier(&self, item: &Attributes) -> bool {
        let text = |name: &str| get_string(item, name);
        if text(MESSAGE).is_some() {
            return false;
        }
        if text("state") == Some(ERASED) {
            return true;
        }
        if text(IDENTITY).is_some_and(|owner| owner != self.own_key()) {
            return false;
        }
        let folders = self.earlier_folders();
        let is_same_chat = text("chat").is_some_and(|chat| folders.iter().any(|one| one == chat));
        if !is_same_chat || text("direction") != Some(self.message.direction.as_str()) {
            return false;
        }
        let announced = self.message.file_sha256.map(|hash| hash.to_hex());
        if let (Some(announced), Some(stored)) = (announced, text("sha256")) {
            // Stored bytes may contradict the announced hash; their own hash then decides nothing.
            let is_proven =
                matches!(text("integrity"), Some("mac+sha256" | "sha256" | "unverified"));
            if announced == stored || is_proven {
                return announced == stored;
            }
        }
        let moment: i64 = get_number(item, "moment").unwrap_or_default();
        let is_possible = (MediaMessage::FIRST_MOMENT..=LAST_MOMENT).contains(&moment);
        text("kind") == Some(self.message.kind.as_str())
            && (moment == self.message.moment || !is_possible)
    }
}
