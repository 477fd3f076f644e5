//! The bus of `EventBridge` to which media events are put.

use aws_sdk_eventbridge::{
    Client,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};

use crate::{clients::Clients, error::AwsError};

/// The source of every event. `EventBridge` keeps names that begin with `aws.` for itself.
const SOURCE: &str = "wapi-media";

/// The most events of one call. Ten of them are far below the 1 MB that a call may have.
pub const MAX_EVENTS: usize = 10;

/// An event as `EventBridge` gets it.
#[derive(Debug)]
pub struct BusEvent {
    /// Its type, by which rules select it.
    pub detail_type: &'static str,
    /// Its JSON.
    pub detail: String,
    /// When it happened, in seconds since 1970.
    pub at: i64,
}

/// A bus.
#[derive(Debug)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// Uses the bus with this name.
    #[must_use]
    pub fn new(clients: &Clients, name: String) -> Self {
        Self { client: clients.eventbridge(), name }
    }

    /// Puts up to [`MAX_EVENTS`] events. Returns, for each, whether the bus took it.
    ///
    /// # Errors
    /// [`AwsError`] when `PutEvents` fails as a whole.
    pub async fn put(&self, events: &[BusEvent]) -> Result<Vec<bool>, AwsError> {
        const OPERATION: &str = "events:PutEvents";
        let entry = |event: &BusEvent| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(event.detail_type)
                .detail(&event.detail)
                .time(DateTime::from_secs(event.at))
                .build()
        };
        let entries = events.iter().map(entry).collect();
        let put = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = put.map_err(AwsError::in_operation(OPERATION))?;
        let refused = |one: &PutEventsResultEntry| one.error_code.is_some();
        let entries = answer.entries();
        if entries.len() != events.len() {
            return Err(AwsError::unexpected(OPERATION, "another number of results"));
        }
        for code in entries.iter().filter_map(|one| one.error_code()) {
            tracing::warn!(code, "the event bus did not take a media event");
        }
        Ok(entries.iter().map(|one| !refused(one)).collect())
    }
}
