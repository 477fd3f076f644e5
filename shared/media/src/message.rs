//! A media message as its webhook announced it, independent of the webhook's dialect.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    contact,
    envelope::{Envelope, MomentSource},
    identity::MediaIdentity,
    ids::MessageId,
    kind::MediaKind,
    sha256::Sha256,
    signed_url,
};

/// Whether the connected account received or sent the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A contact sent it to the account.
    In,
    /// The account sent it (`fromMe`), from the phone or through the API.
    Out,
}

impl Direction {
    /// Both directions.
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    /// The word in object keys and tags.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

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
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
        let (user, server) = (contact::user(jid), jid.split_once('@'));
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
        let is_whole = sort != "other" && id == contact::user(jid);
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

/// A secret text, such as a media key or a signed path. Printed as `[redacted]` and wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret text. The name makes every use easy to find in a review.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A media message: everything that is needed to fetch, verify and store its file.
///
/// Everything that the sender chose (names, captions, ids, lengths) is untrusted text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaMessage {
    /// The id of the message, chosen by the sender's client.
    pub message_id: MessageId,
    /// The chat of the message.
    pub chat: Chat,
    /// Whether the account received or sent it.
    pub direction: Direction,
    /// When it was sent, in seconds since 1970 (W-API's `moment`). Old values are normal.
    pub moment: i64,
    /// The kind of media.
    pub kind: MediaKind,
    /// Whether it is a voice note.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ptt: bool,
    /// Whether it is meant to be viewed once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub view_once: bool,
    /// Declared MIME type with its parameters, as it must be passed to W-API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mimetype: Option<String>,
    /// Standard base64 of 32 bytes if well-formed; else as received, because W-API may understand
    /// it. Absent in channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_key: Option<Secret>,
    /// Whether a key or the hash of an encrypted file was announced, readable or not. The CDN's
    /// bytes are then not the file itself. For jobs of versions without this field see
    /// [`QueuedJob::into_job`](crate::job::QueuedJob::into_job).
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_encrypted: bool,
    /// The signed path on WhatsApp's CDN with its query. It is a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_path: Option<Secret>,
    /// The announced CDN URL, kept only if it improves on `direct_path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// SHA-256 of the plain file, as announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_sha256: Option<Sha256>,
    /// SHA-256 of the encrypted file with its MAC, as announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_enc_sha256: Option<Sha256>,
    /// Plain size in bytes, as announced. A hint for people; never used as a limit or for an
    /// allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_length: Option<u64>,
    /// The document's file name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The caption, cut to [`MediaMessage::MAX_CAPTION_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// What is known about the message besides its media.
    #[serde(default, skip_serializing_if = "Envelope::is_empty")]
    pub envelope: Envelope,
}

impl MediaMessage {
    /// Maximum length of a caption, in bytes: S3 allows 2 KB for all metadata, and percent-encoding
    /// triples text.
    pub const MAX_CAPTION_BYTES: usize = 512;
    /// Maximum length of a file name, in bytes: the limit of file systems.
    pub const MAX_FILE_NAME_BYTES: usize = 255;
    /// How long after the message its file can safely be expected to exist, in seconds.
    pub(crate) const SAFE_SECONDS: i64 = 14 * 24 * 60 * 60;

    /// Whether the announcement has nothing that leads to a file: a shell, as linked devices
    /// receive for view-once messages, which only the phone can open.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        !self.is_encrypted
            && self.media_key.is_none()
            && self.direct_path.is_none()
            && self.url.is_none()
    }

    /// Whether it is a sticker pack, in a ZIP.
    #[must_use]
    pub fn is_sticker_pack(&self) -> bool {
        self.kind == MediaKind::Sticker
            && self.mimetype.as_deref() == Some(MediaKind::STICKER_PACK_MIMETYPE)
    }

    /// Earliest valid moment, in seconds since 1970: WhatsApp started in 2009.
    pub const FIRST_MOMENT: i64 = 1_230_768_000;
    /// Maximum time that a moment may lie after the acceptance of its webhook, because clocks and
    /// forgotten time zones differ.
    const MAX_AHEAD_SECONDS: i64 = 24 * 60 * 60;

    /// The identity that tells this media message from others.
    #[must_use]
    pub fn identity(&self) -> MediaIdentity {
        MediaIdentity::from_message(self)
    }

    /// The message with a valid moment: its own, else the media key's, else `accepted_at`, in
    /// seconds since 1970. A moment that is already valid does not change.
    #[must_use]
    pub fn with_valid_moment(mut self, accepted_at: i64) -> Self {
        // A clock set before the first valid moment gives no upper limit.
        let last = match accepted_at {
            Self::FIRST_MOMENT.. => accepted_at.saturating_add(Self::MAX_AHEAD_SECONDS),
            _ => i64::MAX,
        };
        let can_be = |moment: &i64| (Self::FIRST_MOMENT..=last).contains(moment);
        let own = [self.moment, to_unix_seconds(self.moment)];
        let own = own.into_iter().find(can_be);
        let key = self.envelope.key_moment.take().filter(can_be);
        (self.moment, self.envelope.moment_source) = match (own, key) {
            (Some(own), _) => (own, self.envelope.moment_source),
            (None, Some(key)) => (key, MomentSource::Key),
            (None, None) => (accepted_at, MomentSource::Accepted),
        };
        self
    }

    /// When WhatsApp's copy expires, in seconds since 1970: the later `oe=` of the signed path and
    /// the URL.
    #[must_use]
    pub fn cdn_expiry(&self) -> Option<i64> {
        let sources = [&self.direct_path, &self.url].into_iter().flatten();
        sources.filter_map(|one| signed_url::parse_expiry(one.expose())).max()
    }

    /// Whether the CDN's copy is encrypted according to the announcement. Such a copy must be
    /// decrypted, whether or not the key can be read.
    #[must_use]
    pub fn is_encrypted_on_cdn(&self) -> bool {
        self.is_encrypted || self.media_key.is_some() || self.file_enc_sha256.is_some()
    }

    /// Until when the file can safely be expected to exist, in seconds since 1970: the CDN's expiry
    /// or 14 days after the message, whichever is first. Files were seen to vanish between day 14
    /// and day 21.
    #[must_use]
    pub fn recoverable_until(&self) -> i64 {
        let safe = self.moment.saturating_add(Self::SAFE_SECONDS);
        self.cdn_expiry().map_or(safe, |oe| oe.min(safe))
    }
}

/// Omits everything personal or secret.
impl fmt::Debug for MediaMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaMessage")
            .field("message_id", &self.message_id)
            .field("chat", &self.chat)
            .field("direction", &self.direction)
            .field("moment", &self.moment)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Converts a moment in seconds, milliseconds, microseconds or nanoseconds since 1970 to seconds.
/// The unit is recognized by the size of the number.
#[must_use]
pub fn to_unix_seconds(moment: i64) -> i64 {
    /// In seconds this is the year 5138; in any smaller unit it is before WhatsApp existed.
    const FIRST_OF_A_SMALLER_UNIT: i64 = 100_000_000_000;
    let mut moment = moment;
    while moment >= FIRST_OF_A_SMALLER_UNIT {
        moment /= 1000;
    }
    moment
}

/// The longest prefix of `text` of at most `max_bytes` that does not cut a character.
#[must_use]
pub fn truncate_bytes(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text)
}
