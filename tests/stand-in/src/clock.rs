//! The one place that reads the clock: links and CDN paths expire by it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch.
#[allow(
    clippy::disallowed_methods,
    reason = "the origins that this stands for live by the wall clock"
)]
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
