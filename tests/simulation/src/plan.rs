//! The plan of a world: its media messages, when they are announced, and what goes wrong
//! meanwhile.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use aws::register::SECRET_BYTES;
use media::{kind::MediaKind, policy::Policy, strategy::StrategyOrder};
use serde_json::Value;
use stand_in::{CdnScenario, Kind, Spec, WapiScenario};

use crate::{
    accounting::Fate,
    cloud::queue::MAX_IN_FLIGHT,
    door::{DoorPlan, open_door},
    fault,
    function::{JOBS_TABLE, MEDIA, PEOPLE_TABLE},
};

/// A customer's instance with its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// The tenant it belongs to.
    pub tenant: &'static str,
    /// The instance's id at W-API.
    pub instance: &'static str,
    /// The token it begins with.
    pub token: &'static str,
    /// The random bytes that its webhook secret is made of.
    pub random: [u8; SECRET_BYTES],
    /// The secret in its webhook URL.
    pub secret: &'static str,
}

/// The customers that exist from the beginning: two of one tenant, one of another.
pub const CUSTOMERS: [Customer; 3] = [
    Customer {
        tenant: "acme",
        instance: "LITE-AAAAAA-000001",
        token: "invented-token-1",
        random: [1; SECRET_BYTES],
        secret: "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
    },
    Customer {
        tenant: "acme",
        instance: "LITE-AAAAAA-000002",
        token: "invented-token-2",
        random: [2; SECRET_BYTES],
        secret: "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
    },
    Customer {
        tenant: "bravo",
        instance: "LITE-BBBBBB-000003",
        token: "invented-token-3",
        random: [3; SECRET_BYTES],
        secret: "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM",
    },
];

/// A media message that will be announced.
#[derive(Debug, Clone)]
pub struct PlannedMedia {
    /// What it is, and how its sources behave.
    pub spec: Spec,
    /// When it is announced.
    pub at: Duration,
    /// How many times it is posted at once.
    pub posts: u32,
    /// The outcome that its sources allow.
    pub fate: Fate,
    /// Where its webhook differs from the spec, by JSON pointer.
    pub changed_fields: Vec<(&'static str, Value)>,
    /// What the previous version left of it.
    pub prior_state: PriorState,
}

/// What the previous version left of a media message when the world begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PriorState {
    /// Its record, in this state.
    pub record: Option<&'static str>,
    /// Its job, in place of a webhook.
    pub job: bool,
    /// Its job in the parked queue, in place of a webhook.
    pub parked: bool,
    /// Its webhook in the queue, accepted and not read, in place of a webhook.
    pub unread: bool,
}

impl PlannedMedia {
    /// A media message whose sources work, announced once at the beginning.
    #[must_use]
    pub fn healthy(kind: Kind, name: &str) -> Self {
        Self {
            spec: Spec::of(kind)
                .seed(name)
                .instance(CUSTOMERS[0].instance)
                .moment(crate::clockwork::WORLD_START - 60),
            at: Duration::ZERO,
            posts: 1,
            fate: Fate::Stored,
            changed_fields: Vec::new(),
            prior_state: PriorState::default(),
        }
    }

    /// Changes this value of its webhook.
    #[must_use]
    pub fn with_changed_field(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.changed_fields.push((pointer, value.into()));
        self
    }

    /// Sets what the previous version left of it.
    #[must_use]
    pub fn with_prior_state(mut self, left: PriorState) -> Self {
        self.prior_state = left;
        self
    }

    /// When it was accepted, in time since the world began. What the previous version left was
    /// accepted before, for the tenant of that time.
    #[must_use]
    pub fn accepted_at(&self) -> Duration {
        let PriorState { job, parked, unread, .. } = self.prior_state;
        if job || parked || unread { Duration::ZERO } else { self.at }
    }

    /// Sets when it is announced.
    #[must_use]
    pub fn announced_at(mut self, at: Duration) -> Self {
        self.at = at;
        self
    }

    /// Changes how the message is built and how its sources behave.
    #[must_use]
    pub fn with_spec(mut self, change: impl FnOnce(Spec) -> Spec) -> Self {
        self.spec = change(self.spec);
        self
    }

    /// Sets the allowed outcome.
    #[must_use]
    pub fn with_fate(mut self, fate: Fate) -> Self {
        self.fate = fate;
        self
    }
}

/// An event outside AWS.
#[derive(Debug, Clone)]
pub enum OutsideEvent {
    /// W-API behaves like this from now on, for everything; `None` ends it.
    Wapi(Option<WapiScenario>),
    /// The CDN behaves like this from now on, for everything; `None` ends it.
    Cdn(Option<CdnScenario>),
    /// W-API accepts only this token for the instance from now on.
    NewToken(Customer, &'static str),
    /// An operator writes this token into the instance's record.
    TokenWritten(Customer, &'static str),
    /// Both queues lose the messages whose jobs the jobs table has. (Jobs that no run has received
    /// yet are only in the queue.)
    QueuesPurged,
    /// Both queues lose every message, those included that no run has settled yet.
    QueuesEmptied,
    /// As [`Self::QueuesPurged`], for the parked queue alone: its retention ends.
    ParkedExpired,
    /// An operator moves every parked message to the jobs queue, by SQS's own task.
    ParkedMoved,
    /// An operator redrives everything that is parked, with the command's own code.
    Redriven,
    /// A function of the previous version records every media message as stored. It does not know
    /// of job entries.
    StoredByPreviousVersion,
    /// The stack went back to a version without the jobs table and forward again: the table is a
    /// new one, and the records do not know.
    JobsTableReplaced,
    /// Notes how many messages the jobs queue has, hidden ones included.
    QueueCounted(Arc<AtomicUsize>),
    /// An operator gives an order to erase a chat of the customer's tenant.
    Ordered(ChatOrder),
    /// An operator gives an order to erase what the person with this chat sent to groups.
    SenderOrdered(ChatOrder),
    /// What the command does after it has given the order: the chat's objects, records and entries
    /// are gone. Marks are not left, so that only the order keeps them away.
    ChatRemoved(&'static str),
    /// An operator removes the instance's record.
    Removed(Customer),
    /// An operator adds a removed instance again, for this customer's tenant: the same one, or
    /// another to which the instance moves. Its webhook secret stays.
    Added(Customer),
    /// An operator replaces the instance's webhook secret with the one of these bytes. The old one
    /// stays valid for a day.
    SecretRotated(Customer, [u8; SECRET_BYTES]),
    /// An operator pauses the instance.
    Paused(Customer),
    /// An operator resumes the instance.
    Resumed(Customer),
    /// An operator changes a tenant's rules: this kind is not stored any more.
    KindExcluded(&'static str, MediaKind),
    /// An operator erases a chat or a message as the command does: an order, and then what there
    /// is, again until nothing is left.
    Erased(EraseScope),
    /// An operator drops everything that is parked.
    Dropped,
    /// An operator replays W-API's log: every webhook so far is posted once more.
    Replayed,
}

impl OutsideEvent {
    /// The instance whose record changes so that its webhooks are refused, or accepted again.
    pub(crate) fn instance_change(&self) -> Option<Customer> {
        if let Self::Removed(it) | Self::Added(it) | Self::Paused(it) | Self::Resumed(it) = self {
            return Some(*it);
        }
        None
    }
}

/// What an operator erases of an instance.
#[derive(Debug, Clone)]
pub struct EraseScope {
    /// The instance, with the tenant whose files are erased.
    pub customer: Customer,
    /// The part of it.
    pub part: ErasedPart,
}

/// The part of an instance's media that an operator erases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErasedPart {
    /// The chat whose folder has this name.
    Chat(String),
    /// The message with this id.
    Message(String),
}

/// An order to erase a chat in all instances of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatOrder {
    /// The customer whose tenant it is.
    pub customer: Customer,
    /// The name of the chat's folder.
    pub chat: &'static str,
    /// Whether what comes later is not stored either.
    pub from_now_on: bool,
}

/// Everything that happens in a world.
#[derive(Clone)]
pub struct Plan {
    /// The seed of all chance.
    pub seed: u64,
    /// The media messages that are announced.
    pub media: Vec<PlannedMedia>,
    /// Unreadable bodies that are posted with the first customer's secret.
    pub unreadable: Vec<(Duration, Value)>,
    /// Messages in the jobs queue that are not jobs.
    pub foreign_messages: Vec<(Duration, String)>,
    /// Events outside AWS, each with its time.
    pub outside_events: Vec<(Duration, OutsideEvent)>,
    /// The faults of AWS calls.
    pub faults: fault::Plan,
    /// Download functions that run at the same time.
    pub downloads: usize,
    /// Of a thousand receipts, how many leave a duplicate visible.
    pub copies_per_mille: u64,
    /// The error of a process's clock, in seconds.
    pub skew: Arc<dyn Fn(&str) -> i64 + Send + Sync>,
    /// How long the n-th invocation (from 1) may run.
    pub time_left: Arc<dyn Fn(u32) -> Duration + Send + Sync>,
    /// How many times a sender posts until it is answered 200.
    pub sender_tries: u32,
    /// What API Gateway does with requests.
    pub door: DoorPlan,
    /// How long a new process takes at most until it handles its first invocation.
    pub max_cold_start: Duration,
    /// Which invocations stall.
    pub stalls: fault::Stalls,
    /// By how much reads that are not consistent may be late, those of indexes included.
    pub read_lag: Duration,
    /// How many messages of a queue may be in flight.
    pub max_in_flight: usize,
    /// The world goes on for this time at least.
    pub min_time: Duration,
    /// The world ends at this time at the latest, whatever waits then.
    pub max_time: Duration,
    /// When the back-fill reads W-API's log. If it does, what is in the log may not be lost,
    /// whatever the sender was told.
    pub backfills: Vec<Duration>,
    /// The order of strategies of every instance.
    pub order: StrategyOrder,
    /// The rules of every tenant.
    pub policy: Policy,
    /// What S3 and `DynamoDB` remove by themselves, every midnight.
    pub expiry: ExpiryRules,
    /// Whether each tenant has a receiver of events, which has to hear of every end.
    pub has_receivers: bool,
}

/// What AWS removes by itself when its time has come.
#[derive(Debug, Clone, Default)]
pub struct ExpiryRules {
    /// The bucket's lifecycle rules for tagged objects.
    pub lifecycle: Vec<LifecycleRule>,
    /// Each table with a time to live, and its attribute.
    pub time_to_live: Vec<(&'static str, String)>,
}

impl ExpiryRules {
    /// The time to live of the tables, and no lifecycle rule.
    #[must_use]
    pub fn of_tables() -> Self {
        let tables = [MEDIA, JOBS_TABLE, PEOPLE_TABLE];
        let time_to_live = tables.map(|table| (table, "forget_at".to_owned()));
        Self { lifecycle: Vec::new(), time_to_live: time_to_live.to_vec() }
    }
}

/// A lifecycle rule for the objects with a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleRule {
    /// The name and the value of the tag.
    pub tag: (String, String),
    /// Days after which a current version becomes noncurrent.
    pub days: u32,
    /// Days after which a noncurrent version is removed; `None` if this rule removes none.
    pub noncurrent_days: Option<u32>,
}

impl Plan {
    /// A world with these media messages in which nothing goes wrong.
    #[must_use]
    pub fn healthy(media: Vec<PlannedMedia>) -> Self {
        Self {
            seed: 0,
            media,
            unreadable: Vec::new(),
            foreign_messages: Vec::new(),
            outside_events: Vec::new(),
            faults: fault::no_faults(),
            downloads: 2,
            copies_per_mille: 0,
            skew: Arc::new(|_| 0),
            time_left: Arc::new(|_| FUNCTION_TIMEOUT),
            sender_tries: 3,
            backfills: Vec::new(),
            policy: Policy::default(),
            expiry: ExpiryRules::default(),
            has_receivers: false,
            order: StrategyOrder::default(),
            door: open_door(),
            max_cold_start: Duration::ZERO,
            stalls: Arc::new(|_, _| None),
            read_lag: Duration::ZERO,
            max_in_flight: MAX_IN_FLIGHT,
            min_time: Duration::ZERO,
            max_time: MAX_WORLD_TIME,
        }
    }

    /// Sets the order of strategies of every instance.
    #[must_use]
    pub fn with_order(mut self, order: StrategyOrder) -> Self {
        self.order = order;
        self
    }

    /// Sets what happens to AWS calls.
    #[must_use]
    pub fn with_faults(
        mut self,
        faults: impl Fn(&fault::Call) -> fault::Fault + Send + Sync + 'static,
    ) -> Self {
        self.faults = Arc::new(faults);
        self
    }
}

/// The world fails if a job still waits after this time.
pub const MAX_WORLD_TIME: Duration = Duration::from_hours(16 * 24);

/// The download function's timeout in `template.yaml`.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(600);
