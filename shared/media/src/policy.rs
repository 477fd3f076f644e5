//! What of an instance's media is wanted: by default everything.

use serde::{Deserialize, Serialize};

use crate::{
    kind::MediaKind,
    message::{ChatKind, MediaMessage},
};

/// The rules of one instance. What no rule names is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The kinds that are stored; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<MediaKind>,
    /// The sorts of chat whose media are stored; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chats: Vec<ChatKind>,
    /// The largest file that is fetched, in bytes. A larger one is a failure and is parked, because nobody
    /// knows its size before it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// The rule by which a medium is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipRule {
    /// Its kind is not among [`Policy::kinds`].
    Kind,
    /// Its sort of chat is not among [`Policy::chats`].
    Chat,
}

impl SkipRule {
    /// For a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "the instance does not store media of this kind",
            Self::Chat => "the instance does not store media of this sort of chat",
        }
    }
}

impl std::fmt::Display for SkipRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Policy {
    /// The rule against this medium, if there is one.
    #[must_use]
    pub fn skips(&self, message: &MediaMessage) -> Option<SkipRule> {
        let wants_kind = self.kinds.is_empty() || self.kinds.contains(&message.kind);
        let wants_chat = self.chats.is_empty() || self.chats.contains(&message.chat.kind());
        match (wants_kind, wants_chat) {
            (true, true) => None,
            (false, _) => Some(SkipRule::Kind),
            (true, false) => Some(SkipRule::Chat),
        }
    }
}
