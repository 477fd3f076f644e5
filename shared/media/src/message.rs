//! A media message as its webhook announced it, independent of the webhook's dialect.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use crate::chat::{Chat, ChatKind, NotAChat, UnknownChatKind};
use crate::{
    envelope::{Envelope, MomentSource},
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
    /// Plain size in bytes, as announced. A hint for people, and for how many files are fetched at
    /// once; never used as a limit or for an allocation.
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

    /// The LID of the other contact of a one-to-one chat whose phone number is not known.
    #[must_use]
    pub fn unresolved_lid(&self) -> Option<&str> {
        let peer = &self.envelope.peer;
        let is_unresolved = self.chat.kind() == ChatKind::Lid && peer.phone.is_none();
        peer.lid.as_deref().filter(|_| is_unresolved)
    }

    /// The same message in the chat with this phone number, which its LID was found to belong to.
    /// Without an unresolved LID, and with a text that is no phone number, nothing changes.
    #[must_use]
    pub fn with_phone(mut self, phone: &str) -> Self {
        if let Some(lid) = self.unresolved_lid()
            && let chat = Chat::from_jid(&format!("{lid}@lid"), Some(phone))
            && chat.kind() == ChatKind::Person
        {
            self.envelope.peer.phone = Some(chat.as_str().to_owned());
            self.envelope.chat_hash = None;
            self.chat = chat;
        }
        self
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
