//! Reads one media object into a [`MediaMessage`], believing nothing that can be checked later.

use media::{
    envelope::{Envelope as Known, MomentSource},
    file_name::shorten,
    ids::MessageId,
    kind::MediaKind,
    media_key::MediaKey,
    message::{MediaMessage, Secret, cut},
    sha256::Sha256,
    signed_url,
};

use super::{content::Found, envelope::Envelope, moment};
use crate::fields::Fields;

/// Longest media key text passed on, in bytes. A good one has 44; W-API gets bad ones as they came.
const MAX_KEY_BYTES: usize = 128;
/// Longest signed path passed on, in bytes. Real ones have 200 to 600.
const MAX_PATH_BYTES: usize = 2048;
/// Longest mimetype passed on, in bytes.
const MAX_MIMETYPE_BYTES: usize = 128;

/// The n-th (0 is the first) medium of a message.
pub(super) fn read(found: &Found<'_>, envelope: &Envelope<'_>, n: usize) -> MediaMessage {
    let fields = found.fields;
    let direct_path = short(fields, "directPath", MAX_PATH_BYTES).filter(|path| is_graphic(path));
    let (moment, known) = dated(fields, envelope, n);
    MediaMessage {
        message_id: message_id(fields, envelope),
        chat: envelope.chat.clone(),
        direction: envelope.direction,
        moment,
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
        envelope: known,
    }
}

/// A message without an id gets one from what identifies its bytes. Several media of one message
/// share its id: their content tells them apart, in whatever order they stand.
fn message_id(fields: Fields<'_>, envelope: &Envelope<'_>) -> MessageId {
    let given = envelope.message_id.and_then(|id| MessageId::parse(id).ok());
    given.unwrap_or_else(|| {
        let hashes = ["fileEncSha256", "fileSha256"];
        let hash = hashes.into_iter().find_map(|name| {
            let hash = hash(fields, name).map(Sha256::to_base64);
            hash.or_else(|| fields.text(name).map(str::to_owned))
        });
        let names = ["directPath", "url", "mediaKey"];
        let before_query = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
        let other = || {
            names
                .into_iter()
                .find_map(|name| fields.text(name))
                .map(before_query)
        };
        let content = hash.or_else(other).unwrap_or_default();
        MessageId::derived_from(content.as_bytes())
    })
}

/// When it was sent, in seconds since 1970: by the message's word, else by the media key's, as far
/// as they can be. Which of them counts is decided when it is known what time it is.
fn dated(fields: Fields<'_>, envelope: &Envelope<'_>, nth: usize) -> (i64, Known) {
    let can_be = |moment: &i64| *moment >= MediaMessage::FIRST_MOMENT;
    let said = envelope.moment.filter(can_be);
    let of_key = fields.get("mediaKeyTimestamp").and_then(moment::read);
    let of_key = of_key.filter(can_be);
    let (moment, moment_source) = match (said, of_key) {
        (Some(said), _) => (said, MomentSource::Message),
        (None, Some(of_key)) => (of_key, MomentSource::Key),
        (None, None) => (0, MomentSource::Accepted),
    };
    let known = Known {
        moment_source,
        key_moment: of_key,
        nth,
        ..envelope.known.clone()
    };
    (moment, known)
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
        bytes.is_present().then_some(())?;
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
