//! The steps of the flow, from WhatsApp to the records: one file per step.

pub(super) mod alarms;
pub(super) mod api;
pub(crate) mod audit_copies;
pub(super) mod bucket;
pub(super) mod connection;
pub(super) mod download;
pub(super) mod hooks;
mod instances;
pub(super) mod jobs;
pub(super) mod records;
pub(super) mod sources;
pub(crate) mod triggers;
