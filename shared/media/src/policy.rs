//! Which of a tenant's media files are stored, for how long, and by which strategies. By default
//! all, without an end, in the default order.

use serde::{Deserialize, Serialize};

use crate::{
    envelope::MomentSource,
    job::Job,
    kind::MediaKind,
    media_link::LinkRule,
    message::{ChatKind, Direction, MediaMessage},
    strategy::StrategyOrder,
};

/// The rules of one tenant, copied into the record of each of its instances. Without a rule,
/// everything is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The kinds that are stored; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<MediaKind>,
    /// The kinds of chat whose media files are stored; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chats: Vec<ChatKind>,
    /// The only direction that is stored; `None` for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Maximum size of a file, in bytes. A larger one fails and is parked, because its size is not
    /// known before the download.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// Whether view-once media files are stored.
    #[serde(default, skip_serializing_if = "ViewOnce::is_default")]
    pub view_once: ViewOnce,
    /// How long a media file and everything about it is kept; `None` means without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The strategies that are tried for the instances that have no order of their own.
    #[serde(default, skip_serializing_if = "StrategyOrder::is_default")]
    pub strategies: StrategyOrder,
    /// How long media links work at most.
    #[serde(default, skip_serializing_if = "LinkRule::is_default")]
    pub links: LinkRule,
    /// Whether `media erase` of a person also erases what the person sent to groups.
    #[serde(default, skip_serializing_if = "GroupMedia::is_default")]
    pub group_media: GroupMedia,
    /// What becomes of a media message whose sender deletes it for everyone.
    #[serde(default, skip_serializing_if = "Revoked::is_default")]
    pub revoked: Revoked,
}

/// What becomes of a media message whose sender deletes it for everyone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revoked {
    /// Nothing.
    #[default]
    Keep,
    /// It is shown that, and when, it was deleted.
    Flag,
    /// It is not stored if it is not stored yet. What is stored is listed for a person, who has it
    /// erased.
    Erase,
}

impl Revoked {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Flag, Self::Erase];

    /// The word in commands and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Flag => "flag",
            Self::Erase => "erase",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether `media erase` of a person also erases what the person sent to groups and other chats of
/// more than two: it is the person's, and it is part of other people's conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupMedia {
    /// The operator decides each time.
    #[default]
    Ask,
    /// It stays.
    Keep,
    /// It is erased with the person's own chats.
    Erase,
}

impl GroupMedia {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Ask, Self::Keep, Self::Erase];

    /// The word in commands and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Keep => "keep",
            Self::Erase => "erase",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether view-once media files are stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewOnce {
    /// Stored like others, and marked in the metadata.
    #[default]
    Store,
    /// Not stored.
    Skip,
}

impl ViewOnce {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Store, Self::Skip];

    /// The word in commands and records.
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

/// How long a media file and everything about it is kept. A lifecycle rule on the object's tag
/// removes the file, and `DynamoDB`'s time to live removes the record and the job entry.
/// `template.yaml` has one lifecycle rule per class.
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

    /// Days after which the file and what is known about it are removed.
    #[must_use]
    pub fn days(self) -> u32 {
        match self {
            Self::Days30 => 30,
            Self::Days90 => 90,
            Self::Year => 365,
            Self::Years5 => 1825,
        }
    }

    /// When what began at this time ends, in seconds since 1970.
    #[must_use]
    pub fn end_of(self, beginning: i64) -> i64 {
        beginning.saturating_add(i64::from(self.days()) * 24 * 60 * 60)
    }

    /// From when the record and the entry of a job without a stored file may be removed, in seconds
    /// since 1970: when its message is too old to be stored, but not before `now`.
    #[must_use]
    pub fn unstored_end(self, job: &Job, now: i64) -> i64 {
        self.end_of(sent_at(job)).max(now)
    }
}

/// From when the age of a media message counts, in seconds since 1970: its own time, or the time of
/// acceptance if the webhook names none. The time of a media key may be years before a forwarded
/// message.
fn sent_at(job: &Job) -> i64 {
    match job.message.envelope.moment_source {
        MomentSource::Message => job.message.moment,
        MomentSource::Key | MomentSource::Accepted => job.accepted_at,
    }
}

/// Why a media message is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipRule {
    /// Its kind is not among [`Policy::kinds`].
    Kind,
    /// Its sort of chat is not among [`Policy::chats`].
    Chat,
    /// Its direction is not [`Policy::direction`].
    Direction,
    /// It is meant to be viewed once, and [`Policy::view_once`] excludes it.
    ViewOnce,
    /// Its sender deleted it, and [`Policy::revoked`] has it erased.
    Revoked,
    /// It is older than [`Policy::retention`].
    Expired,
    /// It is an operator's probe, not a media message.
    Probe,
    /// It was announced without key, path and URL, so there is nothing to fetch.
    Shell,
}

impl SkipRule {
    /// The reason, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "the tenant does not store media of this kind",
            Self::Chat => "the tenant does not store media of this sort of chat",
            Self::Direction => "the tenant does not store media of this direction",
            Self::ViewOnce => "the tenant does not store media that are meant to be seen once",
            Self::Revoked => "its sender deleted the message for everyone before it was stored",
            Self::Expired => "the message is older than the tenant keeps media",
            Self::Probe => "an operator's probe, not a media message",
            Self::Shell => {
                "announced without key, path and URL, as linked devices receive view-once \
                 messages: only the phone can open it"
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
    /// The default of a new tenant: no stories and no channels, which are public and numerous, and
    /// nothing that was sent to be seen once. Tenants of earlier versions keep the rules that they
    /// have: without a rule, everything is stored.
    #[must_use]
    pub fn for_new_tenant() -> Self {
        let is_private = |kind: &ChatKind| !matches!(kind, ChatKind::Status | ChatKind::Channel);
        Self {
            chats: ChatKind::ALL.into_iter().filter(is_private).collect(),
            view_once: ViewOnce::Skip,
            ..Self::default()
        }
    }

    /// The rule that excludes this media message whatever the time is, if any: a probe first, then
    /// the order of [`SkipRule`].
    #[must_use]
    pub fn skip_rule(&self, message: &MediaMessage) -> Option<SkipRule> {
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
        rules.into_iter().find_map(|(is_wanted, rule)| (!is_wanted).then_some(rule))
    }

    /// Whether the media message is older than the retention at `now` (seconds since 1970).
    ///
    /// Records end no sooner (see [`Self::stored_end`] and [`Retention::unstored_end`]). So when
    /// the record of a media message is gone, its webhook is too old: neither the back-fill nor a
    /// copy of the job nor a replay brings the file back, and no mark has to remember it.
    #[must_use]
    pub fn is_expired(&self, job: &Job, now: i64) -> bool {
        self.retention.is_some_and(|class| class.end_of(sent_at(job)) <= now)
    }

    /// From when the record of a media file that was stored at `now` may be removed, in seconds
    /// since 1970: with the file, or later if a clock that is ahead has dated the message. `None`
    /// without a retention.
    #[must_use]
    pub fn stored_end(&self, message: &MediaMessage, now: i64) -> Option<i64> {
        self.retention.map(|class| class.end_of(now.max(message.moment)))
    }
}
