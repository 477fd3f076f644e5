//! Which announced media messages have no record that accounts for them, so that their jobs must be
//! sent again.

use media::{ids::InstanceId, message::MediaMessage};

use super::find::find_record_item;
use crate::{
    clients::Clients,
    dynamodb::{Attributes, get_number, get_string},
    error::AwsError,
};

/// How long ago, in seconds, a run must have claimed a media message before it counts as lost. SQS
/// delivers the message of a run that died after about an hour.
const MAX_FIRST_RUN_SECONDS: i64 = 3 * 60 * 60;

/// Reads the media table, and writes nothing.
#[derive(Debug)]
pub struct RecordTable {
    clients: Clients,
    name: String,
}

impl RecordTable {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, name: String) -> Self {
        Self { clients: clients.clone(), name }
    }

    /// Whether an announced media message must be queued again: it has no record, or its first run
    /// never ended, and its queue message should long have been delivered again. Reads are strongly
    /// consistent, one for each place where the record may be. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn needs_job(
        &self,
        instance: &InstanceId,
        message: &MediaMessage,
        now: i64,
    ) -> Result<bool, AwsError> {
        let item = find_record_item(&self.clients, &self.name, instance, message).await?;
        Ok(item.is_none_or(|item| is_abandoned(&item, now)))
    }
}

/// Whether the record's first run never ended. Every run that ends writes a class, or another
/// state; an unreadable time counts as young.
fn is_abandoned(item: &Attributes, now: i64) -> bool {
    let updated_at = get_number(item, "updated_at").unwrap_or(now);
    get_string(item, "state") == Some("retrying")
        && !item.contains_key("class")
        && updated_at < now.saturating_sub(MAX_FIRST_RUN_SECONDS)
}
