//! Reads the jobs table for an operator: what is retried and what is parked. Reads indexes only,
//! which have no bodies.

use std::collections::BTreeSet;

use aws::{
    body_key::BodyKey,
    clients::Clients,
    dynamodb::{Attributes, count_items, get_string, string_value},
    error::AwsError,
    ledger::{BY_CLASS, BY_TENANT, state_class},
};
use media::{
    failure::FailureClass,
    ids::{InstanceId, TenantId},
};

use crate::record::MediaRecord;

/// Reads the indexes of the jobs table. Every entry can be read, whatever its attributes are.
#[derive(Debug)]
pub struct UnsettledMedia {
    clients: Clients,
    table: String,
}

impl UnsettledMedia {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// The media messages in this state (`retrying`, `parked`), class after class, and of each
    /// class the one that expires first first; at most `max`. They lack chats and moments.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_by_state(
        &self,
        state: &str,
        max: usize,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let mut found = Vec::new();
        for class in FailureClass::ALL {
            let query = self.clients.dynamodb.query().table_name(&self.table);
            let key = state_class(state, class.as_str());
            let mut items = query
                .index_name(BY_CLASS)
                .key_condition_expression("state_class = :partition")
                .expression_attribute_values(":partition", string_value(key))
                .into_paginator()
                .items()
                .send();
            while found.len() < max
                && let Some(item) = items.next().await
            {
                let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
                if !is_body(&item) {
                    found.push(read_entry(item));
                }
            }
        }
        Ok(found)
    }
}

/// A count that ends at a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitedCount {
    /// How many were counted.
    pub count: u64,
    /// Whether there are more.
    pub is_more: bool,
}

impl UnsettledMedia {
    /// How many jobs of a tenant are in this state (`retrying`, `parked`) now. Counts until at
    /// least `max` are found. `DynamoDB` counts them, and returns no item.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn count_by_tenant(
        &self,
        tenant: &str,
        state: &str,
        max: u64,
    ) -> Result<LimitedCount, AwsError> {
        const CONDITION: &str = "tenant = :tenant AND begins_with(state_class, :state)";
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let query = query
            .index_name(BY_TENANT)
            .key_condition_expression(CONDITION)
            .expression_attribute_values(":tenant", string_value(tenant))
            .expression_attribute_values(":state", string_value(state_class(state, "")));
        let (count, is_more) = count_items(query, max).await?;
        Ok(LimitedCount { count, is_more })
    }

    /// The instances of which the tenant has job entries. The index lags behind the table by a
    /// moment.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_instances(
        &self,
        tenant: &TenantId,
    ) -> Result<BTreeSet<InstanceId>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let mut items = query
            .index_name(BY_TENANT)
            .key_condition_expression("tenant = :tenant")
            .expression_attribute_values(":tenant", string_value(tenant.as_str()))
            .projection_expression("instance")
            .into_paginator()
            .items()
            .send();
        let mut found = BTreeSet::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            let id = get_string(&item, "instance").map(InstanceId::parse);
            found.extend(id.and_then(Result::ok));
        }
        Ok(found)
    }
}

/// Whether an item of the index is that of an unread webhook or another message, not of a job.
fn is_body(item: &Attributes) -> bool {
    let [partition, sort_key] =
        ["instance", "message_id"].map(|name| get_string(item, name).unwrap_or_default());
    BodyKey::from_item(partition, sort_key).is_some()
}

/// Reads an item of the index as a record: its key has the state and the class.
fn read_entry(mut item: Attributes) -> MediaRecord {
    if let Some((state, class)) = get_string(&item, "state_class").and_then(|it| it.split_once('#'))
    {
        let (state, class) = (string_value(state), string_value(class));
        item.insert("state".to_owned(), state);
        item.insert("class".to_owned(), class);
        item.remove("state_class");
    }
    let mut record = MediaRecord::from_item(item);
    record.not_understood.retain(|name| name != "moment" && name != "chat");
    record
}
