//! That a message was deleted by who sent it ("for everyone"), as a webhook announced.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    identity::digest_parts,
    ids::{InstanceId, MessageId, TenantId},
    message::{Chat, Direction, MediaMessage},
    not_a_job::NotAJob,
    order::normalize_chat,
    queue_body::to_sqs_json,
};

/// A message that was deleted: which one, and by whom. Of a media message: what its deletion by its
/// sender would say.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedMessage {
    /// The message.
    pub message_id: MessageId,
    /// Its chat, under each name that is known.
    pub chats: Vec<Chat>,
    /// Whether a contact sent it, or the account.
    pub direction: Direction,
    /// In a chat of more than two, the own chats of who deleted it.
    pub senders: Vec<Chat>,
}

/// Leaves out the chats, which may be phone numbers.
impl fmt::Debug for RevokedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokedMessage")
            .field("message_id", &self.message_id)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

impl RevokedMessage {
    /// The beginning of the sort keys of all revocations in the media table.
    pub const PREFIX: &'static str = "revoked#";

    /// The sort keys under which the revocation is kept: one for each name of the chat.
    #[must_use]
    pub fn item_keys(&self) -> Vec<String> {
        let id = self.message_id.whole_message();
        let key = |chat: &Chat| {
            let digest = digest_parts(&["revoked in", id.as_str(), &normalize_chat(chat)]);
            format!("{}{id}#chat-{digest}", Self::PREFIX)
        };
        let mut keys: Vec<_> = self.chats.iter().map(key).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// A digest of each name of who deleted the message. Only its sender's deletion counts: a
    /// webhook does not say who is an admin of a group.
    #[must_use]
    pub fn authors(&self) -> Vec<String> {
        let id = self.message_id.whole_message();
        let digest =
            |name: &str| digest_parts(&["revoked by", id.as_str(), self.direction.as_str(), name]);
        if self.chats.iter().any(Chat::is_direct) {
            return vec![digest("-")];
        }
        self.senders.iter().map(|sender| digest(&normalize_chat(sender))).collect()
    }
}

impl MediaMessage {
    /// What the deletion of the message by its sender would say.
    #[must_use]
    pub fn as_revoked(&self) -> RevokedMessage {
        let chats = std::iter::once(self.chat.clone()).chain(self.envelope.peer.own_chats());
        RevokedMessage {
            message_id: self.message_id.clone(),
            chats: chats.collect(),
            direction: self.direction,
            senders: self.senders().collect(),
        }
    }
}

/// A deleted message as JSON in the jobs queue, with its tenant, instance and time of acceptance.
/// Created by [`VerifiedInstance::create_revocation`](crate::access::VerifiedInstance), or parsed
/// from a queue message. It is versioned: a version that does not know it parks the message as
/// `poison`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    version: Version,
    tenant: TenantId,
    instance: InstanceId,
    accepted_at: i64,
    message: RevokedMessage,
}

/// The format of a revocation in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "revoked-1")]
    V1,
}

impl Revocation {
    pub(crate) fn new(
        (tenant, instance): (&TenantId, &InstanceId),
        message: RevokedMessage,
        accepted_at: i64,
    ) -> Self {
        let (tenant, instance) = (tenant.clone(), instance.clone());
        Self { version: Version::V1, tenant, instance, accepted_at, message }
    }

    /// Parses the body of a queue message.
    ///
    /// # Errors
    /// [`NotAJob`]: it is something else.
    pub fn parse(body: &str) -> Result<Self, NotAJob> {
        serde_json::from_str(body).map_err(|_| NotAJob)
    }

    /// Writes the body of a queue message, in the characters that SQS accepts.
    ///
    /// # Errors
    /// None in practice: every field is a text or number.
    pub fn to_json(&self) -> Result<String, NotAJob> {
        to_sqs_json(self)
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

    /// When the webhook was accepted, in seconds since 1970.
    #[must_use]
    pub fn accepted_at(&self) -> i64 {
        self.accepted_at
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &RevokedMessage {
        &self.message
    }
}
