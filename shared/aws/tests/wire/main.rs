//! What goes over the wire to AWS, and how each answer is read: a script plays AWS on loopback.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod bucket_put;
mod bucket_upload;
mod clients;
mod instances;
mod ledger;
mod marks;
mod open_people;
mod orders;
mod people;
mod queues;
#[cfg(feature = "operator")]
mod register;
mod samples;
mod webhook_access;
