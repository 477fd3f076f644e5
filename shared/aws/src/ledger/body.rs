//! Body entries: the jobs table has one for each unread webhook and each parked message that is no
//! job of its instance's tenant, with the whole message, so that the parked queue's is not its only
//! copy.
//!
//! There is no record beside it. What was read or dropped leaves an entry without the message and
//! in no index, for a month: copies of it in a queue do not bring it back.

use media::{failure::FailureClass, ids::TenantId, parked::Content};

use super::{
    condition::Condition,
    entry::{Due, DuePlace, EntryState, MAX_ENTRY_BODY_BYTES, set_due_at, state_class},
    notes::NoteTerms,
    table::{DECIDED_AT, FORGET_AT, JobsTable},
    transaction::TransactionOutcome,
    update::Update,
};
use crate::{
    body_key::BodyKey,
    dynamodb::{Attributes, get_item, get_number, get_string, number_value, string_value},
    error::AwsError,
};

/// The most items that an entry has: SQS takes messages of up to 1 MiB.
pub(super) const MAX_PARTS: usize = 3;

/// For how long an entry stays whose message was read or dropped, in seconds: longer than any queue
/// keeps a copy.
const SETTLED_FOR: i64 = 30 * 24 * 60 * 60;

/// For how long a message is kept that is no unread webhook, in seconds.
const UNKNOWN_FOR: i64 = 30 * 24 * 60 * 60;

/// The state of an entry whose message was read or dropped.
const SETTLED: &str = "settled";

/// The attribute with the number of an entry's items.
const PARTS: &str = "parts";

/// A message to be kept parked, and what to say of it.
#[derive(Clone, Copy)]
pub struct ParkedBody<'a> {
    key: &'a BodyKey,
    /// The body of the queue message. It may contain a whole webhook.
    body: &'a str,
    tenant: Option<&'a TenantId>,
    class: FailureClass,
    reason: &'a str,
    /// Until when a person should have acted, in seconds since 1970.
    recoverable_until: i64,
    /// From when the entry may be removed, in seconds since 1970. `None`: it has no end.
    forget_at: Option<i64>,
    now: i64,
}

/// Leaves out the body, which is confidential.
impl std::fmt::Debug for ParkedBody<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParkedBody").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<'a> ParkedBody<'a> {
    /// A message that says this of itself. An unread webhook is kept as long as its tenant's
    /// retention says; nobody's retention is known to apply to another message.
    #[must_use]
    pub fn new(
        (key, body): (&'a BodyKey, &'a str),
        content: &'a Content,
        (class, reason): (FailureClass, &'a str),
        NoteTerms { now, retention }: NoteTerms,
    ) -> Self {
        let end = now.saturating_add(UNKNOWN_FOR);
        let (tenant, recoverable_until, forget_at) = match content {
            Content::Unread(unread) => {
                let end = retention.map(|class| class.end_of(unread.accepted_at).max(now));
                (Some(&unread.tenant), unread.recoverable_until(), end)
            }
            Content::Job(job) => (Some(&job.tenant), job.message.recoverable_until(), Some(end)),
            Content::Entry(_) | Content::Unknown(_) => (None, end, Some(end)),
        };
        Self { key, body, tenant, class, reason, recoverable_until, forget_at, now }
    }
}

/// The state of a body entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyState {
    /// It waits for a person.
    Parked,
    /// The watch function sends it.
    Retrying,
    /// Its message was read or dropped.
    Settled,
}

/// What became of a message that was to be parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkOutcome {
    /// Its entry says that it is parked.
    Parked,
    /// It was read or dropped before: this is a copy, and has nothing left to do.
    Settled,
}

/// The message of a body entry.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptBody {
    /// The body of the queue message. It may contain a whole webhook.
    pub body: String,
    /// The tenant; `None` if the message names none.
    pub tenant: Option<TenantId>,
    /// From when the entry may be removed, in seconds since 1970.
    pub forget_at: Option<i64>,
}

/// Leaves out the body, which is confidential.
impl std::fmt::Debug for KeptBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptBody").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl JobsTable {
    /// Keeps a message parked, or says anew why it is.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn park_body(&self, parked: &ParkedBody<'_>) -> Result<ParkOutcome, AwsError> {
        let condition = Condition::not_in_state(SETTLED);
        match self.put_body(parked, EntryState::Parked, condition).await? {
            TransactionOutcome::Written => Ok(ParkOutcome::Parked),
            TransactionOutcome::Refused { .. } => Ok(ParkOutcome::Settled),
        }
    }

    /// Keeps a message that the queue did not take, due at once. If it has an entry already, that
    /// one stays.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn keep_body(&self, kept: &ParkedBody<'_>) -> Result<(), AwsError> {
        let due = Due { place: DuePlace::Table, at: kept.now };
        let condition = Condition::has_state(None);
        self.put_body(kept, EntryState::Retrying(due), condition).await.map(|_| ())
    }

    /// Writes all items of an entry or none.
    async fn put_body(
        &self,
        kept: &ParkedBody<'_>,
        state: EntryState,
        condition: Condition,
    ) -> Result<TransactionOutcome, AwsError> {
        let ParkedBody { key, body, tenant, class, reason, recoverable_until, forget_at, now } =
            *kept;
        let parts = split_body(body);
        let part = |text: &str| {
            let update = Update::default().set("body", string_value(text));
            update.set_or_remove(FORGET_AT, forget_at.map(number_value))
        };
        let count = i64::try_from(parts.len()).unwrap_or_default();
        let due = match state {
            EntryState::Retrying(due) => Some(due),
            EntryState::Parked => None,
        };
        let mut writes = Vec::new();
        for (nth, text) in parts.into_iter().enumerate() {
            let place = (key.partition(), key.part_key(nth));
            let (update, condition) = if nth == 0 {
                let update = part(text)
                    .set("state", string_value(state.as_str()))
                    .set("class", string_value(class.as_str()))
                    .set("state_class", string_value(state_class(state.as_str(), class.as_str())))
                    .set("reason", string_value(reason))
                    .set("recoverable_until", number_value(recoverable_until))
                    .set("updated_at", number_value(now))
                    .set(PARTS, number_value(count))
                    .set_or_remove("tenant", tenant.map(|id| string_value(id.as_str())));
                (set_due_at(update, key.partition(), due), condition.clone())
            } else {
                (part(text), Condition::default())
            };
            writes.push(update.into_write_at(&self.name, (place.0, &place.1), condition)?);
        }
        self.transact(writes).await
    }

    /// The state of the entry of a message; `None` if it has none.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn read_body_state(&self, key: &BodyKey) -> Result<Option<BodyState>, AwsError> {
        let item = self.get_part(key, 0).await?;
        Ok(item.and_then(|item| match get_string(&item, "state")? {
            "parked" => Some(BodyState::Parked),
            SETTLED => Some(BodyState::Settled),
            _ => Some(BodyState::Retrying),
        }))
    }

    /// The message of an entry. `None`: there is none, or it was read or dropped.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn read_body(&self, key: &BodyKey) -> Result<Option<KeptBody>, AwsError> {
        match self.get_part(key, 0).await? {
            Some(first) => self.complete_body(key, &first).await,
            None => Ok(None),
        }
    }

    /// The message of the entry of which this is the first item.
    pub(super) async fn complete_body(
        &self,
        key: &BodyKey,
        first: &Attributes,
    ) -> Result<Option<KeptBody>, AwsError> {
        let Some(mut kept) = KeptBody::from_first(first) else {
            return Ok(None);
        };
        for nth in 1..count_parts(first) {
            let part = self.get_part(key, nth).await?;
            let Some(text) = part.as_ref().and_then(|part| get_string(part, "body")) else {
                return Ok(None);
            };
            kept.body.push_str(text);
        }
        Ok(Some(kept))
    }

    async fn get_part(&self, key: &BodyKey, nth: usize) -> Result<Option<Attributes>, AwsError> {
        let sort_key = key.part_key(nth);
        let key = [("instance", key.partition()), ("message_id", sort_key.as_str())];
        get_item(&self.clients, &self.name, key).await
    }

    /// Removes a message that was read or dropped, and leaves an entry without it. `false`: there
    /// was none.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn settle_body(&self, key: &BodyKey, now: i64) -> Result<bool, AwsError> {
        let settled = Update::default()
            .set("state", string_value(SETTLED))
            .set(DECIDED_AT, number_value(now))
            .set(FORGET_AT, number_value(now.saturating_add(SETTLED_FOR)));
        let named = [
            "class",
            "state_class",
            "reason",
            "recoverable_until",
            "updated_at",
            "tenant",
            "body",
            "taken_by",
            PARTS,
        ];
        let settled = named.into_iter().fold(settled, Update::remove);
        let settled = set_due_at(settled, key.partition(), None);
        let first = (key.partition(), key.sort_key());
        let condition = Condition::entry_exists();
        let mut writes = vec![settled.into_write_at(&self.name, (first.0, &first.1), condition)?];
        for nth in 1..MAX_PARTS {
            writes.push(self.deletion_at((key.partition(), &key.part_key(nth)))?);
        }
        Ok(matches!(self.transact(writes).await?, TransactionOutcome::Written))
    }

    /// Gives a message another end, in seconds since 1970, or takes it away. `false`: it was read
    /// or dropped meanwhile.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn set_body_end(
        &self,
        (key, kept): (&BodyKey, &KeptBody),
        forget_at: Option<i64>,
    ) -> Result<bool, AwsError> {
        let mut writes = Vec::new();
        for nth in 0..split_body(&kept.body).len() {
            let update = Update::default().set_or_remove(FORGET_AT, forget_at.map(number_value));
            let place = (key.partition(), key.part_key(nth));
            let condition = Condition::entry_exists();
            writes.push(update.into_write_at(&self.name, (place.0, &place.1), condition)?);
        }
        Ok(matches!(self.transact(writes).await?, TransactionOutcome::Written))
    }

    /// Shows every message that a partition keeps to `each`, strongly consistent: an instance's
    /// (see [`BodyKey::partition_of`]), or those that name no instance.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn visit_bodies(
        &self,
        partition: &str,
        mut each: impl FnMut(BodyKey, KeptBody),
    ) -> Result<(), AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.name).consistent_read(true);
        let mut items = query
            .key_condition_expression("instance = :partition AND begins_with(message_id, :prefix)")
            .expression_attribute_values(":partition", string_value(partition))
            .expression_attribute_values(":prefix", string_value(BodyKey::SORT_KEY_PREFIX))
            .into_paginator()
            .items()
            .send();
        // The items of one entry follow each other.
        let mut open: Option<(BodyKey, KeptBody)> = None;
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            let sort_key = get_string(&item, "message_id").unwrap_or_default();
            if let Some(key) = BodyKey::from_item(partition, sort_key) {
                if let Some((key, kept)) = open.take() {
                    each(key, kept);
                }
                open = KeptBody::from_first(&item).map(|kept| (key, kept));
            } else if let Some((key, kept)) = &mut open
                && sort_key.starts_with(&key.sort_key())
            {
                kept.body.push_str(get_string(&item, "body").unwrap_or_default());
            }
        }
        if let Some((key, kept)) = open {
            each(key, kept);
        }
        Ok(())
    }
}

impl KeptBody {
    /// What the first item of an entry says. `None`: its message was read or dropped.
    fn from_first(item: &Attributes) -> Option<Self> {
        let tenant = get_string(item, "tenant").and_then(|id| TenantId::parse(id).ok());
        let body = get_string(item, "body")?.to_owned();
        Some(Self { body, tenant, forget_at: get_number(item, FORGET_AT) })
    }
}

fn count_parts(first: &Attributes) -> usize {
    get_number(first, PARTS).unwrap_or(1).min(MAX_PARTS)
}

/// The parts of a message, one for each item: an item may have 400 KB.
fn split_body(body: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), body);
    loop {
        let (part, later) = rest.split_at(rest.floor_char_boundary(MAX_ENTRY_BODY_BYTES));
        parts.push(part);
        if later.is_empty() {
            return parts;
        }
        rest = later;
    }
}
