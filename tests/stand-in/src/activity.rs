//! Counts the activity of this thread's stand-ins, for a test that controls time.

use std::cell::Cell;

thread_local! {
    static DONE: Cell<u64> = const { Cell::new(0) };
}

/// The number of requests received, answers decided and body pieces sent by every stand-in whose
/// runtime is this thread. While the number grows, time should not advance.
#[must_use]
pub fn activity_count() -> u64 {
    DONE.get()
}

pub(crate) fn count_activity() {
    DONE.set(DONE.get() + 1);
}
