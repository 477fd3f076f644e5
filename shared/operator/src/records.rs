//! Reads the media table for an operator.

use aws::{
    clients::Clients,
    dynamodb::{number_value, string_value},
    error::AwsError,
    ledger::{BY_INSTANCE, find_record_item, get_record_item},
};
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use media::{
    identity::RecordKey,
    ids::{InstanceId, MessageId},
    message::MediaMessage,
};

pub use crate::record::MediaRecord;

/// Reads the media table. Every record can be read, whatever its attributes are.
#[derive(Debug)]
pub struct MediaRecords {
    pub(super) clients: Clients,
    pub(super) table: String,
}

const QUERY: &str = "dynamodb:Query";

impl MediaRecords {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// The complete record of a media message; `None` if it has none.
    ///
    /// # Errors
    /// When `GetItem` fails.
    pub async fn find(
        &self,
        instance: &InstanceId,
        message: &MediaMessage,
    ) -> Result<Option<MediaRecord>, AwsError> {
        let item = find_record_item(&self.clients, &self.table, instance, message).await?;
        Ok(item.map(MediaRecord::from_item))
    }

    /// The complete record with this key; `None` if there is none.
    ///
    /// # Errors
    /// When `GetItem` fails.
    pub async fn get(
        &self,
        instance: &InstanceId,
        key: &str,
    ) -> Result<Option<MediaRecord>, AwsError> {
        let item = get_record_item(&self.clients, &self.table, instance, key).await?;
        Ok(item.map(MediaRecord::from_item))
    }

    /// The complete records of all media of a message, ordered by time, including the marks of
    /// erased media.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_by_message(
        &self,
        instance: &InstanceId,
        message: &MessageId,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let mut found = Vec::new();
        for query in self.queries(instance, Some(message)) {
            let query = query.consistent_read(true);
            found.extend(collect_records(query, usize::MAX, |_| true).await?);
        }
        found.retain(|one| {
            // The query found the record by its key, even if its attributes name another message.
            let key = RecordKey::from_record(&*one.key);
            let ids = [one.message_id.as_str(), key.message_id()];
            let mut ids = ids.map(MessageId::parse).into_iter().flatten();
            ids.any(|id| id.belongs_to(message))
        });
        found.sort_by(|one, other| (one.moment, &one.key).cmp(&(other.moment, &other.key)));
        Ok(found)
    }

    /// The records of an instance whose messages were sent at or after `from` (seconds since 1970),
    /// the newest first, at most `max`. They lack attempts and reasons.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_by_instance(
        &self,
        instance: &InstanceId,
        from: i64,
        max: usize,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let query = self
            .query_by_instance(instance, " AND moment >= :from")
            .expression_attribute_values(":from", number_value(from))
            .limit(i32::try_from(max.min(1000)).unwrap_or(1000));
        collect_records(query, max, |_| true).await
    }

    /// The records of an instance whose messages were sent at or after `from` (seconds since 1970)
    /// and that `is_meant` accepts, the newest first. Reads until `max` are found, however many
    /// others come before. They lack attempts and reasons.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn search_instance(
        &self,
        instance: &InstanceId,
        from: i64,
        is_meant: impl Fn(&MediaRecord) -> bool,
        max: usize,
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let query = self
            .query_by_instance(instance, " AND moment >= :from")
            .expression_attribute_values(":from", number_value(from))
            .limit(i32::try_from(max.clamp(100, 1000)).unwrap_or(1000));
        collect_records(query, max, is_meant).await
    }

    /// Visits every record of an instance that changed at or after `from` (seconds since 1970), and
    /// those without a time of change. Reads all of the instance's records, page by page, because
    /// no index has this order. They lack attempts and reasons.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn visit_changed_since(
        &self,
        instance: &InstanceId,
        from: i64,
        mut visit: impl FnMut(MediaRecord),
    ) -> Result<(), AwsError> {
        let mut items = self.query_changed_since(instance, from).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let record = MediaRecord::from_item(item.map_err(AwsError::in_operation(QUERY))?);
            if record.happened_at().is_none_or(|at| at >= from) {
                visit(record);
            }
        }
        Ok(())
    }

    /// The record of an instance whose message was sent last, but not after `until` (seconds since
    /// 1970).
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn find_newest(
        &self,
        instance: &InstanceId,
        until: i64,
    ) -> Result<Option<MediaRecord>, AwsError> {
        let query = self
            .query_by_instance(instance, " AND moment <= :until")
            .expression_attribute_values(":until", number_value(until))
            .limit(1);
        Ok(collect_records(query, 1, |_| true).await?.pop())
    }

    fn query_changed_since(&self, instance: &InstanceId, from: i64) -> QueryFluentBuilder {
        self.query_by_instance(instance, "")
            .filter_expression("updated_at >= :from OR NOT attribute_type(updated_at, :number)")
            .expression_attribute_values(":from", number_value(from))
            .expression_attribute_values(":number", string_value("N"))
    }

    /// A query of the index by instance and moment, the newest first.
    fn query_by_instance(&self, instance: &InstanceId, and: &str) -> QueryFluentBuilder {
        let query = self.clients.dynamodb.query().table_name(&self.table);
        query
            .index_name(BY_INSTANCE)
            .key_condition_expression(format!("instance = :instance{and}"))
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .scan_index_forward(false)
    }

    /// Queries of the table itself, for all of an instance's items or for those of one message. A
    /// message takes three: items with an identity, and of earlier versions the item of the
    /// message's first media file and those of the others.
    pub(super) fn queries(
        &self,
        instance: &InstanceId,
        message: Option<&MessageId>,
    ) -> Vec<QueryFluentBuilder> {
        let query = || {
            let query = self.clients.dynamodb.query().table_name(&self.table);
            query.expression_attribute_values(":instance", string_value(instance.as_str()))
        };
        let Some(message) = message else {
            return vec![query().key_condition_expression("instance = :instance")];
        };
        let query_message = |condition: &str, value: String| {
            query()
                .key_condition_expression(format!("instance = :instance AND {condition}"))
                .expression_attribute_values(":message", string_value(value))
        };
        const BEGINS: &str = "begins_with(message_id, :message)";
        vec![
            query_message(BEGINS, format!("{message}#")),
            query_message("message_id = :message", message.to_string()),
            query_message(BEGINS, format!("{message}.")),
        ]
    }
}

/// The records that the query finds and `is_meant` accepts, at most `max`.
async fn collect_records(
    query: QueryFluentBuilder,
    max: usize,
    is_meant: impl Fn(&MediaRecord) -> bool,
) -> Result<Vec<MediaRecord>, AwsError> {
    let mut items = query.into_paginator().items().send();
    let mut found = Vec::new();
    while found.len() < max
        && let Some(item) = items.next().await
    {
        let item = item.map_err(AwsError::in_operation(QUERY))?;
        let record = MediaRecord::from_item(item);
        if is_meant(&record) {
            found.push(record);
        }
    }
    Ok(found)
}
