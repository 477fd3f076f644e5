//! The table of media, as an operator reads it.

use std::collections::HashMap;

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::AttributeValue};
use media::{
    ids::{InstanceId, MessageId},
    record::Attempt,
};
use serde::{Deserialize, Serialize};

use aws::{
    clients::Clients,
    error::AwsError,
    ledger::{BY_INSTANCE, BY_STATE},
};

/// A record. What an index does not hold is left out there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaRecord {
    /// The account that received or sent it.
    pub instance: String,
    /// The message's id.
    pub message_id: String,
    /// Whose it is.
    pub tenant: String,
    /// The folder of its chat.
    pub chat: String,
    /// `image`, `video`, …
    pub kind: String,
    /// `in` or `out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// When the message was sent, in seconds since 1970.
    pub moment: i64,
    /// `stored`, `retrying`, `parked`, `skipped`.
    pub state: String,
    /// Why it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The same for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which strategy brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// How far its bytes are proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
    /// Where it is in the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_key: Option<String>,
    /// Of its plain bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Plain bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Until when it can be counted on, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recoverable_until: Option<i64>,
    /// When it was stored, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<i64>,
    /// When this was written, in seconds since 1970.
    pub updated_at: i64,
    /// What was tried, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
}

/// Reads the table of media.
#[derive(Debug)]
pub struct MediaRecords {
    clients: Clients,
    table: String,
}

impl MediaRecords {
    /// Takes the table's name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self {
            clients: clients.clone(),
            table,
        }
    }

    /// The record of one medium, whole.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn get(
        &self,
        instance: &InstanceId,
        message: &MessageId,
    ) -> Result<Option<MediaRecord>, AwsError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("instance", AttributeValue::S(instance.to_string()))
            .key("message_id", AttributeValue::S(message.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        read.item.map(record_of).transpose()
    }

    /// The records of an instance whose messages were sent from `from` on (seconds since 1970), the newest
    /// first, at most `most`. Without attempts and reasons.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn of_instance(
        &self,
        instance: &InstanceId,
        from: i64,
        most: usize,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let pages = self
            .clients
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name(BY_INSTANCE)
            .key_condition_expression("instance = :instance AND moment >= :from")
            .expression_attribute_values(":instance", AttributeValue::S(instance.to_string()))
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .scan_index_forward(false)
            .limit(i32::try_from(most.min(1000)).unwrap_or(1000));
        let mut items = pages.into_paginator().items().send();
        let mut records = Vec::new();
        while records.len() < most
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| AwsError::new("dynamodb:Query", &error))?;
            records.push(record_of(item)?);
        }
        Ok(records)
    }
}

/// A medium that is not stored, as the index by state holds it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Unstored {
    /// The account that received or sent it.
    pub instance: String,
    /// The message's id.
    pub message_id: String,
    /// Why.
    #[serde(default)]
    pub class: Option<String>,
    /// The same for a person.
    #[serde(default)]
    pub reason: Option<String>,
    /// Until when it can be counted on, in seconds since 1970.
    pub recoverable_until: i64,
    /// When this was written, in seconds since 1970.
    #[serde(default)]
    pub updated_at: i64,
}

impl MediaRecords {
    /// The media in this state (`retrying`, `parked`), those that expire first, at most `most`.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn in_state(&self, state: &str, most: usize) -> Result<Vec<Unstored>, AwsError> {
        const OPERATION: &str = "dynamodb:Query";
        let pages = self
            .clients
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name(BY_STATE)
            .key_condition_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", AttributeValue::S(state.to_owned()));
        let mut items = pages.into_paginator().items().send();
        let mut found = Vec::new();
        while found.len() < most
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| AwsError::new(OPERATION, &error))?;
            let unread = |_| AwsError::unexpected(OPERATION, "a record that makes no sense");
            found.push(serde_dynamo::from_item(item).map_err(unread)?);
        }
        Ok(found)
    }
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

impl MediaRecords {
    /// A query for all of an instance's items, or one of them, in the table itself.
    pub(super) fn query(
        &self,
        instance: &InstanceId,
        message: Option<&MessageId>,
    ) -> QueryFluentBuilder {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let query = query.expression_attribute_values(":instance", text(instance.as_str()));
        match message {
            None => query.key_condition_expression("instance = :instance"),
            Some(message) => query
                .key_condition_expression("instance = :instance AND message_id = :message")
                .expression_attribute_values(":message", text(message.as_str())),
        }
    }
}

fn record_of(item: HashMap<String, AttributeValue>) -> Result<MediaRecord, AwsError> {
    let unread = AwsError::unexpected("dynamodb:GetItem", "a record that makes no sense");
    serde_dynamo::from_item(item).map_err(|_| unread)
}
