//! The order of the strategies in a run, and the time that each may take.

use std::time::Duration;

use fetch::FetchError;
use media::{record::Attempt, strategy::Strategy};
use tokio::time::Instant;

/// The least time that a strategy gets, if so much is left: W-API alone may take a minute to
/// answer.
pub(crate) const MIN_SHARE: Duration = Duration::from_mins(1);

/// The order of the strategies in a run, and the time that each may take.
pub(crate) struct TimePlan {
    pub(crate) strategies: Vec<Strategy>,
    /// The strategy that may take all of the time that is left.
    unlimited: Option<Strategy>,
    /// Whether W-API may be left for the CDN before its time is over.
    may_leave: bool,
}

impl TimePlan {
    /// Keeps the configured order, unless a source was too slow in an earlier run: then the CDN
    /// comes first, which is the fastest source in general, and may take the whole run. If the
    /// whole run was too short for it, the strategies take turns: those that ran out of time least
    /// often come first, so that in three runs the CDN and W-API get a whole run each. The last try
    /// keeps the configured order: whatever a source can give then is better than nothing.
    pub(crate) fn new(configured: &[Strategy], earlier: &[Attempt], is_last_try: bool) -> Self {
        let count_deadlines = |strategy: Strategy| {
            let is_deadline = |one: &&Attempt| {
                one.strategy == strategy && FetchError::is_deadline_verdict(&one.verdict)
            };
            earlier.iter().filter(is_deadline).count()
        };
        let mut strategies = configured.to_vec();
        if is_last_try || strategies.iter().all(|one| count_deadlines(*one) == 0) {
            return Self { strategies, unlimited: None, may_leave: !is_last_try };
        }
        strategies.sort_by_key(|one| {
            let (is_cdn, late) = (!one.uses_wapi(), count_deadlines(*one));
            (if is_cdn && late == 1 { 0 } else { late }, !is_cdn)
        });
        // A strategy that failed for other reasons does not need the time.
        let needs_time = |one: &Strategy| !one.uses_wapi() || count_deadlines(*one) > 0;
        let unlimited = strategies.iter().copied().find(needs_time);
        // A CDN that was too slow would else take the time from W-API, too.
        Self { strategies, unlimited, may_leave: false }
    }

    /// Whether the nth strategy uses W-API and may be left for the CDN, which is still to come.
    pub(crate) fn is_cdn_to_come(&self, n: usize) -> bool {
        let mut rest = self.strategies.iter().skip(n);
        let is_wapi = rest.next().is_some_and(|one| one.uses_wapi());
        self.may_leave && is_wapi && rest.any(|one| !one.uses_wapi())
    }

    /// Puts the CDN, which is still to come, before the nth strategy and those after it.
    pub(crate) fn bring_cdn_forward(&mut self, n: usize) {
        if let Some(rest) = self.strategies.get_mut(n..)
            && let Some(cdn) = rest.iter().position(|one| !one.uses_wapi())
            && let Some(moved) = rest.get_mut(..=cdn)
        {
            moved.rotate_right(1);
        }
    }

    /// When the nth strategy must be over: at half of the time that is left, so that a slow source
    /// leaves time for the next. The last one gets all of it.
    pub(crate) fn deadline_of(&self, n: usize, now: Instant, run_ends: Instant) -> Instant {
        let is_last = n + 1 >= self.strategies.len();
        if is_last || self.strategies.get(n).copied() == self.unlimited {
            return run_ends;
        }
        let left = run_ends.saturating_duration_since(now);
        run_ends.min(now + (left / 2).max(MIN_SHARE))
    }
}
