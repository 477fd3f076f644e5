//! Finds the records of a chat: an index has their keys, and the table the records.

use std::time::Duration;

use aws::{
    dynamodb::{Attributes, get_number, get_string, string_value},
    error::AwsError,
    ledger::BY_CHAT,
};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use media::{ids::InstanceId, message::Chat};

use crate::records::{MediaRecord, MediaRecords};

/// How many records one call reads. `DynamoDB` allows 100.
const MAX_IN_A_CALL: usize = 100;

/// How often `DynamoDB` may leave keys out of its answer, one call after the other, before that is
/// an error.
const MAX_EMPTY_ANSWERS: u32 = 8;

/// The wait before keys are asked for again that were left out; it doubles with each answer that
/// had no record.
const FIRST_WAIT: Duration = Duration::from_millis(50);

const BATCH_GET: &str = "dynamodb:BatchGetItem";

/// A record as the index by chat has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRecord {
    /// The record's sort key.
    pub key: String,
    /// The folder of the chat.
    pub chat: String,
    /// The tenant. `None` if it cannot be read.
    pub tenant: Option<String>,
    /// When the message was sent, in seconds since 1970. `None` if it cannot be read.
    pub moment: Option<i64>,
}

/// Why the records of a chat could not be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// The media table has no such index, or `DynamoDB` has not built it yet.
    #[error(
        "the media table has no index by_chat that can be read: deploy the stack with ChatIndex=on, \
         and wait until DynamoDB has built the index"
    )]
    NoIndex,
    /// An AWS call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl MediaRecords {
    /// The records of an instance whose chat's folder is one of `chats`, the newest first, and
    /// those of an unknown moment last. Reads the index by chat, from its first page to its last:
    /// what was written within the last seconds may be missing. A record whose chat cannot be read
    /// is not in the index, and neither is the mark of an erased media file.
    ///
    /// # Errors
    /// [`ChatError::NoIndex`], or `Query` fails.
    pub async fn list_by_chat(
        &self,
        instance: &InstanceId,
        chats: &[Chat],
    ) -> Result<Vec<ChatRecord>, ChatError> {
        let mut found = Vec::new();
        for chat in chats {
            let query = self.clients.dynamodb.query().table_name(&self.table);
            let mut items = query
                .index_name(BY_CHAT)
                .key_condition_expression("chat = :chat AND instance = :instance")
                .expression_attribute_values(":chat", string_value(chat.as_str()))
                .expression_attribute_values(":instance", string_value(instance.as_str()))
                .into_paginator()
                .items()
                .send();
            while let Some(item) = items.next().await {
                let item = item.map_err(AwsError::in_operation("dynamodb:Query"));
                found.push(ChatRecord::from_item(&item.map_err(ChatError::from_query)?));
            }
        }
        found.sort_by(|one, other| (other.moment, &other.key).cmp(&(one.moment, &one.key)));
        found.dedup_by(|one, other| one.key == other.key);
        Ok(found)
    }

    /// The complete records with these keys, strongly consistent, in the order of the keys. A
    /// record that is not there any more is left out.
    ///
    /// # Errors
    /// When `BatchGetItem` fails, or `DynamoDB` goes on to leave keys out.
    pub async fn get_all(
        &self,
        instance: &InstanceId,
        keys: &[&str],
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MAX_IN_A_CALL) {
            let mut records: Vec<_> = self.get_batch(instance, keys).await?;
            records.sort_by_key(|one| keys.iter().position(|key| *key == one.key));
            found.append(&mut records);
        }
        Ok(found)
    }

    /// Reads up to [`MAX_IN_A_CALL`] records. Keys that an answer left out are asked for again.
    async fn get_batch(
        &self,
        instance: &InstanceId,
        keys: &[&str],
    ) -> Result<Vec<MediaRecord>, AwsError> {
        let key = |key: &&str| {
            let instance = ("instance".to_owned(), string_value(instance.as_str()));
            Attributes::from([instance, ("message_id".to_owned(), string_value(*key))])
        };
        let mut left: Vec<Attributes> = keys.iter().map(key).collect();
        let (mut found, mut wait, mut empty) = (Vec::new(), FIRST_WAIT, 0);
        while !left.is_empty() {
            let asked = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(left));
            let asked = asked.build();
            let asked = asked.map_err(|_| AwsError::unexpected(BATCH_GET, "no list of keys"))?;
            let call = self.clients.dynamodb.batch_get_item().request_items(&self.table, asked);
            let answer = call.send().await.map_err(AwsError::in_operation(BATCH_GET))?;
            let items = answer.responses.unwrap_or_default().remove(&self.table);
            let items = items.unwrap_or_default();
            let rest = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
            left = rest.map(|rest| rest.keys).unwrap_or_default();
            empty = if items.is_empty() { empty + 1 } else { 0 };
            found.extend(items.into_iter().map(MediaRecord::from_item));
            if !left.is_empty() {
                if empty > MAX_EMPTY_ANSWERS {
                    return Err(AwsError::unexpected(BATCH_GET, "keys were left out every time"));
                }
                tokio::time::sleep(wait).await;
                wait = if empty == 0 { FIRST_WAIT } else { wait * 2 };
            }
        }
        Ok(found)
    }
}

impl ChatRecord {
    fn from_item(item: &Attributes) -> Self {
        let text = |name: &str| get_string(item, name).map(str::to_owned);
        Self {
            key: text("message_id").unwrap_or_default(),
            chat: text("chat").unwrap_or_default(),
            tenant: text("tenant"),
            moment: get_number(item, "moment"),
        }
    }
}

impl ChatError {
    /// `DynamoDB` refuses the query of an index that is not there, or that it still builds, as not
    /// valid. This query has no other reason to be refused so.
    fn from_query(error: AwsError) -> Self {
        match error.code.as_str() {
            "ValidationException" => Self::NoIndex,
            _ => Self::Aws(error),
        }
    }
}
