//! What makes a medium itself: message id, content and chat, from the announcement alone.
//!
//! WhatsApp's ids are the sender's choice, every member of a group knows them, and several pictures
//! under one id were seen. So an id alone is no medium:
//!
//! | id | content | chat | |
//! |---|---|---|---|
//! | same | same | same, or a LID and a number that may be one person's | one medium |
//! | same | same | two that cannot be one | two media |
//! | same | other | any | two media |
//! | other | any | any | two media |
//!
//! The last row decides edits: one that announces its file again does so under an id of its own,
//! and is filed as what it is, another message.

use data_encoding::BASE32_NOPAD;

use crate::{
    contact::Contact,
    ids::MessageId,
    message::{Chat, ChatKind, MediaMessage},
    sha256::Sha256,
};

/// Characters of a digest in keys: five bits each, so 130 of SHA-256's 256. Two that meet are not
/// found by trying.
pub const DIGEST_CHARS: usize = 26;

/// Characters of a media key's 32 bytes in base64, without padding.
const KEY_CHARS: usize = 43;

/// How many media that differ in nothing but a one-to-one chat get records that a LID and a number
/// can find together. Beyond it, each announcement that names its chat otherwise has a record of
/// its own.
const MOST_ALIKE: usize = 8;

/// The identity of a medium.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaIdentity {
    message_id: MessageId,
    earlier: MessageId,
    alike: String,
    whole: String,
    chat_facts: Vec<ChatFact>,
}

/// One thing that an announcement tells of its chat and a record keeps, where it may tell two chats
/// apart.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatFact {
    /// The record's attribute.
    pub name: &'static str,
    /// Its text.
    pub text: String,
    /// Another text that means the same.
    pub other_spelling: Option<String>,
}

/// Prints the name alone: the text may be a phone number.
impl std::fmt::Debug for ChatFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatFact")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Prints the message's id alone: the rest could be tried out.
impl std::fmt::Debug for MediaIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaIdentity")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

impl MediaIdentity {
    /// The identity of what a message announces.
    #[must_use]
    pub fn of(message: &MediaMessage) -> Self {
        let (message_id, content) = (message.message_id.clone(), content(message));
        let chat_facts = chat_facts(message);
        let class = match message.chat.kind() {
            ChatKind::Person | ChatKind::Lid => "direct",
            ChatKind::Group | ChatKind::Channel | ChatKind::Status | ChatKind::Other => {
                message.chat.as_str()
            }
        };
        let id = message_id.as_str();
        let alike = digest(&[id, &content, class]);
        let facts = chat_facts.iter().flat_map(|it| [it.name, it.text.as_str()]);
        let whole: Vec<_> = [id, &content, class].into_iter().chain(facts).collect();
        Self {
            earlier: message_id.nth(message.envelope.nth),
            whole: digest(&whole),
            message_id,
            alike,
            chat_facts,
        }
    }

    /// The message's id.
    #[must_use]
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// The keys under which its record may be, in the order in which they are to be looked at. It
    /// is the first record that says nothing against being this medium's, or, if there is none, the
    /// first free key.
    ///
    /// A LID and a number cannot be compared from an announcement alone. So media that only differ
    /// in their one-to-one chat stand in a row, and the facts that each record keeps of its chat
    /// tell which is whose.
    pub fn record_keys(&self) -> impl Iterator<Item = RecordKey> {
        let id = self.message_id.as_str();
        let first = format!("{id}#{}", self.alike);
        let others = (2..=MOST_ALIKE).map({
            let first = first.clone();
            move |n| format!("{first}.{n}")
        });
        let last = format!("{id}#{}", self.whole);
        let is_alone = self.chat_facts.is_empty();
        let rest = others.chain([last]).filter(move |_| !is_alone);
        std::iter::once(first).chain(rest).map(RecordKey)
    }

    /// The key that versions before this one gave a medium: the message's id alone, which several
    /// media shared.
    #[must_use]
    pub fn earlier_key(&self) -> RecordKey {
        RecordKey(self.earlier.to_string())
    }

    /// What is known of its chat and may tell it from another.
    #[must_use]
    pub fn chat_facts(&self) -> &[ChatFact] {
        &self.chat_facts
    }

    /// The form in an object key: the readable part of the message's id, a dash, and the digest of
    /// everything that is known of the medium, its chat included. Equal announcements have the
    /// same, and no others.
    #[must_use]
    pub fn in_key(&self) -> String {
        format!(
            "{}-{}",
            self.message_id.in_key(),
            self.whole.to_ascii_lowercase()
        )
    }
}

/// The sort key of a record: `{message id}#{digest}`, or, of versions before, the message's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(String);

impl RecordKey {
    /// Reads the key of a record that is there.
    #[must_use]
    pub fn of_record(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message's id in it. An id of before that looks like a whole key is read as one: it is
    /// for people.
    #[must_use]
    pub fn message_id(&self) -> &str {
        let is_digest = |text: &str| {
            let digest = text.split('.').next().unwrap_or_default();
            digest.len() == DIGEST_CHARS && BASE32_NOPAD.decode(pad(digest).as_bytes()).is_ok()
        };
        match self.0.rsplit_once('#') {
            Some((id, rest)) if !id.is_empty() && is_digest(rest) => id,
            Some(_) | None => &self.0,
        }
    }

    /// A text that stands for `fact` in the mark of what was erased, and tells nobody what it was.
    #[must_use]
    pub fn blurred(&self, fact: &str) -> String {
        digest(&["erased", &self.0, fact])
    }
}

/// 26 characters are 130 bits; base32 reads whole bytes.
fn pad(digest: &str) -> String {
    format!("{digest}AAAAAA")
}

/// What identifies the bytes: the hash of the encrypted file, which nobody can give to another;
/// else the next best that was announced.
fn content(message: &MediaMessage) -> String {
    let before_query = |path: &str| path.split(['?', '#']).next().unwrap_or_default().to_owned();
    let path_of_url = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        before_query(rest.split_once('/').map_or("", |(_, path)| path))
    };
    if let Some(hash) = message.file_enc_sha256 {
        return format!("enc {hash}");
    }
    if let Some(hash) = message.file_sha256 {
        return format!("plain {hash}");
    }
    let key = message.media_key.as_ref();
    let key = key.map(|key| in_one_form(key.expose()));
    // What is no key is nobody's in particular.
    if let Some(key) = key.as_ref().filter(|key| key.len() == KEY_CHARS) {
        return format!("key {key}");
    }
    if let Some(path) = &message.direct_path {
        return format!(
            "path {}",
            before_query(path.expose()).trim_start_matches('/')
        );
    }
    if let Some(url) = &message.url {
        return format!("path {}", path_of_url(url.expose()));
    }
    key.map_or_else(|| "none".to_owned(), |key| format!("key {key}"))
}

/// Base64 in either alphabet, padded or not, as one text.
fn in_one_form(base64: &str) -> String {
    let standard = |c| match c {
        '-' => '+',
        '_' => '/',
        other => other,
    };
    let kept = base64.trim().trim_end_matches('=').chars();
    kept.filter(|c| !c.is_whitespace()).map(standard).collect()
}

/// Jobs of versions before name their chat's folder alone, which has one of the two.
fn chat_facts(message: &MediaMessage) -> Vec<ChatFact> {
    let fact = |name, text: &String, other_spelling| ChatFact {
        name,
        text: text.clone(),
        other_spelling,
    };
    let hash = message.envelope.chat_hash.map(|hash| hash.to_hex());
    let hash = hash.iter().map(|hash| fact("chat_hash", hash, None));
    let (folder, peer) = (message.chat.as_str(), &message.envelope.peer);
    let of_folder = match message.chat.kind() {
        ChatKind::Person => Contact::read(Some(folder), None),
        ChatKind::Lid => Contact {
            lid: folder.strip_prefix("lid-").map(str::to_owned),
            phone: None,
        },
        ChatKind::Group | ChatKind::Channel | ChatKind::Status | ChatKind::Other => {
            return hash.collect();
        }
    };
    let lid = peer.lid.as_ref().or(of_folder.lid.as_ref());
    let phone = peer.phone.as_ref().or(of_folder.phone.as_ref());
    let lid = lid.map(|lid| fact("chat_lid", lid, None));
    let phone = phone.map(|phone| fact("chat_phone", phone, other_spelling(phone)));
    lid.into_iter().chain(phone).chain(hash).collect()
}

/// WhatsApp knows many Brazilian numbers without the ninth digit that everybody dials.
fn other_spelling(phone: &str) -> Option<String> {
    let spellings = Chat::of_phone(phone);
    let others = spellings.iter().map(Chat::as_str);
    others.filter(|one| *one != phone).map(str::to_owned).next()
}

/// SHA-256 over the parts, each with its length before it, so that no two lists of parts are alike.
fn digest(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let mut text = BASE32_NOPAD.encode(Sha256::of(&bytes).as_bytes());
    text.truncate(DIGEST_CHARS);
    text
}
