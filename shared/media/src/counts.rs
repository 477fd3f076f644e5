//! What the runs of a day led to, in numbers: statistics, which name no person and no message.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::{
    ids::{InstanceId, TenantId},
    part::PART_BYTES,
    record::{Attempt, State},
};

/// Whose counts these are, and of which day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountsOwner {
    /// The tenant of the jobs.
    pub tenant: TenantId,
    /// The instance of the jobs.
    pub instance: InstanceId,
    /// The day in UTC on which the runs ended, as [`format_day`] writes it.
    pub day: String,
}

/// Counts of media messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaCounts {
    /// Media messages whose first run ended.
    pub announced: u64,
    /// Media messages that were stored.
    pub stored: u64,
    /// The bytes of the stored files.
    pub bytes: u64,
    /// The requests to S3 that storing these files takes.
    pub puts: u64,
    /// How long all attempts took, in milliseconds.
    pub attempt_ms: u64,
    /// Media messages that were skipped.
    pub skipped: u64,
    /// Media messages that were stored, by the name of the strategy.
    pub strategies: BTreeMap<String, u64>,
    /// How often jobs were parked, by the name of the class.
    pub parked: BTreeMap<String, u64>,
}

/// A run that ended, and whose record says so.
#[derive(Debug, Clone, Copy)]
pub struct RunEnd<'a> {
    /// Whether no run of the media message has ended before.
    pub is_first: bool,
    /// The state of the record when the run began.
    pub earlier_state: Option<&'a str>,
    /// The state that the run wrote.
    pub state: &'a State,
    /// What the run tried.
    pub attempts: &'a [Attempt],
}

impl MediaCounts {
    /// The counts of one run. A state counts when the record did not say so before: a media message
    /// that is announced again and skipped again is skipped once.
    #[must_use]
    pub fn from_run(run: RunEnd<'_>) -> Self {
        let attempts = run.attempts.iter();
        let attempt_ms = attempts.map(|one| one.duration_ms).fold(0, u64::saturating_add);
        let mut counts = Self { announced: u64::from(run.is_first), attempt_ms, ..Self::default() };
        if run.earlier_state == Some(run.state.as_str()) {
            return counts;
        }
        match run.state {
            State::Stored { strategy, proof, .. } => {
                counts.stored = 1;
                counts.bytes = proof.size_bytes;
                counts.puts = count_puts(proof.size_bytes);
                counts.strategies.insert(strategy.as_str().to_owned(), 1);
            }
            State::Skipped { .. } => counts.skipped = 1,
            State::Parked { class, .. } => {
                counts.parked.insert(class.as_str().to_owned(), 1);
            }
            State::Retrying { .. } => {}
        }
        counts
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.announced, other.announced),
            (&mut self.stored, other.stored),
            (&mut self.bytes, other.bytes),
            (&mut self.puts, other.puts),
            (&mut self.attempt_ms, other.attempt_ms),
            (&mut self.skipped, other.skipped),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
        for (sums, more) in
            [(&mut self.strategies, &other.strategies), (&mut self.parked, &other.parked)]
        {
            for (name, count) in more {
                let sum = sums.entry(name.clone()).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
    }
}

/// The requests to S3 that a file of this size takes: one, or for a file of several parts one for
/// each part, and two more.
#[must_use]
pub fn count_puts(size_bytes: u64) -> u64 {
    match size_bytes.div_ceil(PART_BYTES as u64) {
        0 | 1 => 1,
        parts => parts.saturating_add(2),
    }
}

/// The day in UTC of a time in seconds since 1970, as `2026-08-22`. A time outside the years that
/// `time` knows is on 1970-01-01.
#[must_use]
pub fn format_day(seconds: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(seconds);
    let date = at.unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}
