//! Counts the media messages that expire soon.

use aws_sdk_dynamodb::types::Select;

use super::table::{BY_STATE, Ledger};
use crate::{
    dynamodb::{number_value, string_value},
    error::AwsError,
};

impl Ledger {
    /// How many media messages that are not stored expire between `from` and `until` (seconds since
    /// 1970): their `recoverable_until` is in that time.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn count_expiring(&self, from: i64, until: i64) -> Result<u64, AwsError> {
        let retrying = self.count_expiring_in_state("retrying", from, until).await?;
        Ok(retrying + self.count_expiring_in_state("parked", from, until).await?)
    }

    async fn count_expiring_in_state(
        &self,
        state: &str,
        from: i64,
        until: i64,
    ) -> Result<u64, AwsError> {
        const CONDITION: &str = "#state = :state AND recoverable_until BETWEEN :from AND :until";
        let (mut count, mut start) = (0, None);
        loop {
            let query = self.clients.dynamodb.query().table_name(&self.table);
            let page = query
                .index_name(BY_STATE)
                .select(Select::Count)
                .key_condition_expression(CONDITION)
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":state", string_value(state))
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
