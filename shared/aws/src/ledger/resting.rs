//! Deliveries that rest in the jobs table: each has a due time, and the watch function sends it.
//!
//! They are in a partition of their receiver, which no instance's id names, and, by due time, in a
//! partition of the index that no pass over jobs reads. They have no class and no state, so they
//! are in no other index. An earlier version of the watch function therefore never meets one, and
//! `DynamoDB` removes it when the time to deliver it is over.

#[cfg(feature = "operator")]
use std::collections::HashSet;
use std::fmt;

use aws_sdk_dynamodb::{
    operation::{
        query::builders::QueryFluentBuilder, update_item::builders::UpdateItemFluentBuilder,
    },
    types::{AttributeValue, ReturnValue},
};
use media::{delivery::Delivery, receiver::ReceiverId};

use super::{condition::Condition, entry::BY_DUE, outcome::WriteOutcome, table::JobsTable};
use crate::{
    dynamodb::{Attributes, get_number, get_string, number_value, string_value},
    error::AwsError,
};

const UPDATE_ITEM: &str = "dynamodb:UpdateItem";

/// How long after the end of its time `DynamoDB` may remove a delivery, in seconds.
const MARGIN_SECONDS: i64 = 60 * 60;

/// The key of a delivery that rests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RestingKey {
    /// The receiver.
    pub receiver: ReceiverId,
    /// When its webhook was accepted, in seconds since 1970.
    pub accepted_at: i64,
    /// The id of the webhook.
    id: String,
}

/// A delivery that rests, with its due time as the index by due time has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestingDelivery {
    /// Its key.
    pub key: RestingKey,
    /// The due time, in seconds since 1970.
    pub due_at: i64,
}

/// What rests for a receiver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestingSurvey {
    /// How many deliveries.
    pub count: u64,
    /// Whether there are more.
    pub is_more: bool,
    /// When the webhook of the oldest of them was accepted, in seconds since 1970.
    pub oldest: Option<i64>,
}

impl RestingKey {
    /// The name of the message attribute that names it.
    pub const ATTRIBUTE: &str = "entry";

    /// The key of a delivery.
    #[must_use]
    pub fn of_delivery(delivery: &Delivery) -> Self {
        Self {
            receiver: delivery.receiver.clone(),
            accepted_at: delivery.accepted_at,
            id: delivery.id.as_str().to_owned(),
        }
    }

    /// Parses the attribute's text. `None` if it is not a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (receiver, rest) = text.split_once('/')?;
        Self::from_parts(receiver, rest)
    }

    fn from_parts(receiver: &str, sort_key: &str) -> Option<Self> {
        let (accepted_at, id) = sort_key.split_once('#')?;
        Some(Self {
            receiver: ReceiverId::parse(receiver).ok()?,
            accepted_at: accepted_at.parse().ok()?,
            id: id.to_owned(),
        })
    }

    /// In the order in which the webhooks were accepted.
    fn sort_key(&self) -> String {
        format!("{:012}#{}", self.accepted_at, self.id)
    }

    fn from_item(item: &Attributes) -> Option<Self> {
        let receiver = get_string(item, "instance")?.strip_prefix('~')?;
        Self::from_parts(receiver, get_string(item, "message_id")?)
    }

    fn attributes(&self) -> [(&'static str, AttributeValue); 2] {
        [
            ("instance", string_value(partition(&self.receiver))),
            ("message_id", string_value(self.sort_key())),
        ]
    }
}

impl fmt::Display for RestingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.receiver, self.sort_key())
    }
}

/// The partition of a receiver in the table. No instance has such an id.
fn partition(receiver: &ReceiverId) -> String {
    format!("~{receiver}")
}

/// The partition of a receiver in the index by due time.
fn due_shard(receiver: &ReceiverId) -> String {
    format!("delivery#{receiver}")
}

impl JobsTable {
    /// Puts a delivery to rest until `due_at`, in seconds since 1970. What rests is replaced.
    ///
    /// # Errors
    /// [`AwsError`] when the delivery is too large for an item, or `UpdateItem` fails.
    pub async fn rest_delivery(&self, delivery: &Delivery, due_at: i64) -> Result<(), AwsError> {
        const REST: &str = "SET body = :body, due_shard = :shard, due_at = :due, \
             forget_at = :forget, of_instance = :instance";
        let problem = || AwsError::unexpected(UPDATE_ITEM, "the delivery could not be written");
        let body = delivery.to_json().map_err(|_| problem())?;
        if body.len() > super::MAX_ENTRY_BODY_BYTES {
            let problem = "the delivery is too large for an item";
            return Err(AwsError::unexpected(UPDATE_ITEM, problem));
        }
        let forget_at = delivery.expires_at().saturating_add(MARGIN_SECONDS);
        let update = self.resting_update(&RestingKey::of_delivery(delivery));
        let update = update
            .update_expression(REST)
            .expression_attribute_values(":body", string_value(body))
            .expression_attribute_values(":shard", string_value(due_shard(&delivery.receiver)))
            .expression_attribute_values(":due", number_value(due_at))
            .expression_attribute_values(":forget", number_value(forget_at))
            .expression_attribute_values(":instance", string_value(delivery.instance.as_str()));
        update.send().await.map_err(AwsError::in_operation(UPDATE_ITEM))?;
        Ok(())
    }

    /// Lists up to `limit` deliveries to a receiver that are due at `until`, the longest overdue
    /// first: those that were never tried in the order in which they were accepted.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_resting(
        &self,
        receiver: &ReceiverId,
        until: i64,
        limit: i32,
    ) -> Result<Vec<RestingDelivery>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.name).index_name(BY_DUE);
        let page = query
            .key_condition_expression("due_shard = :shard AND due_at <= :until")
            .expression_attribute_values(":shard", string_value(due_shard(receiver)))
            .expression_attribute_values(":until", number_value(until))
            .limit(limit)
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:Query"))?;
        let from_item = |item: &Attributes| {
            let due_at = get_number(item, "due_at")?;
            Some(RestingDelivery { key: RestingKey::from_item(item)?, due_at })
        };
        Ok(page.items.unwrap_or_default().iter().filter_map(from_item).collect())
    }

    /// When the webhook was accepted that has rested for a receiver the longest, in seconds since
    /// 1970, also if it is due later than others. `None`: nothing rests.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn find_oldest_resting(
        &self,
        receiver: &ReceiverId,
    ) -> Result<Option<i64>, AwsError> {
        let page = self
            .resting_query(receiver)
            .projection_expression("instance, message_id")
            .limit(1)
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:Query"))?;
        let first = page.items.unwrap_or_default();
        Ok(first.first().and_then(RestingKey::from_item).map(|key| key.accepted_at))
    }

    /// What rests for a receiver, of the first `max` deliveries by due time. It reads only the
    /// index by due time, which has nothing of them but their keys.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn survey_resting(
        &self,
        receiver: &ReceiverId,
        max: u64,
    ) -> Result<RestingSurvey, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.name).index_name(BY_DUE);
        let mut items = query
            .key_condition_expression("due_shard = :shard")
            .expression_attribute_values(":shard", string_value(due_shard(receiver)))
            .into_paginator()
            .items()
            .send();
        let mut survey = RestingSurvey::default();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            if survey.count == max {
                survey.is_more = true;
                break;
            }
            survey.count += 1;
            let accepted_at = RestingKey::from_item(&item).map(|key| key.accepted_at);
            survey.oldest = [survey.oldest, accepted_at].into_iter().flatten().min();
        }
        Ok(survey)
    }

    /// The ids of the deliveries that rest for a receiver, strongly consistent.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    #[cfg(feature = "operator")]
    pub async fn list_resting_ids(
        &self,
        receiver: &ReceiverId,
    ) -> Result<HashSet<String>, AwsError> {
        let mut items = self
            .resting_query(receiver)
            .consistent_read(true)
            .projection_expression("instance, message_id")
            .into_paginator()
            .items()
            .send();
        let mut ids = HashSet::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            ids.extend(RestingKey::from_item(&item).map(|key| key.id));
        }
        Ok(ids)
    }

    /// Shows each delivery to a receiver that rests to `each`, strongly consistent: its key, its
    /// instance, and its body as the queue has it.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    #[cfg(feature = "operator")]
    pub async fn visit_resting(
        &self,
        receiver: &ReceiverId,
        mut each: impl FnMut(RestingKey, &str, &str),
    ) -> Result<(), AwsError> {
        let mut items =
            self.resting_query(receiver).consistent_read(true).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            let text = |name: &str| get_string(&item, name).unwrap_or_default();
            if let Some(key) = RestingKey::from_item(&item) {
                each(key, text("of_instance"), text("body"));
            }
        }
        Ok(())
    }

    /// Takes a delivery that is due in order to send it: it is due again at `again_at`, if the
    /// queue loses it. Returns its body; `None` if it changed since it was listed, or is gone.
    /// `taker` is a text that no other take has.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn take_resting(
        &self,
        resting: &RestingDelivery,
        again_at: i64,
        taker: &str,
    ) -> Result<Option<String>, AwsError> {
        let update = self.resting_update(&resting.key);
        let update = update
            .update_expression("SET due_at = :again, taken_by = :taker")
            .expression_attribute_values(":again", number_value(again_at));
        let taken = Condition::due_at_or_taken_by(resting.due_at, taker)
            .add_to(update)
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(AwsError::in_operation(UPDATE_ITEM));
        match taken {
            Ok(output) => {
                let item = output.attributes.unwrap_or_default();
                let body = get_string(&item, "body").map(str::to_owned);
                let problem = "a delivery without a body";
                body.map(Some).ok_or_else(|| AwsError::unexpected(UPDATE_ITEM, problem))
            }
            Err(error) if error.is_failed_condition() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives back a delivery that was taken and could not be sent: it is due again at `due_at`.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn give_back_resting(
        &self,
        key: &RestingKey,
        again_at: i64,
        due_at: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let update = self.resting_update(key).update_expression("SET due_at = :due");
        let given = update
            .condition_expression("due_at = :again")
            .expression_attribute_values(":due", number_value(due_at))
            .expression_attribute_values(":again", number_value(again_at))
            .send()
            .await;
        WriteOutcome::from_result(UPDATE_ITEM, given)
    }

    /// Removes a delivery that no longer has to rest.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn remove_resting(&self, key: &RestingKey) -> Result<(), AwsError> {
        let delete = self.clients.dynamodb.delete_item().table_name(&self.name);
        let delete = key
            .attributes()
            .into_iter()
            .fold(delete, |delete, (name, value)| delete.key(name, value));
        delete.send().await.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        Ok(())
    }

    /// Removes every delivery to a receiver that rests. Returns how many there were.
    ///
    /// # Errors
    /// [`AwsError`] when an AWS call fails.
    #[cfg(feature = "operator")]
    pub async fn remove_all_resting(&self, receiver: &ReceiverId) -> Result<u64, AwsError> {
        let mut keys = Vec::new();
        self.visit_resting(receiver, |key, _, _| keys.push(key)).await?;
        for key in &keys {
            self.remove_resting(key).await?;
        }
        Ok(keys.len() as u64)
    }

    /// What rests for a receiver, in the order of acceptance.
    fn resting_query(&self, receiver: &ReceiverId) -> QueryFluentBuilder {
        let query = self.clients.dynamodb.query().table_name(&self.name);
        query
            .key_condition_expression("instance = :partition")
            .expression_attribute_values(":partition", string_value(partition(receiver)))
    }

    fn resting_update(&self, key: &RestingKey) -> UpdateItemFluentBuilder {
        let update = self.clients.dynamodb.update_item().table_name(&self.name);
        key.attributes().into_iter().fold(update, |update, (name, value)| update.key(name, value))
    }
}
