//! AWS as the functions use it: bucket, queues, tables and keys. Only this room and `operator` name
//! `aws_sdk_*` types.
//!
//! Each adapter takes and gives the words of `media`. Clients are built once, from an explicit
//! region and explicit credentials, over one HTTP client and one TLS stack.

pub mod bucket;
mod cache;
pub mod clients;
pub mod error;
pub mod instances;
pub mod ledger;
pub mod queues;
pub mod register;
