//! The five kinds of media, and the families of keys that encrypt them.

use serde::{Deserialize, Serialize};

/// What a person would call the file. The kind appears in the object key. For the content type, it
/// only decides whether ISO base media is audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// `imageMessage`.
    Image,
    /// `videoMessage`, a GIF (`gifPlayback`) and the round `ptvMessage`.
    Video,
    /// `audioMessage`: music and voice notes (`ptt`).
    Audio,
    /// `documentMessage`, with any mimetype.
    Document,
    /// `stickerMessage`: WebP, animated or Lottie; and `stickerPackMessage`, a ZIP of stickers.
    Sticker,
}

impl MediaKind {
    /// Every kind, in the order in which they are listed to people.
    pub const ALL: [Self; 5] =
        [Self::Image, Self::Video, Self::Audio, Self::Document, Self::Sticker];

    /// MIME type that marks a sticker pack. WhatsApp declares none for packs.
    pub const STICKER_PACK_MIMETYPE: &'static str = "application/zip";

    /// The word in object keys, tags and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// The key family that WhatsApp's clients use for this kind.
    #[must_use]
    pub fn key_type(self) -> KeyType {
        match self {
            Self::Image | Self::Sticker => KeyType::Image,
            Self::Video => KeyType::Video,
            Self::Audio => KeyType::Audio,
            Self::Document => KeyType::Document,
        }
    }

    /// The kind that a MIME type suggests, for media under an unknown field name.
    #[must_use]
    pub fn from_mimetype(mimetype: &str) -> Self {
        let top = mimetype.split('/').next().unwrap_or_default().trim();
        match top.to_ascii_lowercase().as_str() {
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            _ => Self::Document,
        }
    }
}

/// The text is not the name of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a kind is one of image, video, audio, document, sticker")]
pub struct UnknownKind;

impl std::str::FromStr for MediaKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or(UnknownKind)
    }
}

impl std::fmt::Display for MediaKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The family of a media key. It is an input of the key derivation, so the MAC fails under a wrong
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Images and stickers.
    Image,
    /// Videos, GIFs, round videos.
    Video,
    /// Audio and voice notes.
    Audio,
    /// Documents.
    Document,
    /// Sticker packs.
    StickerPack,
}

impl KeyType {
    /// The families that may be mistaken for each other. A sticker pack is never anything else.
    pub const ALL: [Self; 4] = [Self::Image, Self::Video, Self::Audio, Self::Document];

    /// The HKDF info string that all WhatsApp clients use.
    #[must_use]
    pub fn hkdf_info(self) -> &'static [u8] {
        match self {
            Self::Image => b"WhatsApp Image Keys",
            Self::Video => b"WhatsApp Video Keys",
            Self::Audio => b"WhatsApp Audio Keys",
            Self::Document => b"WhatsApp Document Keys",
            Self::StickerPack => b"WhatsApp Sticker Pack Keys",
        }
    }

    /// The families to try, most likely first and each once: the kind's own, the one that the MIME
    /// type suggests (documents are sometimes encrypted as what they contain), then the rest. A
    /// sticker with the type ZIP is a sticker pack.
    #[must_use]
    pub fn candidates(kind: MediaKind, mimetype: Option<&str>) -> Vec<Self> {
        if kind == MediaKind::Sticker && mimetype == Some(MediaKind::STICKER_PACK_MIMETYPE) {
            return vec![Self::StickerPack, Self::Image];
        }
        let suggested = mimetype.map_or(kind, MediaKind::from_mimetype).key_type();
        let mut order = Self::ALL;
        order.sort_by_key(|family| (*family != kind.key_type(), *family != suggested));
        order.to_vec()
    }
}
