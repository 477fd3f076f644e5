//! The table of media, as an operator reads it.

use std::collections::HashMap;

use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::AttributeValue};
use media::{
    identity::RecordKey,
    ids::{InstanceId, MessageId},
    message::MediaMessage,
    record::Attempt,
};
use serde::{Deserialize, Serialize};

use aws::{
    clients::Clients,
    error::AwsError,
    ledger::{
        BY_INSTANCE, BY_STATE,
        place::{MESSAGE, Place},
    },
};

/// A record. What an index does not hold is left out there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MediaRecord {
    /// The account that received or sent it.
    pub instance: String,
    /// The message's id. Several media may have the same.
    pub message_id: String,
    /// What it is known by in the table: the message's id and a digest of the medium's identity.
    #[serde(default)]
    pub key: String,
    /// Whose it is.
    pub tenant: String,
    /// The folder of its chat.
    pub chat: String,
    /// The hidden id of the person in a chat of two, if it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_lid: Option<String>,
    /// The number of that person, if it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_phone: Option<String>,
    /// The hidden id of who sent it to a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_lid: Option<String>,
    /// The number of who sent it to a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_phone: Option<String>,
    /// `image`, `video`, …
    pub kind: String,
    /// `in` or `out`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// When the message was sent, in seconds since 1970.
    pub moment: i64,
    /// Who says so: `message`, `key` (the media key's time) or `accepted` (nobody: when the webhook
    /// came).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment_source: Option<String>,
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

    /// The record of a medium, whole, wherever it is.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn of_media(
        &self,
        instance: &InstanceId,
        message: &MediaMessage,
    ) -> Result<Option<MediaRecord>, AwsError> {
        let identity = message.identity();
        for place in Place::all(message, &identity) {
            match self.item(instance, place.key.as_str()).await? {
                Some(item) if place.is_its(&item) => return record_of(item).map(Some),
                None if place.is_made_here() => break,
                Some(_) | None => {}
            }
        }
        Ok(None)
    }

    /// The record with this key, whole.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn get(
        &self,
        instance: &InstanceId,
        key: &str,
    ) -> Result<Option<MediaRecord>, AwsError> {
        let item = self.item(instance, key).await?;
        item.map(record_of).transpose()
    }

    /// The records of all media of a message, whole, in the order of their times.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn of_message(
        &self,
        instance: &InstanceId,
        message: &MessageId,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let mut found = Vec::new();
        for query in self.queries(instance, Some(message)) {
            let mut items = query.consistent_read(true).into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.map_err(|error| AwsError::new("dynamodb:Query", &error))?;
                // The mark of what was erased is no record.
                if item.contains_key("chat") {
                    found.push(record_of(item)?);
                }
            }
        }
        let is_its = |one: &MediaRecord| {
            let id = MessageId::parse(one.message_id.clone());
            id.is_ok_and(|id| id.belongs_to(message))
        };
        found.retain(is_its);
        found.sort_by(|one, other| (one.moment, &one.key).cmp(&(other.moment, &other.key)));
        Ok(found)
    }

    async fn item(
        &self,
        instance: &InstanceId,
        key: &str,
    ) -> Result<Option<HashMap<String, AttributeValue>>, AwsError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("instance", text(instance.as_str()))
            .key("message_id", text(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        Ok(read.item)
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
            let mut one: Unstored = serde_dynamo::from_item(item).map_err(unread)?;
            one.message_id = message_of(&one.message_id);
            found.push(one);
        }
        Ok(found)
    }
}

/// The message's id in a record's key.
fn message_of(key: &str) -> String {
    RecordKey::from_record(key).message_id().to_owned()
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

impl MediaRecords {
    /// Queries for all of an instance's items, or for those of one message, in the table itself:
    /// those with an identity, and of versions before the message's first medium and its others.
    pub(super) fn queries(
        &self,
        instance: &InstanceId,
        message: Option<&MessageId>,
    ) -> Vec<QueryFluentBuilder> {
        let query = || {
            let query = self.clients.dynamodb.query().table_name(&self.table);
            query.expression_attribute_values(":instance", text(instance.as_str()))
        };
        let Some(message) = message else {
            return vec![query().key_condition_expression("instance = :instance")];
        };
        let of = |condition: &str, value: String| {
            query()
                .key_condition_expression(format!("instance = :instance AND {condition}"))
                .expression_attribute_values(":message", AttributeValue::S(value))
        };
        const BEGINS: &str = "begins_with(message_id, :message)";
        vec![
            of(BEGINS, format!("{message}#")),
            of("message_id = :message", message.to_string()),
            of(BEGINS, format!("{message}.")),
        ]
    }
}

/// Reads a record. Its key is not what people know it by.
fn record_of(mut item: HashMap<String, AttributeValue>) -> Result<MediaRecord, AwsError> {
    let unread = AwsError::unexpected("dynamodb:GetItem", "a record that makes no sense");
    let key = item.get("message_id").and_then(|key| key.as_s().ok());
    let key = key.cloned().unwrap_or_default();
    let message = item.remove(MESSAGE).and_then(|id| id.as_s().ok().cloned());
    let message = message.unwrap_or_else(|| message_of(&key));
    item.insert("message_id".to_owned(), AttributeValue::S(message));
    item.insert("key".to_owned(), AttributeValue::S(key));
    serde_dynamo::from_item(item).map_err(|_| unread)
}
