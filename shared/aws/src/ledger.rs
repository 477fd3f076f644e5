//! The table of media: one item per (instance, message id), saying where it stands and what was tried.

use std::collections::HashMap;

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::AttributeValue};
use media::{
    ids::{InstanceId, MessageId},
    record::{Attempt, Record, State},
};
use serde::Serialize;
use serde_dynamo::{Item, to_item};

use crate::{clients::Clients, error::AwsError};

/// Attempts kept in an item, the latest: enough for a person to see the pattern, far below the 400 KB
/// that an item may have.
pub const MOST_ATTEMPTS: usize = 20;

/// What is known of a medium before its job runs.
#[derive(Debug, Default)]
pub struct Known {
    /// `stored`, `retrying` or `parked`.
    state: String,
    /// What was tried before, oldest first. Evidence for people: what this build cannot read is left out.
    pub attempts: Vec<Attempt>,
}

impl Known {
    fn of(mut item: HashMap<String, AttributeValue>) -> Self {
        let state = item
            .get("state")
            .and_then(|state| state.as_s().ok())
            .cloned()
            .unwrap_or_default();
        let attempts = item
            .remove("attempts")
            .and_then(|list| serde_dynamo::from_attribute_value(list).ok());
        Self {
            state,
            attempts: attempts.unwrap_or_default(),
        }
    }

    /// Whether the object is in the bucket, so that a duplicate needs no download.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.state == "stored"
    }
}

/// The attributes that a write sets.
#[derive(Serialize)]
struct Attributes<'a> {
    tenant: &'a str,
    state: &'static str,
    chat: &'a str,
    kind: &'static str,
    direction: &'static str,
    moment: i64,
    recoverable_until: i64,
    updated_at: i64,
    attempts: &'a [Attempt],
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
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

    /// What is known of a medium; nothing at its first job.
    ///
    /// # Errors
    /// [`AwsError`]; retried by the queue.
    pub async fn find(
        &self,
        instance: &InstanceId,
        message: &MessageId,
    ) -> Result<Known, AwsError> {
        const OPERATION: &str = "dynamodb:GetItem";
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
            .map_err(|error| AwsError::new(OPERATION, &error))?;
        Ok(read.item.map(Known::of).unwrap_or_default())
    }

    /// Writes where a medium stands. What is stored stays stored: a late `retrying` or `parked` of a
    /// duplicate changes nothing, nor does a duplicate that found the object there; that is no error.
    ///
    /// # Errors
    /// [`AwsError`]; retried by the queue.
    pub async fn write(&self, record: &Record<'_>) -> Result<(), AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let attributes = attributes(record)
            .map_err(|_| AwsError::unexpected(OPERATION, "the item could not be built"))?;
        let mut update = self
            .clients
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key("instance", AttributeValue::S(record.instance.to_string()))
            .key(
                "message_id",
                AttributeValue::S(record.message_id().to_string()),
            );
        let mut sets = Vec::new();
        for (n, (name, value)) in HashMap::<String, AttributeValue>::from(attributes)
            .into_iter()
            .enumerate()
        {
            sets.push(format!("#n{n} = :v{n}"));
            update = update
                .expression_attribute_names(format!("#n{n}"), name)
                .expression_attribute_values(format!(":v{n}"), value);
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if matches!(record.state, State::Stored { .. }) {
            expression.push_str(" REMOVE #class, reason");
            update = update.expression_attribute_names("#class", "class");
        }
        let may_replace_stored = matches!(
            record.state,
            State::Stored {
                was_there: false,
                ..
            }
        );
        if !may_replace_stored {
            update = update
                .condition_expression("attribute_not_exists(#state) OR #state <> :stored")
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":stored", AttributeValue::S("stored".to_owned()));
        }
        let written = update.update_expression(expression).send().await;
        match written {
            Ok(_) => Ok(()),
            Err(error) if is_stored_already(error.as_service_error()) => Ok(()),
            Err(error) => Err(AwsError::new(OPERATION, &error)),
        }
    }
}

fn is_stored_already(error: Option<&UpdateItemError>) -> bool {
    error.is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

fn attributes(record: &Record<'_>) -> Result<Item, serde_dynamo::Error> {
    let message = record.message;
    let latest = record.attempts.len().saturating_sub(MOST_ATTEMPTS);
    let outcome = match record.state {
        State::Stored {
            object_key,
            strategy,
            proof,
            ..
        } => Outcome::Stored {
            object_key,
            size_bytes: proof.size_bytes,
            sha256: proof.sha256.to_hex(),
            strategy: strategy.as_str(),
            integrity: proof.integrity.as_str(),
            stored_at: record.now,
        },
        State::Retrying { class, reason } | State::Parked { class, reason } => Outcome::NotStored {
            class: class.as_str(),
            reason,
        },
    };
    to_item(Attributes {
        tenant: record.tenant.as_str(),
        state: record.state.as_str(),
        chat: message.chat.as_str(),
        kind: message.kind.as_str(),
        direction: message.direction.as_str(),
        moment: message.moment,
        recoverable_until: message.recoverable_until(),
        updated_at: record.now,
        attempts: record.attempts.get(latest..).unwrap_or_default(),
        outcome,
    })
}
