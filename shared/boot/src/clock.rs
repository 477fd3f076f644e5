//! The wall clock. Only `main` reads it and passes it on.

use std::time::{Duration, SystemTime};

/// The time since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Whole seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    since_1970().as_secs().try_into().unwrap_or(i64::MAX)
}
