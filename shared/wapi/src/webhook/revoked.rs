//! Finds that a message was deleted for everyone: a protocol message of the type REVOKE.

use media::{ids::MessageId, revocation::RevokedMessage};
use serde_json::Value;

use super::{
    content::MAX_DEPTH,
    envelope::Envelope,
    names::{Meaning, meaning_of},
};
use crate::{field_name::is_same_name, fields::Fields};

/// The message that the content deletes, in the chat of the envelope. The key's own chat is not
/// believed: the sender wrote it.
pub(super) fn find_revoked(content: &Value, envelope: &Envelope<'_>) -> Option<RevokedMessage> {
    let id = find_revoked_id(content, 0)?;
    let peer = envelope.known.peer.own_chats();
    Some(RevokedMessage {
        message_id: MessageId::parse(id).ok()?,
        chats: std::iter::once(envelope.chat.clone()).chain(peer).collect(),
        direction: envelope.direction,
        senders: envelope.known.sender.own_chats().collect(),
    })
}

/// Searches through wrappers only: a quote may repeat another message.
fn find_revoked_id(value: &Value, depth: usize) -> Option<&str> {
    if depth > MAX_DEPTH {
        return None;
    }
    let fields = Fields::from_value(value)?;
    fields.iter().find_map(|(name, child)| match meaning_of(name) {
        _ if is_same_name(name, "protocolMessage") => read_revoked_id(Fields::from_value(child)?),
        Meaning::Wrapper => find_revoked_id(child, depth + 1),
        Meaning::Media(_) | Meaning::StickerPack | Meaning::NotOfTheChat | Meaning::Unknown => None,
    })
}

/// The id in a protocol message of the type REVOKE, whose number is 0. A type that is left out says
/// nothing.
fn read_revoked_id(protocol: Fields<'_>) -> Option<&str> {
    let is_revoke = match protocol.get("type")? {
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(word) => ["0", "revoke"].iter().any(|one| word.eq_ignore_ascii_case(one)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    protocol.object("key").filter(|_| is_revoke)?.text("id").filter(|id| !id.is_empty())
}
