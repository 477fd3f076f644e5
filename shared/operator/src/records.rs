//! The table of media, as an operator reads it.

use aws::{
    clients::Clients,
    error::AwsError,
    ledger::{Attributes, BY_INSTANCE, BY_STATE, place::Place},
};
use aws_sdk_dynamodb::{operation::query::builders::QueryFluentBuilder, types::AttributeValue};
use media::{
    identity::RecordKey,
    ids::{InstanceId, MessageId},
    message::MediaMessage,
};

pub use crate::record::MediaRecord;

/// Reads the table of media. No record ends a reading, whatever stands in it.
#[derive(Debug)]
pub struct MediaRecords {
    clients: Clients,
    table: String,
}

const QUERY: &str = "dynamodb:Query";

impl MediaRecords {
    /// Takes the table's name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
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
                Some(item) if place.is_its(&item) => return Ok(Some(MediaRecord::of_item(item))),
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
        Ok(self.item(instance, key).await?.map(MediaRecord::of_item))
    }

    /// The records of all media of a message, whole, in the order of their times; the marks of what
    /// was erased among them.
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
            let query = query.consistent_read(true);
            found.extend(records(query, usize::MAX, |_| true).await?);
        }
        found.retain(|one| {
            // Whatever a record says of its message, its key leads here.
            let key = RecordKey::from_record(&*one.key);
            let ids = [one.message_id.as_str(), key.message_id()];
            let mut ids = ids.map(MessageId::parse).into_iter().flatten();
            ids.any(|id| id.belongs_to(message))
        });
        found.sort_by(|one, other| (one.moment, &one.key).cmp(&(other.moment, &other.key)));
        Ok(found)
    }

    async fn item(&self, instance: &InstanceId, key: &str) -> Result<Option<Attributes>, AwsError> {
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

    /// The records of an instance whose messages were sent from `from` on (seconds since 1970), the
    /// newest first, at most `most`. Without attempts and reasons.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn of_instance(
        &self,
        instance: &InstanceId,
        from: i64,
        most: usize,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let query = self
            .by_instance(instance, " AND moment >= :from")
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .limit(i32::try_from(most.min(1000)).unwrap_or(1000));
        records(query, most, |_| true).await
    }

    /// The records of an instance that came to be as they are from `from` on (seconds since 1970),
    /// whenever their messages were sent, at most `most`; and those that do not say when. All of
    /// the instance's are read for it, because no index has them in this order.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn since(
        &self,
        instance: &InstanceId,
        from: i64,
        most: usize,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let query = self
            .by_instance(instance, "")
            .filter_expression("updated_at >= :from OR NOT attribute_type(updated_at, :number)")
            .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
            .expression_attribute_values(":number", text("N"));
        let is_since = |one: &MediaRecord| one.happened_at().is_none_or(|at| at >= from);
        records(query, most, is_since).await
    }

    /// The record of an instance whose message was sent last, but not after `until` (seconds since
    /// 1970).
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn newest(
        &self,
        instance: &InstanceId,
        until: i64,
    ) -> Result<Option<MediaRecord>, AwsError> {
        let query = self
            .by_instance(instance, " AND moment <= :until")
            .expression_attribute_values(":until", AttributeValue::N(until.to_string()))
            .limit(1);
        Ok(records(query, 1, |_| true).await?.pop())
    }

    /// The index by moment, the newest first.
    fn by_instance(&self, instance: &InstanceId, and: &str) -> QueryFluentBuilder {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        query
            .index_name(BY_INSTANCE)
            .key_condition_expression(format!("instance = :instance{and}"))
            .expression_attribute_values(":instance", text(instance.as_str()))
            .scan_index_forward(false)
    }

    /// The media in this state (`retrying`, `parked`), those that expire first, at most `most`.
    /// Without chats and moments.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn in_state(&self, state: &str, most: usize) -> Result<Vec<MediaRecord>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let query = query
            .index_name(BY_STATE)
            .key_condition_expression("#state = :state")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(state));
        let mut found = records(query, most, |_| true).await?;
        for record in &mut found {
            let is_held = |name: &String| name != "moment" && name != "chat";
            record.not_understood.retain(is_held);
        }
        Ok(found)
    }

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

/// What a query finds and `is_meant`, at most `most`.
async fn records(
    query: QueryFluentBuilder,
    most: usize,
    is_meant: impl Fn(&MediaRecord) -> bool,
) -> Result<Vec<MediaRecord>, AwsError> {
    let mut items = query.into_paginator().items().send();
    let mut found = Vec::new();
    while found.len() < most
        && let Some(item) = items.next().await
    {
        let item = item.map_err(|error| AwsError::new(QUERY, &error))?;
        let record = MediaRecord::of_item(item);
        if is_meant(&record) {
            found.push(record);
        }
    }
    Ok(found)
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
