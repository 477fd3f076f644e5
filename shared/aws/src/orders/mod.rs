//! The table of orders: what of a tenant's media was ordered to be erased, and what is held against
//! erasing. Everything that stores or queues media asks it.

mod read;
#[cfg(feature = "operator")]
mod write;

use std::{collections::HashMap, sync::Arc};

use media::{ids::TenantId, order::OrderKey};

#[cfg(feature = "operator")]
pub use self::write::{NewErasure, NewHold};
use crate::{
    cache::Cache,
    clients::Clients,
    dynamodb::{Attributes, get_number, get_string},
    error::AwsError,
};

/// The sort key of the item with the tenant's sealed key.
const KEY_ITEM: &str = "key";
/// The attribute with the sealed key, in base64.
const SEALED_KEY: &str = "sealed_key";
/// The sort key of the item with the tenant's removed instances.
#[cfg(feature = "operator")]
const INSTANCES_ITEM: &str = "instances";
/// The attribute with their ids, a set of texts.
#[cfg(feature = "operator")]
const FORMER: &str = "former";

const BEFORE: &str = "before";
const FROM_NOW_ON: &str = "from_now_on";
const ID: &str = "id";

/// Reads the table of orders, and, with the feature `operator`, writes it.
#[derive(Debug)]
pub struct Orders {
    clients: Clients,
    table: String,
    /// The key of each tenant that has orders. A key never changes. That a tenant has none is never
    /// cached: an order may be given at any time.
    keys: Cache<TenantId, Arc<OrderKey>>,
}

/// An order, as its item has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The sort key: kind, scope, instance or `*`, and a keyed hash.
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
    fn from_item(operation: &'static str, item: &Attributes) -> Result<Option<Self>, AwsError> {
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

    /// Whether it is a hold that has not ended at `now`, in seconds since 1970.
    #[must_use]
    pub fn holds(&self, now: i64) -> bool {
        match self.demand {
            OrderDemand::Hold { until, .. } => until.is_none_or(|until| until >= now),
            OrderDemand::Erase { .. } => false,
        }
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

impl Orders {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table, keys: Cache::new() }
    }
}

/// The encryption context of a tenant's key of orders. It has the names of a token's context, which
/// the roles' conditions require, and a value that no instance's id has.
fn encryption_context(tenant: &TenantId) -> HashMap<String, String> {
    HashMap::from([
        ("tenant".to_owned(), tenant.to_string()),
        ("instance".to_owned(), "#orders".to_owned()),
    ])
}
