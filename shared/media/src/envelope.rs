//! What a webhook says about a message besides its media: contacts, chat and time.

use serde::{Deserialize, Serialize};

use crate::{contact::Contact, sha256::Sha256};

/// Where a message's moment comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MomentSource {
    /// The message gave it.
    #[default]
    Message,
    /// The media key's timestamp, because the message gave no valid moment.
    Key,
    /// The time at which the webhook was accepted, because neither gave a valid moment.
    Accepted,
}

impl MomentSource {
    /// The word in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Key => "key",
            Self::Accepted => "accepted",
        }
    }
}

/// What is known about a message besides its media. Empty in jobs of earlier versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The other contact of a one-to-one chat.
    #[serde(default, skip_serializing_if = "Contact::is_unknown")]
    pub peer: Contact,
    /// The sender, in a chat of more than two.
    #[serde(default, skip_serializing_if = "Contact::is_unknown")]
    pub sender: Contact,
    /// SHA-256 of the chat's full address, if the folder name does not contain all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_hash: Option<Sha256>,
    /// Where the moment comes from.
    #[serde(default, skip_serializing_if = "is_from_message")]
    pub moment_source: MomentSource,
    /// The media key's timestamp in seconds since 1970, until the moment is decided.
    #[serde(skip)]
    pub key_moment: Option<i64>,
    /// Position of the media file in its message; 0 is the first.
    #[serde(default, skip_serializing_if = "is_first")]
    pub nth: usize,
}

impl Envelope {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_from_message(source: &MomentSource) -> bool {
    *source == MomentSource::Message
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_first(nth: &usize) -> bool {
    *nth == 0
}
