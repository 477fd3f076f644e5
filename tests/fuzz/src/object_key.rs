//! The object's key and metadata, for anything that a sender chooses.

use arbitrary::{Arbitrary, Unstructured};
use media::{
    ids::MessageId,
    job::Job,
    kind::MediaKind,
    message::{Chat, Direction, MediaMessage},
    object::{Claims, MAX_METADATA_BYTES, ObjectDescription},
    object_key::{ObjectKey, parse_offset},
    strategy::Strategy,
};
use samples::{image_message, verified_instance};

use crate::NOW;

#[derive(Debug, Arbitrary)]
struct SenderChoice<'a> {
    message_id: &'a str,
    chat: &'a str,
    phone: Option<&'a str>,
    is_mine: bool,
    kind: u8,
    moment: i64,
    mimetype: Option<&'a str>,
    file_name: Option<&'a str>,
    caption: Option<&'a str>,
    head: &'a [u8],
}

/// Builds a job whose sender chose everything, and checks its object.
pub fn run(data: &[u8]) {
    let Ok(chosen) = SenderChoice::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let Ok(message_id) = MessageId::parse(chosen.message_id) else {
        return;
    };
    let kinds = MediaKind::ALL;
    let kind = *kinds.get(usize::from(chosen.kind) % kinds.len()).expect("a kind");
    let message = MediaMessage {
        message_id,
        chat: Chat::from_jid(chosen.chat, chosen.phone),
        direction: if chosen.is_mine { Direction::Out } else { Direction::In },
        moment: chosen.moment,
        kind,
        mimetype: chosen.mimetype.map(str::to_owned),
        file_name: chosen.file_name.map(str::to_owned),
        caption: chosen.caption.map(str::to_owned),
        ..image_message()
    };
    check_object(&verified_instance().create_job(message, NOW).into_job(), chosen.head);
}

/// Checks what must hold for the object of every job.
pub(crate) fn check_object(job: &Job, head: &[u8]) {
    let offset = parse_offset("-03:00").expect("an offset");
    let claims = Claims::default();
    let object = ObjectDescription::new(job, Strategy::Cdn, head, claims, offset);
    let key = object.key.as_str();
    let folder = format!("{}/{}/", job.tenant, job.instance);
    let below = key.strip_prefix(&folder).expect("in its folder");
    assert_eq!(below.split('/').count(), 3, "{key}");
    assert!(below.split('/').all(|part| !part.starts_with('.') && !part.is_empty()), "{key}");
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
    assert!(key.bytes().all(is_plain) && key.len() <= ObjectKey::MAX_BYTES, "{key}");
    assert_eq!(
        ObjectKey::find_message_id(key),
        Some(job.message.message_id.to_key_part().as_str())
    );
    let again = ObjectDescription::new(job, Strategy::Wapi, head, claims, offset);
    assert_eq!(again.key, object.key, "the same job has the same key");
    check_headers(&object);
}

fn check_headers(object: &ObjectDescription) {
    let is_header = |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b));
    assert!(is_header(&object.content_disposition), "{:?}", object.content_disposition);
    assert_eq!(
        object.content_disposition.matches('"').count(),
        2,
        "{:?}",
        object.content_disposition
    );
    let bytes: usize = object.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(bytes <= MAX_METADATA_BYTES, "{bytes} bytes of metadata");
    assert!(object.metadata.iter().all(|(_, value)| is_header(value)), "{:?}", object.metadata);
    let shown = [
        "application/pdf",
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/vnd.microsoft.icon",
        "image/webp",
        "text/plain",
        "text/plain; charset=utf-8",
    ];
    let mut kinds = ["audio/", "video/"].iter();
    let may_be_shown = shown.contains(&object.content_type)
        || kinds.any(|kind| object.content_type.starts_with(kind));
    let is_attachment = object.content_disposition.starts_with("attachment;");
    assert!(may_be_shown || is_attachment, "{}", object.content_type);
    // S3's limit on the values of tags.
    assert!(object.tags.iter().all(|(_, value)| value.len() <= 256));
}
