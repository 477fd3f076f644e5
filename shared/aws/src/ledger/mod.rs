//! The table of media: one item per (instance, message id), saying where it stands and what was tried.
//!
//! A run claims the item first, under a lease; every later write of the run says so and fails when the
//! lease has gone to another.

mod update;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::{
        UpdateItemError, UpdateItemOutput, builders::UpdateItemFluentBuilder,
    },
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, Select},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use media::{
    failure::FailureClass,
    ids::{InstanceId, MessageId, TenantId},
    job::Job,
    record::{Attempt, Lease, Record, State},
};
use serde::Serialize;

use self::update::Update;
use crate::{clients::Clients, error::AwsError};

/// The index by state and `recoverable_until`: what expires first comes first.
pub const BY_STATE: &str = "by_state";

/// The index by instance and `moment`.
pub const BY_INSTANCE: &str = "by_instance";

/// The state of a medium that a person had erased. Only the mark of [`Ledger::erase`] says so.
const ERASED: &str = "erased";

/// The attribute of [`Record::lost_since`].
const LOST_SINCE: &str = "lost_since";

type Attributes = HashMap<String, AttributeValue>;

/// Attempts kept in an item, the latest: enough for a person to see the pattern, far below the 400 KB
/// that an item may have.
pub const MOST_ATTEMPTS: usize = 20;

/// What a run finds when it claims a medium.
#[derive(Debug)]
pub enum Claim {
    /// The medium is this run's until its lease ends.
    Mine {
        /// What was tried before, oldest first. Evidence for people: what this build cannot read is left out.
        attempts: Vec<Attempt>,
        /// When it was first found that nobody has the medium, if that is what was found last; in seconds
        /// since 1970.
        lost_since: Option<i64>,
    },
    /// The object is in the bucket: a duplicate needs no download.
    Stored,
    /// The object is in the bucket, in another tenant's folder: the instance was that tenant's before.
    StoredForAnother,
    /// A person had the medium erased while its job was still queued: it is not fetched again.
    Erased,
    /// Another run is at it, or died at it. Not a failure: come back when its lease ends.
    Elsewhere {
        /// In seconds since 1970.
        until: i64,
    },
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Written {
    /// The record says so now.
    Yes,
    /// The lease had ended and another run took over: the record is that one's, and was not touched.
    Overtaken,
}

/// Whether a write ends the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The run is over: the next one may begin at once.
    Release,
    /// Something remains to be done under it.
    Keep,
}

/// What the announcement says, written by the first to know of a medium.
#[derive(Serialize)]
struct Announced<'a> {
    tenant: &'a str,
    chat: &'a str,
    kind: &'static str,
    direction: &'static str,
    moment: i64,
    recoverable_until: i64,
    updated_at: i64,
}

impl<'a> Announced<'a> {
    fn of(job: &'a Job, now: i64) -> Self {
        let message = &job.message;
        Self {
            tenant: job.tenant.as_str(),
            chat: message.chat.as_str(),
            kind: message.kind.as_str(),
            direction: message.direction.as_str(),
            moment: message.moment,
            recoverable_until: message.recoverable_until(),
            updated_at: now,
        }
    }
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
        let latest = record.attempts.len().saturating_sub(MOST_ATTEMPTS);
        let end = match record.state {
            State::Stored {
                object_key,
                strategy,
                proof,
                ..
            } => End::Stored {
                object_key,
                size_bytes: proof.size_bytes,
                sha256: proof.sha256.to_hex(),
                strategy: strategy.as_str(),
                integrity: proof.integrity.as_str(),
                stored_at: record.now,
            },
            State::Retrying { class, reason } | State::Parked { class, reason } => End::NotStored {
                class: class.as_str(),
                reason,
            },
            State::Skipped { rule } => End::Skipped {
                reason: rule.as_str(),
            },
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
        Self {
            clients: clients.clone(),
            table,
        }
    }

    /// Claims a medium for one run, under `lease`. The first claim makes the record, so that a medium is
    /// seen from its first run on. One call, which AWS decides: of two runs at once one gets it.
    ///
    /// # Errors
    /// [`AwsError`]; retried by the queue.
    pub async fn claim(&self, job: &Job, lease: &Lease, now: i64) -> Result<Claim, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let first = Update::of(OPERATION, &Announced::of(job, now))?;
        let update = first
            .set_once("state", "retrying")
            .set("lease_owner", AttributeValue::S(lease.owner.clone()))
            .set("lease_until", AttributeValue::N(lease.until.to_string()));
        let claimed = update
            .request(&self.clients, &self.table, &job.instance, &job.message.message_id)
            .condition_expression(
                "(attribute_not_exists(#state) OR (#state <> :stored AND #state <> :erased)) \
                 AND (attribute_not_exists(lease_owner) OR lease_owner = :me OR lease_until < :now)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":stored", AttributeValue::S("stored".to_owned()))
            .expression_attribute_values(":erased", AttributeValue::S(ERASED.to_owned()))
            .expression_attribute_values(":me", AttributeValue::S(lease.owner.clone()))
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match claimed {
            Ok(output) => Ok(Claim::Mine {
                lost_since: lost_since_of(output.attributes.as_ref()),
                attempts: attempts_of(output.attributes),
            }),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(held(failed.item.as_ref(), &job.tenant))
                }
                _ => Err(AwsError::new(OPERATION, &error)),
            },
        }
    }

    /// Writes where a medium stands, if the run still holds the lease.
    ///
    /// # Errors
    /// [`AwsError`]; retried by the queue.
    pub async fn write(
        &self,
        record: &Record<'_>,
        lease: &Lease,
        then: Then,
    ) -> Result<Written, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let mut update = Update::of(OPERATION, &Outcome::of(record))?;
        match record.state {
            State::Stored { .. } => update = update.remove("class").remove("reason"),
            State::Skipped { .. } => update = update.remove("class"),
            State::Retrying { .. } | State::Parked { .. } => {}
        }
        update = match record.lost_since {
            Some(since) => update.set(LOST_SINCE, AttributeValue::N(since.to_string())),
            None => update.remove(LOST_SINCE),
        };
        if then == Then::Release {
            update = update.remove("lease_owner").remove("lease_until");
        }
        let request = update.request(
            &self.clients,
            &self.table,
            record.instance,
            record.message_id(),
        );
        fenced(OPERATION, request, lease).await
    }

    /// Ends the lease, and changes nothing else.
    ///
    /// # Errors
    /// [`AwsError`]; the lease then ends by itself.
    pub async fn release(&self, job: &Job, lease: &Lease) -> Result<Written, AwsError> {
        let request = Update::default()
            .remove("lease_owner")
            .remove("lease_until")
            .request(
                &self.clients,
                &self.table,
                &job.instance,
                &job.message.message_id,
            );
        fenced("dynamodb:UpdateItem", request, lease).await
    }

    /// Writes that a job was parked which no run of ours parked: SQS moved it. A record that says `stored`
    /// or `parked`, or that a run is at, is left alone.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn note_parked(
        &self,
        job: &Job,
        class: FailureClass,
        reason: &str,
        now: i64,
    ) -> Result<Written, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let update = Update::of(OPERATION, &Announced::of(job, now))?
            .set("state", AttributeValue::S("parked".to_owned()))
            .set("class", AttributeValue::S(class.as_str().to_owned()))
            .set("reason", AttributeValue::S(reason.to_owned()));
        let written = update
            .request(
                &self.clients,
                &self.table,
                &job.instance,
                &job.message.message_id,
            )
            .condition_expression(
                "(attribute_not_exists(#state) OR #state = :retrying) \
                 AND (attribute_not_exists(lease_owner) OR lease_until < :now) \
                 AND (attribute_not_exists(tenant) OR tenant = :tenant)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":retrying", AttributeValue::S("retrying".to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .expression_attribute_values(":tenant", AttributeValue::S(job.tenant.to_string()))
            .send()
            .await;
        verdict(OPERATION, written)
    }

    /// Writes that a person gave a medium up. A record that says `stored` or `erased`, or that a run is
    /// at, is left alone.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn note_given_up(
        &self,
        job: &Job,
        reason: &str,
        now: i64,
    ) -> Result<Written, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let update = Update::of(OPERATION, &Announced::of(job, now))?
            .set("state", AttributeValue::S("skipped".to_owned()))
            .set("reason", AttributeValue::S(reason.to_owned()))
            .remove("class");
        let written = update
            .request(
                &self.clients,
                &self.table,
                &job.instance,
                &job.message.message_id,
            )
            .condition_expression(
                "(attribute_not_exists(#state) OR (#state <> :stored AND #state <> :erased)) \
                 AND (attribute_not_exists(lease_owner) OR lease_until < :now) \
                 AND (attribute_not_exists(tenant) OR tenant = :tenant)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":stored", AttributeValue::S("stored".to_owned()))
            .expression_attribute_values(":erased", AttributeValue::S(ERASED.to_owned()))
            .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
            .expression_attribute_values(":tenant", AttributeValue::S(job.tenant.to_string()))
            .send()
            .await;
        verdict(OPERATION, written)
    }

    /// Whether nothing remains to be fetched: the object is in the bucket, or a person had it erased.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn is_settled(
        &self,
        instance: &InstanceId,
        message: &MessageId,
    ) -> Result<bool, AwsError> {
        let item = self.read(instance, message).await?.unwrap_or_default();
        let state = item.get("state").and_then(|state| state.as_s().ok());
        Ok(state.is_some_and(|state| state == "stored" || state == ERASED))
    }

    /// Removes the record of a medium that is in `state`, unless a run is at it. With `mark_until` (seconds
    /// since 1970) a mark of instance and message id stays until then, so that a job which still waits
    /// somewhere in the queue does not bring the medium back: nothing about chat, kind or time.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn erase(
        &self,
        instance: &InstanceId,
        message: &MessageId,
        state: &str,
        mark_until: Option<i64>,
        now: i64,
    ) -> Result<Written, AwsError> {
        const IDLE: &str =
            "#state = :state AND (attribute_not_exists(lease_owner) OR lease_until < :now)";
        let [instance, message, state, erased] =
            [instance.as_str(), message.as_str(), state, ERASED]
                .map(|text| AttributeValue::S(text.to_owned()));
        let now = AttributeValue::N(now.to_string());
        let dynamodb = &self.clients.dynamodb;
        let Some(until) = mark_until else {
            let deleted = dynamodb
                .delete_item()
                .table_name(&self.table)
                .key("instance", instance)
                .key("message_id", message)
                .condition_expression(IDLE)
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":state", state)
                .expression_attribute_values(":now", now)
                .send()
                .await;
            return match deleted {
                Ok(_) => Ok(Written::Yes),
                Err(error) if is_overtaken(&error) => Ok(Written::Overtaken),
                Err(error) => Err(AwsError::new("dynamodb:DeleteItem", &error)),
            };
        };
        let put = dynamodb
            .put_item()
            .table_name(&self.table)
            .item("instance", instance)
            .item("message_id", message)
            .item("state", erased)
            .item("forget_at", AttributeValue::N(until.to_string()))
            .condition_expression(IDLE)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", state)
            .expression_attribute_values(":now", now)
            .send()
            .await;
        match put {
            Ok(_) => Ok(Written::Yes),
            Err(error) if is_overtaken(&error) => Ok(Written::Overtaken),
            Err(error) => Err(AwsError::new("dynamodb:PutItem", &error)),
        }
    }

    /// How many media that are not stored can be counted on no longer than `until` (seconds since 1970),
    /// and still could at `from`.
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

    async fn read(
        &self,
        instance: &InstanceId,
        message: &MessageId,
    ) -> Result<Option<Attributes>, AwsError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("instance", AttributeValue::S(instance.to_string()))
            .key("message_id", AttributeValue::S(message.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        Ok(read.item)
    }
}

/// Who has the medium that could not be claimed, as the refusal tells. A refusal that tells nothing
/// names nobody who would finish, so the job comes back.
fn held(item: Option<&Attributes>, tenant: &TenantId) -> Claim {
    let text = |name: &str| item.and_then(|item| item.get(name)?.as_s().ok());
    let is_theirs = text("tenant").is_none_or(|owner| owner == tenant.as_str());
    match text("state").map(String::as_str) {
        Some("stored") if is_theirs => Claim::Stored,
        Some("stored") => Claim::StoredForAnother,
        Some(ERASED) => Claim::Erased,
        Some(_) | None => {
            let until = item.and_then(|item| item.get("lease_until")?.as_n().ok());
            Claim::Elsewhere {
                until: until.and_then(|n| n.parse().ok()).unwrap_or_default(),
            }
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

/// Sends a write that only the lease's owner may make.
async fn fenced(
    operation: &'static str,
    request: UpdateItemFluentBuilder,
    lease: &Lease,
) -> Result<Written, AwsError> {
    let written = request
        .condition_expression("lease_owner = :me")
        .expression_attribute_values(":me", AttributeValue::S(lease.owner.clone()))
        .send()
        .await;
    verdict(operation, written)
}

fn verdict(
    operation: &'static str,
    written: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
) -> Result<Written, AwsError> {
    match written {
        Ok(_) => Ok(Written::Yes),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Written::Overtaken),
            _ => Err(AwsError::new(operation, &error)),
        },
    }
}

fn lost_since_of(item: Option<&Attributes>) -> Option<i64> {
    let since = item?.get(LOST_SINCE)?.as_n().ok()?;
    since.parse().ok()
}

fn attempts_of(item: Option<Attributes>) -> Vec<Attempt> {
    item.and_then(|mut item| item.remove("attempts"))
        .and_then(|list| serde_dynamo::from_attribute_value(list).ok())
        .unwrap_or_default()
}
