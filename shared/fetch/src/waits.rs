//! How long to wait: for an answer, and before a retry.

use std::time::{Duration, SystemTime};

use reqwest::{Response, header::RETRY_AFTER};
use tokio::time::Instant;

use crate::error::Wait;

/// The deadline for an answer, and the error if it passes: the origin was silent, or the
/// invocation's own time is over.
pub(crate) fn deadline_within(within: Duration, deadline: Instant) -> (Instant, Wait) {
    let patience = Instant::now() + within;
    if patience < deadline { (patience, Wait::Answer) } else { (deadline, Wait::Deadline) }
}

/// The wait that `Retry-After` asks for, given as seconds or as a date; at most half a day.
pub(crate) fn retry_after(response: &Response, now: i64) -> Option<Duration> {
    const MAX_WAIT: Duration = Duration::from_hours(12);
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.try_into().ok()?);
            httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_WAIT))
}
