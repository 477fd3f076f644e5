//! The three names everything is filed under: tenant, instance, message. Each is checked on the way in.

use serde::{Deserialize, Serialize};

use crate::sha256::Sha256;

/// Why a text is not an id. The message says the rule, for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The tenant breaks its rule.
    #[error(
        "a tenant is 1 to 48 characters of a-z, 0-9, '-' and '_', starting with a letter or digit"
    )]
    Tenant,
    /// The instance breaks its rule.
    #[error(
        "an instance is groups of letters and digits joined by '-', as W-API shows it, at most 64 characters"
    )]
    Instance,
    /// The message id is empty.
    #[error("a message id may not be empty")]
    Message,
}

/// A customer of whoever runs this stack: `[a-z0-9][a-z0-9_-]{0,47}`.
///
/// Never derived from a display name: it is the first folder of every object and must not change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

impl TenantId {
    /// Longest tenant, in bytes.
    pub const MAX_BYTES: usize = 48;

    /// Checks the rule and keeps the text as it is.
    ///
    /// # Errors
    /// [`IdError::Tenant`] when the rule does not hold.
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

/// One WhatsApp account connected to W-API: `XXXXXX-XXXXXX-XXXXXX` (PRO) or `LITE-XXXXXX-XXXXXX` (LITE).
///
/// Checked, never slugged, and the case is kept: two instances may differ in nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

impl InstanceId {
    /// Longest instance, in bytes. W-API's have 18 to 20; the rest is room for what it may invent.
    pub const MAX_BYTES: usize = 64;

    /// Checks the rule and keeps the text as it is.
    ///
    /// # Errors
    /// [`IdError::Instance`] when the rule does not hold.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let group_is_well =
            |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_alphanumeric());
        if text.len() <= Self::MAX_BYTES && text.split('-').all(group_is_well) {
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

/// The sender's id of a message: opaque, chosen by the sender's client, known to everyone in the
/// chat. It is no medium's identity: see [`MediaIdentity`](crate::identity::MediaIdentity).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(String);

impl MessageId {
    /// Longest id kept as it is, in bytes. W-API's have 20 to 32; `DynamoDB` allows 1,024 in a sort key.
    pub const MAX_BYTES: usize = 256;
    /// Longest form inside an object key, in characters.
    pub const MAX_IN_KEY: usize = 64;
    /// Hex digits of the id's SHA-256 that stand in for what was removed.
    const HASH_DIGITS: usize = 8;

    /// Takes any text that is not empty. An id beyond [`Self::MAX_BYTES`] is replaced by its own SHA-256:
    /// still one message, one id.
    ///
    /// # Errors
    /// [`IdError::Message`] when the text is empty.
    pub fn parse(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        match text.len() {
            0 => Err(IdError::Message),
            1..=Self::MAX_BYTES => Ok(Self(text)),
            _ => Ok(Self(Sha256::of(text.as_bytes()).to_hex())),
        }
    }

    /// The id of a message that came without one: derived from what identifies its content, so a
    /// redelivery gets the same.
    #[must_use]
    pub fn derived_from(content: &[u8]) -> Self {
        Self(format!("NOID{}", Sha256::of(content).to_hex()))
    }

    /// The id under which versions before this one recorded the n-th medium (0 is the first) of one
    /// message.
    #[must_use]
    pub fn nth(&self, n: usize) -> Self {
        let text = format!("{}.{n}", self.0);
        match (n, text.len()) {
            (0, _) => self.clone(),
            (_, ..=Self::MAX_BYTES) => Self(text),
            // As long as an id that is replaced on its way in.
            _ => Self(Sha256::of(text.as_bytes()).to_hex()),
        }
    }

    /// Whether this is a medium of that message: its only one, or one of several.
    #[must_use]
    pub fn is_of(&self, message: &Self) -> bool {
        let rest = self.0.strip_prefix(&message.0);
        rest.is_some_and(|rest| {
            let n = rest.strip_prefix('.').unwrap_or_default();
            rest.is_empty() || (!n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
    }

    /// The id as W-API wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that goes into an object key: `[A-Za-z0-9]`, at most [`Self::MAX_IN_KEY`] characters.
    ///
    /// An id that has other characters, or too many, loses them and gets `-` and eight hex digits of its
    /// SHA-256 in their place. The dash cannot occur in an unchanged id, so the two kinds never meet.
    #[must_use]
    pub fn in_key(&self) -> String {
        let clean: String = self.0.chars().filter(char::is_ascii_alphanumeric).collect();
        if clean.len() == self.0.len() && clean.len() <= Self::MAX_IN_KEY {
            return clean;
        }
        let kept: String = clean
            .chars()
            .take(Self::MAX_IN_KEY - Self::HASH_DIGITS - 1)
            .collect();
        let hash = Sha256::of(self.0.as_bytes()).to_hex();
        let digits: String = hash.chars().take(Self::HASH_DIGITS).collect();
        format!("{kept}-{digits}")
    }
}

/// Gives an id its text conversions: `Display`, `String` both ways (the way in is checked).
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
