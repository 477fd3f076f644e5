//! What a test asks for: one media message, described.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::encrypt::{KeyType, Seal};
use crate::{CdnScenario, WapiScenario};

/// The instance that media belong to unless a [`Spec`] names another.
pub const DEFAULT_INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
/// The token that [`DEFAULT_INSTANCE`] has from the start.
pub const DEFAULT_TOKEN: &str = "invented-token-of-LITE-AAAAAA-BBBBBB-from-the-start";
/// When messages were sent, unless told: 2026-08-22 19:47:59 at −03:00, in epoch seconds.
pub const DEFAULT_MOMENT: i64 = 1_787_438_879;
/// When CDN paths expire, unless told: 2100-01-01 UTC, in epoch seconds. No run of these tests comes later.
pub const DEFAULT_OE: u64 = 4_102_444_800;

/// What the message says it holds, and which key of `msgContent` it sits under.
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

    /// The format made when the [`Spec`] names none.
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

/// Which spelling of the media object's keys W-API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `url`, `jpegThumbnail`, `fileSha256`, `fileEncSha256`, `ptt`.
    Y2025,
    /// `URL`, `JPEGThumbnail`, `fileSHA256`, `fileEncSHA256`, `PTT`.
    #[default]
    Y2026,
    /// Some keys of each.
    Mixed,
}

/// The format of the file's bytes. All but `Random` are valid files of their kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JPEG picture.
    Jpeg,
    /// A PNG picture.
    Png,
    /// A lossless WebP picture.
    Webp,
    /// An MP4 with one H.264 track.
    Mp4,
    /// Ogg Opus, silent.
    Ogg,
    /// MP3, silent.
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
    /// The mimetype a sender declares for it.
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

/// A field of the media object that a test may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// `mediaKey`.
    MediaKey,
    /// `fileSha256` / `fileSHA256`.
    FileSha256,
    /// `fileEncSha256` / `fileEncSHA256`.
    FileEncSha256,
    /// `directPath`.
    DirectPath,
    /// `url` / `URL`.
    Url,
    /// `fileLength`.
    FileLength,
    /// `mimetype`.
    Mimetype,
    /// `jpegThumbnail` / `JPEGThumbnail`.
    Thumbnail,
}

/// What the webhook says that is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lies {
    /// `fileLength` says this many bytes.
    pub file_length: Option<u64>,
    /// `fileSha256` is the hash of something else.
    pub file_sha256: bool,
    /// `fileEncSha256` is the hash of something else.
    pub file_enc_sha256: bool,
}

/// One media message: what it is, how its webhook tells it, and how the two origins behave when asked for it.
///
/// The bytes follow from `seed`, `kind`, `format` and `size` alone, so equal specs give equal files and another seed another file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// Decides bytes, keys, path and ids. Empty: the stand-in gives a fresh one.
    pub seed: String,
    /// What the message holds.
    pub kind: Kind,
    /// How its keys are spelled.
    pub dialect: Dialect,
    /// The file's format; the kind's usual one when absent.
    pub format: Option<Format>,
    /// Pad the file to exactly this many bytes. Below the format's smallest file it has no effect.
    pub size: Option<u64>,
    /// The declared mimetype; the format's own when absent.
    pub mimetype: Option<String>,
    /// The instance that received it.
    pub instance: String,
    /// `chat.id`; a person's digits, a group when `group` is set, a channel for `NewsletterImage`, when absent.
    pub chat: Option<String>,
    /// `sender.id`; `5500900000002` when absent, the connected phone when `from_me`.
    pub sender: Option<String>,
    /// Sent by the connected account: the event is `webhookDelivery`.
    pub from_me: bool,
    /// In a group. Implied by a chat that ends in `@g.us`.
    pub group: bool,
    /// Wrapper names around the message, outermost first: `["ephemeralMessage", "viewOnceMessageV2"]`.
    pub wrappers: Vec<String>,
    /// The caption.
    pub caption: Option<String>,
    /// `fileName` (and `title`) of a document.
    pub file_name: Option<String>,
    /// Epoch seconds.
    pub moment: i64,
    /// The message id; derived from the seed when absent.
    pub message_id: Option<String>,
    /// `viewOnce` inside the media object.
    pub view_once: bool,
    /// The `event` name; by `from_me` when absent.
    pub event: Option<String>,
    /// Further keys of the media object (`contextInfo` and the like); they win over the made ones.
    pub extra: Map<String, Value>,
    /// Fields that the webhook leaves out.
    pub omit: BTreeSet<Field>,
    /// Fields that are there although the kind leaves them out (a channel image with a media key).
    pub keep: BTreeSet<Field>,
    /// Encrypt with the keys of another type.
    pub key_type: Option<KeyType>,
    /// How the file was sealed.
    pub seal: Seal,
    /// What the webhook gets wrong.
    pub lies: Lies,
    /// Expiry of the CDN path, epoch seconds. In the past, the CDN answers 403.
    pub oe: u64,
    /// Appended to the query of `directPath`, `&` included, exactly as given.
    pub query_extra: String,
    /// `directPath` is told without its query, so that only the `url` is signed.
    pub unsigned_path: bool,
    /// The values of `type` that W-API accepts; by key type when absent (a sticker: `image` and `sticker`).
    pub wapi_types: Option<Vec<String>>,
    /// How W-API behaves.
    pub wapi: WapiScenario,
    /// How `POST /media/download` behaves, once [`crate::StandIn::set_alternates`] has made it exist.
    pub alternate: WapiScenario,
    /// How the CDN behaves.
    pub cdn: CdnScenario,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            seed: String::new(),
            kind: Kind::default(),
            dialect: Dialect::default(),
            format: None,
            size: None,
            mimetype: None,
            instance: DEFAULT_INSTANCE.to_owned(),
            chat: None,
            sender: None,
            from_me: false,
            group: false,
            wrappers: Vec::new(),
            caption: None,
            file_name: None,
            moment: DEFAULT_MOMENT,
            message_id: None,
            view_once: false,
            event: None,
            extra: Map::new(),
            omit: BTreeSet::new(),
            keep: BTreeSet::new(),
            key_type: None,
            seal: Seal::default(),
            lies: Lies::default(),
            oe: DEFAULT_OE,
            query_extra: String::new(),
            unsigned_path: false,
            wapi_types: None,
            wapi: WapiScenario::Ok,
            alternate: WapiScenario::Ok,
            cdn: CdnScenario::Ok,
        }
    }
}

impl Spec {
    /// A spec of one kind, everything else as usual.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    /// With this seed.
    pub fn seed(mut self, seed: impl Into<String>) -> Self {
        self.seed = seed.into();
        self
    }

    /// In this dialect.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// In this format.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Padded to this many bytes.
    pub fn size(mut self, size_bytes: u64) -> Self {
        self.size = Some(size_bytes);
        self
    }

    /// Declared as this mimetype.
    pub fn mimetype(mut self, mimetype: impl Into<String>) -> Self {
        self.mimetype = Some(mimetype.into());
        self
    }

    /// Received by this instance.
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = instance.into();
        self
    }

    /// In this chat (`chat.id`).
    pub fn chat(mut self, chat: impl Into<String>) -> Self {
        self.chat = Some(chat.into());
        self
    }

    /// Sent by this id (`sender.id`).
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Sent by the connected account.
    pub fn from_me(mut self) -> Self {
        self.from_me = true;
        self
    }

    /// In a group.
    pub fn group(mut self) -> Self {
        self.group = true;
        self
    }

    /// Inside one more wrapper, the innermost so far.
    pub fn wrapper(mut self, name: impl Into<String>) -> Self {
        self.wrappers.push(name.into());
        self
    }

    /// With this caption.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = Some(caption.into());
        self
    }

    /// A document of this name.
    pub fn file_name(mut self, file_name: impl Into<String>) -> Self {
        self.file_name = Some(file_name.into());
        self
    }

    /// Sent at this time, epoch seconds.
    pub fn moment(mut self, moment: i64) -> Self {
        self.moment = moment;
        self
    }

    /// With this message id.
    pub fn message_id(mut self, message_id: impl Into<String>) -> Self {
        self.message_id = Some(message_id.into());
        self
    }

    /// With this key in the media object.
    pub fn extra(mut self, key: impl Into<String>, value: Value) -> Self {
        self.extra.insert(key.into(), value);
        self
    }

    /// To be viewed once.
    pub fn view_once(mut self) -> Self {
        self.view_once = true;
        self
    }

    /// Without this field.
    pub fn omit(mut self, field: Field) -> Self {
        self.omit.insert(field);
        self
    }

    /// With this field although the kind leaves it out.
    pub fn keep(mut self, field: Field) -> Self {
        self.keep.insert(field);
        self
    }

    /// Encrypted with the keys of another type.
    pub fn key_type(mut self, key_type: KeyType) -> Self {
        self.key_type = Some(key_type);
        self
    }

    /// Sealed like this.
    pub fn seal(mut self, seal: Seal) -> Self {
        self.seal = seal;
        self
    }

    /// With these untruths in the webhook.
    pub fn lies(mut self, lies: Lies) -> Self {
        self.lies = lies;
        self
    }

    /// With a CDN path that expires then, epoch seconds.
    pub fn oe(mut self, oe: u64) -> Self {
        self.oe = oe;
        self
    }

    /// With this at the end of the query of `directPath`, its `&` included.
    pub fn query_extra(mut self, query_extra: impl Into<String>) -> Self {
        self.query_extra = query_extra.into();
        self
    }

    /// With a `directPath` that has lost its query.
    pub fn unsigned_path(mut self) -> Self {
        self.unsigned_path = true;
        self
    }

    /// Found by W-API under these values of `type` only.
    pub fn wapi_types(mut self, types: &[&str]) -> Self {
        self.wapi_types = Some(types.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Under this `event` name.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// W-API behaves like this.
    pub fn wapi(mut self, scenario: WapiScenario) -> Self {
        self.wapi = scenario;
        self
    }

    /// `POST /media/download` behaves like this, where it exists.
    pub fn alternate(mut self, scenario: WapiScenario) -> Self {
        self.alternate = scenario;
        self
    }

    /// The CDN behaves like this.
    pub fn cdn(mut self, scenario: CdnScenario) -> Self {
        self.cdn = scenario;
        self
    }

    /// The format its file has.
    pub fn file_format(&self) -> Format {
        self.format.unwrap_or_else(|| self.kind.format())
    }

    /// The key type its file is encrypted with.
    pub fn sealing_key_type(&self) -> KeyType {
        self.key_type.unwrap_or_else(|| self.kind.key_type())
    }

    /// How its file is sealed: channels are plain whatever `seal` says.
    pub fn sealing(&self) -> Seal {
        if self.kind == Kind::NewsletterImage {
            Seal::Plain
        } else {
            self.seal
        }
    }

    /// Whether the webhook carries a field.
    pub fn carries(&self, field: Field) -> bool {
        let left_out_by_kind = self.kind == Kind::NewsletterImage
            && matches!(field, Field::MediaKey | Field::FileEncSha256)
            && !self.keep.contains(&field);
        !left_out_by_kind && !self.omit.contains(&field)
    }
}
