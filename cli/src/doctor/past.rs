//! The last day, according to the newest records.

use std::collections::{BTreeMap, HashSet};

use media::{failure::FailureClass, strategy::Strategy};
use operator::records::MediaRecord;
use report::{FailureCount, Hour, Lang};

use super::examined::ExaminedInstance;
use crate::{examination::Examination, odd_records::OddRecords};

/// How far back records are read, in seconds.
const BACK: i64 = 24 * 60 * 60;

/// How many records of one instance are read, at most: the newest. This bounds what the doctor
/// reads, however many media messages an instance has; the report says that it is a sample.
const MAX_SAMPLE: usize = 1_000;

/// How many records of unstored media are read per state, at most.
const MAX_UNSTORED: usize = 5_000;

/// Unstored media that expire within this time are counted as expiring, in seconds.
pub(super) const SOON: i64 = 48 * 60 * 60;

/// The records of messages of the last day, and the counts of unstored media.
#[derive(Debug, Default)]
pub(crate) struct Past {
    records: Vec<MediaRecord>,
    /// Whether an instance has more records of the last day than were read.
    pub(super) is_sample: bool,
    /// Whether more media are retried or parked than were read.
    pub(super) is_more_unstored: bool,
    failures: BTreeMap<String, FailureCount>,
    pub(super) retrying: u64,
    pub(super) parked: u64,
    /// Unstored media of the examined instances that may be lost within two days.
    pub(crate) expiring: u64,
    pub(super) odd: OddRecords,
}

impl Past {
    /// Reads the records of these instances.
    pub(crate) async fn read_records(
        examined: &[ExaminedInstance],
        odd: OddRecords,
        examination: Examination<'_>,
    ) -> anyhow::Result<Self> {
        let Examination { session, now, .. } = examination;
        let (table, unsettled) = (session.records()?, session.unsettled()?);
        let from = now - BACK;
        let (mut records, mut is_sample) = (Vec::new(), false);
        for one in examined {
            let its = table.list_by_instance(&one.instance.id, from, MAX_SAMPLE).await?;
            is_sample |= its.len() >= MAX_SAMPLE;
            records.extend(its);
        }
        let is_examined = |instance: &str| {
            let mut ids = examined.iter().map(|one| one.instance.id.as_str());
            ids.any(|id| id == instance)
        };
        let in_state = async |state| -> anyhow::Result<(Vec<_>, bool)> {
            let mut found = unsettled.list_by_state(state, MAX_UNSTORED).await?;
            let is_more = found.len() >= MAX_UNSTORED;
            found.retain(|one| is_examined(&one.instance));
            Ok((found, is_more))
        };
        let (retrying, is_more_retrying) = in_state("retrying").await?;
        let (parked, is_more_parked) = in_state("parked").await?;
        let is_more_unstored = is_more_retrying || is_more_parked;
        let past = Self { odd, is_sample, is_more_unstored, ..Self::default() };
        Ok(past.with_records(records, (&retrying, &parked), now))
    }

    /// Counts the records of the last day, and those in the states `retrying` and `parked`.
    pub(crate) fn with_records(
        mut self,
        records: Vec<MediaRecord>,
        (retrying, parked): (&[MediaRecord], &[MediaRecord]),
        now: i64,
    ) -> Self {
        (self.retrying, self.parked) = (retrying.len() as u64, parked.len() as u64);
        self.records = self.odd.inspect_all(records);
        let identity = |one: &MediaRecord| (one.instance.clone(), one.key.clone());
        let seen: HashSet<_> = self.records.iter().map(identity).collect();
        for one in retrying.iter().chain(parked) {
            if !seen.contains(&identity(one)) {
                self.odd.inspect_record(one);
            }
            let until = one.recoverable_until;
            let expires = until.is_some_and(|it| (now..now.saturating_add(SOON)).contains(&it));
            self.expiring += u64::from(expires);
            self.count_failure(one);
        }
        self
    }

    fn count_failure(&mut self, one: &MediaRecord) {
        let class = one.class.clone();
        let class = class.unwrap_or_else(|| FailureClass::Transient.to_string());
        let new =
            |class| FailureCount { class, count: 0, last_reason: String::new(), last_at: i64::MIN };
        let failures = &mut self.failures;
        let count = failures.entry(class.clone()).or_insert_with(|| new(class));
        count.count += 1;
        let at = one.updated_at.unwrap_or(i64::MIN);
        if at >= count.last_at {
            count.last_at = at;
            count.last_reason = one.reason.clone().unwrap_or_default();
        }
    }

    /// How many stored media a strategy fetched, and how many were stored in all.
    pub(crate) fn share_of(&self, strategy: Strategy) -> (usize, usize) {
        let stored = || self.records.iter().filter(|one| one.state == "stored");
        let by_it = stored().filter(|one| one.strategy.as_deref() == Some(strategy.as_str()));
        (by_it.count(), stored().count())
    }

    /// Unstored media per failure class, with the latest reason of each.
    pub(crate) fn to_failures(&self, lang: Lang) -> Vec<FailureCount> {
        let told = |one: &FailureCount| FailureCount {
            last_reason: report::translate_reason(&one.last_reason, lang),
            ..one.clone()
        };
        self.failures.values().map(told).collect()
    }

    /// The counts of the last 24 hours, the oldest first, by when media were stored or last tried.
    pub(crate) fn hours_until(&self, now: i64) -> Vec<Hour> {
        const HOUR: i64 = 60 * 60;
        let last = now.div_euclid(HOUR).saturating_mul(HOUR);
        let first = last.saturating_sub(BACK - HOUR);
        let mut hours: Vec<_> = (0..BACK / HOUR)
            .map(|n| Hour { at: first.saturating_add(n * HOUR), ..Hour::default() })
            .collect();
        for record in &self.records {
            let at = record.happened_at().unwrap_or(i64::MIN);
            let n = usize::try_from(at.saturating_sub(first).div_euclid(HOUR)).ok();
            let Some(hour) = n.and_then(|n| hours.get_mut(n)) else {
                continue;
            };
            match record.state.as_str() {
                "stored" => {
                    let strategy = record.strategy.as_deref().map(str::parse::<Strategy>);
                    // A word of another version counts for no strategy.
                    if let Some(Ok(strategy)) = strategy {
                        hour.count_stored(strategy);
                    }
                }
                "retrying" => hour.retrying += 1,
                "parked" => hour.parked += 1,
                _ => {}
            }
        }
        hours
    }
}
