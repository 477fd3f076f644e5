//! AWS as the functions use it: bucket, queues, tables and keys. Only this crate and `operator`
//! name `aws_sdk_*` types.
//!
//! Each adapter takes and returns types of `media`. The clients are built once per process, from an
//! explicit region and explicit credentials, over one HTTP client and one TLS stack.

pub mod body_key;
pub mod bucket;
mod cache;
pub mod changes;
pub mod clients;
pub mod counters;
pub mod deliveries;
pub mod delivery_bodies;
pub mod delivery_sender;
pub mod dynamodb;
pub mod entry_key;
pub mod error;
pub mod event_bus;
pub mod instance_states;
pub mod instances;
pub mod ledger;
pub mod links;
pub mod marks;
mod named_contact;
mod newer_record;
pub mod open_people;
pub mod orders;
pub mod people;
pub mod queues;
pub mod receivers;
mod record_cache;
#[cfg(feature = "operator")]
pub mod register;
mod sending;
pub mod source_keys;
pub mod stored_files;
pub mod webhook_access;
