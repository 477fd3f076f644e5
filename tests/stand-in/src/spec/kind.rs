//! The kinds of media messages and the formats of their files.

use serde::{Deserialize, Serialize};

use crate::encrypt::KeyType;

/// The kind of media message, which decides its key in `msgContent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `imageMessage`.
    #[default]
    Image,
    /// `videoMessage`.
    Video,
    /// `ptvMessage`: a round video.
    Ptv,
    /// `videoMessage` with `gifPlayback`.
    Gif,
    /// `audioMessage` that is not a voice note.
    Audio,
    /// `audioMessage` with `ptt`.
    Voice,
    /// `documentMessage`.
    Document,
    /// `stickerMessage`; its `url` is the bare host, as in production.
    Sticker,
    /// `imageMessage` of a channel: plaintext on the CDN, without media key and encrypted hash.
    NewsletterImage,
}

impl Kind {
    /// The key of `msgContent` that holds the media object.
    pub fn content_key(self) -> &'static str {
        match self {
            Kind::Image | Kind::NewsletterImage => "imageMessage",
            Kind::Video | Kind::Gif => "videoMessage",
            Kind::Ptv => "ptvMessage",
            Kind::Audio | Kind::Voice => "audioMessage",
            Kind::Document => "documentMessage",
            Kind::Sticker => "stickerMessage",
        }
    }

    /// The key type that WhatsApp encrypts this content with.
    pub fn key_type(self) -> KeyType {
        match self {
            Kind::Image | Kind::NewsletterImage | Kind::Sticker => KeyType::Image,
            Kind::Video | Kind::Gif | Kind::Ptv => KeyType::Video,
            Kind::Audio | Kind::Voice => KeyType::Audio,
            Kind::Document => KeyType::Document,
        }
    }

    /// The default format of the kind.
    pub fn format(self) -> Format {
        match self {
            Kind::Image | Kind::NewsletterImage => Format::Jpeg,
            Kind::Video | Kind::Gif | Kind::Ptv => Format::Mp4,
            Kind::Audio => Format::Mp3,
            Kind::Voice => Format::Ogg,
            Kind::Document => Format::Pdf,
            Kind::Sticker => Format::Webp,
        }
    }
}

/// The format of the file's bytes. All except `Random` are valid files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A valid JPEG picture.
    Jpeg,
    /// A valid PNG picture.
    Png,
    /// A lossless WebP picture.
    Webp,
    /// An MP4 with one H.264 track.
    Mp4,
    /// Ogg Opus, silent.
    Ogg,
    /// An MP3 of silence.
    Mp3,
    /// A PDF of one page.
    Pdf,
    /// UTF-8 text.
    Txt,
    /// An HTML page with a script in it.
    Html,
    /// A ZIP archive.
    Zip,
    /// A Word document (a ZIP archive of XML parts).
    Docx,
    /// Bytes without any structure.
    Random,
}

impl Format {
    /// The mimetype that a sender declares for it.
    pub fn mimetype(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
            Format::Mp4 => "video/mp4",
            Format::Ogg => "audio/ogg; codecs=opus",
            Format::Mp3 => "audio/mpeg",
            Format::Pdf => "application/pdf",
            Format::Txt => "text/plain",
            Format::Html => "text/html",
            Format::Zip => "application/zip",
            Format::Docx => {
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            }
            Format::Random => "application/octet-stream",
        }
    }

    /// The usual file name extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Mp4 => "mp4",
            Format::Ogg => "ogg",
            Format::Mp3 => "mp3",
            Format::Pdf => "pdf",
            Format::Txt => "txt",
            Format::Html => "html",
            Format::Zip => "zip",
            Format::Docx => "docx",
            Format::Random => "bin",
        }
    }
}
