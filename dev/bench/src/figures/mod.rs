//! The parts of the bench, one file each.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod cold;
pub(crate) mod cpu;
pub(crate) mod dollars;
mod floors;
pub(crate) mod instructions;
pub(crate) mod memory;
pub(crate) mod size;
pub(crate) mod webhook;

use std::time::Duration;

/// Milliseconds.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
