//! The texts of a message that its media event tells, and that no record keeps: the caption and the
//! name of the file.
//!
//! They are written with the record's last change, which is the event, and end when that event can
//! no longer be on its way. They are in a partition that no instance's id names, without a due
//! time, class or state, so they are in no index, and no pass over jobs meets them.

use aws_sdk_dynamodb::types::TransactWriteItem;
use media::{identity::RecordKey, ids::InstanceId, media_event::MessageTexts, record::Record};

use super::{
    condition::Condition,
    table::{FORGET_AT, JobsTable, Ledger},
    update::Update,
};
use crate::{
    dynamodb::{Attributes, get_item, get_number, get_string, number_value, string_value},
    error::AwsError,
};

/// How long the texts are kept, in seconds: the stream of the records keeps an event for a day.
const KEPT_FOR: i64 = 25 * 60 * 60;

const CAPTION: &str = "caption";
const FILE_NAME: &str = "file_name";

/// The partition of an instance's texts. No instance has such an id.
fn partition(instance: &InstanceId) -> String {
    format!("texts#{instance}")
}

impl Ledger {
    /// The write of a stored message's texts as part of a transaction. `None`: it has none.
    pub(super) fn texts_write(
        &self,
        record: &Record<'_>,
    ) -> Result<Option<TransactWriteItem>, AwsError> {
        let texts = MessageTexts::of_message(record.message);
        if texts.is_empty() {
            return Ok(None);
        }
        let update = Update::default()
            .set_or_remove(CAPTION, texts.caption.map(string_value))
            .set_or_remove(FILE_NAME, texts.file_name.map(string_value))
            .set(FORGET_AT, number_value(record.now.saturating_add(KEPT_FOR)));
        let place = (partition(record.instance), record.key.as_str());
        let write =
            update.into_write_at(&self.jobs.name, (&place.0, place.1), Condition::default())?;
        Ok(Some(write))
    }

    /// The deletion of a message's texts as part of a transaction. It succeeds as well if it has
    /// none.
    pub(super) fn texts_deletion(
        &self,
        instance: &InstanceId,
        key: &RecordKey,
    ) -> Result<TransactWriteItem, AwsError> {
        self.jobs.deletion_at((&partition(instance), key.as_str()))
    }
}

impl JobsTable {
    /// The texts of a message whose file was stored at most a day before `now`, in seconds since
    /// 1970. Empty: it has none, it was erased, or a version that wrote none stored it.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn read_texts(
        &self,
        instance: &InstanceId,
        record_key: &str,
        now: i64,
    ) -> Result<MessageTexts, AwsError> {
        let partition = partition(instance);
        let key = [("instance", partition.as_str()), ("message_id", record_key)];
        let item = get_item(&self.clients, &self.name, key).await?;
        // DynamoDB may remove it days after its end.
        let is_over =
            |item: &Attributes| get_number(item, FORGET_AT).is_some_and(|end: i64| end <= now);
        let item = item.filter(|item| !is_over(item)).unwrap_or_default();
        let text = |name: &str| get_string(&item, name).map(str::to_owned);
        Ok(MessageTexts { caption: text(CAPTION), file_name: text(FILE_NAME) })
    }
}

#[cfg(feature = "operator")]
impl JobsTable {
    /// The record keys of an instance of which texts are there, strongly consistent.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_texts(&self, instance: &InstanceId) -> Result<Vec<RecordKey>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.name).consistent_read(true);
        let mut items = query
            .key_condition_expression("instance = :partition")
            .expression_attribute_values(":partition", string_value(partition(instance)))
            .projection_expression("message_id")
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            keys.extend(get_string(&item, "message_id").map(RecordKey::from_record));
        }
        Ok(keys)
    }

    /// Deletes the texts of a message.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn remove_texts(
        &self,
        instance: &InstanceId,
        key: &RecordKey,
    ) -> Result<(), AwsError> {
        let delete = self.clients.dynamodb.delete_item().table_name(&self.name);
        let delete = delete
            .key("instance", string_value(partition(instance)))
            .key("message_id", string_value(key.as_str()));
        delete.send().await.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        Ok(())
    }
}
