//! Which part of an instance's log a pass reads, and what the mark says after it.

use aws::{
    instances::Instance,
    marks::{Mark, OpenPass},
};
use wapi::logs::{LogPosition, LogWalk};

use crate::report::{PassEnd, Stop};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// How old an entry must be before its media messages are looked for, in seconds. A younger one is
/// probably still in the queue and has no record yet.
const MIN_AGE: i64 = 10 * 60;

/// How far a pass reads back beyond the mark, in seconds: a quarter of an hour, and another for
/// webhooks that W-API logs late.
const OVERLAP: i64 = 30 * 60;

/// How far back a pass reads once a day, in seconds. A first run that never ended counts as lost
/// three hours after it began, when the passes of each hour do not see its webhook any more. The
/// look back after those three hours is at most 25 hours later.
const LOOK_BACK: i64 = 30 * HOUR;

/// The time between two passes that read far back, in seconds: a day, less what the turns of an
/// hour may differ.
const LOOK_BACK_EVERY: i64 = DAY - HOUR / 2;

/// How far the first pass of an instance reads back, in seconds.
const FIRST_PASS: i64 = DAY;

/// How long W-API keeps a webhook in its log, in seconds.
const LOG_AGE: i64 = 30 * DAY;

/// For how long a log that could be read before and is no longer there raises an alarm, in seconds.
const MAX_NO_LOG_ALARM: i64 = 7 * DAY;

/// Gives the mark to the instance's present tenant. What came before the instance was registered
/// for this tenant belongs to the earlier one, and is not read.
pub(crate) fn adopt_mark(mark: &mut Mark, instance: &Instance) {
    if mark.tenant.as_ref().is_some_and(|owner| *owner != instance.tenant) {
        let until = Some(instance.created_at.saturating_add(OVERLAP));
        *mark = Mark { until, updated_at: mark.updated_at, ..Mark::default() };
    }
    mark.tenant = Some(instance.tenant.clone());
}

/// The part of the log that a pass reads. Times are in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Entries of this time and later are looked at.
    pub(crate) from: i64,
    /// Later entries are left for the next pass.
    pub(crate) until: i64,
    /// When the latest pause began and ended, if it is known.
    pause: Option<(i64, i64)>,
    /// Where an earlier run of this pass stopped.
    resumes_at: Option<LogPosition>,
    /// Whether it reaches far back beyond the mark.
    is_look_back: bool,
}

impl Window {
    /// The window of the pass that begins or goes on at `now`.
    pub(crate) fn new(mark: &Mark, instance: &Instance, now: i64) -> Self {
        // What may have been refused on purpose is not read.
        let pause = instance.latest_pause();
        let earliest = instance.pauses_known_since().unwrap_or(i64::MIN).max(now - LOG_AGE);
        if let Some(open) = mark.open_pass {
            let OpenPass { until, from, page, is_oldest_first, is_look_back } = open;
            let resumes_at = Some(LogPosition { page, is_oldest_first });
            return Self { from: from.max(earliest), until, pause, resumes_at, is_look_back };
        }
        let looked_back_at = mark.looked_back_at.unwrap_or(i64::MIN);
        let is_look_back = looked_back_at <= now - LOOK_BACK_EVERY;
        let from = match mark.until {
            // What came before the instance was registered here may be a former tenant's.
            Some(until) if is_look_back => {
                (until - OVERLAP).min((now - LOOK_BACK).max(instance.created_at))
            }
            Some(until) => until - OVERLAP,
            None => now - FIRST_PASS,
        };
        let (from, until) = (from.max(earliest), now - MIN_AGE);
        Self { from, until, pause, resumes_at: None, is_look_back }
    }

    /// The walk through the pages of the window.
    pub(crate) fn walk(&self) -> LogWalk {
        match self.resumes_at {
            Some(position) => LogWalk::resume(self.from, position),
            None => LogWalk::new(self.from),
        }
    }

    /// Whether the pass reads from the newest entry on, and not from where an earlier run stopped.
    pub(crate) fn begins_with_newest(&self) -> bool {
        self.resumes_at.is_none()
    }

    /// Whether an entry that arrived at this time was refused on purpose.
    pub(crate) fn is_refused(&self, arrival: i64) -> bool {
        self.pause.is_some_and(|(began, ended)| (began..ended).contains(&arrival))
    }

    /// The latest time that an entry can have. A later one is that of a wrong clock.
    pub(crate) fn latest(now: i64) -> i64 {
        now + HOUR
    }

    /// Moves the mark as far as the log was read.
    pub(crate) fn move_mark(&self, mark: &mut Mark, walk: &LogWalk, end: &PassEnd, now: i64) {
        let Self { from, until, is_look_back, .. } = *self;
        let open = walk.position().map(|LogPosition { page, is_oldest_first }| OpenPass {
            until,
            from,
            page,
            is_oldest_first,
            is_look_back,
        });
        match end {
            PassEnd::Finished => {
                (mark.until, mark.open_pass, mark.failed_since) = (Some(until), None, None);
                if is_look_back {
                    mark.looked_back_at = Some(now);
                }
            }
            PassEnd::Unfinished => (mark.open_pass, mark.failed_since) = (open, None),
            PassEnd::Stopped(stop) => {
                mark.open_pass = open;
                // An instance whose plan has no log is not a fault.
                if matches!(stop, Stop::NoLog(_)) && mark.until.is_none() {
                    mark.failed_since = None;
                } else if stop.is_of_log() {
                    mark.failed_since.get_or_insert(now);
                }
            }
        }
    }
}

/// Whether nothing of the last day of the log was read. A log that never was read may be no part of
/// the instance's plan.
pub(crate) fn is_a_day_behind(mark: &Mark, now: i64) -> bool {
    mark.until.is_some_and(|until| until <= now - DAY)
}

/// Whether the log could not be read for a day, or grows faster than it is read. A log that has
/// vanished does not raise the alarm for ever.
pub(crate) fn is_unreadable_for_a_day(mark: &Mark, end: &PassEnd, now: i64) -> bool {
    let age = mark.failed_since.map_or(0, |since| now - since);
    match end {
        PassEnd::Unfinished => is_a_day_behind(mark, now),
        PassEnd::Stopped(Stop::NoLog(_)) => (DAY..MAX_NO_LOG_ALARM).contains(&age),
        PassEnd::Finished | PassEnd::Stopped(_) => age >= DAY,
    }
}
