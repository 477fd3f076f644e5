//! When a job that failed for now comes back, and when it is given up.

use std::time::Duration;

/// Upper bound of the wait after the n-th receive of a job; the last one repeats.
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

/// An SQS message can be hidden for 12 hours, counted from its receipt; a run and a margin come off.
const LONGEST_WAIT: Duration = Duration::from_hours(11);

/// How long a job is retried from its acceptance. The queue keeps a message for seven days and then drops
/// it without a word; the day between is for a last try that is late, crashes, and comes back.
const LONGEST_LIFE_SECONDS: i64 = 6 * 24 * 60 * 60;

/// How long a job may come back whose last try could not ask anyone, because AWS did not answer. The half
/// day that is left is for parking it.
const LONGEST_DELAY_SECONDS: i64 = LONGEST_LIFE_SECONDS + 12 * 60 * 60;

/// A job accepted after its media ceased to be safe is still retried for this long: W-API pushes history
/// after a reconnect, and the CDN may hold blobs twice as long as can be counted on.
const GRACE_SECONDS: i64 = 6 * 60 * 60;

/// A medium that was sent this long ago may well be lost; a younger one is, by rule, still to be had.
const YOUNG_SECONDS: i64 = 14 * 24 * 60 * 60;

/// Two findings that a young medium is lost are this far apart: longer than one edge of a CDN is wrong, or a
/// deploy of W-API's lasts.
const APART_SECONDS: i64 = 60 * 60;

/// The wait before the next try: anything up to the step for this receive (1 is the first), so that jobs
/// that failed together are spread as widely as can be; never less than the origin asked for.
///
/// `jitter` is uniform in `0.0..1.0`.
#[must_use]
pub fn wait(receive: u32, jitter: f64, asked: Option<Duration>) -> Duration {
    let index = usize::try_from(receive.saturating_sub(1)).unwrap_or(usize::MAX);
    let step = STEPS
        .get(index)
        .or(STEPS.last())
        .copied()
        .unwrap_or_default();
    let spread = step.mul_f64(jitter.clamp(0.0, 1.0));
    spread.max(asked.unwrap_or_default()).min(LONGEST_WAIT)
}

/// The moment after which a job that fails for its sources is parked instead of retried. All in seconds since
/// 1970.
#[must_use]
pub fn gives_up_at(accepted_at: i64, recoverable_until: i64) -> i64 {
    let latest = accepted_at.saturating_add(LONGEST_LIFE_SECONDS);
    let earliest = accepted_at.saturating_add(GRACE_SECONDS);
    recoverable_until.clamp(earliest, latest)
}

/// The moment after which a job is parked whatever it failed for; the queue would drop it soon after. In
/// seconds since 1970.
#[must_use]
pub fn last_moment(accepted_at: i64) -> i64 {
    accepted_at.saturating_add(LONGEST_DELAY_SECONDS)
}

/// How long a finding that nobody has the medium must still wait to be found again before it is believed;
/// nothing if it is believed now.
///
/// `lost_since` is when the finding was first made, if every run since then made it, too; `sent_at` is the
/// message's moment. All in seconds since 1970; a moment of 0 or less is none, and the medium counts as young.
#[must_use]
pub fn doubt_left(lost_since: Option<i64>, sent_at: i64, now: i64) -> Option<Duration> {
    let age = now.saturating_sub(sent_at);
    let is_old = sent_at > 0 && age >= YOUNG_SECONDS;
    let since = lost_since.unwrap_or(now).min(now);
    let left = APART_SECONDS.saturating_sub(now.saturating_sub(since));
    let left = u64::try_from(left).unwrap_or_default();
    (!is_old && left > 0).then_some(Duration::from_secs(left))
}
