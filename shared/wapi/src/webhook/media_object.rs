//! Reads one media object into a [`MediaMessage`], believing nothing that can be checked later.

use media::{
    file_name::shorten,
    ids::MessageId,
    kind::MediaKind,
    media_key::MediaKey,
    message::{Chat, Direction, MediaMessage, Secret, cut},
    sha256::Sha256,
};

use super::content::Found;
use crate::fields::Fields;

/// Longest media key text passed on, in bytes. A good one has 44; W-API gets bad ones as they came.
const MAX_KEY_BYTES: usize = 128;
/// Longest signed path passed on, in bytes. Real ones have 200 to 600.
const MAX_PATH_BYTES: usize = 2048;
/// Longest mimetype passed on, in bytes.
const MAX_MIMETYPE_BYTES: usize = 128;

/// What the message around the media says.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) message_id: Option<&'a str>,
    pub(super) chat: Chat,
    pub(super) direction: Direction,
    pub(super) moment: Option<i64>,
}

/// The n-th (0 is the first) medium of a message.
pub(super) fn read(found: &Found<'_>, envelope: &Envelope<'_>, n: usize) -> MediaMessage {
    let fields = found.fields;
    let direct_path = short(fields, "directPath", MAX_PATH_BYTES).filter(|path| is_graphic(path));
    MediaMessage {
        message_id: message_id(fields, envelope, n),
        chat: envelope.chat.clone(),
        direction: envelope.direction,
        moment: moment(fields, envelope),
        kind: found.kind,
        ptt: found.voice_note,
        view_once: found.view_once,
        mimetype: mimetype(found),
        media_key: media_key(fields),
        is_encrypted: ["mediaKey", "fileEncSha256"]
            .into_iter()
            .any(|name| fields.bytes(name).is_present()),
        direct_path: direct_path.map(Secret::new),
        url: fields
            .text("url")
            .filter(|url| says_more_than(url, direct_path))
            .map(Secret::new),
        file_sha256: hash(fields, "fileSha256"),
        file_enc_sha256: hash(fields, "fileEncSha256"),
        file_length: fields
            .integer("fileLength")
            .and_then(|length| length.try_into().ok()),
        file_name: fields
            .text("fileName")
            .or_else(|| fields.text("title"))
            .map(|name| shorten(name, MediaMessage::MAX_FILE_NAME_BYTES)),
        caption: fields
            .text("caption")
            .map(|text| cut(text, MediaMessage::MAX_CAPTION_BYTES).to_owned()),
    }
}

/// A message without an id gets one from what identifies its bytes; the n-th medium of one that has the same
/// bytes twice is still another medium.
fn message_id(fields: Fields<'_>, envelope: &Envelope<'_>, n: usize) -> MessageId {
    let given = envelope.message_id.and_then(|id| MessageId::parse(id).ok());
    let id = given.unwrap_or_else(|| {
        let names = [
            "fileEncSha256",
            "fileSha256",
            "directPath",
            "url",
            "mediaKey",
        ];
        let content = names
            .into_iter()
            .find_map(|name| fields.text(name))
            .unwrap_or_default();
        MessageId::derived_from(content.as_bytes())
    });
    id.nth(n)
}

/// Seconds since 1970: the message's moment, else the media key's; never the present. Milliseconds are
/// recognised by their size.
fn moment(fields: Fields<'_>, envelope: &Envelope<'_>) -> i64 {
    const FIRST_MILLISECONDS: i64 = 100_000_000_000;
    let said = envelope
        .moment
        .or_else(|| fields.integer("mediaKeyTimestamp"))
        .unwrap_or(0);
    if said >= FIRST_MILLISECONDS {
        said / 1000
    } else {
        said
    }
}

fn short<'a>(fields: Fields<'a>, name: &str, max_bytes: usize) -> Option<&'a str> {
    fields.text(name).filter(|text| text.len() <= max_bytes)
}

/// Whether it has only the characters that keys, paths and URLs are made of. Others would take six times
/// their room in the queue, where a message has a limit.
fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The declared type; of a pack of stickers, which has none, the one that tells it from a sticker.
fn mimetype(found: &Found<'_>) -> Option<String> {
    let declared = short(found.fields, "mimetype", MAX_MIMETYPE_BYTES);
    let mimetype = if found.is_sticker_pack {
        Some(MediaKind::STICKER_PACK_MIMETYPE)
    } else {
        declared
    };
    mimetype.map(str::to_owned)
}

/// The key in the form that W-API takes; as it is, if it is a text that cannot be read as one.
fn media_key(fields: Fields<'_>) -> Option<Secret> {
    let bytes = fields.bytes("mediaKey");
    let key = bytes
        .bytes()
        .and_then(|bytes| MediaKey::from_bytes(bytes).ok());
    key.map(|key| key.to_base64()).or_else(|| {
        let text = short(fields, "mediaKey", MAX_KEY_BYTES)?;
        is_graphic(text).then(|| Secret::new(text))
    })
}

fn hash(fields: Fields<'_>, name: &str) -> Option<Sha256> {
    let bytes = fields.bytes(name);
    bytes
        .bytes()
        .and_then(|bytes| Sha256::from_bytes(bytes).ok())
}

/// Whether the URL is worth carrying: on WhatsApp's own hosts, with a path, and not the one that
/// `directPath` gives on the usual host anyway. Stickers come with a bare host.
fn says_more_than(url: &str, direct_path: Option<&str>) -> bool {
    let before_query = |path: &str| path.split('?').next().unwrap_or_default().to_owned();
    let Some((host, path)) = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let path = format!("/{path}");
    let is_same = host == "mmg.whatsapp.net"
        && direct_path.is_some_and(|direct| before_query(direct) == before_query(&path));
    let is_well = url.len() <= MAX_PATH_BYTES && is_graphic(url);
    host.ends_with(".whatsapp.net") && path.len() > 1 && is_well && !is_same
}
