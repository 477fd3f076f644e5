//! What of a tenant's media is wanted, and for how long: by default everything, for ever.

use serde::{Deserialize, Serialize};

use crate::{
    kind::MediaKind,
    message::{ChatKind, Direction, MediaMessage},
};

/// The rules of one tenant, as they stand in the record of each of its instances. What no rule names is
/// wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The kinds that are stored; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<MediaKind>,
    /// The sorts of chat whose media are stored; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chats: Vec<ChatKind>,
    /// The one direction that is stored; without it both are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The largest file that is fetched, in bytes. A larger one is a failure and is parked, because nobody
    /// knows its size before it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// What is done with media that their sender meant to be seen once.
    #[serde(default, skip_serializing_if = "ViewOnce::is_default")]
    pub view_once: ViewOnce,
    /// When the bucket removes a file; without it never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
}

/// What is done with media that their sender meant to be seen once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewOnce {
    /// Stored like any other, and marked in its metadata.
    #[default]
    Store,
    /// Left out.
    Skip,
}

impl ViewOnce {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Store, Self::Skip];

    /// The word for a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Skip => "skip",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How long the bucket keeps a file, by a lifecycle rule on the object's tag. `template.yaml` has one rule
/// per class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retention {
    /// 30 days.
    #[serde(rename = "30d")]
    Days30,
    /// 90 days.
    #[serde(rename = "90d")]
    Days90,
    /// A year.
    #[serde(rename = "1y")]
    Year,
    /// Five years.
    #[serde(rename = "5y")]
    Years5,
}

impl Retention {
    /// The name of the object's tag.
    pub const TAG: &'static str = "retention";

    /// Every class, the shortest first.
    pub const ALL: [Self; 4] = [Self::Days30, Self::Days90, Self::Year, Self::Years5];

    /// The value of the object's tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Year => "1y",
            Self::Years5 => "5y",
        }
    }

    /// Days after which the bucket removes the file.
    #[must_use]
    pub fn days(self) -> u32 {
        match self {
            Self::Days30 => 30,
            Self::Days90 => 90,
            Self::Year => 365,
            Self::Years5 => 1825,
        }
    }
}

/// The rule by which a medium is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipRule {
    /// Its kind is not among [`Policy::kinds`].
    Kind,
    /// Its sort of chat is not among [`Policy::chats`].
    Chat,
    /// Its direction is not [`Policy::direction`].
    Direction,
    /// It was meant to be seen once, and [`Policy::view_once`] leaves such out.
    ViewOnce,
    /// It is no medium but an operator's probe of the way that media take.
    Probe,
    /// It was announced without key, path and URL: there is nothing to fetch, now or later.
    Shell,
}

impl SkipRule {
    /// For a person.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "the tenant does not store media of this kind",
            Self::Chat => "the tenant does not store media of this sort of chat",
            Self::Direction => "the tenant does not store media of this direction",
            Self::ViewOnce => "the tenant does not store media that are meant to be seen once",
            Self::Probe => "an operator's probe of the way that media take",
            Self::Shell => {
                "announced without key, path and URL, as a linked device gets what is to be seen once: only the phone has it"
            }
        }
    }
}

impl std::fmt::Display for SkipRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Policy {
    /// What a new tenant gets unless it says otherwise: no stories and no channels, which are public and
    /// many.
    #[must_use]
    pub fn of_new_tenant() -> Self {
        let is_private = |kind: &ChatKind| !matches!(kind, ChatKind::Status | ChatKind::Channel);
        Self {
            chats: ChatKind::ALL.into_iter().filter(is_private).collect(),
            ..Self::default()
        }
    }

    /// The rule against this medium, if there is one: the first in the order of [`SkipRule`], but a probe
    /// before all.
    #[must_use]
    pub fn skips(&self, message: &MediaMessage) -> Option<SkipRule> {
        let wants_kind = self.kinds.is_empty() || self.kinds.contains(&message.kind);
        let wants_chat = self.chats.is_empty() || self.chats.contains(&message.chat.kind());
        let wants_direction = self.direction.is_none_or(|only| only == message.direction);
        let wants_view_once = !message.view_once || self.view_once == ViewOnce::Store;
        let rules = [
            (!message.chat.is_probe(), SkipRule::Probe),
            (wants_kind, SkipRule::Kind),
            (wants_chat, SkipRule::Chat),
            (wants_direction, SkipRule::Direction),
            (wants_view_once, SkipRule::ViewOnce),
        ];
        rules
            .into_iter()
            .find_map(|(is_wanted, rule)| (!is_wanted).then_some(rule))
    }
}
