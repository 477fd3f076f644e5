//! Simulated worlds: the real functions in virtual time, with faults, and an account of every
//! media message.
//!
//! One program, because each would hold the functions, the model of AWS and the stand-in once more.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod backfill;
mod batches;
mod bodies;

mod calendar;
mod commits;
mod contract;
mod door;
mod fairness;
mod faults;
mod healthy;
mod heard;
mod histories;
mod honest;
mod identity;
mod lag;
mod ledger;
mod moves;
mod operators;
mod orders;
mod privilege;
mod quota;
mod receivers;
mod retention;
mod seeds;
mod silence;
mod slow;
mod versions;
