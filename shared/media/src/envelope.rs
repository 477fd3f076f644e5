//! What a webhook tells of a message beside the medium: who is in the chat, and when it was.

use serde::{Deserialize, Serialize};

use crate::{contact::Contact, sha256::Sha256};

/// Where a message's moment is from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MomentSource {
    /// The message says it.
    #[default]
    Message,
    /// The media key's own time: the message said none that can be.
    Key,
    /// When the webhook was accepted: nothing said any that can be.
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

/// What is known of the message around a medium. Jobs of versions before have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The other person of a one-to-one chat.
    #[serde(default, skip_serializing_if = "Contact::is_unknown")]
    pub peer: Contact,
    /// Who sent it to a chat of more than two.
    #[serde(default, skip_serializing_if = "Contact::is_unknown")]
    pub sender: Contact,
    /// SHA-256 of the chat's whole address, where its folder has not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_hash: Option<Sha256>,
    /// Where the moment is from.
    #[serde(default, skip_serializing_if = "is_of_message")]
    pub moment_source: MomentSource,
    /// The media key's time, in seconds since 1970, until it is decided which time counts.
    #[serde(skip)]
    pub key_moment: Option<i64>,
    /// Which medium of its message it is: 0 is the first.
    #[serde(default, skip_serializing_if = "is_first")]
    pub nth: usize,
}

impl Envelope {
    /// Nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_of_message(source: &MomentSource) -> bool {
    *source == MomentSource::Message
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_first(nth: &usize) -> bool {
    *nth == 0
}
