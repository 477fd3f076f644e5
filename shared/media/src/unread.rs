//! A webhook's body that could not be read, as it lies in a queue until a version comes that can.

use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    access::Verified,
    ids::{InstanceId, TenantId},
    job::NotAJob,
    message::MediaMessage,
};

/// Largest body that is kept, in bytes. SQS takes 1 MiB with all attributes: as base64 this is
/// 1,040,000 bytes, and 8 KiB remain for the names beside it and the ticket of what is parked.
pub const MAX_BODY_BYTES: usize = 780_000;

/// Longest word of why a body was not read.
const MAX_WORD_BYTES: usize = 32;

/// A raw body in the queue: of whom, since when, why, and the bytes. Made by [`Verified::unread`],
/// or read back from a queue. Versioned, because it outlives deploys: a version that this build
/// does not know does not parse, and is parked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadBody {
    version: Version,
    tenant: TenantId,
    instance: InstanceId,
    accepted_at: i64,
    why: String,
    body: RawBody,
}

/// The shape of an unread body in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "unread-1")]
    V1,
}

/// What a webhook was, byte for byte. It holds media keys and people: wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct RawBody(Zeroizing<Vec<u8>>);

impl TryFrom<String> for RawBody {
    type Error = NotAJob;
    fn try_from(text: String) -> Result<Self, NotAJob> {
        let text = Zeroizing::new(text);
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| NotAJob)?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl From<RawBody> for String {
    fn from(body: RawBody) -> Self {
        BASE64.encode(&body.0)
    }
}

/// The body is larger than [`MAX_BODY_BYTES`]. The sender gets a 413.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body cannot be read and is too large to be kept")]
pub struct TooLargeToKeep;

impl UnreadBody {
    pub(crate) fn of(
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
            body: RawBody(Zeroizing::new(body.to_vec())),
        })
    }

    /// Reads a queue message's body.
    ///
    /// # Errors
    /// [`NotAJob`]: retrying cannot help, the message must be parked.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        let read: Self = serde_json::from_str(body).map_err(|_| NotAJob)?;
        let is_of_word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let is_word = read.why.len() <= MAX_WORD_BYTES && read.why.bytes().all(is_of_word);
        if is_word { Ok(read) } else { Err(NotAJob) }
    }

    /// Writes the queue message's body. All of it is ASCII.
    ///
    /// # Errors
    /// None in practice: every field is text or number.
    pub fn to_json(&self) -> Result<String, NotAJob> {
        serde_json::to_string(self).map_err(|_| NotAJob)
    }

    /// The right under which it was accepted, to read it again.
    #[must_use]
    pub fn verified(&self) -> Verified {
        Verified::again(self.tenant.clone(), self.instance.clone())
    }

    /// What may be shown of it.
    #[must_use]
    pub fn about(&self) -> Unread {
        Unread {
            tenant: self.tenant.clone(),
            instance: self.instance.clone(),
            accepted_at: self.accepted_at,
            why: self.why.clone(),
            size_bytes: self.body.0.len(),
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The instance whose webhook it is.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// When it was accepted, in seconds since 1970.
    #[must_use]
    pub fn accepted_at(&self) -> i64 {
        self.accepted_at
    }

    /// The bytes as they were posted. The name is there to be found by a reader: every use is a
    /// place where media keys and people leave.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.body.0
    }
}

/// Prints what may be shown, and nothing of the bytes.
impl fmt::Debug for UnreadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnreadBody").field(&self.about()).finish()
    }
}

/// What may be shown of an unread body: all but the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Whose it is.
    pub tenant: TenantId,
    /// The instance whose webhook it is.
    pub instance: InstanceId,
    /// When it was accepted, in seconds since 1970.
    pub accepted_at: i64,
    /// Why it could not be read, in one word of letters and underscores.
    pub why: String,
    /// Its length.
    pub size_bytes: usize,
}

impl Unread {
    /// Until when the media in it can be counted on, in seconds since 1970, as far as anybody can
    /// tell without reading it: as long as those of a message that was sent when it came.
    #[must_use]
    pub fn recoverable_until(&self) -> i64 {
        self.accepted_at.saturating_add(MediaMessage::SAFE_SECONDS)
    }
}

/// What looking for texts in a raw body came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// One of them is in it.
    Found,
    /// None of them is.
    Absent,
    /// It cannot be told: the body is no text, or what is looked for has no text.
    Unclear,
}
