//! The description of a media message that a test asks for.

mod kind;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::encrypt::{Encryption, KeyType};
use crate::{CdnScenario, WapiScenario};

pub use kind::{Format, Kind};

/// The instance of media messages unless a [`Spec`] names another.
pub const DEFAULT_INSTANCE: &str = "LITE-AAAAAA-BBBBBB";
/// The token that [`DEFAULT_INSTANCE`] has from the start.
pub const DEFAULT_TOKEN: &str = "invented-token-of-LITE-AAAAAA-BBBBBB-from-the-start";
/// The default time of messages: 2026-08-22 19:47:59 at −03:00, in seconds since 1970.
pub const DEFAULT_MOMENT: i64 = 1_787_438_879;
/// The default expiry of CDN paths: 2100-01-01 UTC, in seconds since 1970. No test runs later.
pub const DEFAULT_OE: u64 = 4_102_444_800;

/// How W-API spells the keys of the media object.
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

/// A field of the media object that a test may omit.
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

/// False values in the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FalseFields {
    /// `fileLength` says this many bytes.
    pub file_length: Option<u64>,
    /// `fileSha256` is the hash of something else.
    pub file_sha256: bool,
    /// `fileEncSha256` is the hash of something else.
    pub file_enc_sha256: bool,
}

/// A media message: what it is, how its webhook describes it, and how the two origins behave.
///
/// The bytes depend on `seed`, `kind`, `format` and `size` alone, so equal specs give equal files
/// and another seed another file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// Decides bytes, keys, path and ids. If empty, the stand-in chooses a new one.
    pub seed: String,
    /// The kind of media message.
    pub kind: Kind,
    /// The spelling of its keys.
    pub dialect: Dialect,
    /// The file's format; by default the kind's own.
    pub format: Option<Format>,
    /// Pads the file to exactly this many bytes. No effect below the format's smallest file.
    pub size: Option<u64>,
    /// The declared mimetype; by default the format's own.
    pub mimetype: Option<String>,
    /// The instance that received it.
    pub instance: String,
    /// `chat.id`; by default a person's digits, a group if `group` is set, a channel for
    /// `NewsletterImage`.
    pub chat: Option<String>,
    /// `sender.id`; by default `5500900000002`, or the connected phone if `from_me`.
    pub sender: Option<String>,
    /// Sent by the connected account: the event is `webhookDelivery`.
    pub from_me: bool,
    /// In a group. Implied by a chat that ends in `@g.us`.
    pub group: bool,
    /// Wrapper names around the message, outermost first:
    /// `["ephemeralMessage", "viewOnceMessageV2"]`.
    pub wrappers: Vec<String>,
    /// The caption in the media object.
    pub caption: Option<String>,
    /// `fileName` (and `title`) of a document.
    pub file_name: Option<String>,
    /// When it was sent, in seconds since 1970.
    pub moment: i64,
    /// The message id; by default derived from the seed.
    pub message_id: Option<String>,
    /// `viewOnce` inside the media object.
    pub view_once: bool,
    /// The `event` name; by default derived from `from_me`.
    pub event: Option<String>,
    /// Further keys of the media object (`contextInfo` and the like); they replace generated
    /// ones.
    pub extra: Map<String, Value>,
    /// Fields that the webhook omits.
    pub omit: BTreeSet<Field>,
    /// Fields that are present although the kind omits them (a channel image with a media key).
    pub keep: BTreeSet<Field>,
    /// Encrypts with the keys of another type of content.
    pub key_type: Option<KeyType>,
    /// How the file is encrypted.
    pub seal: Encryption,
    /// False values in the webhook.
    pub lies: FalseFields,
    /// Expiry of the CDN path, in seconds since 1970. In the past, the CDN answers 403.
    pub oe: u64,
    /// Appended to the query of `directPath`, `&` included, exactly as given.
    pub query_extra: String,
    /// Omits the query of `directPath`, so that only the `url` is signed.
    pub unsigned_path: bool,
    /// The values of `type` that W-API accepts; by default those of the key type (for a sticker
    /// `image` and `sticker`).
    pub wapi_types: Option<Vec<String>>,
    /// How W-API behaves when the file is requested.
    pub wapi: WapiScenario,
    /// How `POST /media/download` behaves, if [`crate::StandIn::set_alternates`] enabled it.
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
            seal: Encryption::default(),
            lies: FalseFields::default(),
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
    /// A spec of this kind with default values.
    pub fn of(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Sets the seed of bytes, keys, path and ids.
    pub fn seed(mut self, seed: impl Into<String>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Sets the spelling of field names.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sets the format of the file.
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Pads the file to this many bytes.
    pub fn size(mut self, size_bytes: u64) -> Self {
        self.size = Some(size_bytes);
        self
    }

    /// Sets the declared mimetype.
    pub fn mimetype(mut self, mimetype: impl Into<String>) -> Self {
        self.mimetype = Some(mimetype.into());
        self
    }

    /// Sets the instance that receives it.
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = instance.into();
        self
    }

    /// Sets the chat (`chat.id`).
    pub fn chat(mut self, chat: impl Into<String>) -> Self {
        self.chat = Some(chat.into());
        self
    }

    /// Sets the sender (`sender.id`).
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Marks it as sent by the connected account.
    pub fn from_me(mut self) -> Self {
        self.from_me = true;
        self
    }

    /// Puts it into a group.
    pub fn group(mut self) -> Self {
        self.group = true;
        self
    }

    /// Adds a wrapper, inside those added before.
    pub fn wrapper(mut self, name: impl Into<String>) -> Self {
        self.wrappers.push(name.into());
        self
    }

    /// Sets the media object's caption.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = Some(caption.into());
        self
    }

    /// Sets the document's file name.
    pub fn file_name(mut self, file_name: impl Into<String>) -> Self {
        self.file_name = Some(file_name.into());
        self
    }

    /// Sets when it was sent, in seconds since 1970.
    pub fn moment(mut self, moment: i64) -> Self {
        self.moment = moment;
        self
    }

    /// Sets the message id.
    pub fn message_id(mut self, message_id: impl Into<String>) -> Self {
        self.message_id = Some(message_id.into());
        self
    }

    /// Adds a key to the media object.
    pub fn extra(mut self, key: impl Into<String>, value: Value) -> Self {
        self.extra.insert(key.into(), value);
        self
    }

    /// Marks it as view-once.
    pub fn view_once(mut self) -> Self {
        self.view_once = true;
        self
    }

    /// Omits a field from the webhook.
    pub fn omit(mut self, field: Field) -> Self {
        self.omit.insert(field);
        self
    }

    /// Includes a field although the kind omits it.
    pub fn keep(mut self, field: Field) -> Self {
        self.keep.insert(field);
        self
    }

    /// Encrypts with the keys of another type of content.
    pub fn key_type(mut self, key_type: KeyType) -> Self {
        self.key_type = Some(key_type);
        self
    }

    /// Sets how the file is encrypted.
    pub fn seal(mut self, seal: Encryption) -> Self {
        self.seal = seal;
        self
    }

    /// Sets false values in the webhook.
    pub fn lies(mut self, lies: FalseFields) -> Self {
        self.lies = lies;
        self
    }

    /// Sets the expiry of the CDN path, in seconds since 1970.
    pub fn oe(mut self, oe: u64) -> Self {
        self.oe = oe;
        self
    }

    /// Appends to the query of `directPath`; the text includes its `&`.
    pub fn query_extra(mut self, query_extra: impl Into<String>) -> Self {
        self.query_extra = query_extra.into();
        self
    }

    /// Removes the query of `directPath`.
    pub fn unsigned_path(mut self) -> Self {
        self.unsigned_path = true;
        self
    }

    /// Sets the values of `type` under which W-API finds the file.
    pub fn wapi_types(mut self, types: &[&str]) -> Self {
        self.wapi_types = Some(types.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// Sets the `event` name.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// Sets how W-API behaves.
    pub fn wapi(mut self, scenario: WapiScenario) -> Self {
        self.wapi = scenario;
        self
    }

    /// Sets how `POST /media/download` behaves, if it is enabled.
    pub fn alternate(mut self, scenario: WapiScenario) -> Self {
        self.alternate = scenario;
        self
    }

    /// Sets how the CDN behaves.
    pub fn cdn(mut self, scenario: CdnScenario) -> Self {
        self.cdn = scenario;
        self
    }

    /// The format of its file.
    pub fn file_format(&self) -> Format {
        self.format.unwrap_or_else(|| self.kind.format())
    }

    /// The type of content whose keys its file is encrypted with.
    pub fn file_key_type(&self) -> KeyType {
        self.key_type.unwrap_or_else(|| self.kind.key_type())
    }

    /// How its file is encrypted: channels are plain whatever `seal` says.
    pub fn effective_encryption(&self) -> Encryption {
        if self.kind == Kind::NewsletterImage { Encryption::Plain } else { self.seal }
    }

    /// Whether the webhook contains a field.
    pub fn has_field(&self, field: Field) -> bool {
        let left_out_by_kind = self.kind == Kind::NewsletterImage
            && matches!(field, Field::MediaKey | Field::FileEncSha256)
            && !self.keep.contains(&field);
        !left_out_by_kind && !self.omit.contains(&field)
    }
}
