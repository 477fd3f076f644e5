//! Whom a job, or a webhook or media event on its way to a receiver, names as its chat or its
//! sender, and which message: as the proof of an erasure reads it, by the names of JSON fields
//! alone.

use media::message::{Chat, ChatKind};
use serde_json::Value;

/// The names in fields whose own name begins so, in lower case and without underscores.
const OF_CHAT: [&str; 2] = ["chat", "peer"];
const OF_SENDER: [&str; 2] = ["sender", "participant"];
/// How the fields below these end that have an address. The others have names, which anyone
/// chooses.
const OF_ADDRESS: [&str; 2] = ["id", "phone"];
/// What a message says: it may quote others, and answer their messages.
const CONTENT: &str = "msgcontent";
const MESSAGE_ID: &str = "messageid";

/// What the address or the folder of a chat of more than two contains.
const SHARED: [&str; 6] = ["@g.us", "@newsletter", "@broadcast", "group-", "channel-", "status"];

/// The texts below the fields that name a chat, a sender or a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NamedPeople {
    chats: Vec<String>,
    senders: Vec<String>,
    messages: Vec<String>,
    is_group: bool,
    /// Whether the account itself sent it.
    is_own: bool,
}

/// Which list a text belongs to.
#[derive(Clone, Copy)]
enum Role {
    Chat,
    Sender,
}

impl NamedPeople {
    /// Reads the names of a body. `None`: it is not JSON, or names no chat.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut names = Self::default();
        names.add_all(&serde_json::from_slice(body).ok()?, None);
        (!names.chats.is_empty()).then_some(names)
    }

    /// Whether it is of this chat, or, in a chat of more than two if `has_groups`, from this
    /// person.
    pub(super) fn contain(&self, chat: &Chat, has_groups: bool) -> bool {
        let Some(address) = chat.in_address() else {
            return self.chats.iter().any(|text| text.contains(chat.as_str()));
        };
        let is_shared = self.is_group
            || self.chats.iter().any(|text| SHARED.iter().any(|word| text.contains(word)));
        let is_of_person = matches!(chat.kind(), ChatKind::Person | ChatKind::Lid);
        // The account itself sends to everybody.
        let counts_senders = is_of_person && if is_shared { has_groups } else { !self.is_own };
        let is_from = |text: &String| user_of(text) == address;
        self.chats.iter().any(is_from) || (counts_senders && self.senders.iter().any(is_from))
    }

    /// Whether it is this message, or a part of it.
    pub(super) fn contain_message(&self, id: &str) -> bool {
        let is_part =
            |text: &String| text.strip_prefix(id).is_some_and(|rest| rest.starts_with('.'));
        self.messages.iter().any(|text| text == id || is_part(text))
    }

    fn add_all(&mut self, value: &Value, role: Option<Role>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = name.replace('_', "").to_ascii_lowercase();
                    self.add_field(&name, value, role);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_all(item, role)),
            Value::String(text) => self.add_text(text.clone(), role),
            Value::Number(number) => self.add_text(number.to_string(), role),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_field(&mut self, name: &str, value: &Value, role: Option<Role>) {
        if name == CONTENT {
            return;
        }
        self.is_group |= name == "isgroup" && is_yes(value);
        self.is_own |= name == "fromme" && is_yes(value);
        if let (MESSAGE_ID, Some(id)) = (name, value.as_str()) {
            self.messages.push(id.to_owned());
        }
        let is_address = OF_ADDRESS.iter().any(|end| name.ends_with(end));
        let below = role.filter(|_| is_address || value.is_object() || value.is_array());
        self.add_all(value, find_role(name).or(below));
    }

    fn add_text(&mut self, text: String, role: Option<Role>) {
        match role {
            Some(Role::Chat) => self.chats.push(text),
            Some(Role::Sender) => self.senders.push(text),
            // A relay may put the webhook into a text.
            None if text.starts_with(['{', '[']) => {
                if let Ok(inner) = serde_json::from_str(&text) {
                    self.add_all(&inner, None);
                }
            }
            None => {}
        }
    }
}

/// The part of an address, or of the name of a folder, that is the number itself.
fn user_of(text: &str) -> &str {
    let folders = ["group-", "channel-", "lid-"];
    let bare = folders.iter().find_map(|folder| text.strip_prefix(folder)).unwrap_or(text);
    let user = bare.split('@').next().unwrap_or(bare);
    user.split(':').next().unwrap_or(user).trim_start_matches('+')
}

fn is_yes(value: &Value) -> bool {
    *value == Value::Bool(true) || *value == 1 || value == "true"
}

fn find_role(name: &str) -> Option<Role> {
    let begins = |words: [&str; 2]| words.iter().any(|word| name.starts_with(word));
    if begins(OF_CHAT) {
        return Some(Role::Chat);
    }
    begins(OF_SENDER).then_some(Role::Sender)
}

#[cfg(test)]
mod tests {
    use media::message::Chat;
    use serde_json::{Value, json};

    use super::NamedPeople;

    const PHONE: &str = "5500988880000";
    const OTHER: &str = "5500977770000";

    fn is_named(body: &Value, has_groups: bool) -> bool {
        let chat = Chat::try_from(PHONE.to_owned()).expect("a chat");
        let names = NamedPeople::read(body.to_string().as_bytes());
        names.is_some_and(|names| names.contain(&chat, has_groups))
    }

    /// Who is quoted, answered, mentioned or named by another is not the chat.
    #[test]
    fn only_addresses_of_the_chat_and_its_sender_count() {
        let quoted = json!({ "extendedTextMessage": { "contextInfo": { "participant": PHONE } } });
        for body in [
            json!({ "chat": { "id": OTHER }, "sender": { "id": OTHER }, "msgContent": quoted }),
            json!({ "chat": { "id": OTHER, "name": PHONE }, "sender": { "id": OTHER } }),
            json!({ "chat": { "id": OTHER }, "sender": { "id": OTHER, "pushName": PHONE } }),
            // An old group has its creator's number, and the account sends to everybody.
            json!({ "chat": { "id": format!("{PHONE}-1600000000@g.us") } }),
            json!({ "message": { "chat": format!("group-{PHONE}-1600000000") } }),
            json!({ "chat": { "id": format!("1{PHONE}") } }),
            json!({ "fromMe": true, "chat": { "id": OTHER }, "sender": { "id": PHONE } }),
        ] {
            assert!(!is_named(&body, true), "{body}");
        }
        for body in [
            json!({ "chat": { "id": format!("{PHONE}@c.us") } }),
            json!({ "chat": { "id": format!("{PHONE}:12@s.whatsapp.net") } }),
            json!({ "body": json!({ "chat": { "id": PHONE } }).to_string() }),
            json!({ "chat": { "id": 5_500_988_880_000_u64 } }),
            json!({ "chat": { "id": "7@lid" }, "sender": { "id": PHONE } }),
            json!({ "message": { "chat": "lid-7", "envelope": { "peer": { "phone": PHONE } } } }),
            json!({ "data": { "chat": "lid-7", "chat_phone": PHONE } }),
        ] {
            assert!(is_named(&body, false), "{body}");
        }
    }

    #[test]
    fn a_group_is_its_members_only_if_asked_for() {
        for group in [json!(true), json!(1), json!("true")] {
            let body = json!({ "isGroup": group, "chat": { "id": "120363000000000001" },
                "sender": { "id": PHONE } });
            assert_eq!([is_named(&body, false), is_named(&body, true)], [false, true], "{body}");
        }
    }

    #[test]
    fn an_answer_is_not_the_message_that_it_answers() {
        let content = json!({ "reactionMessage": { "key": { "ID": "3EB0A" } } });
        let of = |id: &str| {
            let body = json!({ "chat": { "id": OTHER }, "messageId": id, "msgContent": content });
            let names = NamedPeople::read(body.to_string().as_bytes()).expect("names");
            names.contain_message("3EB0A")
        };
        assert!(of("3EB0A") && of("3EB0A.1") && !of("3EB0AB") && !of("3EB0B"));
    }
}
