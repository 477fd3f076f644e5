//! Reads which messages were deleted by their senders.

use std::collections::BTreeMap;

use aws::{dynamodb::string_value, error::AwsError, ledger::RevocationItem};
use media::{
    contact::Contact,
    ids::{InstanceId, MessageId},
    message::{Chat, Direction},
    revocation::RevokedMessage,
};

use crate::records::{MediaRecord, MediaRecords};

impl MediaRecords {
    /// The deletions that an instance's webhooks announced, of one message or of all, the oldest
    /// first. Strongly consistent. Reads nothing else.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_revocations(
        &self,
        instance: &InstanceId,
        message: Option<&MessageId>,
    ) -> Result<Vec<RevocationItem>, AwsError> {
        let prefix = match message {
            Some(id) => format!("{}{}#", RevokedMessage::PREFIX, id.whole_message()),
            None => RevokedMessage::PREFIX.to_owned(),
        };
        let query = self.clients.dynamodb.query().table_name(&self.table);
        let mut items = query
            .key_condition_expression("instance = :instance AND begins_with(message_id, :prefix)")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .expression_attribute_values(":prefix", string_value(prefix))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            found.extend(RevocationItem::from_item(&item));
        }
        found.sort_by(|one, other| (one.revoked_at, &one.key).cmp(&(other.revoked_at, &other.key)));
        Ok(found)
    }

    /// Notes in each record whether, and when, its message was deleted by its sender.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn note_revocations(&self, records: &mut [MediaRecord]) -> Result<(), AwsError> {
        let mut known = BTreeMap::<String, Vec<RevocationItem>>::new();
        for record in records {
            if !known.contains_key(&record.instance) {
                let found = match InstanceId::parse(record.instance.clone()) {
                    Ok(instance) => self.list_revocations(&instance, None).await?,
                    Err(_) => Vec::new(),
                };
                known.insert(record.instance.clone(), found);
            }
            let media = record.as_revoked();
            let items = known.get(&record.instance).into_iter().flatten();
            let its = items.filter(|item| item.tenant == record.tenant);
            let its = its.filter(|item| media.as_ref().is_some_and(|media| item.is_of(media)));
            record.revoked_at = its.map(|item| item.revoked_at).min();
        }
        Ok(())
    }
}

impl MediaRecord {
    /// What the deletion of the message by its sender would say. `None`: the record does not say
    /// enough.
    fn as_revoked(&self) -> Option<RevokedMessage> {
        let direction = self.direction.as_deref();
        let chat = Chat::try_from(self.chat.clone()).ok()?;
        let peer = Contact { lid: self.chat_lid.clone(), phone: self.chat_phone.clone() };
        let sender = Contact { lid: self.sender_lid.clone(), phone: self.sender_phone.clone() };
        Some(RevokedMessage {
            message_id: MessageId::parse(self.message_id.clone()).ok()?,
            senders: if chat.is_direct() { Vec::new() } else { sender.own_chats().collect() },
            chats: std::iter::once(chat).chain(peer.own_chats()).collect(),
            direction: Direction::ALL.into_iter().find(|one| Some(one.as_str()) == direction)?,
        })
    }
}
