//! A seeded world that drives the real handlers and accounts for every media.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do; an index into JSON that is missing gives null"
)]

mod before;
pub mod chance;
pub mod clockwork;
pub mod cloud;
pub mod contract;
mod evidence;
pub mod fairness;
pub mod fault;
mod function;
pub mod plan;
pub mod seed;
mod source;
pub mod wire;
mod world;

pub use ::accounting;
pub use wire::Reached;
pub use world::{Outcome, live};
