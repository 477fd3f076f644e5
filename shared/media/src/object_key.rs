//! The key of a stored object: always the same for the same media message and bytes, and never
//! shared with another.

use time::{OffsetDateTime, UtcOffset};

use crate::{
    file_name::remove_invisible,
    file_type::{FileType, file_stem},
    identity::DIGEST_CHARS,
    ids::{InstanceId, TenantId},
    kind::MediaKind,
    message::{Chat, MediaMessage},
};

/// `{tenant}/{instance}/{chat}/{YYYY-MM}/{name}.{ext}`, where `name` is
/// `{YYYYMMDD-HHMMSS}_{in|out}_{kind}_{messageId}-{digest}[_{slug}]`.
///
/// The key is ASCII, at most [`ObjectKey::MAX_BYTES`], and its lexical order is the order of time
/// within a chat. It is built from checked ids only, so that nothing a sender writes can leave
/// `{tenant}/{instance}/`.
///
/// This type alone knows the layout: other code makes prefixes and reads parts of keys with its
/// functions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey(String);

/// The folders in a key, from the first on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyFolders<'a> {
    /// The tenant's id.
    pub tenant: &'a str,
    /// The instance's id.
    pub instance: &'a str,
    /// The chat, in the form of [`Chat::as_str`].
    pub chat: &'a str,
}

impl ObjectKey {
    /// Maximum length in bytes. S3 allows 1,024; people and tools work better with less.
    pub const MAX_BYTES: usize = 400;
    /// Maximum length of the slug, in bytes.
    pub const MAX_SLUG_BYTES: usize = 60;

    /// Builds the key. Its time is the message's moment at the stack's fixed `offset`, never the
    /// current time.
    #[must_use]
    pub fn new(
        tenant: &TenantId,
        instance: &InstanceId,
        message: &MediaMessage,
        file_type: &FileType,
        offset: UtcOffset,
    ) -> Self {
        let sent = sent_datetime(message.moment, offset);
        let (year, month, day) = (sent.year(), u8::from(sent.month()), sent.day());
        let (hour, minute, second) = sent.time().as_hms();
        let slug =
            document_slug(message, file_type).map(|slug| format!("_{slug}")).unwrap_or_default();
        Self(format!(
            "{folder}{year:04}-{month:02}/\
             {year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}_\
             {direction}_{kind}_{id}{slug}.{extension}",
            folder = Self::chat_prefix(tenant, instance, &message.chat),
            direction = message.direction.as_str(),
            kind = message.kind,
            id = message.identity().to_key_part(),
            extension = file_type.extension,
        ))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix of all keys of a tenant: `{tenant}/`.
    #[must_use]
    pub fn tenant_prefix(tenant: &TenantId) -> String {
        format!("{tenant}/")
    }

    /// The prefix of all keys of an instance: `{tenant}/{instance}/`.
    #[must_use]
    pub fn instance_prefix(tenant: &TenantId, instance: &InstanceId) -> String {
        Self::unchecked_instance_prefix(tenant.as_str(), instance.as_str())
    }

    /// [`Self::instance_prefix`] of ids that a record names and that were not checked.
    #[must_use]
    pub fn unchecked_instance_prefix(tenant: &str, instance: &str) -> String {
        format!("{tenant}/{instance}/")
    }

    /// The prefix of all keys of a chat: `{tenant}/{instance}/{chat}/`.
    #[must_use]
    pub fn chat_prefix(tenant: &TenantId, instance: &InstanceId, chat: &Chat) -> String {
        format!("{}{}/", Self::instance_prefix(tenant, instance), chat.as_str())
    }

    /// The folders in a key. `None` if the text has fewer than three.
    #[must_use]
    pub fn find_folders(key: &str) -> Option<KeyFolders<'_>> {
        let mut parts = key.split('/');
        let folders =
            KeyFolders { tenant: parts.next()?, instance: parts.next()?, chat: parts.next()? };
        parts.next().is_some().then_some(folders)
    }

    /// The instance's id in a folder `{tenant}/{instance}/`. `None` if it is no such folder of the
    /// tenant.
    #[must_use]
    pub fn find_instance(folder: &str, tenant: &TenantId) -> Option<InstanceId> {
        let name = folder.strip_prefix(&Self::tenant_prefix(tenant))?.strip_suffix('/')?;
        InstanceId::parse(name).ok()
    }

    /// The kind in a key, in the form of [`MediaKind::as_str`]. `None` if the text does not have
    /// the form of a key.
    #[must_use]
    pub fn find_kind(key: &str) -> Option<&str> {
        Self::find_file_name(key).split('_').nth(2)
    }

    /// The file name in a key: the part after the last slash.
    #[must_use]
    pub fn find_file_name(key: &str) -> &str {
        key.rsplit('/').next().unwrap_or_default()
    }

    /// The message id in a key, in the form of
    /// [`MessageId::to_key_part`](crate::ids::MessageId::to_key_part). Keys of earlier versions
    /// have no digest. `None` if the text does not have the form of a key.
    #[must_use]
    pub fn find_message_id(key: &str) -> Option<&str> {
        let name = Self::find_file_name(key);
        let (id, _) = name.splitn(4, '_').nth(3)?.split_once(['_', '.'])?;
        let of_message = match id.rsplit_once('-') {
            Some((of_message, digest)) if digest.len() == DIGEST_CHARS => of_message,
            Some(_) | None => id,
        };
        Some(of_message)
    }

    /// The part after the last slash.
    #[must_use]
    pub fn file_name(&self) -> &str {
        Self::find_file_name(&self.0)
    }
}

/// Parses a fixed offset from UTC such as `-03:00`. A zone with daylight saving time repeats an
/// hour each year; a fixed offset keeps names in order.
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
    is_on_a_clock.then(|| UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()).flatten()
}

/// The moment at the offset, clamped to the years 1970 to 9999.
fn sent_datetime(moment: i64, offset: UtcOffset) -> OffsetDateTime {
    const DAY: i64 = 24 * 60 * 60;
    const LAST: i64 = 253_402_300_799 - DAY;
    OffsetDateTime::from_unix_timestamp(moment.clamp(DAY, LAST))
        .ok()
        .and_then(|utc| utc.checked_to_offset(offset))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A readable form of a document's file name: ASCII, lower case, words joined by dashes, without
/// its extension. It never influences the folder.
fn document_slug(message: &MediaMessage, file_type: &FileType) -> Option<String> {
    if message.kind != MediaKind::Document {
        return None;
    }
    let name = remove_invisible(message.file_name.as_deref()?);
    let stem = file_stem(&name, file_type);
    let ascii = deunicode::deunicode_with_tofu(stem, "").to_ascii_lowercase();
    let words = ascii.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-");
    slug.truncate(ObjectKey::MAX_SLUG_BYTES);
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}
