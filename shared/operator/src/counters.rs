//! Reads the counters table for an operator, what the runs of each day led to, and erases of it.

use aws::{
    clients::Clients,
    counters::read_counts,
    dynamodb::{get_string, string_value},
    error::AwsError,
};
use media::counts::MediaCounts;

use crate::erase::EraseMode;

/// Reads the counters table, and erases of it.
#[derive(Debug)]
pub struct DayCounters {
    clients: Clients,
    table: String,
}

/// The counts of an instance on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCounts {
    /// The day in UTC, as `2026-08-22`.
    pub day: String,
    /// The instance's id.
    pub instance: String,
    /// The counts.
    pub counts: MediaCounts,
}

impl DayCounters {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// The counts of a tenant from one day to another, both included, the first day first. Days are
    /// written as `2026-08-22`. Reads one item for each day and instance that has counts.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_days(
        &self,
        tenant: &str,
        from: &str,
        to: &str,
    ) -> Result<Vec<DayCounts>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let mut items = query
            .key_condition_expression("tenant = :tenant AND #day BETWEEN :from AND :to")
            .expression_attribute_names("#day", "day")
            .expression_attribute_values(":tenant", string_value(tenant))
            .expression_attribute_values(":from", string_value(from))
            // After every `DAY#INSTANCE` of the last day.
            .expression_attribute_values(":to", string_value(format!("{to}$")))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            let key = get_string(&item, "day").unwrap_or_default();
            let (day, instance) = key.split_once('#').unwrap_or((key, ""));
            found.push(DayCounts {
                day: day.to_owned(),
                instance: instance.to_owned(),
                counts: read_counts(&item),
            });
        }
        Ok(found)
    }

    /// Counts the items of a tenant whose instance has an id that `is_meant`, or removes them.
    ///
    /// # Errors
    /// When `Query` or `DeleteItem` fails.
    pub async fn erase(
        &self,
        tenant: &str,
        is_meant: impl Fn(&str) -> bool,
        mode: EraseMode,
    ) -> Result<u64, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table).consistent_read(true);
        let mut items = query
            .key_condition_expression("tenant = :tenant")
            .expression_attribute_values(":tenant", string_value(tenant))
            .projection_expression("#day")
            .expression_attribute_names("#day", "day")
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            let key = get_string(&item, "day").unwrap_or_default();
            let instance = key.split_once('#').map_or("", |(_, instance)| instance);
            if is_meant(instance) {
                keys.push(key.to_owned());
            }
        }
        if mode == EraseMode::Remove {
            for key in &keys {
                let delete = self.clients.dynamodb.delete_item().table_name(&self.table);
                let delete = delete.key("tenant", string_value(tenant));
                let deleted = delete.key("day", string_value(key)).send().await;
                deleted.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
            }
        }
        Ok(keys.len() as u64)
    }

    /// Since when media are counted, in seconds since 1970: the table was made then. `None` if AWS
    /// does not say.
    ///
    /// # Errors
    /// When `DescribeTable` fails.
    pub async fn find_beginning(&self) -> Result<Option<i64>, AwsError> {
        let described = self.clients.dynamodb.describe_table().table_name(&self.table).send().await;
        let described = described.map_err(AwsError::in_operation("dynamodb:DescribeTable"))?;
        let made_at = described.table.and_then(|table| table.creation_date_time);
        Ok(made_at.map(|at| at.secs()))
    }
}
