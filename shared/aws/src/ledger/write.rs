//! Writes how a run ended, and ends its lease.

use media::{
    identity::RecordKey,
    ids::InstanceId,
    record::{Attempt, Lease, Record, State},
};
use serde::Serialize;

use super::{
    intent::COMMITTING,
    outcome::{WriteOutcome, update_under_lease},
    table::{LATE_RUNS, LOST_SINCE, Ledger, RUNS},
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
    /// Writes the state of a media message and what was tried, if the run still has the lease.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails; the queue retries the job.
    pub async fn write(
        &self,
        record: &Record<'_>,
        lease: &Lease,
        lease_after: LeaseAfter,
    ) -> Result<WriteOutcome, AwsError> {
        let mut update = Update::from_fields(UPDATE_ITEM, &RunFields::from_record(record))?;
        match record.state {
            State::Stored { .. } => {
                update = update.remove("class").remove("reason").remove(COMMITTING);
            }
            State::Skipped { .. } => update = update.remove("class"),
            State::Retrying { .. } | State::Parked { .. } => {}
        }
        update = match record.lost_since {
            Some(since) => update.set(LOST_SINCE, number_value(since)),
            None => update.remove(LOST_SINCE),
        };
        for (name, count) in [(RUNS, record.runs.ended), (LATE_RUNS, record.runs.late)] {
            update = match count {
                0 => update.remove(name),
                _ => update.set(name, number_value(count.into())),
            };
        }
        if lease_after == LeaseAfter::Release {
            update = update.remove_lease();
        }
        let request = update.request(&self.clients, &self.table, record.instance, record.key);
        update_under_lease(UPDATE_ITEM, request, lease).await
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
