//! Writes how a run ended, and ends its lease.

use media::{
    identity::RecordKey,
    ids::InstanceId,
    record::{Attempt, Lease, Record, State},
};
use serde::Serialize;

use super::{
    condition::Condition,
    entry::{EntryChange, EntryFacts, set_record_fields},
    intent::COMMITTING,
    outcome::{WriteOutcome, update_under_lease},
    table::{FORGET_AT, LATE_RUNS, LOST_SINCE, Ledger, RUNS},
    transaction::TransactionOutcome,
    update::Update,
};
use crate::{dynamodb::number_value, error::AwsError};

/// Attempts kept in a record, the latest: enough to show a person the pattern, and far below the
/// 400 KB that an item may have.
pub const MAX_ATTEMPTS: usize = 20;

const UPDATE_ITEM: &str = "dynamodb:UpdateItem";

/// Whether a write ends the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseAfter {
    /// The run is over: the next one may begin at once.
    Release,
    /// The run goes on under its lease.
    Keep,
}

/// The attributes that a run writes at its end.
#[derive(Serialize)]
struct RunFields<'a> {
    state: &'static str,
    updated_at: i64,
    attempts: &'a [Attempt],
    #[serde(flatten)]
    state_fields: StateFields<'a>,
}

/// The attributes that depend on the state.
#[derive(Serialize)]
#[serde(untagged)]
enum StateFields<'a> {
    Stored {
        object_key: &'a str,
        size_bytes: u64,
        sha256: String,
        strategy: &'static str,
        integrity: &'static str,
        stored_at: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        mimetype: Option<&'a str>,
    },
    NotStored {
        class: &'static str,
        reason: &'a str,
    },
    Skipped {
        reason: &'static str,
    },
}

impl<'a> RunFields<'a> {
    fn from_record(record: &Record<'a>) -> Self {
        let latest = record.attempts.len().saturating_sub(MAX_ATTEMPTS);
        let state_fields = match record.state {
            State::Stored { object_key, strategy, proof, .. } => StateFields::Stored {
                object_key,
                size_bytes: proof.size_bytes,
                sha256: proof.sha256.to_hex(),
                strategy: strategy.as_str(),
                integrity: proof.integrity.as_str(),
                stored_at: record.now,
                mimetype: record.message.mimetype.as_deref(),
            },
            State::Retrying { class, reason } | State::Parked { class, reason } => {
                StateFields::NotStored { class: class.as_str(), reason }
            }
            State::Skipped { rule } => StateFields::Skipped { reason: rule.as_str() },
        };
        Self {
            state: record.state.as_str(),
            updated_at: record.now,
            attempts: record.attempts.get(latest..).unwrap_or_default(),
            state_fields,
        }
    }
}

impl Ledger {
    /// Writes the state of a media message and what was tried, if the run still has the lease,
    /// changes the job entry with it, and keeps the texts of a stored one for its event: all are
    /// written or none. If only the record is written, it is one `UpdateItem`, which costs half as
    /// much.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` or `TransactWriteItems` fails; the queue retries the job.
    pub async fn write(
        &self,
        record: &Record<'_>,
        lease: &Lease,
        lease_after: LeaseAfter,
        entry: EntryChange<'_>,
    ) -> Result<WriteOutcome, AwsError> {
        let update = set_record_fields(run_update(record, lease_after)?, entry);
        let write = match &record.state {
            State::Retrying { class, reason } | State::Parked { class, reason } => {
                let facts = EntryFacts {
                    tenant: record.tenant,
                    kind: record.message.kind.as_str(),
                    recoverable_until: record.message.recoverable_until(),
                    class: *class,
                    reason,
                    now: record.now,
                    forget_at: record.forget_at,
                };
                self.entry_write((record.instance, record.key), &facts, entry)?
            }
            State::Stored { .. } | State::Skipped { .. } => match entry {
                EntryChange::Keep | EntryChange::Put { .. } => None,
                EntryChange::Delete => Some(self.entry_deletion(record.instance, record.key)?),
            },
        };
        let texts_write = match &record.state {
            State::Stored { .. } => self.texts_write(record)?,
            State::Retrying { .. } | State::Parked { .. } | State::Skipped { .. } => None,
        };
        let others: Vec<_> = write.into_iter().chain(texts_write).collect();
        if others.is_empty() {
            let request = update.request(&self.clients, &self.table, record.instance, record.key);
            return update_under_lease(UPDATE_ITEM, request, lease).await;
        }
        let condition = Condition::leased_to(lease);
        let record_write =
            update.into_write(&self.table, record.instance, record.key, condition)?;
        let writes = std::iter::once(record_write).chain(others).collect();
        Ok(match self.transact(writes).await? {
            TransactionOutcome::Written => WriteOutcome::Yes,
            TransactionOutcome::Refused { .. } => WriteOutcome::Overtaken,
        })
    }

    /// Ends the lease, and changes nothing else.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails; the lease then ends at its own time.
    pub async fn release(
        &self,
        instance: &InstanceId,
        key: &RecordKey,
        lease: &Lease,
    ) -> Result<WriteOutcome, AwsError> {
        let update = Update::default().remove_lease();
        let request = update.request(&self.clients, &self.table, instance, key);
        update_under_lease(UPDATE_ITEM, request, lease).await
    }
}

/// The update of a record at the end of a run.
fn run_update(record: &Record<'_>, lease_after: LeaseAfter) -> Result<Update, AwsError> {
    let mut update = Update::from_fields(UPDATE_ITEM, &RunFields::from_record(record))?;
    match record.state {
        State::Stored { .. } => {
            update = update.remove("class").remove("reason").remove(COMMITTING);
        }
        State::Skipped { .. } => update = update.remove("class"),
        State::Retrying { .. } | State::Parked { .. } => {}
    }
    let is_retried = matches!(record.state, State::Retrying { .. });
    // The end of an earlier state must not remove a job that is tried again.
    let forget_at = record.forget_at.filter(|_| !is_retried);
    update = update
        .set_or_remove(FORGET_AT, forget_at.map(number_value))
        .set_or_remove(LOST_SINCE, record.lost_since.map(number_value));
    for (name, count) in [(RUNS, record.runs.ended), (LATE_RUNS, record.runs.late)] {
        update = match count {
            0 => update.remove(name),
            _ => update.set(name, number_value(count.into())),
        };
    }
    Ok(match lease_after {
        LeaseAfter::Release => update.remove_lease(),
        LeaseAfter::Keep => update,
    })
}
