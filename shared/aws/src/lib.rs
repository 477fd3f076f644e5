//! The only room that names an `aws_sdk_*` type: bucket, queues, and the two tables.
//!
//! Each adapter takes and gives the words of `media`. Clients are built once, from an explicit region and
//! explicit credentials, over one HTTP client and one TLS stack.

pub mod bucket;
mod cache;
pub mod clients;
pub mod error;
pub mod instances;
pub mod ledger;
#[cfg(feature = "operator")]
pub mod operator;
pub mod queues;
pub mod register;
