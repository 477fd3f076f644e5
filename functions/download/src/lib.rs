//! Takes jobs from the queue and ends each of them: stored, handed back for later, or parked.
//!
//! [`batch`] knows SQS and not media; [`job`] knows media and not SQS; [`worker`] is what they
//! share.

pub mod batch;
pub mod config;
pub mod fault;
pub mod job;
mod settle;
mod unread;
pub mod worker;
