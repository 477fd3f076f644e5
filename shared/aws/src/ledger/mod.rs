//! The table of media: one item for each medium, saying where it stands and what was tried.
//!
//! A run claims the item first, under a lease; every later write of the run says so and fails when
//! the lease has gone to another. Which item is a medium's: [`media::identity`].

mod announced;
mod claim;
mod erase;
mod intent;
mod notes;
pub mod place;
mod update;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, Select},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use media::{
    identity::RecordKey,
    ids::InstanceId,
    record::{Attempt, Lease, Record, State},
};
use serde::Serialize;

use self::update::Update;
pub use self::{claim::Claim, erase::Erasable, intent::CommitIntent};
use crate::{clients::Clients, error::AwsError};

/// The index by state and `recoverable_until`: what expires first comes first.
pub const BY_STATE: &str = "by_state";

/// The index by instance and `moment`.
pub const BY_INSTANCE: &str = "by_instance";

/// The state of a medium that a person had erased. Only the mark of [`Ledger::erase`] says so.
pub const ERASED: &str = "erased";

/// The attribute of [`Record::lost_since`].
const LOST_SINCE: &str = "lost_since";

/// An item as DynamoDB gives it.
pub type Attributes = HashMap<String, AttributeValue>;

/// A text as an attribute.
fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Attempts kept in an item, the latest: enough for a person to see the pattern, far below the 400
/// KB that an item may have.
pub const MAX_ATTEMPTS: usize = 20;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WriteOutcome {
    /// The record says so now.
    Yes,
    /// The lease had ended and another run took over: the record is that one's, and was not
    /// touched.
    Overtaken,
}

/// Whether a write ends the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseAfter {
    /// The run is over: the next one may begin at once.
    Release,
    /// Something remains to be done under it.
    Keep,
}

/// What a run found out.
#[derive(Serialize)]
struct Outcome<'a> {
    state: &'static str,
    updated_at: i64,
    attempts: &'a [Attempt],
    #[serde(flatten)]
    end: End<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum End<'a> {
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

impl<'a> Outcome<'a> {
    fn of(record: &Record<'a>) -> Self {
        let latest = record.attempts.len().saturating_sub(MAX_ATTEMPTS);
        let end = match record.state {
            State::Stored { object_key, strategy, proof, .. } => End::Stored {
                object_key,
                size_bytes: proof.size_bytes,
                sha256: proof.sha256.to_hex(),
                strategy: strategy.as_str(),
                integrity: proof.integrity.as_str(),
                stored_at: record.now,
            },
            State::Retrying { class, reason } | State::Parked { class, reason } => {
                End::NotStored { class: class.as_str(), reason }
            }
            State::Skipped { rule } => End::Skipped { reason: rule.as_str() },
        };
        Self {
            state: record.state.as_str(),
            updated_at: record.now,
            attempts: record.attempts.get(latest..).unwrap_or_default(),
            end,
        }
    }
}

/// Reads and writes the table.
#[derive(Debug)]
pub struct Ledger {
    clients: Clients,
    table: String,
}

impl Ledger {
    /// Takes the table's name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// Writes where a medium stands, if the run still holds the lease.
    ///
    /// # Errors
    /// [`AwsError`]; retried by the queue.
    pub async fn write(
        &self,
        record: &Record<'_>,
        lease: &Lease,
        then: LeaseAfter,
    ) -> Result<WriteOutcome, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let mut update = Update::of(OPERATION, &Outcome::of(record))?;
        match record.state {
            State::Stored { .. } => {
                update = update.remove("class").remove("reason").remove(intent::COMMITTING);
            }
            State::Skipped { .. } => update = update.remove("class"),
            State::Retrying { .. } | State::Parked { .. } => {}
        }
        update = match record.lost_since {
            Some(since) => update.set(LOST_SINCE, AttributeValue::N(since.to_string())),
            None => update.remove(LOST_SINCE),
        };
        if then == LeaseAfter::Release {
            update = update.remove("lease_owner").remove("lease_until");
        }
        let request = update.request(&self.clients, &self.table, record.instance, record.key);
        fenced(OPERATION, request, lease).await
    }

    /// Ends the lease, and changes nothing else.
    ///
    /// # Errors
    /// [`AwsError`]; the lease then ends by itself.
    pub async fn release(
        &self,
        instance: &InstanceId,
        key: &RecordKey,
        lease: &Lease,
    ) -> Result<WriteOutcome, AwsError> {
        let request = Update::default().remove("lease_owner").remove("lease_until").request(
            &self.clients,
            &self.table,
            instance,
            key,
        );
        fenced("dynamodb:UpdateItem", request, lease).await
    }

    /// How many media that are not stored can be counted on no longer than `until` (seconds since
    /// 1970), and still could at `from`.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn count_expiring(&self, from: i64, until: i64) -> Result<u64, AwsError> {
        let mut count = 0;
        for state in ["retrying", "parked"] {
            let mut start = None;
            loop {
                let page = self
                    .clients
                    .dynamodb
                    .query()
                    .table_name(&self.table)
                    .index_name(BY_STATE)
                    .select(Select::Count)
                    .key_condition_expression(
                        "#state = :state AND recoverable_until BETWEEN :from AND :until",
                    )
                    .expression_attribute_names("#state", "state")
                    .expression_attribute_values(":state", AttributeValue::S(state.to_owned()))
                    .expression_attribute_values(":from", AttributeValue::N(from.to_string()))
                    .expression_attribute_values(":until", AttributeValue::N(until.to_string()))
                    .set_exclusive_start_key(start)
                    .send()
                    .await
                    .map_err(|error| AwsError::new("dynamodb:Query", &error))?;
                count += u64::try_from(page.count).unwrap_or_default();
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(count)
    }
}

/// Sends a write that only the lease's owner may make.
async fn fenced(
    operation: &'static str,
    request: UpdateItemFluentBuilder,
    lease: &Lease,
) -> Result<WriteOutcome, AwsError> {
    let written = request
        .condition_expression("lease_owner = :me")
        .expression_attribute_values(":me", AttributeValue::S(lease.owner.clone()))
        .send()
        .await;
    verdict(operation, written)
}

/// What a conditional write came to.
fn verdict<T, E: ProvideErrorMetadata>(
    operation: &'static str,
    written: Result<T, SdkError<E>>,
) -> Result<WriteOutcome, AwsError> {
    match written.map_err(|error| AwsError::new(operation, &error)) {
        Ok(_) => Ok(WriteOutcome::Yes),
        Err(error) if error.is_failed_condition() => Ok(WriteOutcome::Overtaken),
        Err(error) => Err(error),
    }
}
