//! Removes a record for good, and leaves a mark where its job may still wait in the queue.

use aws_sdk_dynamodb::{error::SdkError, types::AttributeValue};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use media::{
    identity::RecordKey,
    ids::{IdError, InstanceId, MessageId},
};
use serde::Deserialize;

use super::{ERASED, Ledger, Written, place::MESSAGE, text};
use crate::error::AwsError;

/// As much of a record as erasing needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Erasable {
    /// Its sort key.
    #[serde(rename = "message_id")]
    pub key: String,
    /// The message's id; records of versions before have it as their key.
    #[serde(default)]
    message: Option<String>,
    /// Where it stands: `stored`, `retrying`, …
    pub state: String,
    /// The folder of its chat.
    pub chat: String,
    /// Until when a run holds it, in seconds since 1970.
    #[serde(default)]
    pub lease_until: i64,
    #[serde(default)]
    chat_lid: Option<String>,
    #[serde(default)]
    chat_phone: Option<String>,
    #[serde(default)]
    chat_hash: Option<String>,
}

impl Erasable {
    /// The message's id.
    ///
    /// # Errors
    /// [`IdError`] if the record has none.
    pub fn message_id(&self) -> Result<MessageId, IdError> {
        MessageId::parse(self.message.as_ref().unwrap_or(&self.key).clone())
    }

    /// What a mark keeps in the record's place, by attribute: the message's id, and of what tells
    /// its chat from others a digest, because the same file in another chat is another medium and
    /// not erased.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let key = RecordKey::from_record(self.key.clone());
        let facts = [
            ("chat_lid", &self.chat_lid),
            ("chat_phone", &self.chat_phone),
            ("chat_hash", &self.chat_hash),
        ];
        let blurred = facts
            .into_iter()
            .filter_map(|(name, fact)| Some((name, key.hash_fact(fact.as_ref()?))));
        let message = self.message.clone().map(|id| (MESSAGE, id));
        message.into_iter().chain(blurred).collect()
    }
}

impl Ledger {
    /// Removes a record that is as it was seen, unless a run is at it. With `mark_until` (seconds
    /// since 1970) a mark stays until then, so that a job which still waits somewhere in the queue
    /// does not bring the medium back: instance and message id, and of the chat what tells nobody
    /// whose it is.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn erase(
        &self,
        instance: &InstanceId,
        record: &Erasable,
        mark_until: Option<i64>,
        now: i64,
    ) -> Result<Written, AwsError> {
        const IDLE: &str =
            "#state = :state AND (attribute_not_exists(lease_owner) OR lease_until < :now)";
        let (instance, key) = (text(instance.as_str()), text(&record.key));
        let now = AttributeValue::N(now.to_string());
        let dynamodb = &self.clients.dynamodb;
        let Some(until) = mark_until else {
            let deleted = dynamodb
                .delete_item()
                .table_name(&self.table)
                .key("instance", instance)
                .key("message_id", key)
                .condition_expression(IDLE)
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":state", text(&record.state))
                .expression_attribute_values(":now", now)
                .send()
                .await;
            return match deleted {
                Ok(_) => Ok(Written::Yes),
                Err(error) if is_overtaken(&error) => Ok(Written::Overtaken),
                Err(error) => Err(AwsError::new("dynamodb:DeleteItem", &error)),
            };
        };
        let mut put = dynamodb
            .put_item()
            .table_name(&self.table)
            .item("instance", instance)
            .item("message_id", key)
            .item("state", text(ERASED))
            .item("forget_at", AttributeValue::N(until.to_string()));
        for (name, kept) in record.kept() {
            put = put.item(name, text(&kept));
        }
        let put = put
            .condition_expression(IDLE)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", text(&record.state))
            .expression_attribute_values(":now", now)
            .send()
            .await;
        match put {
            Ok(_) => Ok(Written::Yes),
            Err(error) if is_overtaken(&error) => Ok(Written::Overtaken),
            Err(error) => Err(AwsError::new("dynamodb:PutItem", &error)),
        }
    }
}

/// Whether a write was refused by its condition.
fn is_overtaken<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    code == Some("ConditionalCheckFailedException")
}
