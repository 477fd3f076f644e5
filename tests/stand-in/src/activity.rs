//! A count of what the stand-ins of this thread have done, for a test that moves time by hand.

use std::cell::Cell;

thread_local! {
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// Requests received, answers decided and pieces of bodies sent by every stand-in whose runtime is this
/// thread. While the number grows somebody is at work, and time should stand still.
#[must_use]
pub fn activity() -> u64 {
    DONE.get()
}

pub(crate) fn note() {
    DONE.set(DONE.get() + 1);
}
