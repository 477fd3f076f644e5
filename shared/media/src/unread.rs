//! A webhook body that could not be read. A queue keeps it until a version can read it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ids::{InstanceId, TenantId},
    message::MediaMessage,
    not_a_job::NotAJob,
    queue_body::RawBody,
};

/// Maximum size of a body that is kept, in bytes. SQS takes 1 MiB with all attributes: as base64
/// this is 1,040,000 bytes, and 8 KiB remain for the other fields and the attributes of a parked
/// message.
pub const MAX_BODY_BYTES: usize = 780_000;

/// Maximum length of the word that says why a body was not read, in bytes.
const MAX_WORD_BYTES: usize = 32;

/// A raw body as JSON in the queue, with its tenant, instance, time of acceptance and reason.
/// Created by [`VerifiedInstance::keep_unread`](crate::access::VerifiedInstance::keep_unread), or
/// parsed from a queue message. It is versioned, because it outlives deploys: an unknown version
/// does not parse, and the message is parked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadBody {
    version: Version,
    tenant: TenantId,
    instance: InstanceId,
    accepted_at: i64,
    why: String,
    body: RawBody,
}

/// The format of an unread body in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "unread-1")]
    V1,
}

/// The body is larger than [`MAX_BODY_BYTES`]. The sender receives a 413.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body cannot be read and is too large to be kept")]
pub struct TooLargeToKeep;

impl UnreadBody {
    pub(crate) fn new(
        (tenant, instance): (&TenantId, &InstanceId),
        body: &[u8],
        why: &str,
        accepted_at: i64,
    ) -> Result<Self, TooLargeToKeep> {
        if body.len() > MAX_BODY_BYTES {
            return Err(TooLargeToKeep);
        }
        Ok(Self {
            version: Version::V1,
            tenant: tenant.clone(),
            instance: instance.clone(),
            accepted_at,
            why: why.to_owned(),
            body: RawBody::new(body),
        })
    }

    /// Parses the body of a queue message.
    ///
    /// # Errors
    /// [`NotAJob`]: retrying cannot help, so the message must be parked.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        let parsed: Self = serde_json::from_str(body).map_err(|_| NotAJob)?;
        let is_of_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let is_word = parsed.why.len() <= MAX_WORD_BYTES && parsed.why.bytes().all(is_of_word);
        if is_word { Ok(parsed) } else { Err(NotAJob) }
    }

    /// Writes the body of a queue message, in ASCII.
    ///
    /// # Errors
    /// None in practice: every field is a text or number.
    pub fn to_json(&self) -> Result<String, NotAJob> {
        serde_json::to_string(self).map_err(|_| NotAJob)
    }

    /// What may be shown of it.
    #[must_use]
    pub fn summary(&self) -> UnreadSummary {
        UnreadSummary {
            tenant: self.tenant.clone(),
            instance: self.instance.clone(),
            accepted_at: self.accepted_at,
            why: self.why.clone(),
            size_bytes: self.body.as_bytes().len(),
        }
    }

    /// The tenant that the instance belongs to.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The instance whose webhook it was.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// When it was accepted, in seconds since 1970.
    #[must_use]
    pub fn accepted_at(&self) -> i64 {
        self.accepted_at
    }

    /// The bytes as they were posted. The name makes every use easy to find: each one exposes media
    /// keys and personal data.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.body.as_bytes()
    }
}

/// Shows what may be shown, but not the bytes.
impl fmt::Debug for UnreadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnreadBody").field(&self.summary()).finish()
    }
}

/// What may be shown of an unread body: everything except the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadSummary {
    /// The tenant that the instance belongs to.
    pub tenant: TenantId,
    /// The instance whose webhook it was.
    pub instance: InstanceId,
    /// When it was accepted, in seconds since 1970.
    pub accepted_at: i64,
    /// Why it could not be read, in one word of letters and underscores.
    pub why: String,
    /// The size of the body in bytes.
    pub size_bytes: usize,
}

impl UnreadSummary {
    /// What an entry of the jobs table says of a body whose media files can be expected to exist
    /// until this time, in seconds since 1970.
    #[must_use]
    pub fn from_entry(
        (tenant, instance): (TenantId, InstanceId),
        recoverable_until: i64,
        why: String,
        size_bytes: usize,
    ) -> Self {
        let accepted_at = recoverable_until.saturating_sub(MediaMessage::SAFE_SECONDS);
        Self { tenant, instance, accepted_at, why, size_bytes }
    }

    /// Until when its media files can be expected to exist, in seconds since 1970. The body cannot
    /// be read, so this assumes that their messages were sent when it was accepted.
    #[must_use]
    pub fn recoverable_until(&self) -> i64 {
        self.accepted_at.saturating_add(MediaMessage::SAFE_SECONDS)
    }
}

/// The result of a search for texts in a raw body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// The body contains one of them.
    Found,
    /// The body contains none of them.
    Absent,
    /// Unknown: the body is not a text, or there is no text to search for.
    Unclear,
}
