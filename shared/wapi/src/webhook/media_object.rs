//! Reads one media object into a [`MediaMessage`], believing nothing that can be checked later.

use media::{
    ids::MessageId,
    message::{Chat, Direction, MediaMessage, Secret, cut},
    sha256::Sha256,
    signed_url,
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
        mimetype: short(fields, "mimetype", MAX_MIMETYPE_BYTES).map(str::to_owned),
        media_key: short(fields, "mediaKey", MAX_KEY_BYTES)
            .filter(|key| is_graphic(key))
            .map(Secret::new),
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
            .map(|name| cut(name, MediaMessage::MAX_FILE_NAME_BYTES).to_owned()),
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

fn hash(fields: Fields<'_>, name: &str) -> Option<Sha256> {
    fields
        .text(name)
        .and_then(|text| Sha256::from_base64(text).ok())
}

/// Whether the URL is worth carrying: on WhatsApp's own hosts, with a path, and not one that `directPath`
/// gives on the usual host just as well. Stickers come with a bare host, and some paths come without the
/// signature that the URL has.
fn says_more_than(url: &str, direct_path: Option<&str>) -> bool {
    let Some((host, path)) = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let is_usual = host == "mmg.whatsapp.net";
    let adds = |direct: &str| !is_usual || signed_url::says_more_than(url, direct);
    let is_well = url.len() <= MAX_PATH_BYTES && is_graphic(url);
    host.ends_with(".whatsapp.net") && !path.is_empty() && is_well && direct_path.is_none_or(adds)
}
