//! Webhooks that say that a message was deleted for everyone.

use media::message::Direction;
use serde_json::{Value, json};

use crate::{read_body, wrap_content};

const DELETED: &str = "3EB0DDDDDDDDDDDDDDDDDD";

fn protocol(kind: &Value, key: &Value) -> Value {
    json!({ "protocolMessage": { "type": kind, "key": key } })
}

/// The id of the deleted message that a webhook with this content announces.
fn revoked_id(content: Value) -> Option<String> {
    read_body(&wrap_content(content)).revoked.map(|one| one.message_id.to_string())
}

/// By word or by number, in either spelling, in any wrapper.
#[test]
fn a_deletion_is_found_in_every_dialect() {
    let key = json!({ "remoteJID": "200000000000002@lid", "fromMe": false, "ID": DELETED });
    let content = protocol(&json!("REVOKE"), &key);
    for content in [
        content.clone(),
        protocol(&json!(0), &json!({ "id": DELETED })),
        protocol(&json!("0"), &json!({ "Id": DELETED })),
        json!({ "protocolmessage": { "type": "revoke", "key": { "id": DELETED } } }),
        json!({ "protocol_message": { "Type": "REVOKE", "Key": { "ID": DELETED } } }),
        json!({ "ephemeralMessage": { "message": content } }),
    ] {
        let announcement = read_body(&wrap_content(content.clone()));
        assert!(announcement.media.is_empty());
        let found = announcement.revoked.map(|one| one.message_id.to_string());
        assert_eq!(found.as_deref(), Some(DELETED), "{content}");
    }
}

/// An edit is a protocol message, too. What somebody quotes is not the message itself.
#[test]
fn nothing_else_is_a_deletion() {
    let key = json!({ "ID": DELETED });
    let quoted = protocol(&json!(0), &key);
    for content in [
        protocol(&json!("MESSAGE_EDIT"), &key),
        protocol(&json!(14), &key),
        protocol(&Value::Null, &key),
        json!({ "protocolMessage": { "key": key } }),
        protocol(&json!(0), &json!({ "ID": "" })),
        protocol(&json!(0), &Value::Null),
        json!({ "extendedTextMessage": { "contextInfo": { "quotedMessage": quoted } } }),
        json!({ "conversation": "REVOKE" }),
    ] {
        assert_eq!(revoked_id(content.clone()), None, "{content}");
    }
}

/// The sender writes the key, and could name any chat in it.
#[test]
fn only_the_webhooks_own_chat_counts() {
    let key = json!({ "remoteJID": "5500977770000@s.whatsapp.net", "ID": DELETED });
    let body = wrap_content(protocol(&json!(0), &key));
    let revoked = read_body(&body).revoked.expect("a deletion");
    let mut chats: Vec<_> = revoked.chats.iter().map(|chat| chat.as_str()).collect();
    chats.sort_unstable();
    chats.dedup();
    assert_eq!(chats, ["5500900000002", "lid-200000000000002"]);
    assert_eq!((revoked.direction, revoked.senders.len()), (Direction::In, 0));
    // In a group, who sent the webhook's message has deleted the other one.
    let mut in_group = body;
    in_group["isGroup"] = json!(true);
    in_group["chat"] = json!({ "id": "120363000000000001@g.us" });
    let revoked = read_body(&in_group).revoked.expect("a deletion");
    let senders: Vec<_> = revoked.senders.iter().map(|chat| chat.as_str()).collect();
    assert_eq!(senders, ["5500900000002", "lid-200000000000002"]);
    assert_eq!(revoked.chats[0].as_str(), "group-120363000000000001");
}
