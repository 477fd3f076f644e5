//! Writes a record and its job entry together, so that neither can say something else than the
//! other.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use media::{identity::RecordKey, ids::InstanceId};

use super::{
    condition::Condition,
    table::{JobsTable, Ledger},
    update::Update,
};
use crate::{
    dynamodb::{Attributes, string_value},
    error::AwsError,
};

pub(super) const TRANSACT_WRITE_ITEMS: &str = "dynamodb:TransactWriteItems";

/// The code of an item that another write changes at the same moment. The SDK does not repeat it.
const CONFLICT: &str = "TransactionConflict";

/// The wait before a transaction is repeated after a conflict: longer than a write takes.
const CONFLICT_WAIT: Duration = Duration::from_millis(100);

/// What became of a transaction.
pub(super) enum TransactionOutcome {
    /// Everything was written.
    Written,
    /// A condition did not hold, and nothing was written.
    Refused {
        /// The item with the condition. `None`: there is none, or DynamoDB did not return it.
        item: Option<Attributes>,
    },
}

impl Update {
    /// The update of one item as part of a transaction.
    pub(super) fn into_write(
        self,
        table: &str,
        instance: &InstanceId,
        key: &RecordKey,
        condition: Condition,
    ) -> Result<TransactWriteItem, AwsError> {
        self.into_write_at(table, (instance.as_str(), key.as_str()), condition)
    }

    /// As [`Self::into_write`], for an item with any key.
    pub(super) fn into_write_at(
        self,
        table: &str,
        (partition, sort_key): (&str, &str),
        condition: Condition,
    ) -> Result<TransactWriteItem, AwsError> {
        let (expression, names, values) = self.into_parts();
        let has_condition = !condition.text.is_empty();
        let update = aws_sdk_dynamodb::types::Update::builder()
            .table_name(table)
            .key("instance", string_value(partition))
            .key("message_id", string_value(sort_key))
            .update_expression(expression)
            .set_condition_expression(has_condition.then_some(condition.text))
            .set_expression_attribute_names(Some(
                names.into_iter().chain(condition.names).collect(),
            ))
            .set_expression_attribute_values(filled(values.into_iter().chain(condition.values)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| not_built())?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// A map for a request; `None` if it would be empty, which `DynamoDB` does not accept.
fn filled<K: Eq + std::hash::Hash, V>(
    pairs: impl Iterator<Item = (K, V)>,
) -> Option<std::collections::HashMap<K, V>> {
    let map: std::collections::HashMap<K, V> = pairs.collect();
    (!map.is_empty()).then_some(map)
}

pub(super) fn not_built() -> AwsError {
    AwsError::unexpected(TRANSACT_WRITE_ITEMS, "the transaction could not be built")
}

impl Ledger {
    /// The deletion of a job entry as part of a transaction. It succeeds as well if there is none.
    pub(super) fn entry_deletion(
        &self,
        instance: &InstanceId,
        key: &RecordKey,
    ) -> Result<TransactWriteItem, AwsError> {
        self.jobs.deletion_at((instance.as_str(), key.as_str()))
    }

    /// Writes all items or none.
    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<TransactionOutcome, AwsError> {
        self.jobs.transact(writes).await
    }
}

impl JobsTable {
    /// The deletion of an item as part of a transaction. It succeeds as well if there is none.
    pub(super) fn deletion_at(
        &self,
        (partition, sort_key): (&str, &str),
    ) -> Result<TransactWriteItem, AwsError> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .key("instance", string_value(partition))
            .key("message_id", string_value(sort_key))
            .build()
            .map_err(|_| not_built())?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Writes all items or none. A conflict with another write is repeated once.
    pub(super) async fn transact(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<TransactionOutcome, AwsError> {
        match self.transact_once(writes.clone()).await {
            Err(error) if error.code == CONFLICT => {
                tokio::time::sleep(CONFLICT_WAIT).await;
                self.transact_once(writes).await
            }
            ended => ended,
        }
    }

    async fn transact_once(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<TransactionOutcome, AwsError> {
        let call = self.clients.dynamodb.transact_write_items();
        match call.set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(TransactionOutcome::Written),
            Err(error) => read_cancellation(error),
        }
    }
}

/// Tells a failed condition from a transaction that was cancelled for another reason, such as a
/// concurrent write of one of its items, which the queue retries.
fn read_cancellation(
    error: SdkError<TransactWriteItemsError, HttpResponse>,
) -> Result<TransactionOutcome, AwsError> {
    let mut failure = AwsError::new(TRANSACT_WRITE_ITEMS, &error);
    let TransactWriteItemsError::TransactionCanceledException(cancelled) =
        error.into_service_error()
    else {
        return Err(failure);
    };
    let reasons = cancelled.cancellation_reasons.unwrap_or_default();
    for reason in reasons {
        if reason.code.as_deref() == Some("ConditionalCheckFailed") {
            return Ok(TransactionOutcome::Refused { item: reason.item });
        }
        if let Some(code) = reason.code.filter(|code| code != "None") {
            failure.code = code;
        }
    }
    Err(failure)
}
