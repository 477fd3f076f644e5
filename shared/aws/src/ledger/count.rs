//! Counts the media messages that expire soon.

use aws_sdk_dynamodb::types::Select;
use media::failure::FailureClass;

use super::{
    entry::{BY_CLASS, state_class},
    table::JobsTable,
};
use crate::{
    dynamodb::{number_value, string_value},
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
        let (mut count, mut start) = (0, None);
        loop {
            let query = self.clients.dynamodb.query().table_name(&self.name);
            let page = query
                .index_name(BY_CLASS)
                .select(Select::Count)
                .key_condition_expression(CONDITION)
                .expression_attribute_values(":partition", string_value(state_class))
                .expression_attribute_values(":from", number_value(from))
                .expression_attribute_values(":until", number_value(until))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(AwsError::in_operation("dynamodb:Query"))?;
            count += u64::try_from(page.count).unwrap_or_default();
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }
}
