//! A simulated world that runs the real handlers and accounts for every media file.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test helpers fail as tests do; a missing index into JSON gives null"
)]

mod backfiller;
mod before;
pub mod chance;
mod cleaner;
pub mod clockwork;
pub mod cloud;
pub mod contract;
mod decisions;
pub mod door;
mod events;
mod evidence;
pub mod fairness;
pub mod fault;
mod function;
pub mod marks;
pub mod neighbours;
mod operator;
pub mod plan;
mod publisher;
pub mod receivers;
pub mod schema;
pub mod seed;
mod senders;
mod source;
mod stream;
mod told;
mod watcher;
pub mod wire;
mod world;

pub use ::accounting;
pub use wire::ResourceAccess;
pub use world::{Outcome, run_world};
