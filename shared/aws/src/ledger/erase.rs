//! Removes a record for good, and leaves a mark where its job may still wait in the queue.

use aws_sdk_dynamodb::types::AttributeValue;
use media::{
    identity::RecordKey,
    ids::{InstanceId, MessageId},
};

use super::{Attributes, ERASED, Ledger, WriteOutcome, place::MESSAGE, text, verdict};
use crate::error::AwsError;

/// As much of a record as erasing needs, whoever wrote it: what has another form than it should
/// counts as not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Erasable {
    /// Its sort key.
    pub key: String,
    /// The message's id; records of versions before have it as their key.
    message: Option<String>,
    /// Whose it is; nothing if that cannot be told, as of the mark of what was erased.
    pub tenant: Option<String>,
    /// The folder of its chat; nothing if that cannot be told.
    pub chat: Option<String>,
    /// Until when a run holds it, in seconds since 1970.
    pub lease_until: i64,
    state: Option<AttributeValue>,
    chat_lid: Option<String>,
    chat_phone: Option<String>,
    chat_hash: Option<String>,
}

impl Erasable {
    /// The attributes that [`Self::of_item`] looks at.
    pub const ATTRIBUTES: [&str; 9] = [
        "message_id",
        MESSAGE,
        "tenant",
        "state",
        "chat",
        "lease_until",
        "chat_lid",
        "chat_phone",
        "chat_hash",
    ];

    /// Reads an item.
    #[must_use]
    pub fn of_item(item: &Attributes) -> Self {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        let number = |name: &str| item.get(name)?.as_n().ok()?.parse().ok();
        Self {
            key: text("message_id").unwrap_or_default(),
            message: text(MESSAGE),
            tenant: text("tenant"),
            chat: text("chat"),
            lease_until: number("lease_until").unwrap_or_default(),
            state: item.get("state").cloned(),
            chat_lid: text("chat_lid"),
            chat_phone: text("chat_phone"),
            chat_hash: text("chat_hash"),
        }
    }

    /// The message's id, by its own word and by its key's.
    pub fn message_ids(&self) -> impl Iterator<Item = MessageId> {
        let of_key = RecordKey::from_record(self.key.clone()).message_id().to_owned();
        let ids = self.message.clone().into_iter().chain([of_key]);
        ids.filter_map(|id| MessageId::parse(id).ok())
    }

    /// Whether its job may wait in the queue: nothing says that it is over.
    #[must_use]
    pub fn may_be_queued(&self) -> bool {
        !["stored", "parked", "skipped"].into_iter().any(|end| self.is(end))
    }

    /// Whether it is the mark of what was erased.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        self.is(ERASED)
    }

    fn is(&self, state: &str) -> bool {
        let is = self.state.as_ref().and_then(|state| state.as_s().ok());
        is.is_some_and(|is| is == state)
    }

    /// The condition under which it is as it was seen and no run is at it, and what `:state` is.
    fn idle(&self) -> (&'static str, Option<AttributeValue>) {
        const IDLE: &str =
            "#state = :state AND (attribute_not_exists(lease_owner) OR lease_until < :now)";
        const STATELESS: &str = "attribute_not_exists(#state) \
             AND (attribute_not_exists(lease_owner) OR lease_until < :now)";
        match &self.state {
            Some(state) => (IDLE, Some(state.clone())),
            None => (STATELESS, None),
        }
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
    ) -> Result<WriteOutcome, AwsError> {
        let (instance, key) = (text(instance.as_str()), text(&record.key));
        let now = AttributeValue::N(now.to_string());
        let (condition, state) = record.idle();
        let values = [(":now".to_owned(), now)];
        let state = state.map(|state| (":state".to_owned(), state));
        let values = Some(values.into_iter().chain(state).collect());
        let dynamodb = &self.clients.dynamodb;
        let Some(until) = mark_until else {
            let deleted = dynamodb
                .delete_item()
                .table_name(&self.table)
                .key("instance", instance)
                .key("message_id", key)
                .condition_expression(condition)
                .expression_attribute_names("#state", "state")
                .set_expression_attribute_values(values);
            return verdict("dynamodb:DeleteItem", deleted.send().await);
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
            .condition_expression(condition)
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(values);
        verdict("dynamodb:PutItem", put.send().await)
    }
}
