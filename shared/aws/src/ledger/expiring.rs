//! Notes in the records of media messages that they expire soon, once in each. The stream of the
//! media table makes an event of it.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use media::{failure::FailureClass, identity::RecordKey, ids::InstanceId};

use super::{
    condition::Condition,
    count::ENTRY_STATES,
    entry::{BY_CLASS, state_class},
    outcome::WriteOutcome,
    table::{JobsTable, Ledger},
};
use crate::{
    dynamodb::{Attributes, get_string, number_value, string_value},
    entry_key::EntryKey,
    error::AwsError,
};

/// The attribute that says when it was noted, in seconds since 1970.
pub(crate) const EXPIRING_AT: &str = "expiring_at";

const QUERY: &str = "dynamodb:Query";

impl JobsTable {
    /// Up to `limit` unsettled media messages whose `recoverable_until` is in this time (seconds
    /// since 1970) and whose entries were written at `changed_since` or later; `None`: whenever.
    /// Each state and class has its turn, so that many of one do not hide the others.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_expiring(
        &self,
        time: RangeInclusive<i64>,
        changed_since: Option<i64>,
        limit: usize,
    ) -> Result<Vec<EntryKey>, AwsError> {
        let mut partitions = Vec::new();
        for state in ENTRY_STATES {
            for class in FailureClass::ALL {
                let key = state_class(state, class.as_str());
                let query = self.query_expiring(&key, &time, changed_since);
                let mut items = query.into_paginator().items().send();
                let mut found = Vec::new();
                while found.len() < limit
                    && let Some(item) = items.next().await
                {
                    let item = item.map_err(AwsError::in_operation(QUERY))?;
                    found.extend(read_key(&item));
                }
                partitions.push(found);
            }
        }
        Ok(take_by_turns(partitions, limit))
    }

    /// The query of [`Self::list_expiring`] for one partition of the index.
    pub(super) fn query_expiring(
        &self,
        state_class: &str,
        time: &RangeInclusive<i64>,
        changed_since: Option<i64>,
    ) -> QueryFluentBuilder {
        const CONDITION: &str =
            "state_class = :partition AND recoverable_until BETWEEN :from AND :until";
        let query = self.clients.dynamodb.query().table_name(&self.name);
        let query = query
            .index_name(BY_CLASS)
            .key_condition_expression(CONDITION)
            .expression_attribute_values(":partition", string_value(state_class))
            .expression_attribute_values(":from", number_value(*time.start()))
            .expression_attribute_values(":until", number_value(*time.end()));
        match changed_since {
            Some(since) => query
                .filter_expression("updated_at >= :since")
                .expression_attribute_values(":since", number_value(since)),
            None => query,
        }
    }
}

/// The key of an entry. `None`: it is a body that could not be read, which has no record.
fn read_key(item: &Attributes) -> Option<EntryKey> {
    let instance = InstanceId::parse(get_string(item, "instance")?).ok()?;
    let key = RecordKey::from_record(get_string(item, "message_id")?);
    Some(EntryKey { instance, key })
}

impl Ledger {
    /// Notes at `now` that a media message expires soon. [`WriteOutcome::Overtaken`]: that is noted
    /// already, or it is settled, or it has no record yet.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn note_expiring(
        &self,
        entry: &EntryKey,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        let update = update
            .key("instance", string_value(entry.instance.as_str()))
            .key("message_id", string_value(entry.key.as_str()))
            .update_expression("SET expiring_at = :now")
            .expression_attribute_values(":now", number_value(now));
        let condition = Condition::unsettled_and_not_expiring();
        WriteOutcome::from_result("dynamodb:UpdateItem", condition.add_to(update).send().await)
    }
}

/// Up to `limit` of all, one of each list in turn.
fn take_by_turns<T>(lists: Vec<Vec<T>>, limit: usize) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut taken = Vec::new();
    while taken.len() < limit {
        let before = taken.len();
        taken.extend(lists.iter_mut().filter_map(Iterator::next));
        if taken.len() == before {
            break;
        }
    }
    taken.truncate(limit);
    taken
}
