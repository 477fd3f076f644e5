//! Counts the media messages that expire soon.

use media::failure::FailureClass;

use super::{entry::state_class, table::JobsTable};
use crate::{dynamodb::count_items, error::AwsError};

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
                let query = self.query_expiring(&key, &(from..=until), None);
                count += count_items(query, u64::MAX).await?.0;
            }
        }
        Ok(count)
    }
}
