//! Messages that their senders deleted: an item of the media table for each name of the chat. A run
//! asks for it before it fetches a media message, if the tenant's rule says so.

use aws_sdk_dynamodb::types::AttributeValue;
use media::{
    ids::{InstanceId, MessageId},
    revocation::{Revocation, RevokedMessage},
};

use super::{place::MESSAGE, table::Ledger};
use crate::{
    dynamodb::{Attributes, get_item, get_number, get_string, number_value, string_value},
    error::AwsError,
};

/// The state of an item that says that a message was deleted.
pub const REVOKED: &str = "revoked";

/// The attribute with the time at which the deletion was first announced, in seconds since 1970.
const REVOKED_AT: &str = "revoked_at";

/// The attribute with digests of who deleted the message.
const REVOKED_BY: &str = "revoked_by";

/// That a message was deleted, as its item says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationItem {
    /// The sort key.
    pub key: String,
    /// The message.
    pub message_id: MessageId,
    /// The tenant.
    pub tenant: String,
    /// When the deletion was first announced, in seconds since 1970.
    pub revoked_at: i64,
    authors: Vec<String>,
}

impl RevocationItem {
    /// Reads an item. `None`: it is something else.
    #[must_use]
    pub fn from_item(item: &Attributes) -> Option<Self> {
        if get_string(item, "state") != Some(REVOKED) {
            return None;
        }
        Some(Self {
            key: get_string(item, "message_id")?.to_owned(),
            message_id: MessageId::parse(get_string(item, MESSAGE)?).ok()?,
            tenant: get_string(item, "tenant")?.to_owned(),
            revoked_at: get_number(item, REVOKED_AT)?,
            authors: item.get(REVOKED_BY)?.as_ss().ok()?.clone(),
        })
    }

    /// Whether this media message was deleted, and by its sender.
    #[must_use]
    pub fn is_of(&self, media: &RevokedMessage) -> bool {
        media.item_keys().contains(&self.key)
            && media.authors().iter().any(|author| self.authors.contains(author))
    }
}

impl Ledger {
    /// Writes that a message was deleted, until `forget_at` (seconds since 1970) if there is an
    /// end. The first time stays, and each that deleted it is added.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails. Some of the items may then be written.
    pub async fn keep_revocation(
        &self,
        revocation: &Revocation,
        forget_at: Option<i64>,
    ) -> Result<(), AwsError> {
        let message = revocation.message();
        let authors = message.authors();
        if authors.is_empty() {
            return Ok(());
        }
        for key in message.item_keys() {
            let set = "SET #state = :revoked, #message = :message, #tenant = :tenant, \
                       revoked_at = if_not_exists(revoked_at, :at)";
            let end = if forget_at.is_some() { ", forget_at = :end" } else { "" };
            let update = self.clients.dynamodb.update_item().table_name(&self.table);
            let mut update = update
                .key("instance", string_value(revocation.instance().as_str()))
                .key("message_id", string_value(key))
                .update_expression(format!("{set}{end} ADD revoked_by :by"))
                // Not in the place of a record of an earlier version, whose key was any text.
                .condition_expression("attribute_not_exists(#state) OR #state = :revoked")
                .expression_attribute_names("#state", "state")
                .expression_attribute_names("#message", MESSAGE)
                .expression_attribute_names("#tenant", "tenant")
                .expression_attribute_values(":revoked", string_value(REVOKED))
                .expression_attribute_values(":message", string_value(message.message_id.as_str()))
                .expression_attribute_values(":tenant", string_value(revocation.tenant().as_str()))
                .expression_attribute_values(":at", number_value(revocation.accepted_at()))
                .expression_attribute_values(":by", AttributeValue::Ss(authors.clone()));
            if let Some(end) = forget_at {
                update = update.expression_attribute_values(":end", number_value(end));
            }
            match update.send().await.map_err(AwsError::in_operation("dynamodb:UpdateItem")) {
                Err(error) if !error.is_failed_condition() => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Whether the sender of this media message deleted it. One strongly consistent read for each
    /// name of the chat.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails: it is not known then whether it may be stored.
    pub async fn is_revoked(
        &self,
        instance: &InstanceId,
        media: &RevokedMessage,
    ) -> Result<bool, AwsError> {
        for key in media.item_keys() {
            let place = [("instance", instance.as_str()), ("message_id", key.as_str())];
            let item = get_item(&self.clients, &self.table, place).await?;
            let found = item.as_ref().and_then(RevocationItem::from_item);
            if found.is_some_and(|found| found.is_of(media)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether an item is a revocation, and not the record of a media message.
pub(super) fn is_revocation(state: Option<&AttributeValue>) -> bool {
    state.and_then(|state| state.as_s().ok()).is_some_and(|state| state == REVOKED)
}
