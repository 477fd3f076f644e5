//! The five kinds of media, and the families of keys they are encrypted under.

use serde::{Deserialize, Serialize};

/// What a person would call the file. It names the object; of its bytes it decides only whether ISO
/// media are audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// `imageMessage`.
    Image,
    /// `videoMessage`, a GIF (`gifPlayback`) and the round `ptvMessage`.
    Video,
    /// `audioMessage`: music and voice notes (`ptt`).
    Audio,
    /// `documentMessage`, whatever its mimetype.
    Document,
    /// `stickerMessage`: WebP, animated or Lottie; and `stickerPackMessage`, a ZIP of such.
    Sticker,
}

impl MediaKind {
    /// Every kind, in the order people list them.
    pub const ALL: [Self; 5] = [
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::Document,
        Self::Sticker,
    ];

    /// The mimetype by which a pack of stickers is told from a sticker. WhatsApp declares none for
    /// packs.
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

    /// The key family that WhatsApp's own clients use for this kind.
    #[must_use]
    pub fn key_type(self) -> KeyType {
        match self {
            Self::Image | Self::Sticker => KeyType::Image,
            Self::Video => KeyType::Video,
            Self::Audio => KeyType::Audio,
            Self::Document => KeyType::Document,
        }
    }

    /// The kind that a mimetype suggests, for media found under a name we do not know.
    #[must_use]
    pub fn of_mimetype(mimetype: &str) -> Self {
        let top = mimetype.split('/').next().unwrap_or_default().trim();
        match top.to_ascii_lowercase().as_str() {
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            _ => Self::Document,
        }
    }
}

/// A text names no kind.
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

/// The family of a media key: it goes into the key derivation, so a wrong one fails the MAC.
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
    /// Whole packs of stickers.
    StickerPack,
}

impl KeyType {
    /// The families that one may be mistaken for another: packs are never anything else.
    pub const ALL: [Self; 4] = [Self::Image, Self::Video, Self::Audio, Self::Document];

    /// The HKDF info string, as in every client of WhatsApp.
    #[must_use]
    pub fn info(self) -> &'static [u8] {
        match self {
            Self::Image => b"WhatsApp Image Keys",
            Self::Video => b"WhatsApp Video Keys",
            Self::Audio => b"WhatsApp Audio Keys",
            Self::Document => b"WhatsApp Document Keys",
            Self::StickerPack => b"WhatsApp Sticker Pack Keys",
        }
    }

    /// The families to try, most likely first: the declared one, the one the mimetype suggests
    /// (documents are sometimes encrypted as what they contain), then the rest. No family appears
    /// twice. A sticker that is a ZIP is a pack.
    #[must_use]
    pub fn candidates(kind: MediaKind, mimetype: Option<&str>) -> Vec<Self> {
        if kind == MediaKind::Sticker && mimetype == Some(MediaKind::STICKER_PACK_MIMETYPE) {
            return vec![Self::StickerPack, Self::Image];
        }
        let suggested = mimetype.map_or(kind, MediaKind::of_mimetype).key_type();
        let mut order = Self::ALL;
        order.sort_by_key(|family| (*family != kind.key_type(), *family != suggested));
        order.to_vec()
    }
}
