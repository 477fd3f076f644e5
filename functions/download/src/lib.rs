//! Takes jobs from the queue and settles each: stored, skipped, retried later, or parked.
//!
//! [`batch`] knows SQS and not media; [`job`] knows media and not SQS; [`worker`] is what they
//! share. A job passes three phases, each with its type: `claim` gives a `ClaimedJob`, `fetch` a
//! `FetchResult`, and `record` the [`message::Acknowledgement`].

pub mod batch;
mod claim;
mod commit;
pub mod config;
mod entry;
mod entry_change;
pub mod fault;
mod fetch;
pub mod job;
mod kept_body;
mod log;
pub mod message;
mod order;
mod park;
mod record;
mod retry;
mod revoked;
mod tally;
mod time_plan;
mod unread;
pub mod worker;
