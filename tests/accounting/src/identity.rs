//! What a media file is identified by in all kinds of evidence.

use std::fmt;

use serde_json::Value;

/// Identifies a media file in all kinds of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The instance that received or sent the message.
    pub instance: String,
    /// The message's id, as the sender chose it.
    pub message_id: String,
    /// The chat and the SHA-256 of the plain bytes, which distinguish media files of one message
    /// id. Empty if the evidence does not contain them.
    pub content: String,
}

impl Identity {
    /// Identifies a media file by its message alone.
    #[must_use]
    pub fn new(instance: impl Into<String>, message_id: impl Into<String>) -> Self {
        Self { instance: instance.into(), message_id: message_id.into(), content: String::new() }
    }

    /// Adds the chat, given as an address or as a folder, and the SHA-256 of the plain bytes.
    #[must_use]
    pub fn with_content(mut self, chat: &str, sha256: &str) -> Self {
        let user = chat.split(['@', ':']).next().unwrap_or_default();
        let sorts = ["group-", "channel-", "lid-"];
        let bare = sorts.iter().find_map(|sort| user.strip_prefix(sort));
        self.content = format!("{} {sha256}", bare.unwrap_or(user));
        self
    }

    /// The chat, without its sort and its server. Empty if the evidence does not contain it.
    #[must_use]
    pub fn chat(&self) -> &str {
        self.content.split_once(' ').map_or("", |(chat, _)| chat)
    }

    /// Identifies an unreadable webhook by its instance and its bytes, in base64.
    #[must_use]
    pub fn from_unread(instance: &str, base64: &str) -> Self {
        Self::new(instance, format!("unread {base64}"))
    }

    /// Reads the identity from a queue message. One that is neither a job nor an unread body is
    /// identified by its whole text, under the instance `-`.
    #[must_use]
    pub fn from_body(body: &str) -> Self {
        let job: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        if let (Some("unread-1"), Some(instance), Some(base64)) = (
            job.get("version").and_then(Value::as_str),
            text(job.get("instance")),
            text(job.get("body")),
        ) {
            return Self::from_unread(&instance, &base64);
        }
        let message_id = job.get("message").and_then(|it| it.get("message_id"));
        match (text(job.get("instance")), text(message_id)) {
            (Some(instance), Some(message_id)) => {
                let of_message = |name: &str| text(job.get("message").and_then(|it| it.get(name)));
                let named = Self::new(instance, message_id);
                match (of_message("chat"), of_message("file_sha256")) {
                    (Some(chat), Some(sha256)) => named.with_content(&chat, &sha256),
                    (Some(_) | None, _) => named,
                }
            }
            (Some(_) | None, _) => Self::new("-", body),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.instance, self.message_id)
    }
}
