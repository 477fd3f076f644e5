//! The three ids that media files are stored under: tenant, instance and message. Each is checked
//! when it is created.

use serde::{Deserialize, Serialize};

use crate::sha256::Sha256;

/// The text is not a valid id. The message states the rule for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The tenant breaks its rule.
    #[error(
        "a tenant is 1 to 48 characters of a-z, 0-9, '-' and '_', starting with a letter or digit"
    )]
    Tenant,
    /// The instance breaks its rule.
    #[error(
        "an instance is groups of letters and digits joined by '-', as W-API shows it, \
         at most 64 characters"
    )]
    Instance,
    /// The message id is empty.
    #[error("a message id may not be empty")]
    Message,
}

/// A customer of the operator of this stack: `[a-z0-9][a-z0-9_-]{0,47}`.
///
/// Never derived from a display name: it is the first folder of every object and must not change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

impl TenantId {
    /// Maximum length in bytes.
    pub const MAX_BYTES: usize = 48;

    /// Checks the rule and keeps the text unchanged.
    ///
    /// # Errors
    /// [`IdError::Tenant`] if the text breaks the rule.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let starts_well = text.bytes().next().is_some_and(allowed);
        let rest_is_well = text.bytes().all(|b| allowed(b) || b == b'-' || b == b'_');
        if starts_well && rest_is_well && text.len() <= Self::MAX_BYTES {
            Ok(Self(text))
        } else {
            Err(IdError::Tenant)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A WhatsApp account connected to W-API: `XXXXXX-XXXXXX-XXXXXX` (PRO) or `LITE-XXXXXX-XXXXXX`
/// (LITE).
///
/// The text is kept unchanged, case included: two instances may differ only in case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

impl InstanceId {
    /// Maximum length in bytes. W-API's ids have 18 to 20; the rest is a reserve.
    pub const MAX_BYTES: usize = 64;

    /// Checks the rule and keeps the text unchanged.
    ///
    /// # Errors
    /// [`IdError::Instance`] if the text breaks the rule.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let is_valid_group =
            |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_alphanumeric());
        if text.len() <= Self::MAX_BYTES && text.split('-').all(is_valid_group) {
            Ok(Self(text))
        } else {
            Err(IdError::Instance)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a message: opaque, chosen by the sender's client, known to everyone in the chat. It
/// does not identify a media message: see [`MediaIdentity`](crate::identity::MediaIdentity).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// Maximum length kept unchanged, in bytes. W-API's ids have 20 to 32; `DynamoDB` allows 1,024
    /// in a sort key.
    pub const MAX_BYTES: usize = 256;
    /// Maximum length in an object key, in characters.
    pub const MAX_IN_KEY: usize = 64;
    /// Hex digits of SHA-256 that replace the removed characters.
    const HASH_DIGITS: usize = 8;

    /// Accepts any text that is not empty. An id longer than [`Self::MAX_BYTES`] is replaced by its
    /// SHA-256, so that one message still has one id.
    ///
    /// # Errors
    /// [`IdError::Message`] if the text is empty.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        match text.len() {
            0 => Err(IdError::Message),
            1..=Self::MAX_BYTES => Ok(Self(text)),
            _ => Ok(Self(Sha256::from_data(text.as_bytes()).to_hex())),
        }
    }

    /// Derives an id for a message without one from what identifies its content, so that a
    /// redelivery gets the same id.
    #[must_use]
    pub fn derived_from(content: &[u8]) -> Self {
        Self(format!("NOID{}", Sha256::from_data(content).to_hex()))
    }

    /// Whether the id may have been made here, so that no webhook has it: derived from content, or
    /// the SHA-256 of a longer one.
    #[must_use]
    pub fn is_derived(&self) -> bool {
        let digits = self.0.strip_prefix("NOID").unwrap_or(&self.0);
        digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// The id under which earlier versions recorded the n-th media file (0 is the first) of a
    /// message.
    #[must_use]
    pub fn earlier_nth(&self, n: usize) -> Self {
        let text = format!("{}.{n}", self.0);
        match (n, text.len()) {
            (0, _) => self.clone(),
            (_, ..=Self::MAX_BYTES) => Self(text),
            // An id of this length would have been replaced when it was created.
            _ => Self(Sha256::from_data(text.as_bytes()).to_hex()),
        }
    }

    /// Whether this is the id of a media file of `message`, including those of earlier versions
    /// (`id.1`).
    #[must_use]
    pub fn belongs_to(&self, message: &Self) -> bool {
        let rest = self.0.strip_prefix(&message.0);
        rest.is_some_and(|rest| {
            let n = rest.strip_prefix('.').unwrap_or_default();
            rest.is_empty() || (!n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
    }

    /// The id of the message, if this is the id of one of its media in earlier versions (`id.1`);
    /// else this id.
    #[must_use]
    pub fn whole_message(&self) -> Self {
        let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        match self.0.rsplit_once('.') {
            Some((whole, n)) if !whole.is_empty() && is_number(n) => Self(whole.to_owned()),
            Some(_) | None => self.clone(),
        }
    }

    /// The id as W-API sent it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in an object key: `[A-Za-z0-9]`, at most [`Self::MAX_IN_KEY`] characters.
    ///
    /// Other characters, and those beyond the limit, are replaced by `-` and eight hex digits of
    /// the id's SHA-256. An unchanged id has no dash, so the two forms never collide.
    #[must_use]
    pub fn to_key_part(&self) -> String {
        let clean: String = self.0.chars().filter(char::is_ascii_alphanumeric).collect();
        if clean.len() == self.0.len() && clean.len() <= Self::MAX_IN_KEY {
            return clean;
        }
        let kept: String = clean.chars().take(Self::MAX_IN_KEY - Self::HASH_DIGITS - 1).collect();
        let hash = Sha256::from_data(self.0.as_bytes()).to_hex();
        let digits: String = hash.chars().take(Self::HASH_DIGITS).collect();
        format!("{kept}-{digits}")
    }
}

/// Implements an id's text conversions: `Display`, and checked `String` conversions.
macro_rules! text_conversions {
    ($($id:ty),+) => {$(
        impl std::fmt::Display for $id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.0
            }
        }
        impl TryFrom<String> for $id {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
        impl std::str::FromStr for $id {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    )+};
}
text_conversions!(TenantId, InstanceId, MessageId);
