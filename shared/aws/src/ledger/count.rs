//! Counts the media messages that expire soon.

use media::failure::FailureClass;

use super::{
    entry::{BY_CLASS, state_class},
    table::JobsTable,
};
use crate::{
    dynamodb::{count_items, number_value, string_value},
    error::AwsError,
};

/// The states of a job entry.
pub const ENTRY_STATES: [&str; 2] = ["retrying", "parked"];

impl JobsTable {
    /// How many unsettled media messages expire between `from` and `until` (seconds since 1970):
    /// their `recoverable_until` is in that time. Reads only what it counts.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn count_expiring(&self, from: i64, until: i64) -> Result<u64, AwsError> {
        let mut count = 0;
        for state in ENTRY_STATES {
            for class in FailureClass::ALL {
                let key = state_class(state, class.as_str());
                count += self.count_in_partition(&key, from, until).await?;
            }
        }
        Ok(count)
    }

    async fn count_in_partition(
        &self,
        state_class: &str,
        from: i64,
        until: i64,
    ) -> Result<u64, AwsError> {
        const CONDITION: &str =
            "state_class = :partition AND recoverable_until BETWEEN :from AND :until";
        let query = self.clients.dynamodb.query().table_name(&self.name);
        let query = query
            .index_name(BY_CLASS)
            .key_condition_expression(CONDITION)
            .expression_attribute_values(":partition", string_value(state_class))
            .expression_attribute_values(":from", number_value(from))
            .expression_attribute_values(":until", number_value(until));
        let (count, _) = count_items(query, u64::MAX).await?;
        Ok(count)
    }
}
