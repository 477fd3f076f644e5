//! Job entries: the jobs table has one for each job that a run has not settled, with the job's
//! body, so that the queue message is not its only copy.
//!
//! An entry has its record's key. Whoever writes the record of an unsettled media message writes
//! the entry in the same transaction: a record that a run left `retrying` or `parked` has an entry
//! with the same state, and a record with another state has none.

use aws_sdk_dynamodb::types::TransactWriteItem;
use media::{
    failure::FailureClass,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    job::Job,
    sha256::Sha256,
};
use serde::Serialize;

use super::{
    condition::Condition,
    table::{FORGET_AT, HAS_ENTRY, Ledger, QUEUED_UNTIL},
    transaction::TRANSACT_WRITE_ITEMS,
    update::Update,
};
use crate::{
    dynamodb::{number_value, string_value},
    error::AwsError,
};

/// The jobs table's index by due time: what the watch function sends. Only entries with a due time
/// are in it.
pub const BY_DUE: &str = "by_due";

/// The jobs table's index by state and class, with the job first whose media file expires first.
pub const BY_CLASS: &str = "by_class";

/// The jobs table's index by tenant, then by state and class.
pub const BY_TENANT: &str = "by_tenant";

/// Partitions of [`BY_DUE`] for each [`DuePlace`]. An instance's jobs are in one of them, so that
/// one instance with many jobs does not hold up all others.
pub const DUE_SHARDS: u8 = 8;

/// The largest body that an entry can hold, in bytes: an item may have 400 KB. A job has one or two
/// KB. One that is larger stays in the queue.
pub const MAX_ENTRY_BODY_BYTES: usize = 380_000;

/// The state of a job entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// The job is tried again.
    Retrying(Due),
    /// The job waits for a person.
    Parked,
}

/// When the watch function sends a job, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Where the job is until then.
    pub place: DuePlace,
    /// The time.
    pub at: i64,
}

/// Where an unsettled job is until its due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuePlace {
    /// Only in the jobs table: its next run begins at the due time.
    Table,
    /// In the queue as well, which delivers it long before. If nothing was heard of it until the
    /// due time, the queue has lost it.
    Queue,
}

impl DuePlace {
    /// The key of the partition in [`BY_DUE`].
    #[must_use]
    pub fn shard_key(self, shard: u8) -> String {
        let word = match self {
            Self::Table => "table",
            Self::Queue => "queue",
        };
        format!("{word}-{shard}")
    }

    /// The key of the instance's partition in [`BY_DUE`].
    fn instance_shard_key(self, instance: &str) -> String {
        let hash = Sha256::from_data(instance.as_bytes());
        self.shard_key(hash.as_bytes().first().copied().unwrap_or_default() % DUE_SHARDS)
    }
}

impl EntryState {
    /// The word in the attribute `state`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retrying(_) => "retrying",
            Self::Parked => "parked",
        }
    }

    fn due(self) -> Option<Due> {
        match self {
            Self::Retrying(due) => Some(due),
            Self::Parked => None,
        }
    }
}

/// What a write of a record does with the record's job entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryChange<'a> {
    /// The entry stays as it is: there is none, or it still holds.
    Keep,
    /// The entry is written with this body of the queue message.
    Put {
        /// The body as the queue had it. It may contain a media key.
        body: &'a str,
        /// The state. Its word must be that of the record.
        state: EntryState,
    },
    /// The entry is deleted: the job is settled.
    Delete,
}

/// What an entry says about its job, for people and for the indexes.
pub(super) struct EntryFacts<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) kind: &'static str,
    pub(super) recoverable_until: i64,
    pub(super) class: FailureClass,
    pub(super) reason: &'a str,
    pub(super) now: i64,
    /// From when a parked entry may be removed. `None`: it has no end.
    pub(super) forget_at: Option<i64>,
}

impl<'a> EntryFacts<'a> {
    pub(super) fn from_job(job: &'a Job, class: FailureClass, reason: &'a str, now: i64) -> Self {
        Self {
            tenant: &job.tenant,
            kind: job.message.kind.as_str(),
            recoverable_until: job.message.recoverable_until(),
            class,
            reason,
            now,
            forget_at: None,
        }
    }
}

/// The attributes of an entry that each write sets.
#[derive(Serialize)]
struct EntryFields<'a> {
    tenant: &'a str,
    kind: &'static str,
    recoverable_until: i64,
    state: &'static str,
    class: &'static str,
    reason: &'a str,
    state_class: String,
    updated_at: i64,
    body: &'a str,
}

/// The key of a partition of [`BY_CLASS`].
#[must_use]
pub fn state_class(state: &str, class: &str) -> String {
    format!("{state}#{class}")
}

/// The update that writes an entry. An attribute that it does not set, such as the time of the
/// latest redrive, stays.
pub(super) fn entry_update(
    instance: &InstanceId,
    facts: &EntryFacts<'_>,
    body: &str,
    state: EntryState,
) -> Result<Update, AwsError> {
    let fields = EntryFields {
        tenant: facts.tenant.as_str(),
        kind: facts.kind,
        recoverable_until: facts.recoverable_until,
        state: state.as_str(),
        class: facts.class.as_str(),
        reason: facts.reason,
        state_class: state_class(state.as_str(), facts.class.as_str()),
        updated_at: facts.now,
        body,
    };
    let update = Update::from_fields(TRANSACT_WRITE_ITEMS, &fields)?;
    // The end of a parked entry must not remove a job that is tried again.
    let forget_at = match state {
        EntryState::Retrying(_) => None,
        EntryState::Parked => facts.forget_at,
    };
    let update = update.set_or_remove(FORGET_AT, forget_at.map(number_value));
    Ok(set_due(update, instance, state.due()))
}

/// Sets or removes an entry's due time, and with it the entry's place in [`BY_DUE`].
pub(super) fn set_due(update: Update, instance: &InstanceId, due: Option<Due>) -> Update {
    set_due_at(update, instance.as_str(), due)
}

/// As [`set_due`], for an entry in any partition.
pub(super) fn set_due_at(update: Update, instance: &str, due: Option<Due>) -> Update {
    match due {
        Some(Due { place, at }) => update
            .set("due_shard", string_value(place.instance_shard_key(instance)))
            .set("due_at", number_value(at)),
        None => update.remove("due_shard").remove("due_at"),
    }
}

/// What a record says about its entry.
pub(super) fn set_record_fields(update: Update, change: EntryChange<'_>) -> Update {
    match change {
        EntryChange::Keep => update,
        EntryChange::Delete => update.remove(HAS_ENTRY).remove(QUEUED_UNTIL),
        EntryChange::Put { state, .. } => {
            let update = update.set_flag(HAS_ENTRY);
            match state {
                EntryState::Retrying(Due { place: DuePlace::Queue, at }) => {
                    update.set(QUEUED_UNTIL, number_value(at))
                }
                EntryState::Retrying(Due { place: DuePlace::Table, .. }) | EntryState::Parked => {
                    update.remove(QUEUED_UNTIL)
                }
            }
        }
    }
}

impl Ledger {
    /// The write of an entry as part of a transaction; `None` if the entry stays.
    pub(super) fn entry_write(
        &self,
        (instance, key): (&InstanceId, &RecordKey),
        facts: &EntryFacts<'_>,
        change: EntryChange<'_>,
    ) -> Result<Option<TransactWriteItem>, AwsError> {
        Ok(match change {
            EntryChange::Keep => None,
            EntryChange::Delete => Some(self.entry_deletion(instance, key)?),
            EntryChange::Put { body, state } => {
                let update = entry_update(instance, facts, body, state)?;
                let any = Condition::default();
                Some(update.into_write(&self.jobs.name, instance, key, any)?)
            }
        })
    }
}
