//! The stack's key for the names of senders of refused webhooks: one item of the jobs table.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ReturnValue},
};
use media::source::SourceKey;
use tokio::time::Instant;

use crate::{clients::Clients, dynamodb::string_value, error::AwsError};

/// The item's key. No instance has such an id, and the item is in no index, so that only who may
/// read the jobs table itself can read it.
const ITEM_KEY: [(&str, &str); 2] = [("instance", "~"), ("message_id", "source-key")];

/// The attribute with the bytes of the key.
const SOURCE_KEY: &str = "source_key";

/// How long to wait for the table. A refusal needs no name.
const MAX_READ_TIME: Duration = Duration::from_millis(500);

/// How long after a failure the table is not asked again.
const PAUSE: Duration = Duration::from_mins(1);

/// Finds the stack's [`SourceKey`], or makes it. It is read once per process.
#[derive(Debug)]
pub struct SourceKeys {
    clients: Clients,
    table: String,
    state: Mutex<KeyState>,
}

#[derive(Debug, Clone)]
enum KeyState {
    Unread,
    Failed(Instant),
    Read(Arc<SourceKey>),
}

impl SourceKeys {
    /// Uses the jobs table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table, state: Mutex::new(KeyState::Unread) }
    }

    /// The key. `None` while the table does not answer.
    pub async fn find(&self) -> Option<Arc<SourceKey>> {
        match self.state.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            KeyState::Read(key) => return Some(key),
            KeyState::Failed(since) if since.elapsed() < PAUSE => return None,
            KeyState::Failed(_) | KeyState::Unread => {}
        }
        let read = tokio::time::timeout(MAX_READ_TIME, self.read_or_create()).await;
        let late = || AwsError::unexpected(OPERATION, "no answer in time");
        let key = read.unwrap_or_else(|_late| Err(late()));
        if let Err(error) = &key {
            tracing::warn!(%error, "the key for the names of refused senders was not read");
        }
        let key = key.ok().map(Arc::new);
        let state = key.clone().map_or_else(|| KeyState::Failed(Instant::now()), KeyState::Read);
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        key
    }

    /// One write: it keeps the key that is there, and returns it.
    async fn read_or_create(&self) -> Result<SourceKey, AwsError> {
        let new = SourceKey::create_bytes();
        let new = new.ok_or_else(|| AwsError::unexpected(OPERATION, "no random bytes"))?;
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        let update = ITEM_KEY
            .into_iter()
            .fold(update, |update, (name, text)| update.key(name, string_value(text)));
        let updated = update
            .update_expression("SET #key = if_not_exists(#key, :new)")
            .expression_attribute_names("#key", SOURCE_KEY)
            .expression_attribute_values(":new", AttributeValue::B(Blob::new(new)))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION))?;
        let kept = updated.attributes.and_then(|mut all| all.remove(SOURCE_KEY));
        let kept = kept.and_then(|value| value.as_b().ok().cloned());
        let key = kept.and_then(|bytes| SourceKey::from_bytes(bytes.as_ref()));
        key.ok_or_else(|| AwsError::unexpected(OPERATION, "a response without the key"))
    }
}

const OPERATION: &str = "dynamodb:UpdateItem";
