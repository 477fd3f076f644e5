//! The conversation of a message: its kind, and the folder that its files are stored in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{contact, sha256::Sha256};

/// The kind of conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One-to-one, known by phone number.
    Person,
    /// One-to-one, known only by WhatsApp's hidden id (LID), which is not a phone number.
    Lid,
    /// A group.
    Group,
    /// A channel (newsletter). Its media files are not encrypted.
    Channel,
    /// Stories (status updates).
    Status,
    /// An address of an unknown form.
    Other,
}

impl ChatKind {
    /// Every kind of chat.
    pub const ALL: [Self; 6] =
        [Self::Person, Self::Lid, Self::Group, Self::Channel, Self::Status, Self::Other];

    /// The word in tags and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Lid => "lid",
            Self::Group => "group",
            Self::Channel => "channel",
            Self::Status => "status",
            Self::Other => "other",
        }
    }
}

/// The text is not the name of a kind of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a kind of chat is one of person, lid, group, channel, status, other")]
pub struct UnknownChatKind;

impl std::str::FromStr for ChatKind {
    type Err = UnknownChatKind;
    fn from_str(text: &str) -> Result<Self, UnknownChatKind> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or(UnknownChatKind)
    }
}

/// The chat of a message, as the name of its folder.
///
/// The text is `[a-z0-9-]`, at most [`Chat::MAX_BYTES`]: digits for a person, else the kind of
/// chat, a dash and its id. It always comes from the envelope's `chat.id`, never from the sender.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chat(String);

impl Chat {
    /// Maximum length of a folder name, in bytes.
    pub const MAX_BYTES: usize = 80;
    /// Hex digits of the hash at the end of a changed name.
    const HASH_DIGITS: usize = 8;

    /// An address that marks an operator's probe and belongs to no chat. Senders choose message ids
    /// and names, but never the server of their chat's address.
    pub const PROBE_JID: &'static str = "probe@wapi-media";
    /// The folder name of a probe.
    const PROBE: &'static str = "probe";

    /// Creates a chat from its address (JID). `phone` is the number behind a LID in a one-to-one
    /// chat, if the envelope gives it. The device suffix (`:12`) is dropped.
    ///
    /// Any text gives a chat. A text that had to be changed or cut gets eight digits of its
    /// SHA-256, so that two addresses never share a folder.
    #[must_use]
    pub fn from_jid(jid: &str, phone: Option<&str>) -> Self {
        let jid = jid.trim();
        if jid.is_empty() {
            return Self("other".to_owned());
        }
        if jid == Self::PROBE_JID {
            return Self(Self::PROBE.to_owned());
        }
        let (user, server) = (contact::user_part(jid), jid.split_once('@'));
        let server = server.map_or("", |(_, server)| server);
        if user.eq_ignore_ascii_case("status") {
            return Self("status".to_owned());
        }
        match server.to_ascii_lowercase().as_str() {
            "g.us" => Self::with_prefix("group", user),
            "newsletter" => Self::with_prefix("channel", user),
            "lid" | "hosted.lid" => {
                phone.and_then(Self::from_phone).unwrap_or_else(|| Self::with_prefix("lid", user))
            }
            "" | "c.us" | "s.whatsapp.net" | "hosted" => {
                Self::from_phone(user).unwrap_or_else(|| Self::with_prefix("other", jid))
            }
            _ => Self::with_prefix("other", jid),
        }
    }

    /// The folder of a person: the digits of the phone number only.
    fn from_phone(phone: &str) -> Option<Self> {
        contact::user_digits(phone).map(Self)
    }

    /// The folders that the chat of a phone number may have; empty if the text is not a phone
    /// number in international form. WhatsApp knows many Brazilian mobile numbers without the ninth
    /// digit that people dial, so such a number has two spellings.
    #[must_use]
    pub fn spellings_of_phone(phone: &str) -> Vec<Self> {
        let digits = phone.trim().trim_start_matches('+');
        let Some(Self(digits)) = Self::from_phone(digits).filter(|_| digits.len() >= 8) else {
            return Vec::new();
        };
        // 55, two digits of area code, and a mobile number: nine digits that begin with 9, or eight
        // with 6 to 9.
        let other = match (digits.get(..4), digits.get(4..)) {
            (Some(area), Some(rest)) if area.starts_with("55") => match rest.as_bytes() {
                [b'9', b'6'..=b'9', ..] if rest.len() == 9 => {
                    rest.get(1..).map(|rest| format!("{area}{rest}"))
                }
                [b'6'..=b'9', ..] if rest.len() == 8 => Some(format!("{area}9{rest}")),
                _ => None,
            },
            _ => None,
        };
        std::iter::once(digits).chain(other).map(Self).collect()
    }

    /// A phone number in one spelling, whichever WhatsApp used. A text that is no phone number
    /// stays as it is.
    #[must_use]
    pub fn normalize_phone(phone: &str) -> String {
        let spellings = Self::spellings_of_phone(phone);
        let first = spellings.iter().map(Self::as_str).min();
        first.unwrap_or(phone).to_owned()
    }

    /// The part of the chat's address that this folder name contains unchanged: the digits of a
    /// person, a group or a channel. `None` if the name has only a hash or a part of the address.
    #[must_use]
    pub fn in_address(&self) -> Option<&str> {
        let prefixes = ["group-", "channel-", "lid-"];
        let bare = prefixes.iter().find_map(|prefix| self.0.strip_prefix(prefix));
        let bare = bare.unwrap_or(&self.0);
        let is_number = bare.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        // Of a changed name: an old group's own digits after the dash are ten.
        let has_hash = bare.rsplit_once('-').is_some_and(|(_, end)| end.len() == Self::HASH_DIGITS);
        (bare == "status" || is_number && !has_hash && !bare.is_empty()).then_some(bare)
    }

    fn with_prefix(sort: &str, id: &str) -> Self {
        // Leaves room for the longest prefix, two dashes and eight digits.
        const KEPT: usize = Chat::MAX_BYTES - 18;
        let lower = id.to_ascii_lowercase();
        let clean: String =
            lower.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        if clean == id && !clean.is_empty() && clean.len() <= KEPT {
            return Self(format!("{sort}-{clean}"));
        }
        let kept: String = clean.chars().take(KEPT).collect();
        let hash = Sha256::from_data(id.as_bytes()).to_hex();
        let hash: String = hash.chars().take(Self::HASH_DIGITS).collect();
        Self(format!("{sort}-{kept}-{hash}"))
    }

    /// The kind of chat.
    #[must_use]
    pub fn kind(&self) -> ChatKind {
        match self.0.split('-').next().unwrap_or_default() {
            "status" => ChatKind::Status,
            "group" => ChatKind::Group,
            "channel" => ChatKind::Channel,
            "lid" => ChatKind::Lid,
            "other" | Self::PROBE => ChatKind::Other,
            _ => ChatKind::Person,
        }
    }

    /// SHA-256 of the address if this chat's folder name does not contain it unchanged. `None` for
    /// a person's chat.
    #[must_use]
    pub fn address_hash(&self, jid: &str) -> Option<Sha256> {
        let (sort, id) = self.0.split_once('-')?;
        let is_whole = sort != "other" && id == contact::user_part(jid);
        (!is_whole).then(|| Sha256::from_data(jid.trim().as_bytes()))
    }

    /// Whether the chat is [`Self::PROBE_JID`].
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.0 == Self::PROBE
    }

    /// The folder name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows the kind of chat only: a folder name may be a phone number, which must not reach logs.
impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chat({})", self.kind().as_str())
    }
}

impl From<Chat> for String {
    fn from(chat: Chat) -> Self {
        chat.0
    }
}

/// The text is not a folder name that [`Chat::from_jid`] creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the folder of a chat")]
pub struct NotAChat;

impl TryFrom<String> for Chat {
    type Error = NotAChat;
    fn try_from(text: String) -> Result<Self, NotAChat> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        if fits && text.bytes().all(allowed) { Ok(Self(text)) } else { Err(NotAChat) }
    }
}
