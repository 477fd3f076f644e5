//! Reads one media object into a [`MediaMessage`]. Invalid fields are dropped, not the message.

use media::{
    envelope::{Envelope as MessageEnvelope, MomentSource},
    file_name::shorten_name,
    ids::MessageId,
    kind::MediaKind,
    media_key::MediaKey,
    message::{MediaMessage, Secret, truncate_bytes},
    sha256::Sha256,
    signed_url,
};

use super::{content::FoundMedia, envelope::Envelope, moment};
use crate::fields::Fields;

/// Maximum length of a media key text, in bytes. A valid one has 44; invalid ones are passed to
/// W-API unchanged.
const MAX_KEY_BYTES: usize = 128;
/// Maximum length of a signed path, in bytes. Real ones have 200 to 600.
const MAX_PATH_BYTES: usize = 2048;
/// Maximum length of a MIME type, in bytes.
const MAX_MIMETYPE_BYTES: usize = 128;

/// Reads the n-th (0 is the first) media object of a message.
pub(super) fn read_media(
    found: &FoundMedia<'_>,
    envelope: &Envelope<'_>,
    n: usize,
) -> MediaMessage {
    let fields = found.fields;
    let direct_path =
        short_text(fields, "directPath", MAX_PATH_BYTES).filter(|path| is_graphic(path));
    let (moment, known) = read_moment(fields, envelope, n);
    MediaMessage {
        message_id: message_id(fields, envelope),
        chat: envelope.chat.clone(),
        direction: envelope.direction,
        moment,
        kind: found.kind,
        ptt: found.voice_note,
        view_once: found.view_once,
        mimetype: read_mimetype(found),
        media_key: media_key(fields),
        is_encrypted: ["mediaKey", "fileEncSha256"]
            .into_iter()
            .any(|name| fields.bytes(name).is_present()),
        direct_path: direct_path.map(Secret::new),
        url: fields.text("url").filter(|url| is_url_useful(url, direct_path)).map(Secret::new),
        file_sha256: read_hash(fields, "fileSha256"),
        file_enc_sha256: read_hash(fields, "fileEncSha256"),
        file_length: fields.integer("fileLength").and_then(|length| length.try_into().ok()),
        file_name: fields
            .text("fileName")
            .or_else(|| fields.text("title"))
            .map(|name| shorten_name(name, MediaMessage::MAX_FILE_NAME_BYTES)),
        caption: fields
            .text("caption")
            .map(|text| truncate_bytes(text, MediaMessage::MAX_CAPTION_BYTES).to_owned()),
        envelope: known,
    }
}

/// The message's id; if it has none, one derived from what identifies its bytes. Several media
/// files of one message share its id; their content tells them apart, in any order.
fn message_id(fields: Fields<'_>, envelope: &Envelope<'_>) -> MessageId {
    let given = envelope.message_id.and_then(|id| MessageId::parse(id).ok());
    given.unwrap_or_else(|| {
        let hashes = ["fileEncSha256", "fileSha256"];
        let hash = hashes.into_iter().find_map(|name| {
            let hash = read_hash(fields, name).map(Sha256::to_base64);
            hash.or_else(|| fields.text(name).map(str::to_owned))
        });
        let names = ["directPath", "url", "mediaKey"];
        let before_query = |text: &str| text.split('?').next().unwrap_or_default().to_owned();
        let other = || names.into_iter().find_map(|name| fields.text(name)).map(before_query);
        let content = hash.or_else(other).unwrap_or_default();
        MessageId::derived_from(content.as_bytes())
    })
}

/// The message's moment in seconds since 1970: its own, else the media key's, if valid. The final
/// choice is made when the job is created, because it needs the current time.
fn read_moment(fields: Fields<'_>, envelope: &Envelope<'_>, nth: usize) -> (i64, MessageEnvelope) {
    let can_be = |moment: &i64| *moment >= MediaMessage::FIRST_MOMENT;
    let own = envelope.moment.filter(can_be);
    let of_key = fields.get("mediaKeyTimestamp").and_then(moment::parse_moment);
    let of_key = of_key.filter(can_be);
    let (moment, moment_source) = match (own, of_key) {
        (Some(own), _) => (own, MomentSource::Message),
        (None, Some(of_key)) => (of_key, MomentSource::Key),
        (None, None) => (0, MomentSource::Accepted),
    };
    let known =
        MessageEnvelope { moment_source, key_moment: of_key, nth, ..envelope.known.clone() };
    (moment, known)
}

fn short_text<'a>(fields: Fields<'a>, name: &str, max_bytes: usize) -> Option<&'a str> {
    fields.text(name).filter(|text| text.len() <= max_bytes)
}

/// Whether the text has only the characters of keys, paths and URLs. Others would take six times
/// their size in a queue message, which has a limit.
fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The declared type. A sticker pack has none and gets the one that tells it from a sticker.
fn read_mimetype(found: &FoundMedia<'_>) -> Option<String> {
    let declared = short_text(found.fields, "mimetype", MAX_MIMETYPE_BYTES);
    let mimetype =
        if found.is_sticker_pack { Some(MediaKind::STICKER_PACK_MIMETYPE) } else { declared };
    mimetype.map(str::to_owned)
}

/// The key in W-API's form, or as received if it is a text that cannot be decoded.
fn media_key(fields: Fields<'_>) -> Option<Secret> {
    let bytes = fields.bytes("mediaKey");
    let key = bytes.bytes().and_then(|bytes| MediaKey::from_bytes(bytes).ok());
    key.map(|key| key.to_base64()).or_else(|| {
        bytes.is_present().then_some(())?;
        let text = short_text(fields, "mediaKey", MAX_KEY_BYTES)?;
        is_graphic(text).then(|| Secret::new(text))
    })
}

fn read_hash(fields: Fields<'_>, name: &str) -> Option<Sha256> {
    let bytes = fields.bytes(name);
    bytes.bytes().and_then(|bytes| Sha256::from_bytes(bytes).ok())
}

/// Whether the URL is worth keeping: it is on a WhatsApp host, has a path, and improves on what
/// `directPath` gives on the usual host. Stickers come with a bare host, and some paths lack the
/// signature that the URL has.
fn is_url_useful(url: &str, direct_path: Option<&str>) -> bool {
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let is_usual = host == "mmg.whatsapp.net";
    let adds = |direct: &str| !is_usual || signed_url::improves_on(url, direct);
    let is_valid = url.len() <= MAX_PATH_BYTES && is_graphic(url);
    host.ends_with(".whatsapp.net") && !path.is_empty() && is_valid && direct_path.is_none_or(adds)
}
