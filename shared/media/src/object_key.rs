//! The key of a stored object: the same for the same medium and bytes, and no other medium's.

use time::{OffsetDateTime, UtcOffset};

use crate::{
    file_name::remove_invisible,
    file_type::{FileType, stem},
    identity::DIGEST_CHARS,
    ids::{InstanceId, TenantId},
    kind::MediaKind,
    message::MediaMessage,
};

/// `{tenant}/{instance}/{chat}/{YYYY-MM}/{YYYYMMDD-HHMMSS}_{in|out}_{kind}_{messageId}-{digest}[_{slug}].{ext}`.
///
/// ASCII, at most [`ObjectKey::MAX_BYTES`]; lexical order is the order of time within a chat. Exists only
/// from checked ids, so whatever a sender writes, it stays under `{tenant}/{instance}/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Longest key, in bytes. S3 allows 1,024; people and tools like less.
    pub const MAX_BYTES: usize = 400;
    /// Longest slug, in bytes.
    pub const MAX_SLUG_BYTES: usize = 60;

    /// Builds the key. The time in it is the message's own, at the stack's fixed `offset`; never now.
    #[must_use]
    pub fn new(
        tenant: &TenantId,
        instance: &InstanceId,
        message: &MediaMessage,
        file_type: &FileType,
        offset: UtcOffset,
    ) -> Self {
        let sent = sent_at(message.moment, offset);
        let (year, month, day) = (sent.year(), u8::from(sent.month()), sent.day());
        let (hour, minute, second) = sent.time().as_hms();
        let slug = slug(message, file_type)
            .map(|slug| format!("_{slug}"))
            .unwrap_or_default();
        Self(format!(
            "{tenant}/{instance}/{chat}/{year:04}-{month:02}/\
             {year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}_{direction}_{kind}_{id}{slug}.{extension}",
            chat = message.chat.as_str(),
            direction = message.direction.as_str(),
            kind = message.kind,
            id = message.identity().in_key(),
            extension = file_type.extension,
        ))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message in a key: [`MessageId::in_key`](crate::ids::MessageId::in_key), also in keys of
    /// versions before, which have no digest. Nothing if the text does not have the form of a key.
    #[must_use]
    pub fn message_in(key: &str) -> Option<&str> {
        let name = key.rsplit('/').next()?;
        let (id, _) = name.splitn(4, '_').nth(3)?.split_once(['_', '.'])?;
        let of_message = match id.rsplit_once('-') {
            Some((of_message, digest)) if digest.len() == DIGEST_CHARS => of_message,
            Some(_) | None => id,
        };
        Some(of_message)
    }

    /// What follows the last slash.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

/// Reads a fixed offset from UTC such as `-03:00`. A zone with daylight saving would name one hour twice a
/// year; a fixed offset keeps names in order.
#[must_use]
pub fn parse_offset(text: &str) -> Option<UtcOffset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two_digits = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let is_on_a_clock = (0..=14).contains(&hours) && (0..=59).contains(&minutes);
    is_on_a_clock
        .then(|| UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok())
        .flatten()
}

/// The moment at the offset. Times outside 1970 to 9999, which nobody sent, are moved to the nearest end.
fn sent_at(moment: i64, offset: UtcOffset) -> OffsetDateTime {
    const DAY: i64 = 24 * 60 * 60;
    const LAST: i64 = 253_402_300_799 - DAY;
    OffsetDateTime::from_unix_timestamp(moment.clamp(DAY, LAST))
        .ok()
        .and_then(|utc| utc.checked_to_offset(offset))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A document's own name, for people reading the listing: ASCII, lower case, words joined by dashes,
/// without its extension. It never decides the folder.
fn slug(message: &MediaMessage, file_type: &FileType) -> Option<String> {
    if message.kind != MediaKind::Document {
        return None;
    }
    let name = remove_invisible(message.file_name.as_deref()?);
    let stem = stem(&name, file_type);
    let ascii = deunicode::deunicode_with_tofu(stem, "").to_ascii_lowercase();
    let words = ascii
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(ObjectKey::MAX_SLUG_BYTES);
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}
