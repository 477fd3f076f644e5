//! What a world is to live through: its media, when they are announced, and what goes wrong meanwhile.

use std::{sync::Arc, time::Duration};

use aws::register::SECRET_BYTES;
use serde_json::Value;
use stand_in::{CdnScenario, Kind, Spec, WapiScenario};

use crate::{accounting::Fate, fault};

/// An account of a customer, with everything that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// Whose it is.
    pub tenant: &'static str,
    /// The instance.
    pub instance: &'static str,
    /// Its token at first.
    pub token: &'static str,
    /// The chance that its webhook secret is made of.
    pub random: [u8; SECRET_BYTES],
    /// That secret.
    pub secret: &'static str,
}

/// Those that exist from the beginning: two of one tenant, one of another.
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

/// A media that will be announced.
#[derive(Debug, Clone)]
pub struct Medium {
    /// What it is and how its sources behave.
    pub spec: Spec,
    /// When it is announced.
    pub at: Duration,
    /// How many times at once.
    pub posts: u32,
    /// Where it may end.
    pub fate: Fate,
    /// What its webhook says otherwise than the spec, by JSON pointer.
    pub told: Vec<(&'static str, Value)>,
    /// What a version before this one has left of it.
    pub left: Left,
}

/// What a version before this one has left of a medium, when this one begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Its record, in this state.
    pub record: Option<&'static str>,
    /// Its job, in place of a webhook.
    pub job: bool,
    /// Its webhook in the queue, accepted and not read, in place of a webhook.
    pub unread: bool,
}

impl Medium {
    /// A healthy media, announced once at the beginning.
    #[must_use]
    pub fn healthy(kind: Kind, name: &str) -> Self {
        Self {
            spec: Spec::of(kind)
                .seed(name)
                .instance(CUSTOMERS[0].instance)
                .moment(crate::clockwork::BEGINNING - 60),
            at: Duration::ZERO,
            posts: 1,
            fate: Fate::Stored,
            told: Vec::new(),
            left: Left::default(),
        }
    }

    /// The same, told otherwise at this place of its webhook.
    #[must_use]
    pub fn telling(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.told.push((pointer, value.into()));
        self
    }

    /// The same, of which a version before has left this.
    #[must_use]
    pub fn leaving(mut self, left: Left) -> Self {
        self.left = left;
        self
    }

    /// The same, announced then.
    #[must_use]
    pub fn at(mut self, at: Duration) -> Self {
        self.at = at;
        self
    }

    /// The same, with another spec.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(Spec) -> Spec) -> Self {
        self.spec = change(self.spec);
        self
    }

    /// The same, with another fate.
    #[must_use]
    pub fn ending(mut self, fate: Fate) -> Self {
        self.fate = fate;
        self
    }
}

/// Something that happens to the world outside AWS.
#[derive(Debug, Clone)]
pub enum Happening {
    /// From now on W-API behaves like this for everything; `None` ends it.
    Wapi(Option<WapiScenario>),
    /// From now on the CDN behaves like this for everything; `None` ends it.
    Cdn(Option<CdnScenario>),
    /// W-API takes only this token for the instance from now on.
    NewToken(Customer, &'static str),
    /// An operator writes this token into the instance's record.
    TokenWritten(Customer, &'static str),
    /// An operator removes the instance's record.
    Removed(Customer),
}

/// Everything a world is to live through.
#[derive(Clone)]
pub struct Plan {
    /// Of which all chance follows.
    pub seed: u64,
    /// The media.
    pub media: Vec<Medium>,
    /// Bodies that are posted with the first customer's secret, and that nobody can read.
    pub unreadable: Vec<(Duration, Value)>,
    /// Messages that are no job, put into the queue of jobs.
    pub strangers: Vec<(Duration, String)>,
    /// What happens outside AWS.
    pub happenings: Vec<(Duration, Happening)>,
    /// What happens to calls of AWS.
    pub faults: fault::Plan,
    /// Download functions that run at the same time.
    pub downloads: usize,
    /// Of a thousand receipts, how many are of a message that stays visible.
    pub copies_per_mille: u64,
    /// By how many seconds a process's clock is wrong.
    pub skew: Arc<dyn Fn(&str) -> i64 + Send + Sync>,
    /// How long the n-th invocation (from 1) may run.
    pub time_left: Arc<dyn Fn(u32) -> Duration + Send + Sync>,
    /// How often a sender tries again that was not told 200.
    pub sender_tries: u32,
}

impl Plan {
    /// These media in a world where nothing goes wrong.
    #[must_use]
    pub fn healthy(media: Vec<Medium>) -> Self {
        Self {
            seed: 0,
            media,
            unreadable: Vec::new(),
            strangers: Vec::new(),
            happenings: Vec::new(),
            faults: fault::none(),
            downloads: 2,
            copies_per_mille: 0,
            skew: Arc::new(|_| 0),
            time_left: Arc::new(|_| FUNCTION_TIMEOUT),
            sender_tries: 3,
        }
    }

    /// The same with these faults.
    #[must_use]
    pub fn with_faults(
        mut self,
        faults: impl Fn(&fault::Call) -> fault::Fault + Send + Sync + 'static,
    ) -> Self {
        self.faults = Arc::new(faults);
        self
    }
}

/// The download function's timeout in `template.yaml`.
pub const FUNCTION_TIMEOUT: Duration = Duration::from_secs(600);
