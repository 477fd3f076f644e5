//! Removes a record for good. A mark stays in its place, so that neither a queued job nor W-API's
//! log brings the media file back.

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{AttributeValue, Put, TransactWriteItem},
};
use media::{
    contact::Contact,
    identity::RecordKey,
    ids::{InstanceId, MessageId},
    job::Job,
    message::{Chat, Direction},
    record::Lease,
    revocation::RevokedMessage,
};

use super::{
    condition::Condition,
    find::find_record_item,
    intent::COMMITTING,
    links::{LINKS, read_link_hashes},
    outcome::WriteOutcome,
    place::MESSAGE,
    revocation::is_revocation,
    table::{ERASED, FORGET_AT, Ledger, RELINKED_FROM},
    transaction::{TransactionOutcome, not_built},
};
use crate::{
    dynamodb::{Attributes, get_number, get_string, number_value, string_value},
    error::AwsError,
};

/// How long a mark keeps a job from storing an erased media file again, in seconds: longer than
/// both queues together keep a message (21 days), and than W-API's log, which the back-fill reads,
/// keeps a webhook (30 days).
pub const MARKED_FOR: i64 = 32 * 24 * 60 * 60;

/// What became of the record of a job that an order to erase covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EraseOutcome {
    /// A mark is in its place, there was none, or its media file is stored: the command removes
    /// that, and finds it by its record.
    Erased,
    /// A run has its lease until this time, in seconds since 1970, or changed it meanwhile.
    Leased {
        /// When the lease ends.
        until: i64,
    },
}

/// The part of a record that erasing needs. An attribute of another type than expected counts as
/// missing, so that every record can be erased.
#[derive(Debug, Clone, PartialEq)]
pub struct Erasable {
    /// The record's sort key.
    pub key: String,
    /// The message's id. Records of earlier versions have none: their sort key is the id.
    message: Option<String>,
    /// The record's tenant. `None` if it cannot be read, or the record is the mark of an erased
    /// media file.
    pub tenant: Option<String>,
    /// The folder of the record's chat. `None` if it cannot be read.
    pub chat: Option<String>,
    /// When the lease ends, in seconds since 1970; 0 without a lease.
    pub lease_until: i64,
    /// The key of the stored object.
    pub object_key: Option<String>,
    state: Option<AttributeValue>,
    /// What `object_key` and `links` were, whatever their types.
    object_value: Option<AttributeValue>,
    links_value: Option<AttributeValue>,
    chat_lid: Option<String>,
    chat_phone: Option<String>,
    chat_hash: Option<String>,
    sender: Contact,
    direction: Option<Direction>,
    /// The keys of the objects that runs meant to commit: one may be there although the run died
    /// before it wrote so.
    intended: Vec<String>,
    /// The hashes of the tokens of its media links.
    pub links: Vec<String>,
}

impl Erasable {
    /// The attributes that [`Self::from_item`] reads.
    pub const ATTRIBUTES: [&str; 16] = [
        "message_id",
        MESSAGE,
        "tenant",
        "state",
        "chat",
        "lease_until",
        "object_key",
        "chat_lid",
        "chat_phone",
        "chat_hash",
        "sender_lid",
        "sender_phone",
        "direction",
        COMMITTING,
        RELINKED_FROM,
        LINKS,
    ];

    /// Reads an item.
    #[must_use]
    pub fn from_item(item: &Attributes) -> Self {
        let text = |name: &str| get_string(item, name).map(str::to_owned);
        Self {
            key: text("message_id").unwrap_or_default(),
            message: text(MESSAGE),
            tenant: text("tenant"),
            chat: text("chat"),
            lease_until: get_number(item, "lease_until").unwrap_or_default(),
            object_key: text("object_key"),
            state: item.get("state").cloned(),
            object_value: item.get("object_key").cloned(),
            links_value: item.get(LINKS).cloned(),
            chat_lid: text("chat_lid"),
            chat_phone: text("chat_phone"),
            chat_hash: text("chat_hash"),
            sender: Contact { lid: text("sender_lid"), phone: text("sender_phone") },
            direction: find_direction(get_string(item, "direction")),
            intended: list_intended(item).into_iter().chain(text(RELINKED_FROM)).collect(),
            links: read_link_hashes(item),
        }
    }

    /// For a job entry without a record: the webhook function wrote it, and no run has received its
    /// job. A mark in the record's place keeps the job from being run.
    #[must_use]
    pub fn from_job(key: &RecordKey, job: &Job) -> Self {
        let identity = job.message.identity();
        let fact = |name: &str| {
            let mut facts = identity.chat_facts().iter();
            facts.find(|fact| fact.name == name).map(|fact| fact.text.clone())
        };
        Self {
            key: key.as_str().to_owned(),
            message: Some(identity.message_id().to_string()),
            tenant: Some(job.tenant.to_string()),
            chat: Some(job.message.chat.as_str().to_owned()),
            lease_until: 0,
            object_key: None,
            object_value: None,
            links_value: None,
            state: None,
            chat_lid: fact("chat_lid"),
            chat_phone: fact("chat_phone"),
            chat_hash: fact("chat_hash"),
            sender: job.message.envelope.sender.clone(),
            direction: Some(job.message.direction),
            intended: Vec::new(),
            links: Vec::new(),
        }
    }

    /// The message's id, as the record says and as its key says.
    pub fn message_ids(&self) -> impl Iterator<Item = MessageId> {
        let in_key = RecordKey::from_record(self.key.clone()).message_id().to_owned();
        let ids = self.message.clone().into_iter().chain([in_key]);
        ids.filter_map(|id| MessageId::parse(id).ok())
    }

    /// The chat's names: its folder, its phone number and its LID, as far as the record knows them.
    pub fn chats(&self) -> impl Iterator<Item = Chat> {
        let chat = |text: &String| Chat::try_from(text.clone()).ok();
        let lid = self.chat_lid.as_deref().and_then(Chat::from_lid);
        let phone = self.chat_phone.as_ref().and_then(chat);
        self.chat.as_ref().and_then(chat).into_iter().chain(phone).chain(lid)
    }

    /// Who sent it to a chat of more than two, as the sender's own chats. None for a chat with one
    /// person, or one that cannot be read.
    pub fn senders(&self) -> impl Iterator<Item = Chat> {
        let chat = self.chat.as_ref().and_then(|chat| Chat::try_from(chat.clone()).ok());
        let is_shared = chat.is_some_and(|chat| !chat.is_direct());
        self.sender.own_chats().filter(move |_| is_shared)
    }

    /// What the deletion of the message by its sender would say. `None`: the record does not say
    /// enough.
    #[must_use]
    pub fn as_revoked(&self) -> Option<RevokedMessage> {
        Some(RevokedMessage {
            message_id: self.message_ids().next()?,
            chats: self.chats().collect(),
            direction: self.direction?,
            senders: self.senders().collect(),
        })
    }

    /// Whether it is no record, but says that a message was deleted by its sender.
    #[must_use]
    pub fn is_revocation(&self) -> bool {
        is_revocation(self.state.as_ref())
    }

    /// The keys of the objects that are the record's: the one that is stored, and those that runs
    /// meant to commit.
    pub fn object_keys(&self) -> impl Iterator<Item = &String> {
        self.object_key.iter().chain(&self.intended)
    }

    /// Whether a run may still work on the media message: the record's state is not final. Its mark
    /// is written before its files are removed.
    #[must_use]
    pub fn may_be_in_work(&self) -> bool {
        !["stored", "parked", "skipped"].into_iter().any(|end| self.has_state(end))
    }

    /// Whether the record is the mark of an erased media file.
    #[must_use]
    pub fn is_mark(&self) -> bool {
        self.has_state(ERASED)
    }

    fn has_state(&self, state: &str) -> bool {
        let own = self.state.as_ref().and_then(|own| own.as_s().ok());
        own.is_some_and(|own| own == state)
    }

    /// What a mark keeps in the record's place, by attribute: the message's id, and a digest of
    /// each fact that tells the chat from others. The same file in another chat is another media
    /// file, and is not erased.
    fn mark_attributes(&self) -> Vec<(&'static str, String)> {
        let key = RecordKey::from_record(self.key.clone());
        let facts = [
            ("chat_lid", &self.chat_lid),
            ("chat_phone", &self.chat_phone),
            ("chat_hash", &self.chat_hash),
        ];
        let hashed = facts
            .into_iter()
            .filter_map(|(name, fact)| Some((name, key.hash_fact(fact.as_ref()?))));
        let message = self.message.clone().map(|id| (MESSAGE, id));
        message.into_iter().chain(hashed).collect()
    }
}

fn find_direction(word: Option<&str>) -> Option<Direction> {
    Direction::ALL.into_iter().find(|one| Some(one.as_str()) == word)
}

/// The keys in the intents of a record, as far as they can be read.
fn list_intended(item: &Attributes) -> Vec<String> {
    let intents = item.get(COMMITTING).and_then(|intents| intents.as_l().ok());
    let maps = intents.into_iter().flatten().filter_map(|intent| intent.as_m().ok());
    maps.filter_map(|intent| get_string(intent, "object_key").map(str::to_owned)).collect()
}

impl Ledger {
    /// Removes a record whose state, file and links did not change since it was read, unless a run
    /// has its lease, and its job entry and texts with it. A mark takes the record's place until
    /// `mark_until` (seconds since 1970): neither a copy of the job, which may still be in a queue,
    /// nor the back-fill brings the media file back, also if it was stored. The mark has the
    /// instance, the message's id and digests that identify no person.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn erase(
        &self,
        instance: &InstanceId,
        record: &Erasable,
        mark_until: i64,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        // A file that was moved since, or a link that was made, would stay.
        let condition = Condition::has_state(record.state.clone())
            .and(Condition::has_object_value(record.object_value.clone()))
            .and(Condition::has_links(record.links_value.clone()))
            .and(Condition::not_leased(now));
        self.put_mark(instance, record, mark_until, condition).await
    }

    /// Puts a mark in the place of the record of a job that an order to erase covers, if there is
    /// one that no run has leased, and deletes its entry. The record of a stored media file stays.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` or `TransactWriteItems` fails.
    pub async fn erase_job(&self, job: &Job, now: i64) -> Result<EraseOutcome, AwsError> {
        let found = find_record_item(&self.clients, &self.table, &job.instance, &job.message);
        let Some(item) = found.await? else {
            return Ok(EraseOutcome::Erased);
        };
        let record = Erasable::from_item(&item);
        let is_theirs = record.tenant.as_ref().is_none_or(|owner| owner == job.tenant.as_str());
        if record.is_mark() || record.has_state("stored") || !is_theirs {
            return Ok(EraseOutcome::Erased);
        }
        match self.erase(&job.instance, &record, now.saturating_add(MARKED_FOR), now).await? {
            WriteOutcome::Yes => Ok(EraseOutcome::Erased),
            WriteOutcome::Overtaken => Ok(EraseOutcome::Leased { until: record.lease_until }),
        }
    }

    /// Puts a mark in the place of the record that this run has leased, and deletes its entry.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn erase_claimed(
        &self,
        job: &Job,
        key: &RecordKey,
        lease: &Lease,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let record = Erasable::from_job(key, job);
        let until = now.saturating_add(MARKED_FOR);
        self.put_mark(&job.instance, &record, until, Condition::leased_to(lease)).await
    }

    /// Puts a mark in the place of a record for which `condition` holds, and deletes its entry.
    async fn put_mark(
        &self,
        instance: &InstanceId,
        record: &Erasable,
        until: i64,
        condition: Condition,
    ) -> Result<WriteOutcome, AwsError> {
        let record_write = self.mark_write(instance, record, until, condition);
        let record_write = record_write.map_err(|_| not_built())?;
        let key = RecordKey::from_record(record.key.clone());
        let entry_write = self.entry_deletion(instance, &key)?;
        let texts_write = self.texts_deletion(instance, &key)?;
        Ok(match self.transact(vec![record_write, entry_write, texts_write]).await? {
            TransactionOutcome::Written => WriteOutcome::Yes,
            TransactionOutcome::Refused { .. } => WriteOutcome::Overtaken,
        })
    }

    fn mark_write(
        &self,
        instance: &InstanceId,
        record: &Erasable,
        until: i64,
        condition: Condition,
    ) -> Result<TransactWriteItem, BuildError> {
        let mut put = Put::builder()
            .table_name(&self.table)
            .item("instance", string_value(instance.as_str()))
            .item("message_id", string_value(&*record.key))
            .item("state", string_value(ERASED))
            .item(FORGET_AT, number_value(until));
        for (name, text) in record.mark_attributes() {
            put = put.item(name, string_value(text));
        }
        let put = put
            .condition_expression(condition.text)
            .set_expression_attribute_names(Some(condition.names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(condition.values));
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }
}
