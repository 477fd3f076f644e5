//! When a failed job is retried, and when it is parked.

use std::time::Duration;

/// Maximum wait after the n-th run of a job; the last one repeats.
const STEPS: [Duration; 10] = [
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(4),
    Duration::from_mins(8),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
];

/// Maximum wait. SQS hides a message for at most 12 hours from its receipt; the duration of a run
/// and a margin are subtracted.
const MAX_WAIT: Duration = Duration::from_hours(11);

/// How long a job is retried after its acceptance, in seconds. The queue drops a message after
/// seven days without notice; the seventh day is a reserve for a last attempt that is late, crashes
/// and is retried.
const MAX_LIFE_SECONDS: i64 = 6 * 24 * 60 * 60;

/// How long a job is retried if its last attempt failed because of AWS, so that no origin was
/// asked, in seconds. The remaining half day is for parking it.
const MAX_DELAY_SECONDS: i64 = MAX_LIFE_SECONDS + 12 * 60 * 60;

/// How long a job is retried if the file was no longer safe at its acceptance, in seconds: W-API
/// sends history after a reconnect, and the CDN may keep files twice as long as is safe to expect.
const GRACE_SECONDS: i64 = 6 * 60 * 60;

/// Age of a message in seconds below which its file should still exist, and a finding that it is
/// lost must be confirmed.
const YOUNG_SECONDS: i64 = 14 * 24 * 60 * 60;

/// Minimum time between two findings that a young file is lost, in seconds: longer than a wrong
/// answer of one CDN edge or a deploy of W-API lasts.
const CONFIRMATION_SECONDS: i64 = 60 * 60;

/// How long a job is retried whose instance is not registered, in seconds: someone may be adding
/// it, or moving it to another tenant.
const REGISTRATION_SECONDS: i64 = 60 * 60;

/// The wait before the next attempt: random up to the step for this run (1 is the first), so
/// that jobs that failed together spread widely, but at least what the origin asked for.
///
/// `jitter` is uniform in `0.0..1.0`.
#[must_use]
pub fn retry_wait(run: u32, jitter: f64, min_wait: Option<Duration>) -> Duration {
    let index = usize::try_from(run.saturating_sub(1)).unwrap_or(usize::MAX);
    let step = STEPS.get(index).or(STEPS.last()).copied().unwrap_or_default();
    let spread = step.mul_f64(jitter.clamp(0.0, 1.0));
    spread.max(min_wait.unwrap_or_default()).min(MAX_WAIT)
}

/// The moment after which a job that fails because of its origins is parked instead of retried. All
/// in seconds since 1970.
#[must_use]
pub fn park_deadline(accepted_at: i64, recoverable_until: i64) -> i64 {
    let latest = accepted_at.saturating_add(MAX_LIFE_SECONDS);
    let earliest = accepted_at.saturating_add(GRACE_SECONDS);
    recoverable_until.clamp(earliest, latest)
}

/// The moment after which a job is parked for any failure, because the queue would drop it soon
/// after. In seconds since 1970.
#[must_use]
pub fn final_deadline(accepted_at: i64) -> i64 {
    accepted_at.saturating_add(MAX_DELAY_SECONDS)
}

/// The moment from which a job is parked because its instance is not registered. In seconds since
/// 1970.
#[must_use]
pub fn registration_deadline(accepted_at: i64) -> i64 {
    accepted_at.saturating_add(REGISTRATION_SECONDS)
}

/// How long to wait until another run may confirm that a file is lost; `None` if the finding counts
/// now.
///
/// `lost_since` is the time of the first finding, if every run since then found the same; `sent_at`
/// is the message's moment. All in seconds since 1970. A moment of 0 or less is unknown, and the
/// file counts as young.
#[must_use]
pub fn confirmation_wait(lost_since: Option<i64>, sent_at: i64, now: i64) -> Option<Duration> {
    let age = now.saturating_sub(sent_at);
    let is_old = sent_at > 0 && age >= YOUNG_SECONDS;
    let since = lost_since.unwrap_or(now).min(now);
    let left = CONFIRMATION_SECONDS.saturating_sub(now.saturating_sub(since));
    let left = u64::try_from(left).unwrap_or_default();
    (!is_old && left > 0).then_some(Duration::from_secs(left))
}
