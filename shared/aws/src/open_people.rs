//! Phone numbers of chats whose LID no webhook has named yet. They wait in the table of people to
//! be asked for at W-API:
//!
//! | `instance` | `link` |
//! |---|---|
//! | the instance's id | `open#{phone}` |

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use media::ids::{InstanceId, TenantId};

use crate::{
    clients::Clients,
    dynamodb::{get_string, number_value, string_value},
    error::AwsError,
    ledger::FORGET_AT,
    named_contact::TENANT,
};

/// How many numbers a process remembers. Then it forgets all of them, and looks each up again when
/// it is named.
const MAX_REMEMBERED: usize = 20_000;

/// How many pages of open numbers are read for those that are due, at most. A page has about 9,000.
const MAX_PAGES: usize = 4;

/// From when a number may be asked for again, in seconds since 1970. Without it, at once.
const ASK_AFTER: &str = "ask_after";

const OPEN: &str = "open#";

const QUERY: &str = "dynamodb:Query";

/// Reads and writes the open numbers in the table of people.
#[derive(Debug)]
pub struct OpenPeople {
    clients: Clients,
    table: String,
    /// Hashes of the numbers that this process has looked up.
    remembered: Mutex<HashSet<u64>>,
    hasher: RandomState,
}

impl OpenPeople {
    /// Uses the table of people with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self {
            clients: clients.clone(),
            table,
            remembered: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Whether this process has not looked the number up yet.
    #[must_use]
    pub fn is_new(&self, instance: &InstanceId, phone: &str) -> bool {
        let hash = self.hasher.hash_one((instance, phone));
        !self.lock_remembered().contains(&hash)
    }

    /// Notes that a chat has this number (digits) and no LID, unless the table has a pair of the
    /// number, or this note. `end` is when the note ends, in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` or `PutItem` fails. The number is then still new.
    pub async fn note(
        &self,
        (tenant, instance): (&TenantId, &InstanceId),
        phone: &str,
        (now, end): (i64, Option<i64>),
    ) -> Result<(), AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table).limit(1);
        let pairs = query
            .key_condition_expression("instance = :instance AND begins_with(link, :prefix)")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .expression_attribute_values(":prefix", string_value(format!("phone#{phone}#")))
            .send()
            .await
            .map_err(AwsError::in_operation(QUERY))?;
        if pairs.items.unwrap_or_default().is_empty() {
            let put = self.clients.dynamodb.put_item().table_name(&self.table);
            let put = put
                .item("instance", string_value(instance.as_str()))
                .item("link", string_value(open_key(phone)))
                .item("phone", string_value(phone))
                .item(TENANT, string_value(tenant.as_str()))
                .item("noted_at", number_value(now))
                // That of another tenant, whose instance it was, is replaced.
                .condition_expression("attribute_not_exists(link) OR NOT tenant = :tenant")
                .expression_attribute_values(":tenant", string_value(tenant.as_str()));
            let put = match end {
                Some(end) => put.item(FORGET_AT, number_value(end)),
                None => put,
            };
            let put = put.send().await;
            match put.map_err(AwsError::in_operation("dynamodb:PutItem")) {
                Err(error) if !error.is_failed_condition() => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        let hash = self.hasher.hash_one((instance, phone));
        let mut remembered = self.lock_remembered();
        if remembered.len() >= MAX_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(hash);
        Ok(())
    }

    /// Open numbers of an instance that may be asked for at `now` (seconds since 1970), at most
    /// `max`.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_due(
        &self,
        instance: &InstanceId,
        now: i64,
        max: usize,
    ) -> Result<Vec<String>, AwsError> {
        let query = self.query_open(instance);
        let mut pages = query
            .filter_expression(format!("attribute_not_exists({ASK_AFTER}) OR {ASK_AFTER} <= :now"))
            .expression_attribute_values(":now", number_value(now))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else {
                break;
            };
            let items = page.map_err(AwsError::in_operation(QUERY))?.items.unwrap_or_default();
            let phones = items.iter().filter_map(|item| get_string(item, "phone"));
            found.extend(phones.map(str::to_owned));
            if found.len() >= max {
                break;
            }
        }
        found.truncate(max);
        Ok(found)
    }

    /// Leaves an open number alone until this time, in seconds since 1970. A number that is no
    /// longer open stays so.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn postpone(
        &self,
        instance: &InstanceId,
        phone: &str,
        until: i64,
    ) -> Result<(), AwsError> {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        let updated = update
            .key("instance", string_value(instance.as_str()))
            .key("link", string_value(open_key(phone)))
            .update_expression(format!("SET {ASK_AFTER} = :until"))
            .condition_expression("attribute_exists(link)")
            .expression_attribute_values(":until", number_value(until))
            .send()
            .await;
        match updated.map_err(AwsError::in_operation("dynamodb:UpdateItem")) {
            Err(error) if !error.is_failed_condition() => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Deletes an open number, if it is there.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn remove(&self, instance: &InstanceId, phone: &str) -> Result<(), AwsError> {
        let delete = self.clients.dynamodb.delete_item().table_name(&self.table);
        let delete = delete
            .key("instance", string_value(instance.as_str()))
            .key("link", string_value(open_key(phone)));
        delete.send().await.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        Ok(())
    }

    /// Those of these numbers that are open, strongly consistent.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    #[cfg(feature = "operator")]
    pub async fn find(
        &self,
        instance: &InstanceId,
        phones: impl IntoIterator<Item = String>,
    ) -> Result<Vec<String>, AwsError> {
        let mut found = Vec::new();
        for phone in phones {
            let query = self.clients.dynamodb.query().table_name(&self.table);
            let output = query
                .key_condition_expression("instance = :instance AND link = :link")
                .expression_attribute_values(":instance", string_value(instance.as_str()))
                .expression_attribute_values(":link", string_value(open_key(&phone)))
                .consistent_read(true)
                .send()
                .await
                .map_err(AwsError::in_operation(QUERY))?;
            let is_open = !output.items.unwrap_or_default().is_empty();
            found.extend(Some(phone).filter(|_| is_open));
        }
        Ok(found)
    }

    /// Every open number of an instance, strongly consistent.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    #[cfg(feature = "operator")]
    pub async fn list_all(&self, instance: &InstanceId) -> Result<Vec<String>, AwsError> {
        let query = self.query_open(instance).consistent_read(true);
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation(QUERY))?;
            found.extend(get_string(&item, "phone").map(str::to_owned));
        }
        Ok(found)
    }

    fn query_open(&self, instance: &InstanceId) -> QueryFluentBuilder {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        query
            .key_condition_expression("instance = :instance AND begins_with(link, :open)")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .expression_attribute_values(":open", string_value(OPEN))
    }

    fn lock_remembered(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sort key of an open number.
#[must_use]
pub fn open_key(phone: &str) -> String {
    format!("{OPEN}{phone}")
}
