//! A media file that is served, and the webhook that announces it.

use anyhow::Result;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::encrypt::{self, EncryptedChunks, Hashes, MediaKeys};
use crate::encrypt::{Encryption, KeyType};
use crate::plain::Plain;
use crate::spec::{Dialect, Field, Format, Kind, Spec};
use crate::{formats, noise};

/// A media file that both origins serve.
#[derive(Debug, Clone, Serialize)]
pub struct AnnouncedMedia {
    /// The seed of its bytes and ids.
    pub seed: String,
    /// The instance that received it.
    pub instance: String,
    /// The id of its message.
    pub message_id: String,
    /// The body that W-API would post.
    pub webhook: Value,
    /// The file, made on demand.
    #[serde(skip)]
    pub plain: Plain,
    /// The file's length in bytes.
    pub size: u64,
    /// SHA-256 of the file, lower-case hex.
    pub sha256_hex: String,
    /// The encrypted file's length in bytes.
    pub sealed_size: u64,
    /// SHA-256 of the encrypted file, lower-case hex.
    pub sealed_sha256_hex: String,
    /// The media key, base64, even if the webhook omits it.
    pub media_key: String,
    /// `directPath` with its query, even if the webhook omits it.
    pub direct_path: String,
    /// The mimetype that the sender declared.
    pub mimetype: String,
    /// The format of the bytes.
    pub format: Format,
    /// The type of content, which selects the keys.
    pub key_type: KeyType,
    /// `chat.id` of the event.
    pub chat: String,
    /// When the message was sent, in seconds since 1970.
    pub moment: i64,
    /// When the CDN path expires, in seconds since 1970.
    pub oe: u64,
    /// The keys that the file is encrypted with.
    #[serde(skip)]
    pub keys: MediaKeys,
    /// The spec, with its seed.
    pub spec: Spec,
}

impl AnnouncedMedia {
    /// Builds the file and its webhook from a spec whose seed is set.
    pub(crate) fn from_spec(spec: Spec) -> Result<Self> {
        let plain = formats::make_file(spec.file_format(), &spec.seed, spec.size);
        let media_key = noise::digest_seed(&spec.seed, "media key");
        let keys = MediaKeys::derive_keys(&media_key, spec.file_key_type())?;
        let hashes = encrypt::compute_hashes(&plain, &keys, spec.effective_encryption())?;
        let (chat, _) = choose_chat_and_sender(&spec);
        let mut announced = Self {
            seed: spec.seed.clone(),
            instance: spec.instance.clone(),
            message_id: choose_message_id(&spec),
            webhook: Value::Null,
            size: plain.size(),
            sha256_hex: HEXLOWER.encode(&hashes.plain),
            sealed_size: encrypt::encrypted_size(plain.size(), spec.effective_encryption()),
            sealed_sha256_hex: HEXLOWER.encode(&hashes.sealed),
            media_key: BASE64.encode(&media_key),
            direct_path: build_direct_path(&spec),
            mimetype: declared_mimetype(&spec),
            format: spec.file_format(),
            key_type: spec.file_key_type(),
            chat,
            moment: spec.moment,
            oe: spec.oe,
            plain,
            keys,
            spec,
        };
        announced.webhook = announced.build_webhook(hashes)?;
        Ok(announced)
    }

    /// The encrypted file in pieces.
    ///
    /// # Errors
    /// Never in practice.
    pub fn encrypted_chunks(&self) -> Result<EncryptedChunks> {
        EncryptedChunks::new(&self.plain, &self.keys, self.spec.effective_encryption())
    }

    /// The values of `type` for which W-API finds the file.
    pub fn wapi_types(&self) -> Vec<String> {
        if let Some(types) = &self.spec.wapi_types {
            return types.clone();
        }
        let mut types = vec![self.key_type.wapi_type().to_owned()];
        if self.spec.kind == Kind::Sticker {
            types.push("sticker".to_owned());
        }
        types
    }

    fn build_webhook(&self, hashes: Hashes) -> Result<Value> {
        let spec = &self.spec;
        let (chat, sender) = choose_chat_and_sender(spec);
        let mut content = json!({ spec.kind.content_key(): self.build_media_object(hashes)? });
        for wrapper in spec.wrappers.iter().rev() {
            content = json!({ wrapper: { "message": content } });
        }
        if let Value::Object(content) = &mut content {
            let secret = BASE64.encode(&noise::digest_seed(&spec.seed, "message secret"));
            content.insert("messageContextInfo".to_owned(), json!({ "messageSecret": secret }));
        }
        let event = spec.event.clone().unwrap_or_else(|| {
            let by_direction = if spec.from_me { "webhookDelivery" } else { "webhookReceived" };
            by_direction.to_owned()
        });
        Ok(crate::events::build_envelope(&crate::events::Envelope {
            event: &event,
            instance: &spec.instance,
            message_id: &self.message_id,
            from_me: spec.from_me,
            group: spec.group || chat.ends_with("@g.us"),
            chat: &chat,
            sender: &sender,
            moment: spec.moment,
            content,
        }))
    }

    fn build_media_object(&self, hashes: Hashes) -> Result<Value> {
        let spec = &self.spec;
        let mut object = Map::new();
        let mut put = |field: Field, value: Value| {
            if spec.has_field(field) {
                object.insert(field_name(field, spec.dialect).to_owned(), value);
            }
        };
        put(Field::Url, json!(self.announced_url()));
        put(Field::Mimetype, json!(self.mimetype));
        put(
            Field::FileSha256,
            json!(announced_hash(spec.lies.file_sha256, &spec.seed, hashes.plain)),
        );
        put(Field::FileLength, json!(spec.lies.file_length.unwrap_or(self.size).to_string()));
        put(Field::MediaKey, json!(self.media_key));
        put(
            Field::FileEncSha256,
            json!(announced_hash(spec.lies.file_enc_sha256, &spec.seed, hashes.sealed)),
        );
        put(Field::DirectPath, json!(self.announced_path()));
        if matches!(spec.kind.key_type(), KeyType::Image | KeyType::Video)
            && spec.kind != Kind::Sticker
        {
            put(Field::Thumbnail, json!(BASE64.encode(formats::THUMBNAIL)));
        }
        object.insert("mediaKeyTimestamp".to_owned(), json!(spec.moment.to_string()));
        object.append(&mut self.kind_fields());
        object.append(&mut spec.extra.clone());
        Ok(Value::Object(object))
    }

    /// The fields of this kind of media object that do not depend on the rest of the spec.
    fn fixed_fields(&self) -> Value {
        let spec = &self.spec;
        let seconds = 1 + noise::derive_number(&spec.seed, "seconds") % 60;
        let sidecar = BASE64.encode(&noise::digest_seed(&spec.seed, "sidecar"));
        match spec.kind {
            Kind::Image | Kind::NewsletterImage => {
                json!({ "height": 48, "width": 64, "viewOnce": spec.view_once })
            }
            Kind::Video | Kind::Ptv => {
                json!({
                    "seconds": seconds, "height": 32, "width": 32, "streamingSidecar": sidecar,
                    "viewOnce": spec.view_once
                })
            }
            Kind::Gif => {
                json!({ "seconds": seconds, "height": 32, "width": 32, "gifPlayback": true })
            }
            Kind::Audio => json!({ "seconds": seconds }),
            Kind::Voice => {
                json!({
                    "seconds": seconds,
                    "waveform": BASE64.encode(&noise::noise_bytes(seconds, 64)),
                    "viewOnce": spec.view_once
                })
            }
            Kind::Document => json!({ "pageCount": 1 }),
            Kind::Sticker => json!({ "height": 64, "width": 64, "isAnimated": false }),
        }
    }

    /// The fields that only this kind of media object has.
    fn kind_fields(&self) -> Map<String, Value> {
        let spec = &self.spec;
        let mut said = self.fixed_fields();
        if let Value::Object(said) = &mut said {
            if matches!(spec.kind, Kind::Audio | Kind::Voice) {
                let key = if spec.dialect == Dialect::Y2026 { "PTT" } else { "ptt" };
                said.insert(key.to_owned(), json!(spec.kind == Kind::Voice));
            }
            if let (Kind::Document, Some(file_name)) = (spec.kind, &spec.file_name) {
                let title = file_name.rsplit_once('.').map_or(file_name.as_str(), |(stem, _)| stem);
                said.insert("fileName".to_owned(), json!(file_name));
                said.insert("title".to_owned(), json!(title));
            }
            if let Some(caption) = &spec.caption {
                said.insert("caption".to_owned(), json!(caption));
            }
            if spec.dialect != Dialect::Y2025
                && matches!(spec.kind.key_type(), KeyType::Video | KeyType::Audio)
                && spec.has_field(Field::MediaKey)
            {
                let domain = json!({
                    "e2EeMediaKey": self.media_key, "mediaKeyDomain": "MEDIA_KEY_DOMAIN_E2EE"
                });
                said.insert("contextInfo".to_owned(), json!({ "mediaDomainInfo": domain }));
            }
        }
        if let Value::Object(said) = said { said } else { Map::new() }
    }

    /// `directPath` as the webhook contains it.
    fn announced_path(&self) -> &str {
        let bare = self.direct_path.split('?').next();
        match self.spec.unsigned_path {
            true => bare.unwrap_or_default(),
            false => &self.direct_path,
        }
    }

    /// The full URL; a sticker's is the bare host, as in production.
    fn announced_url(&self) -> String {
        if self.spec.kind == Kind::Sticker {
            "https://web.whatsapp.net".to_owned()
        } else {
            format!("https://mmg.whatsapp.net{}&mms3=true", self.direct_path)
        }
    }
}

/// The spelling of a field in a dialect.
fn field_name(field: Field, dialect: Dialect) -> &'static str {
    let old = dialect == Dialect::Y2025;
    let new = dialect == Dialect::Y2026;
    match field {
        Field::MediaKey => "mediaKey",
        Field::FileSha256 if new => "fileSHA256",
        Field::FileSha256 => "fileSha256",
        Field::FileEncSha256 if old => "fileEncSha256",
        Field::FileEncSha256 => "fileEncSHA256",
        Field::DirectPath => "directPath",
        Field::Url if new => "URL",
        Field::Url => "url",
        Field::FileLength => "fileLength",
        Field::Mimetype => "mimetype",
        Field::Thumbnail if old => "jpegThumbnail",
        Field::Thumbnail => "JPEGThumbnail",
    }
}

fn announced_hash(lie: bool, seed: &str, hash: [u8; 32]) -> String {
    if lie { BASE64.encode(&noise::digest_seed(seed, "a lie")) } else { BASE64.encode(&hash) }
}

fn declared_mimetype(spec: &Spec) -> String {
    spec.mimetype.clone().unwrap_or_else(|| spec.file_format().mimetype().to_owned())
}

/// Twenty characters, as most ids in production have.
fn choose_message_id(spec: &Spec) -> String {
    spec.message_id.clone().unwrap_or_else(|| {
        let digest = HEXUPPER.encode(&noise::digest_seed(&spec.seed, "message id"));
        format!("3EB0{}", digest.get(..16).unwrap_or(&digest))
    })
}

fn choose_chat_and_sender(spec: &Spec) -> (String, String) {
    let chat = spec.chat.clone().unwrap_or_else(|| {
        let usual = if spec.kind == Kind::NewsletterImage {
            "120363000000000001@newsletter"
        } else if spec.group {
            "120363000000000002@g.us"
        } else {
            "5500900000002"
        };
        usual.to_owned()
    });
    let sender = spec.sender.clone().unwrap_or_else(|| {
        let usual = if spec.from_me { "5500900000001" } else { "5500900000002" };
        usual.to_owned()
    });
    (chat, sender)
}

/// The signed path of a file, in the shapes observed in production. Its query is the credential.
fn build_direct_path(spec: &Spec) -> String {
    let digest = noise::digest_seed(&spec.seed, "direct path");
    let id = HEXLOWER.encode(&digest);
    let number = noise::derive_number(&spec.seed, "direct path number");
    let oh = BASE64URL_NOPAD.encode(&noise::digest_seed(&spec.seed, "signature"));
    let folder = match spec.kind {
        Kind::Image | Kind::NewsletterImage => "t62.7118-24",
        Kind::Video | Kind::Gif | Kind::Ptv => "t62.7161-24",
        Kind::Audio | Kind::Voice => "t62.7117-24",
        Kind::Document => "t62.7119-24",
        Kind::Sticker => "t62.15575-24",
    };
    let (path, ccb) = if spec.effective_encryption() == Encryption::Plain {
        (format!("/m1/v/t24/An{}", BASE64URL_NOPAD.encode(&digest)), "10-5")
    } else if spec.dialect == Dialect::Y2025 {
        (format!("/o1/v/{folder}/f2/m233/{id}.enc"), "9-4")
    } else {
        let short = id.get(..12).unwrap_or(&id);
        (format!("/v/{folder}/{number}_{short}_n.enc"), "11-4")
    };
    format!("{path}?ccb={ccb}&oh=01_Q5Aa{oh}&oe={:X}&_nc_sid=5e03e0{}", spec.oe, spec.query_extra)
}
