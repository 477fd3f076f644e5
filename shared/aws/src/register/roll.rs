//! All tenants or all instances: those whose records make sense, and the names of the others.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Register, RegisterError, Tenant, item::tenant_of};
use crate::{error::AwsError, instances::Instance};

/// What stands in one of the register's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roll<T> {
    /// What is understood, in order.
    pub known: Vec<T>,
    /// The records that are not, by id.
    pub unread: Vec<Unread>,
}

/// A record of the register that makes no sense: it was not written by this version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// Its id, as it stands there.
    pub id: String,
    /// Whose it is, as it stands there. A tenant's own record is its own.
    pub tenant: Option<String>,
}

impl Register {
    /// All tenants, by id.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn tenants(&self) -> Result<Roll<Tenant>, RegisterError> {
        let items = self.scan(&self.places.tenants_table).await?;
        let mut roll = Roll::of(items, "tenant", |item| tenant_of(item).ok());
        roll.known.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(roll)
    }

    /// All instances, by tenant and id.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn instances(&self) -> Result<Roll<Instance>, RegisterError> {
        let items = self.scan(&self.places.instances_table).await?;
        let mut roll = Roll::of(items, "instance", |item| Instance::try_from(item).ok());
        roll.known.sort_by(|one, other| (&one.tenant, &one.id).cmp(&(&other.tenant, &other.id)));
        Ok(roll)
    }

    async fn scan(
        &self,
        table: &str,
    ) -> Result<Vec<HashMap<String, AttributeValue>>, RegisterError> {
        let pages = self.clients.dynamodb.scan().table_name(table);
        let items = pages.consistent_read(true).into_paginator().items().send();
        let items = items.collect::<Result<Vec<_>, _>>().await;
        Ok(items.map_err(|error| AwsError::new("dynamodb:Scan", &error))?)
    }
}

impl<T> Roll<T> {
    fn of(
        items: Vec<HashMap<String, AttributeValue>>,
        key: &str,
        read: impl Fn(HashMap<String, AttributeValue>) -> Option<T>,
    ) -> Self {
        let (mut known, mut unread) = (Vec::new(), Vec::new());
        for item in items {
            let text = |name: &str| item.get(name)?.as_s().ok().cloned();
            let name = Unread { id: text(key).unwrap_or_default(), tenant: text("tenant") };
            match read(item) {
                Some(one) => known.push(one),
                None => unread.push(name),
            }
        }
        unread.sort();
        Self { known, unread }
    }
}
