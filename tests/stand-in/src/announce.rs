//! A media that is being served, and the webhook that tells of it.

use anyhow::Result;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::encrypt::{self, Hashes, MediaKeys, Sealed};
use crate::encrypt::{KeyType, Seal};
use crate::plain::Plain;
use crate::spec::{Dialect, Field, Format, Kind, Spec};
use crate::{formats, noise};

/// A media that both origins now serve.
#[derive(Debug, Clone, Serialize)]
pub struct Announced {
    /// What its bytes and ids follow from.
    pub seed: String,
    /// The instance that received it.
    pub instance: String,
    /// The message id.
    pub message_id: String,
    /// The body that W-API would post.
    pub webhook: Value,
    /// The file, made on demand.
    #[serde(skip)]
    pub plain: Plain,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the file, lower-case hex.
    pub sha256_hex: String,
    /// Bytes of the sealed file.
    pub sealed_size: u64,
    /// SHA-256 of the sealed file, lower-case hex.
    pub sealed_sha256_hex: String,
    /// The media key, base64, also where the webhook leaves it out.
    pub media_key: String,
    /// `directPath` with its query, also where the webhook leaves it out.
    pub direct_path: String,
    /// The declared mimetype.
    pub mimetype: String,
    /// The format of the bytes.
    pub format: Format,
    /// Whose keys the file is encrypted with.
    pub key_type: KeyType,
    /// `chat.id` of the envelope.
    pub chat: String,
    /// Epoch seconds.
    pub moment: i64,
    /// Epoch seconds at which the CDN path expires.
    pub oe: u64,
    /// The keys that the sealed file is made with.
    #[serde(skip)]
    pub keys: MediaKeys,
    /// The spec, its seed filled in.
    pub spec: Spec,
}

impl Announced {
    /// Makes everything that follows from a spec whose seed is set.
    pub(crate) fn make(spec: Spec) -> Result<Self> {
        let plain = formats::make(spec.file_format(), &spec.seed, spec.size)?;
        let media_key = noise::digest(&spec.seed, "media key");
        let keys = MediaKeys::derive(&media_key, spec.sealing_key_type())?;
        let hashes = encrypt::hashes(&plain, &keys, spec.sealing())?;
        let (chat, _) = chat_and_sender(&spec);
        let mut announced = Self {
            seed: spec.seed.clone(),
            instance: spec.instance.clone(),
            message_id: message_id(&spec),
            webhook: Value::Null,
            size: plain.size(),
            sha256_hex: HEXLOWER.encode(&hashes.plain),
            sealed_size: encrypt::sealed_size(plain.size(), spec.sealing()),
            sealed_sha256_hex: HEXLOWER.encode(&hashes.sealed),
            media_key: BASE64.encode(&media_key),
            direct_path: direct_path(&spec),
            mimetype: mimetype(&spec),
            format: spec.file_format(),
            key_type: spec.sealing_key_type(),
            chat,
            moment: spec.moment,
            oe: spec.oe,
            plain,
            keys,
            spec,
        };
        announced.webhook = announced.envelope(hashes)?;
        Ok(announced)
    }

    /// The sealed file in pieces.
    ///
    /// # Errors
    /// Never in practice.
    pub fn sealed(&self) -> Result<Sealed> {
        Sealed::new(&self.plain, &self.keys, self.spec.sealing())
    }

    /// The values of `type` with which W-API finds the file.
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

    fn envelope(&self, hashes: Hashes) -> Result<Value> {
        let spec = &self.spec;
        let (chat, sender) = chat_and_sender(spec);
        let mut content = json!({ spec.kind.content_key(): self.media_object(hashes)? });
        for wrapper in spec.wrappers.iter().rev() {
            content = json!({ wrapper: { "message": content } });
        }
        if let Value::Object(content) = &mut content {
            let secret = BASE64.encode(&noise::digest(&spec.seed, "message secret"));
            content.insert(
                "messageContextInfo".to_owned(),
                json!({ "messageSecret": secret }),
            );
        }
        let event = spec.event.clone().unwrap_or_else(|| {
            let by_direction = if spec.from_me {
                "webhookDelivery"
            } else {
                "webhookReceived"
            };
            by_direction.to_owned()
        });
        Ok(crate::events::envelope(&crate::events::Envelope {
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

    fn media_object(&self, hashes: Hashes) -> Result<Value> {
        let spec = &self.spec;
        let mut object = Map::new();
        let mut put = |field: Field, value: Value| {
            if spec.carries(field) {
                object.insert(name(field, spec.dialect).to_owned(), value);
            }
        };
        put(Field::Url, json!(self.url()));
        put(Field::Mimetype, json!(self.mimetype));
        put(
            Field::FileSha256,
            json!(told_hash(spec.lies.file_sha256, &spec.seed, hashes.plain)),
        );
        put(
            Field::FileLength,
            json!(spec.lies.file_length.unwrap_or(self.size).to_string()),
        );
        put(Field::MediaKey, json!(self.media_key));
        put(
            Field::FileEncSha256,
            json!(told_hash(
                spec.lies.file_enc_sha256,
                &spec.seed,
                hashes.sealed
            )),
        );
        put(Field::DirectPath, json!(self.told_path()));
        if matches!(spec.kind.key_type(), KeyType::Image | KeyType::Video)
            && spec.kind != Kind::Sticker
        {
            put(
                Field::Thumbnail,
                json!(BASE64.encode(&formats::thumbnail(&spec.seed)?)),
            );
        }
        object.insert(
            "mediaKeyTimestamp".to_owned(),
            json!(spec.moment.to_string()),
        );
        object.append(&mut self.particulars());
        object.append(&mut spec.extra.clone());
        Ok(Value::Object(object))
    }

    /// What only this kind of media says of itself.
    fn particulars(&self) -> Map<String, Value> {
        let spec = &self.spec;
        let seconds = 1 + noise::number(&spec.seed, "seconds") % 60;
        let sidecar = BASE64.encode(&noise::digest(&spec.seed, "sidecar"));
        let mut said = match spec.kind {
            Kind::Image | Kind::NewsletterImage => {
                json!({ "height": 48, "width": 64, "viewOnce": spec.view_once })
            }
            Kind::Video | Kind::Ptv => {
                json!({ "seconds": seconds, "height": 32, "width": 32, "streamingSidecar": sidecar, "viewOnce": spec.view_once })
            }
            Kind::Gif => {
                json!({ "seconds": seconds, "height": 32, "width": 32, "gifPlayback": true })
            }
            Kind::Audio => json!({ "seconds": seconds }),
            Kind::Voice => {
                json!({ "seconds": seconds, "waveform": BASE64.encode(&noise::bytes(seconds, 64)), "viewOnce": spec.view_once })
            }
            Kind::Document => json!({ "pageCount": 1 }),
            Kind::Sticker => json!({ "height": 64, "width": 64, "isAnimated": false }),
        };
        if let Value::Object(said) = &mut said {
            if matches!(spec.kind, Kind::Audio | Kind::Voice) {
                let key = if spec.dialect == Dialect::Y2026 {
                    "PTT"
                } else {
                    "ptt"
                };
                said.insert(key.to_owned(), json!(spec.kind == Kind::Voice));
            }
            if let (Kind::Document, Some(file_name)) = (spec.kind, &spec.file_name) {
                let title = file_name
                    .rsplit_once('.')
                    .map_or(file_name.as_str(), |(stem, _)| stem);
                said.insert("fileName".to_owned(), json!(file_name));
                said.insert("title".to_owned(), json!(title));
            }
            if let Some(caption) = &spec.caption {
                said.insert("caption".to_owned(), json!(caption));
            }
            if spec.dialect != Dialect::Y2025
                && matches!(spec.kind.key_type(), KeyType::Video | KeyType::Audio)
                && spec.carries(Field::MediaKey)
            {
                let domain = json!({ "e2EeMediaKey": self.media_key, "mediaKeyDomain": "MEDIA_KEY_DOMAIN_E2EE" });
                said.insert(
                    "contextInfo".to_owned(),
                    json!({ "mediaDomainInfo": domain }),
                );
            }
        }
        if let Value::Object(said) = said {
            said
        } else {
            Map::new()
        }
    }

    /// `directPath` as the webhook tells it.
    fn told_path(&self) -> &str {
        let bare = self.direct_path.split('?').next();
        match self.spec.unsigned_path {
            true => bare.unwrap_or_default(),
            false => &self.direct_path,
        }
    }

    /// The full URL: a sticker's is the bare host, as in production.
    fn url(&self) -> String {
        if self.spec.kind == Kind::Sticker {
            "https://web.whatsapp.net".to_owned()
        } else {
            format!("https://mmg.whatsapp.net{}&mms3=true", self.direct_path)
        }
    }
}

/// How a dialect spells a field.
fn name(field: Field, dialect: Dialect) -> &'static str {
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

fn told_hash(lie: bool, seed: &str, hash: [u8; 32]) -> String {
    if lie {
        BASE64.encode(&noise::digest(seed, "a lie"))
    } else {
        BASE64.encode(&hash)
    }
}

fn mimetype(spec: &Spec) -> String {
    spec.mimetype
        .clone()
        .unwrap_or_else(|| spec.file_format().mimetype().to_owned())
}

/// Twenty characters, as most ids in production.
fn message_id(spec: &Spec) -> String {
    spec.message_id.clone().unwrap_or_else(|| {
        let digest = HEXUPPER.encode(&noise::digest(&spec.seed, "message id"));
        format!("3EB0{}", digest.get(..16).unwrap_or(&digest))
    })
}

fn chat_and_sender(spec: &Spec) -> (String, String) {
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
        let usual = if spec.from_me {
            "5500900000001"
        } else {
            "5500900000002"
        };
        usual.to_owned()
    });
    (chat, sender)
}

/// The signed path of a blob, in the shapes that were seen. Its query is the credential.
fn direct_path(spec: &Spec) -> String {
    let digest = noise::digest(&spec.seed, "direct path");
    let id = HEXLOWER.encode(&digest);
    let number = noise::number(&spec.seed, "direct path number");
    let oh = BASE64URL_NOPAD.encode(&noise::digest(&spec.seed, "signature"));
    let folder = match spec.kind {
        Kind::Image | Kind::NewsletterImage => "t62.7118-24",
        Kind::Video | Kind::Gif | Kind::Ptv => "t62.7161-24",
        Kind::Audio | Kind::Voice => "t62.7117-24",
        Kind::Document => "t62.7119-24",
        Kind::Sticker => "t62.15575-24",
    };
    let (path, ccb) = if spec.sealing() == Seal::Plain {
        (
            format!("/m1/v/t24/An{}", BASE64URL_NOPAD.encode(&digest)),
            "10-5",
        )
    } else if spec.dialect == Dialect::Y2025 {
        (format!("/o1/v/{folder}/f2/m233/{id}.enc"), "9-4")
    } else {
        let short = id.get(..12).unwrap_or(&id);
        (format!("/v/{folder}/{number}_{short}_n.enc"), "11-4")
    };
    format!(
        "{path}?ccb={ccb}&oh=01_Q5Aa{oh}&oe={:X}&_nc_sid=5e03e0{}",
        spec.oe, spec.query_extra
    )
}
