//! The identity of a media message: message id, content and chat, from the announcement alone.
//!
//! The sender chooses WhatsApp's message ids, every member of a group knows them, and several
//! images with one id were seen. So a message id alone does not identify a media message:
//!
//! | id | content | chat | |
//! |---|---|---|---|
//! | same | same | same, or a LID and a number that may be one contact's | one media message |
//! | same | same | two that cannot be the same | two |
//! | same | other | any | two |
//! | other | any | any | two |
//!
//! The last row covers edits: an edit that announces its file again has its own id and is stored as
//! a separate message.

use data_encoding::BASE32_NOPAD;

use crate::{
    contact::Contact,
    ids::MessageId,
    message::{Chat, ChatKind, MediaMessage},
    sha256::Sha256,
};

/// Characters of a digest in keys: five bits each, so 130 of SHA-256's 256 bits. Collisions cannot
/// be found by trying.
pub const DIGEST_CHARS: usize = 26;

/// Length of a media key's 32 bytes in base64 without padding.
const KEY_CHARS: usize = 43;

/// Maximum number of media messages that differ only in their one-to-one chat and whose records can
/// still be matched by LID or number. Beyond it, each announcement with different chat facts gets
/// its own record.
const MAX_ALIKE: usize = 8;

/// The identity of a media message.
#[derive(Clone, PartialEq, Eq)]
pub struct MediaIdentity {
    message_id: MessageId,
    earlier: MessageId,
    alike: String,
    whole: String,
    chat_facts: Vec<ChatFact>,
}

/// A fact about the chat that is kept in the record and may tell two chats apart.
#[derive(Clone, PartialEq, Eq)]
pub struct ChatFact {
    /// Name of the record's attribute.
    pub name: &'static str,
    /// Text of the attribute.
    pub text: String,
    /// Another text with the same meaning.
    pub other_spelling: Option<String>,
}

/// Shows the name only, because the text may be a phone number.
impl std::fmt::Debug for ChatFact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatFact").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Shows the message id only, because the digests could be brute-forced.
impl std::fmt::Debug for MediaIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaIdentity")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

impl MediaMessage {
    /// The identity that tells this media message from others.
    #[must_use]
    pub fn identity(&self) -> MediaIdentity {
        MediaIdentity::from_message(self)
    }
}

impl MediaIdentity {
    /// The identity of an announced media message.
    #[must_use]
    pub fn from_message(message: &MediaMessage) -> Self {
        let (message_id, content) = (message.message_id.clone(), content_id(message));
        let chat_facts = chat_facts(message);
        let class = match message.chat.kind() {
            ChatKind::Person | ChatKind::Lid => "direct",
            ChatKind::Group | ChatKind::Channel | ChatKind::Status | ChatKind::Other => {
                message.chat.as_str()
            }
        };
        let id = message_id.as_str();
        let alike = digest_parts(&[id, &content, class]);
        let facts = chat_facts.iter().flat_map(|it| [it.name, it.text.as_str()]);
        let whole: Vec<_> = [id, &content, class].into_iter().chain(facts).collect();
        Self {
            earlier: message_id.earlier_nth(message.envelope.nth),
            whole: digest_parts(&whole),
            message_id,
            alike,
            chat_facts,
        }
    }

    /// The id of the message.
    #[must_use]
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// The keys that its record may have, in the order in which to read them. Its record is the
    /// first one that does not contradict this identity. If there is none, the first free key is
    /// taken.
    ///
    /// An announcement alone cannot match a LID with a phone number. So media messages that differ
    /// only in their one-to-one chat share a series of keys, and the chat facts in each record tell
    /// which is which.
    pub fn record_keys(&self) -> impl Iterator<Item = RecordKey> {
        let id = self.message_id.as_str();
        let first = format!("{id}#{}", self.alike);
        let others = (2..=MAX_ALIKE).map({
            let first = first.clone();
            move |n| format!("{first}.{n}")
        });
        let last = format!("{id}#{}", self.whole);
        let is_alone = self.chat_facts.is_empty();
        let rest = others.chain([last]).filter(move |_| !is_alone);
        std::iter::once(first).chain(rest).map(RecordKey)
    }

    /// The key that earlier versions used: the message id alone, which several media messages
    /// shared.
    #[must_use]
    pub fn earlier_key(&self) -> RecordKey {
        RecordKey(self.earlier.to_string())
    }

    /// The known facts about the chat that may tell it from another.
    #[must_use]
    pub fn chat_facts(&self) -> &[ChatFact] {
        &self.chat_facts
    }

    /// The form in an object key: the readable part of the message id, a dash, and the digest of
    /// everything that identifies the media message, its chat included. Only equal announcements
    /// have the same form.
    #[must_use]
    pub fn to_key_part(&self) -> String {
        format!("{}-{}", self.message_id.to_key_part(), self.whole.to_ascii_lowercase())
    }
}

/// Sort key of a record: `{message id}#{digest}`, or the message id in earlier versions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(String);

impl RecordKey {
    /// Wraps the key of an existing record.
    #[must_use]
    pub fn from_record(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message id in the key, for display. An id of an earlier version that looks like a whole
    /// key is read as one.
    #[must_use]
    pub fn message_id(&self) -> &str {
        let is_digest = |text: &str| {
            let digest = text.split('.').next().unwrap_or_default();
            digest.len() == DIGEST_CHARS
                && BASE32_NOPAD.decode(pad_digest(digest).as_bytes()).is_ok()
        };
        match self.0.rsplit_once('#') {
            Some((id, rest)) if !id.is_empty() && is_digest(rest) => id,
            Some(_) | None => &self.0,
        }
    }

    /// A hash that replaces `fact` in the mark of an erased record, so that the mark does not
    /// reveal it.
    #[must_use]
    pub fn hash_fact(&self, fact: &str) -> String {
        digest_parts(&["erased", &self.0, fact])
    }
}

/// Pads 26 characters, which are 130 bits, because base32 decodes whole bytes.
fn pad_digest(digest: &str) -> String {
    format!("{digest}AAAAAA")
}

/// What identifies the bytes: the hash of the encrypted file, which no other file can have; else
/// the next best fact that was announced.
fn content_id(message: &MediaMessage) -> String {
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
    let key = key.map(|key| normalize_base64(key.expose()));
    // A text that is not a key may be the same in different messages, so it comes last.
    if let Some(key) = key.as_ref().filter(|key| key.len() == KEY_CHARS) {
        return format!("key {key}");
    }
    if let Some(path) = &message.direct_path {
        return format!("path {}", before_query(path.expose()).trim_start_matches('/'));
    }
    if let Some(url) = &message.url {
        return format!("path {}", path_of_url(url.expose()));
    }
    key.map_or_else(|| "none".to_owned(), |key| format!("key {key}"))
}

/// Converts base64 to one form: standard alphabet, no padding, no white space.
fn normalize_base64(base64: &str) -> String {
    let standard = |c| match c {
        '-' => '+',
        '_' => '/',
        other => other,
    };
    let kept = base64.trim().trim_end_matches('=').chars();
    kept.filter(|c| !c.is_whitespace()).map(standard).collect()
}

/// The facts about the chat. Jobs of earlier versions only have the chat's folder, which holds
/// either the LID or the number.
fn chat_facts(message: &MediaMessage) -> Vec<ChatFact> {
    let fact =
        |name, text: &String, other_spelling| ChatFact { name, text: text.clone(), other_spelling };
    let hash = message.envelope.chat_hash.map(|hash| hash.to_hex());
    let hash = hash.iter().map(|hash| fact("chat_hash", hash, None));
    let (folder, peer) = (message.chat.as_str(), &message.envelope.peer);
    let of_folder = match message.chat.kind() {
        ChatKind::Person => Contact::from_address(Some(folder), None),
        ChatKind::Lid => {
            Contact { lid: folder.strip_prefix("lid-").map(str::to_owned), phone: None }
        }
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

/// The other spelling of a Brazilian number: WhatsApp knows many without the ninth digit that
/// people dial.
fn other_spelling(phone: &str) -> Option<String> {
    let spellings = Chat::spellings_of_phone(phone);
    let others = spellings.iter().map(Chat::as_str);
    others.filter(|one| *one != phone).map(str::to_owned).next()
}

/// SHA-256 over the parts, each preceded by its length, so that different lists of parts never hash
/// alike.
pub(crate) fn digest_parts(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    let mut text = BASE32_NOPAD.encode(Sha256::from_data(&bytes).as_bytes());
    text.truncate(DIGEST_CHARS);
    text
}
