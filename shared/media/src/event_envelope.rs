//! What every event has around its data: id, type, time and the version of the format.

use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::delivery::DeliveryId;

/// The version of the format. Fields are only added to it, never removed or given another meaning:
/// `docs/schemas` describes it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The JSON of an event.
#[derive(Serialize)]
pub(crate) struct Envelope<'a, D> {
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'static str,
    timestamp: Option<String>,
    schema_version: u32,
    data: D,
}

impl<'a, D: Serialize> Envelope<'a, D> {
    /// An event that happened at this time, in seconds since 1970.
    pub(crate) fn new(id: &'a DeliveryId, event_type: &'static str, at: i64, data: D) -> Self {
        let (id, timestamp) = (id.as_str(), format_time(at));
        Self { id, event_type, timestamp, schema_version: SCHEMA_VERSION, data }
    }

    /// The event as text.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// A time as RFC 3339 writes it, in UTC. `None`: it is in no year that has four digits.
pub(crate) fn format_time(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}
