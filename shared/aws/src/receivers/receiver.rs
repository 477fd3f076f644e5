//! A receiver, as its item has it.

use data_encoding::BASE64;
use media::{
    ids::{InstanceId, TenantId},
    receiver::{PauseReason, ReceiverId, is_circuit_open},
};

use crate::dynamodb::{Attributes, get_number, get_string};

pub(super) const TENANT: &str = "tenant";
pub(super) const SORT_KEY: &str = "receiver";
pub(super) const HOST: &str = "host";
pub(super) const HOOKS: &str = "hooks";
pub(super) const KIND: &str = "what";
pub(super) const SEALED: &str = "sealed";
pub(super) const CREATED_AT: &str = "created_at";
pub(super) const PAUSED_AT: &str = "paused_at";
pub(super) const PAUSE_REASON: &str = "pause_reason";
/// The instance of the delivery because of which it was paused.
pub(crate) const PAUSED_INSTANCE: &str = "paused_instance";
pub(super) const FAILING_SINCE: &str = "failing_since";
pub(super) const LAST_FAILURE: &str = "last_failure";
pub(super) const LAST_FAILURE_AT: &str = "last_failure_at";
pub(super) const PROBE_AT: &str = "probe_at";
pub(super) const ASKED_UNTIL: &str = "asked_until";

/// The part of a sort key of a receiver for all instances of its tenant.
const EVERY_INSTANCE: &str = "*";

/// What a receiver gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivedKind {
    /// The webhooks of W-API, byte for byte.
    Webhooks,
    /// Events: of media, of the instance, and of its other receivers.
    Media,
    /// Both.
    All,
    /// Something that this version does not know.
    Unknown,
}

impl ReceivedKind {
    /// What a receiver may get by choice.
    pub const ALL_KINDS: [Self; 3] = [Self::Webhooks, Self::Media, Self::All];

    /// The word in commands and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhooks => "webhooks",
            Self::Media => "media",
            Self::All => "all",
            Self::Unknown => "unknown",
        }
    }

    /// The kind that has this word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL_KINDS.into_iter().find(|kind| kind.as_str() == word).unwrap_or(Self::Unknown)
    }
}

/// Since when, and why, a receiver gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverPause {
    /// Since when, in seconds since 1970.
    pub at: i64,
    /// The reason.
    pub reason: PauseReason,
}

/// A receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// The tenant.
    pub tenant: TenantId,
    /// The id.
    pub id: ReceiverId,
    /// The only instance whose webhooks it gets; `None`: those of all of the tenant's instances.
    pub instance: Option<InstanceId>,
    /// The host of its URL.
    pub host: String,
    /// W-API's words of the hooks whose events it gets; empty: all.
    pub hooks: Vec<String>,
    /// What it gets.
    pub kind: ReceivedKind,
    /// URL and secrets, encrypted.
    pub(super) sealed: Vec<u8>,
    /// When it was added, in seconds since 1970.
    pub created_at: i64,
    /// The pause, if it is paused.
    pub pause: Option<ReceiverPause>,
    /// Since when every attempt has failed, in seconds since 1970.
    pub failing_since: Option<i64>,
    /// How the latest failure ended that was noted, in one word, and when.
    pub last_failure: Option<(String, i64)>,
    /// When the next attempt may begin while the circuit is open, in seconds since 1970.
    pub probe_at: Option<i64>,
    /// Until when it asked to be left alone, in seconds since 1970.
    pub asked_until: Option<i64>,
}

impl Receiver {
    /// Reads an item. `None`: its key cannot be read. Every other attribute may be missing.
    pub(crate) fn from_item(item: &Attributes) -> Option<Self> {
        let text = |name: &str| get_string(item, name).map(str::to_owned);
        let (instance, id) = get_string(item, SORT_KEY)?.split_once('#')?;
        let instance = match instance {
            EVERY_INSTANCE => None,
            id => Some(InstanceId::parse(id).ok()?),
        };
        let hooks = item.get(HOOKS).and_then(|hooks| hooks.as_ss().ok()).cloned();
        let kind = get_string(item, KIND).map_or(ReceivedKind::Webhooks, ReceivedKind::from_word);
        let reason = PauseReason::from_word(get_string(item, PAUSE_REASON).unwrap_or_default());
        let sealed = get_string(item, SEALED).unwrap_or_default();
        Some(Self {
            tenant: TenantId::parse(get_string(item, TENANT)?).ok()?,
            id: ReceiverId::parse(id).ok()?,
            instance,
            host: text(HOST).unwrap_or_default(),
            hooks: hooks.unwrap_or_default(),
            kind,
            sealed: BASE64.decode(sealed.as_bytes()).unwrap_or_default(),
            created_at: get_number(item, CREATED_AT).unwrap_or_default(),
            pause: get_number(item, PAUSED_AT).map(|at| ReceiverPause { at, reason }),
            failing_since: get_number(item, FAILING_SINCE),
            last_failure: text(LAST_FAILURE).zip(get_number(item, LAST_FAILURE_AT)),
            probe_at: get_number(item, PROBE_AT),
            asked_until: get_number(item, ASKED_UNTIL),
        })
    }

    /// The sort key.
    #[must_use]
    pub fn sort_key(&self) -> String {
        sort_key(self.instance.as_ref(), &self.id)
    }

    /// Whether it gets a webhook of this instance from this hook. A webhook whose hook is not known
    /// goes to every receiver.
    #[must_use]
    pub fn gets(&self, instance: &InstanceId, hook: Option<&str>) -> bool {
        let is_of_hook = hook.is_none_or(|hook| {
            self.hooks.is_empty() || self.hooks.iter().any(|one| one.as_str() == hook)
        });
        matches!(self.kind, ReceivedKind::Webhooks | ReceivedKind::All)
            && is_of_hook
            && self.is_for(instance)
    }

    /// Whether it gets the events of this instance.
    #[must_use]
    pub fn gets_events(&self, instance: &InstanceId) -> bool {
        matches!(self.kind, ReceivedKind::Media | ReceivedKind::All) && self.is_for(instance)
    }

    fn is_for(&self, instance: &InstanceId) -> bool {
        self.instance.as_ref().is_none_or(|its| its == instance)
    }

    /// Whether its webhooks rest now instead of being tried: it is paused, its circuit is open, or
    /// it asked to be left alone.
    #[must_use]
    pub fn is_resting(&self, now: i64) -> bool {
        self.pause.is_some() || is_circuit_open(self.failing_since, now) || self.is_left_alone(now)
    }

    /// Whether it asked to be left alone for longer.
    #[must_use]
    pub fn is_left_alone(&self, now: i64) -> bool {
        self.asked_until.is_some_and(|until| until > now)
    }
}

/// The sort key of a receiver.
pub(super) fn sort_key(instance: Option<&InstanceId>, id: &ReceiverId) -> String {
    format!("{}#{id}", instance.map_or(EVERY_INSTANCE, InstanceId::as_str))
}
