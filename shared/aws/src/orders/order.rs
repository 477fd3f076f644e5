//! An order: its item, and what it demands.

use crate::{
    dynamodb::{Attributes, get_number, get_string},
    error::AwsError,
};

pub(super) const BEFORE: &str = "before";
pub(super) const FROM_NOW_ON: &str = "from_now_on";
pub(super) const ID: &str = "id";

/// An order, as its item has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The sort key: kind, scope, instance or `*`, and a keyed hash; of a hold, then its id.
    pub sort_key: String,
    /// A short id, for people. All items of one erasure have the same.
    pub id: String,
    /// When the order was first given, in seconds since 1970.
    pub made_at: Option<i64>,
    /// The ARN of the operator who gave it.
    pub by: Option<String>,
    /// The operator's reference, such as a ticket number.
    pub reference: Option<String>,
    /// What it demands.
    pub demand: OrderDemand,
}

/// What an order demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderDemand {
    /// Erase what is known since `before` or longer.
    Erase {
        /// In seconds since 1970.
        before: i64,
        /// Whether what comes later is not stored either.
        from_now_on: bool,
    },
    /// Do not erase.
    Hold {
        /// Why. It names no person.
        reason: String,
        /// When the hold ends, in seconds since 1970. `None`: when it is released.
        until: Option<i64>,
    },
}

impl Order {
    /// Reads an item. `None` if it is not an order: the tenant's key, or its removed instances.
    ///
    /// # Errors
    /// [`AwsError`] if an order's time cannot be read: whether it is obeyed cannot be known.
    pub(super) fn from_item(
        operation: &'static str,
        item: &Attributes,
    ) -> Result<Option<Self>, AwsError> {
        let text = |name: &str| get_string(item, name).map(str::to_owned);
        let sort_key = text("order").unwrap_or_default();
        let demand = match sort_key.split('#').next() {
            Some("erase") => {
                let problem = "an order whose time cannot be read";
                let before = get_number(item, BEFORE);
                let before = before.ok_or_else(|| AwsError::unexpected(operation, problem))?;
                let flag = item.get(FROM_NOW_ON).and_then(|flag| flag.as_bool().ok());
                OrderDemand::Erase { before, from_now_on: flag.copied().unwrap_or_default() }
            }
            Some("hold") => OrderDemand::Hold {
                reason: text("reason").unwrap_or_default(),
                until: get_number(item, "until"),
            },
            Some(_) | None => return Ok(None),
        };
        let order = Self {
            id: text(ID).unwrap_or_default(),
            made_at: get_number(item, "made_at"),
            by: text("by"),
            reference: text("reference"),
            sort_key,
            demand,
        };
        Ok(Some(order))
    }

    /// Whether it is an order to erase that covers something that is known since this time, in
    /// seconds since 1970.
    #[must_use]
    pub fn erases(&self, known_since: i64) -> bool {
        match self.demand {
            OrderDemand::Erase { before, from_now_on } => from_now_on || known_since <= before,
            OrderDemand::Hold { .. } => false,
        }
    }

    /// Whether it is an order to erase that was given since this time, in seconds since 1970.
    #[must_use]
    pub fn was_given_since(&self, time: i64) -> bool {
        matches!(self.demand, OrderDemand::Erase { before, .. } if time <= before)
    }

    /// Whether it is a hold that has not ended at `now`, in seconds since 1970.
    #[must_use]
    pub fn holds(&self, now: i64) -> bool {
        match self.demand {
            OrderDemand::Hold { until, .. } => until.is_none_or(|until| until >= now),
            OrderDemand::Erase { .. } => false,
        }
    }

    /// The sort key without the id of a hold: what the order is about.
    #[must_use]
    pub fn subject_key(&self) -> &str {
        let id = match self.demand {
            OrderDemand::Hold { .. } => self.sort_key.strip_suffix(&*self.id),
            OrderDemand::Erase { .. } => None,
        };
        id.and_then(|rest| rest.strip_suffix('#')).unwrap_or(&self.sort_key)
    }

    /// The word of what it is about: `message`, `chat`, `instance` or `tenant`.
    #[must_use]
    pub fn scope_word(&self) -> &str {
        self.sort_key.split('#').nth(1).unwrap_or_default()
    }

    /// The id of the only instance that is meant, or `*`.
    #[must_use]
    pub fn instance_word(&self) -> &str {
        self.sort_key.split('#').nth(2).unwrap_or_default()
    }
}
