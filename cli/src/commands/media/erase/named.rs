//! Whom a job, or a webhook or media event on its way to a receiver, names as its chat or its
//! sender, as the proof of an erasure reads it: by the names of JSON fields alone.

use media::message::{Chat, ChatKind};
use serde_json::Value;

/// The names in fields whose own name begins so, in lower case.
const OF_CHAT: [&str; 2] = ["chat", "peer"];
const OF_SENDER: [&str; 2] = ["sender", "participant"];

/// What the address or the folder of a chat of more than two contains.
const SHARED: [&str; 6] = ["@g.us", "@newsletter", "@broadcast", "group-", "channel-", "status"];

/// The texts below the fields that name a chat or a sender.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NamedPeople {
    chats: Vec<String>,
    senders: Vec<String>,
    is_group: bool,
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
        let is_from = |text: &String| text.contains(address);
        self.chats.iter().any(is_from)
            || (is_of_person && (!is_shared || has_groups) && self.senders.iter().any(is_from))
    }

    fn add_all(&mut self, value: &Value, role: Option<Role>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let name = name.to_ascii_lowercase();
                    self.is_group |= name == "isgroup" && *value == Value::Bool(true);
                    self.add_all(value, find_role(&name).or(role));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_all(item, role)),
            Value::String(text) => match role {
                Some(Role::Chat) => self.chats.push(text.clone()),
                Some(Role::Sender) => self.senders.push(text.clone()),
                None => {}
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn find_role(name: &str) -> Option<Role> {
    let begins = |words: [&str; 2]| words.iter().any(|word| name.starts_with(word));
    if begins(OF_CHAT) {
        return Some(Role::Chat);
    }
    begins(OF_SENDER).then_some(Role::Sender)
}
