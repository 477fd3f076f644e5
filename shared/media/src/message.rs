//! One media message as its webhook announced it, after every quirk of the wire has been read away.

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

/// Who sent the message, seen from the connected account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A contact sent it to the account.
    In,
    /// The account itself sent it (`fromMe`), from the phone or through the API.
    Out,
}

impl Direction {
    /// Both.
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

/// What sort of conversation a chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatKind {
    /// One to one, known by phone number.
    Person,
    /// One to one, known only by WhatsApp's hidden id. A LID is not a phone number.
    Lid,
    /// A group.
    Group,
    /// A channel (newsletter). Its media are not encrypted.
    Channel,
    /// Stories.
    Status,
    /// An address of a form nobody has seen yet.
    Other,
}

impl ChatKind {
    /// Every sort.
    pub const ALL: [Self; 6] = [
        Self::Person,
        Self::Lid,
        Self::Group,
        Self::Channel,
        Self::Status,
        Self::Other,
    ];

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

/// A text names no sort of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sort of chat is one of person, lid, group, channel, status, other")]
pub struct UnknownChatKind;

impl std::str::FromStr for ChatKind {
    type Err = UnknownChatKind;
    fn from_str(text: &str) -> Result<Self, UnknownChatKind> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or(UnknownChatKind)
    }
}

/// The chat a message belongs to, as the folder it is filed under.
///
/// The text is `[a-z0-9-]`, at most [`Chat::MAX_BYTES`]: digits for a person, else the sort of chat, a
/// dash and its id. It always comes from the envelope's `chat.id`, never from the sender.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chat(String);

impl Chat {
    /// Longest folder name, in bytes.
    pub const MAX_BYTES: usize = 80;
    /// Digits of the hash behind a name that was changed.
    const HASH_DIGITS: usize = 8;

    /// The address of no chat: what a webhook from there announces is an operator's probe. Senders choose
    /// message ids and names, but never their chat's server.
    pub const PROBE_JID: &'static str = "probe@wapi-media";
    /// The folder that a probe would have.
    const PROBE: &'static str = "probe";

    /// Reads a chat's address (JID). `phone` is the number behind a LID in a one-to-one chat, when the
    /// envelope gives one. The device suffix (`:12`) is dropped.
    ///
    /// Any text gives a chat; what had to be changed or cut gets eight digits of its SHA-256, so that two
    /// addresses do not meet in one folder.
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
            "g.us" => Self::prefixed("group", user),
            "newsletter" => Self::prefixed("channel", user),
            "lid" | "hosted.lid" => phone
                .and_then(Self::person)
                .unwrap_or_else(|| Self::prefixed("lid", user)),
            "" | "c.us" | "s.whatsapp.net" | "hosted" => {
                Self::person(user).unwrap_or_else(|| Self::prefixed("other", jid))
            }
            _ => Self::prefixed("other", jid),
        }
    }

    /// A person's folder: the digits of a phone number, nothing else.
    fn person(phone: &str) -> Option<Self> {
        contact::digits(phone).map(Self)
    }

    /// The folders that a phone's chat can have. WhatsApp knows many Brazilian mobile numbers without the
    /// ninth digit that everybody dials, so both spellings of such a number are meant. Nothing if the text is
    /// no phone number in international form.
    #[must_use]
    pub fn of_phone(phone: &str) -> Vec<Self> {
        let digits = phone.trim().trim_start_matches('+');
        let Some(Self(digits)) = Self::person(digits).filter(|_| digits.len() >= 8) else {
            return Vec::new();
        };
        // 55, two digits of area, and a mobile number: nine digits that begin with 9, or eight with 6 to 9.
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

    /// What of the chat's address stands in this name as it was: the digits of a person, a group
    /// or a channel. Nothing if the name has only a hash of it, or only a part.
    #[must_use]
    pub fn in_address(&self) -> Option<&str> {
        let sorts = ["group-", "channel-", "lid-"];
        let bare = sorts.iter().find_map(|sort| self.0.strip_prefix(sort));
        let bare = bare.unwrap_or(&self.0);
        let is_number = bare.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        // Of a name that was changed: an old group's own digits behind the dash are ten.
        let has_hash = bare
            .rsplit_once('-')
            .is_some_and(|(_, end)| end.len() == Self::HASH_DIGITS);
        (bare == "status" || is_number && !has_hash && !bare.is_empty()).then_some(bare)
    }

    fn prefixed(sort: &str, id: &str) -> Self {
        // Room for the longest prefix, two dashes and eight digits.
        const KEPT: usize = Chat::MAX_BYTES - 18;
        let lower = id.to_ascii_lowercase();
        let clean: String = lower
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        if clean == id && !clean.is_empty() && clean.len() <= KEPT {
            return Self(format!("{sort}-{clean}"));
        }
        let kept: String = clean.chars().take(KEPT).collect();
        let hash = Sha256::of(id.as_bytes()).to_hex();
        let hash: String = hash.chars().take(Self::HASH_DIGITS).collect();
        Self(format!("{sort}-{kept}-{hash}"))
    }

    /// What sort of conversation it is.
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

    /// The hash of an address that this chat's folder does not hold as it is. Only of a chat that
    /// has such a folder, and is no person's.
    #[must_use]
    pub fn hash_of(&self, jid: &str) -> Option<Sha256> {
        let (sort, id) = self.0.split_once('-')?;
        let is_whole = sort != "other" && id == contact::user(jid);
        (!is_whole).then(|| Sha256::of(jid.trim().as_bytes()))
    }

    /// Whether it is [`Self::PROBE_JID`].
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.0 == Self::PROBE
    }

    /// The folder's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints the sort of chat only: a chat's folder is a phone number, and those stay out of logs.
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

/// A folder name read back from a job is not one that [`Chat::from_jid`] makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the folder of a chat")]
pub struct NotAChat;

impl TryFrom<String> for Chat {
    type Error = NotAChat;
    fn try_from(text: String) -> Result<Self, NotAChat> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        if fits && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(NotAChat)
        }
    }
}

/// A text that opens something: a media key or a signed path. Prints as `[redacted]`, is wiped on drop,
/// and is only ever sent where it belongs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. The name is there to be found by a reader: every use is a place where it leaves.
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

/// One media message: what was announced, complete enough to fetch, prove and file it.
///
/// Everything a sender chose (names, captions, ids, lengths) is untrusted text here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaMessage {
    /// The sender's id of the message.
    pub message_id: MessageId,
    /// The chat it belongs to.
    pub chat: Chat,
    /// Who sent it.
    pub direction: Direction,
    /// When it was sent, in seconds since 1970 (W-API's `moment`). Old values are normal.
    pub moment: i64,
    /// What it is.
    pub kind: MediaKind,
    /// A voice note.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ptt: bool,
    /// Meant to be seen once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub view_once: bool,
    /// The declared mimetype, parameters included, as it must be passed to W-API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mimetype: Option<String>,
    /// Standard base64 of 32 bytes when well formed; else as received, because W-API may understand
    /// it. Absent in channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_key: Option<Secret>,
    /// It was announced with a key or with the hash of an encrypted file, readable or not: the
    /// CDN's bytes are not the file. Jobs of versions that did not write it: see
    /// [`QueuedJob::into_job`](crate::job::QueuedJob::into_job).
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_encrypted: bool,
    /// The signed path on WhatsApp's CDN, query included. It is a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_path: Option<Secret>,
    /// The CDN's URL, kept only where it says more than `direct_path` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// SHA-256 of the plain file, the sender's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_sha256: Option<Sha256>,
    /// SHA-256 of the encrypted file with its MAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_enc_sha256: Option<Sha256>,
    /// Plain size in bytes, the sender's word: a hint for people, never a limit or an allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_length: Option<u64>,
    /// A document's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// The text under the media, cut to [`MediaMessage::MAX_CAPTION_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// What is known of the message around it.
    #[serde(default, skip_serializing_if = "Envelope::is_empty")]
    pub envelope: Envelope,
}

impl MediaMessage {
    /// Longest caption carried, in bytes: S3 has 2 KB for all metadata, and percent-encoding triples text.
    pub const MAX_CAPTION_BYTES: usize = 512;
    /// Longest file name carried, in bytes: what file systems allow.
    pub const MAX_FILE_NAME_BYTES: usize = 255;
    /// For so long after its message WhatsApp's copy can be counted on.
    pub(crate) const SAFE_SECONDS: i64 = 14 * 24 * 60 * 60;

    /// Whether it was announced without anything that leads to its bytes: a shell, as linked
    /// devices get of what is meant to be seen once on the phone.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        !self.is_encrypted
            && self.media_key.is_none()
            && self.direct_path.is_none()
            && self.url.is_none()
    }

    /// Whether it is a whole pack of stickers, in a ZIP.
    #[must_use]
    pub fn is_sticker_pack(&self) -> bool {
        self.kind == MediaKind::Sticker
            && self.mimetype.as_deref() == Some(MediaKind::STICKER_PACK_MIMETYPE)
    }

    /// The first moment that can be a message's: WhatsApp is of 2009. In seconds since 1970.
    pub const FIRST_MOMENT: i64 = 1_230_768_000;
    /// How long after the acceptance of its webhook a message may seem to have been sent: clocks
    /// differ, and so do the zones that somebody forgot.
    const MOST_AHEAD_SECONDS: i64 = 24 * 60 * 60;

    /// What makes it this medium and no other.
    #[must_use]
    pub fn identity(&self) -> MediaIdentity {
        MediaIdentity::of(self)
    }

    /// The same with a moment that can be: its own, else the media key's, else that of its
    /// acceptance, which is in seconds since 1970. What was decided once stays.
    #[must_use]
    pub fn dated(mut self, accepted_at: i64) -> Self {
        // A clock that stands before the first message tells nothing of what is to come.
        let last = match accepted_at {
            Self::FIRST_MOMENT.. => accepted_at.saturating_add(Self::MOST_AHEAD_SECONDS),
            _ => i64::MAX,
        };
        let can_be = |moment: &i64| (Self::FIRST_MOMENT..=last).contains(moment);
        let own = [self.moment, in_seconds(self.moment)];
        let own = own.into_iter().find(can_be);
        let key = self.envelope.key_moment.take().filter(can_be);
        (self.moment, self.envelope.moment_source) = match (own, key) {
            (Some(own), _) => (own, self.envelope.moment_source),
            (None, Some(key)) => (key, MomentSource::Key),
            (None, None) => (accepted_at, MomentSource::Accepted),
        };
        self
    }

    /// When WhatsApp's copy expires by its own word, in seconds since 1970: `oe=` of the signed path or of
    /// the URL, whichever lasts longer.
    #[must_use]
    pub fn cdn_expiry(&self) -> Option<i64> {
        let said = [&self.direct_path, &self.url].into_iter().flatten();
        said.filter_map(|one| signed_url::expiry(one.expose()))
            .max()
    }

    /// Whether the announcement says that the CDN's copy is encrypted. Such a medium is the file only once
    /// it has been decrypted, whether or not the key can be read.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.is_encrypted || self.media_key.is_some() || self.file_enc_sha256.is_some()
    }

    /// Until when the media can safely be counted on, in seconds since 1970: the CDN's word or 14 days
    /// after the message, whichever is first. Blobs were seen to vanish between day 14 and day 21.
    #[must_use]
    pub fn recoverable_until(&self) -> i64 {
        let safe = self.moment.saturating_add(Self::SAFE_SECONDS);
        self.cdn_expiry().map_or(safe, |oe| oe.min(safe))
    }
}

/// Leaves out everything personal or secret.
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A moment in seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its
/// size.
#[must_use]
pub fn in_seconds(moment: i64) -> i64 {
    /// As seconds this is the year 5138; as any smaller unit it is before WhatsApp was.
    const FIRST_OF_A_SMALLER_UNIT: i64 = 100_000_000_000;
    let mut moment = moment;
    while moment >= FIRST_OF_A_SMALLER_UNIT {
        moment /= 1000;
    }
    moment
}

/// The longest prefix of `text` that fits `max_bytes` without cutting a character.
#[must_use]
pub fn cut(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes))
        .unwrap_or(text)
}
