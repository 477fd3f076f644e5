//! The table of orders, and what it has beside orders: each tenant's key.

use std::{collections::HashMap, sync::Arc};

use media::{ids::TenantId, order::OrderKey};

use crate::{cache::Cache, clients::Clients};

/// The sort key of the item with the tenant's sealed key.
pub(super) const KEY_ITEM: &str = "key";
/// The attribute with the sealed key, in base64.
pub(super) const SEALED_KEY: &str = "sealed_key";
/// What the sort keys of holds begin with.
pub(super) const HOLDS: &str = "hold#";
/// The sort key of the item with the tenant's removed instances.
#[cfg(feature = "operator")]
pub(super) const INSTANCES_ITEM: &str = "instances";
/// The attribute with their ids, a set of texts.
#[cfg(feature = "operator")]
pub(super) const FORMER: &str = "former";

/// Reads the table of orders, and, with the feature `operator`, writes it.
#[derive(Debug)]
pub struct Orders {
    pub(super) clients: Clients,
    pub(super) table: String,
    /// The key of each tenant that has orders. A key never changes. That a tenant has none is never
    /// cached: an order may be given at any time.
    pub(super) keys: Cache<TenantId, Arc<OrderKey>>,
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
pub(super) fn encryption_context(tenant: &TenantId) -> HashMap<String, String> {
    HashMap::from([
        ("tenant".to_owned(), tenant.to_string()),
        ("instance".to_owned(), "#orders".to_owned()),
    ])
}
