//! `wapi-media stats`: announced, stored, skipped and parked media per tenant and day.

use std::{collections::BTreeMap, ops::RangeInclusive};

use boot::clock;
use clap::Args;
use indicatif::DecimalBytes;
use media::{
    counts::{self, MediaCounts},
    ids::TenantId,
};
use operator::{records::MediaRecord, unsettled::LimitedCount};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{exit::Exit, odd_records::OddRecords, owners::list_searched, screen, session::Session};

/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// Until how many the jobs of a tenant that are retried or parked now are counted.
const MAX_UNSETTLED: u64 = 20_000;

/// Which tenants and days to count.
#[derive(Args)]
#[command(after_help = "Example:\n  wapi-media stats --tenant acme --days 30")]
pub(crate) struct Stats {
    /// Only this tenant's media.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// How many days, including today, in UTC.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// Counts the records instead of reading the counts that the functions have made: exact also
    /// for days before counting began, but slow, because it reads every record of each instance.
    /// Media count on the day they were stored or last tried.
    #[arg(long)]
    recount: bool,
}

/// The counts of one tenant on one day.
#[derive(Debug, Default, Clone, Serialize)]
struct DayCount {
    announced: u64,
    stored: u64,
    skipped: u64,
    /// Records that say so. `None` where no records are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    retrying: Option<u64>,
    /// Records whose state this version does not know.
    #[serde(skip_serializing_if = "is_zero")]
    other: u64,
    parked: BTreeMap<String, u64>,
    bytes: u64,
    strategies: BTreeMap<String, u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl DayCount {
    fn add_record(&mut self, record: MediaRecord) {
        self.announced += 1;
        let bytes = record.size_bytes.unwrap_or_default();
        self.bytes = self.bytes.saturating_add(bytes);
        self.retrying.get_or_insert_default();
        match record.state.as_str() {
            "stored" => {
                self.stored += 1;
                let strategy = record.strategy.unwrap_or_else(|| "-".to_owned());
                *self.strategies.entry(strategy).or_default() += 1;
            }
            "skipped" => self.skipped += 1,
            "parked" => {
                let class = record.class.unwrap_or_else(|| "-".to_owned());
                *self.parked.entry(class).or_default() += 1;
            }
            "retrying" => *self.retrying.get_or_insert_default() += 1,
            _ => self.other += 1,
        }
    }

    fn from_counts(counts: &MediaCounts) -> Self {
        Self {
            announced: counts.announced,
            stored: counts.stored,
            skipped: counts.skipped,
            retrying: None,
            other: 0,
            parked: counts.parked.clone(),
            bytes: counts.bytes,
            strategies: counts.strategies.clone(),
        }
    }

    fn describe_shares(&self) -> String {
        let percent = |n: u64| (n * 100 + self.stored / 2) / self.stored.max(1);
        let shares = self.strategies.iter();
        let shares: Vec<_> = shares.map(|(name, n)| format!("{name} {} %", percent(*n))).collect();
        shares.join(", ")
    }

    fn describe_parked(&self) -> String {
        let parked: Vec<_> = self.parked.iter().map(|(class, n)| format!("{n} {class}")).collect();
        parked.join(", ")
    }
}

/// The days of one tenant.
#[derive(Debug, Default)]
struct TenantDays {
    days: BTreeMap<i64, DayCount>,
    /// What is retried and what is parked now; `None` where records are counted.
    unsettled: Option<[LimitedCount; 2]>,
}

/// All tenants, by name, and the days that are shown, counted since 1970.
#[derive(Debug)]
struct Overview {
    tenants: BTreeMap<String, TenantDays>,
    shown: RangeInclusive<i64>,
    /// The first day on which media were counted: of the days before, nothing is known.
    counted_from: Option<i64>,
}

/// Reads the counts, or counts the records, and prints a table and a sparkline per tenant.
pub(crate) async fn run_stats(stats: Stats, session: &Session) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    let today = clock::now().div_euclid(DAY);
    let shown = (today - i64::from(stats.days) + 1)..=today;
    let tenant = stats.tenant.as_ref();
    let overview = if stats.recount {
        count_records(tenant, shown, &mut odd, session).await?
    } else {
        read_counts(tenant, shown, &mut odd, session).await?
    };
    session.flags.print(&overview.to_json(), overview.to_text())?;
    Ok(odd.print_notes())
}

/// Reads one item for each tenant, instance and day, and counts what is retried and parked now.
async fn read_counts(
    tenant: Option<&TenantId>,
    shown: RangeInclusive<i64>,
    odd: &mut OddRecords,
    session: &Session,
) -> anyhow::Result<Overview> {
    let (counters, unsettled) = (session.counters()?, session.unsettled()?);
    let began_at = counters.find_beginning().await?;
    let by_name: BTreeMap<_, _> = shown.clone().map(|day| (name_day(day), day)).collect();
    let [first, last] = [*shown.start(), *shown.end()].map(name_day);
    let mut tenants = BTreeMap::new();
    for tenant in session.list_tenants(tenant, odd).await?.into_keys() {
        let mut sums: BTreeMap<i64, MediaCounts> = BTreeMap::new();
        for one in counters.list_days(&tenant, &first, &last).await? {
            if let Some(day) = by_name.get(&one.day) {
                sums.entry(*day).or_default().add(&one.counts);
            }
        }
        let days = sums.iter().map(|(day, sum)| (*day, DayCount::from_counts(sum))).collect();
        let retrying = unsettled.count_by_tenant(&tenant, "retrying", MAX_UNSETTLED).await?;
        let parked = unsettled.count_by_tenant(&tenant, "parked", MAX_UNSETTLED).await?;
        tenants.insert(tenant, TenantDays { days, unsettled: Some([retrying, parked]) });
    }
    Ok(Overview { tenants, shown, counted_from: began_at.map(|at| at.div_euclid(DAY)) })
}

/// Reads every record of the tenants' instances. An instance may have belonged to another tenant
/// before: a record counts for the tenant that it names.
async fn count_records(
    tenant: Option<&TenantId>,
    shown: RangeInclusive<i64>,
    odd: &mut OddRecords,
    session: &Session,
) -> anyhow::Result<Overview> {
    screen::print_error("Reading every record. This takes long where there are many.");
    let (records, bar) = (session.records()?, screen::new_counter("records counted"));
    let mut tenants: BTreeMap<String, TenantDays> = BTreeMap::new();
    let owners = session.list_owners(tenant, None, &mut OddRecords::default()).await?;
    tenants.extend(owners.into_iter().map(|(owner, _)| (owner, TenantDays::default())));
    let from = shown.start() * DAY;
    for instance in list_searched(tenant, None, odd, session).await? {
        let visit = |record: MediaRecord| {
            bar.inc(1);
            odd.inspect_record(&record);
            if tenant.is_none_or(|tenant| record.tenant == tenant.as_str()) {
                add_record(&mut tenants, record);
            }
        };
        records.visit_changed_since(&instance, from, visit).await?;
    }
    bar.finish_and_clear();
    Ok(Overview { tenants, shown, counted_from: None })
}

/// Counts a record for its tenant, on the day on which its media file was stored or last tried.
fn add_record(tenants: &mut BTreeMap<String, TenantDays>, record: MediaRecord) {
    if let Some(at) = record.happened_at() {
        let tenant = match record.tenant.as_str() {
            "" => "-".to_owned(),
            tenant => tenant.to_owned(),
        };
        let days = &mut tenants.entry(tenant).or_default().days;
        days.entry(at.div_euclid(DAY)).or_default().add_record(record);
    }
}

/// The JSON and the text that the command prints for these records.
#[cfg(test)]
pub(crate) fn to_json_and_text(records: Vec<MediaRecord>) -> (Value, String) {
    let mut tenants = BTreeMap::new();
    records.into_iter().for_each(|record| add_record(&mut tenants, record));
    let overview = Overview { tenants, shown: 20_685..=20_688, counted_from: None };
    (overview.to_json(), overview.to_text())
}

impl Overview {
    /// The days that are shown and of which nothing is known.
    fn uncounted_days(&self) -> std::ops::Range<i64> {
        let first = *self.shown.start();
        first..self.counted_from.unwrap_or(first).clamp(first, self.shown.end() + 1)
    }

    fn to_json(&self) -> Value {
        let mut rows = Vec::new();
        for (tenant, its) in &self.tenants {
            for day in self.uncounted_days() {
                rows.push(json!({ "tenant": tenant, "day": format_day(day), "count": null }));
            }
            for (day, count) in self.counted_days(its) {
                rows.push(json!({ "tenant": tenant, "day": format_day(day), "count": count }));
            }
            if let Some([retrying, parked]) = &its.unsettled {
                let now = json!({ "retrying": retrying.count, "parked": parked.count,
                    "is_more": retrying.is_more || parked.is_more });
                rows.push(json!({ "tenant": tenant, "now": now }));
            }
        }
        Value::Array(rows)
    }

    /// The days of a tenant that have counts.
    fn counted_days<'a>(
        &self,
        its: &'a TenantDays,
    ) -> impl Iterator<Item = (i64, &'a DayCount)> + use<'a> {
        let uncounted = self.uncounted_days();
        let days = its.days.iter().map(|(day, count)| (*day, count));
        days.filter(move |(day, _)| !uncounted.contains(day))
    }

    fn to_text(&self) -> String {
        let mut table = screen::new_table([
            "tenant",
            "day",
            "announced",
            "stored",
            "by",
            "bytes",
            "skipped",
            "retried",
            "parked",
        ]);
        let uncounted = self.uncounted_days();
        let (mut lines, mut now) = (Vec::new(), Vec::new());
        for (tenant, its) in &self.tenants {
            if !uncounted.is_empty() {
                let days =
                    format!("{} to {}", format_day(uncounted.start), format_day(uncounted.end - 1));
                table.add_row([tenant.as_str(), &days, "not counted: --recount"]);
            }
            for (day, count) in self.counted_days(its) {
                table.add_row(count.to_row(tenant, day));
            }
            let announced = self.shown.clone();
            let announced =
                announced.map(|day| its.days.get(&day).map_or(0, |count| count.announced));
            lines.push(format!("{tenant}  {}", draw_sparkline(&announced.collect::<Vec<_>>())));
            if let Some([retrying, parked]) = &its.unsettled {
                let (retrying, parked) = (describe_count(*retrying), describe_count(*parked));
                now.push(format!("{tenant}  {retrying} retried, {parked} parked"));
            }
        }
        let mut parts = Vec::new();
        let has_days = |its: &TenantDays| self.counted_days(its).next().is_some();
        if !uncounted.is_empty() || self.tenants.values().any(has_days) {
            parts.push(table.to_string());
            parts.push(format!("Announced, day by day:\n{}", lines.join("\n")));
        } else {
            parts.push("Nothing was announced on these days.".to_owned());
        }
        if !now.is_empty() {
            parts.push(format!("Now:\n{}", now.join("\n")));
        }
        parts.join("\n\n")
    }
}

impl DayCount {
    fn to_row(&self, tenant: &str, day: i64) -> [String; 9] {
        [
            tenant.to_owned(),
            format_day(day),
            self.announced.to_string(),
            self.stored.to_string(),
            self.describe_shares(),
            DecimalBytes(self.bytes).to_string(),
            self.skipped.to_string(),
            self.retrying.map_or_else(|| "-".to_owned(), |count| count.to_string()),
            self.describe_parked(),
        ]
    }
}

fn describe_count(count: LimitedCount) -> String {
    match count {
        LimitedCount { count, is_more: true } => format!("{count} or more"),
        LimitedCount { count, is_more: false } => count.to_string(),
    }
}

/// A day, counted since 1970, as the counters table writes it.
fn name_day(day: i64) -> String {
    counts::format_day(day.saturating_mul(DAY))
}

/// Formats a day, counted since 1970, as a date; a day outside 1970–9999 as its number.
fn format_day(day: i64) -> String {
    let midnight = screen::format_time(day.saturating_mul(DAY));
    midnight.split_once('T').map_or_else(|| day.to_string(), |(date, _)| date.to_owned())
}

/// One bar per number, scaled to the highest; a zero is a space.
fn draw_sparkline(numbers: &[u64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = numbers.iter().max().copied().unwrap_or(0).max(1);
    let level = |n: &u64| usize::try_from(n * 7 / highest).unwrap_or(7);
    let columns = numbers.iter().map(|n| match n {
        0 => ' ',
        n => LEVELS.get(level(n)).copied().unwrap_or('█'),
    });
    columns.collect()
}

#[cfg(test)]
mod tests {
    use super::{
        BTreeMap, DayCount, LimitedCount, Overview, TenantDays, draw_sparkline, format_day,
        name_day,
    };

    fn overview(days: BTreeMap<i64, DayCount>) -> Overview {
        let tenants = [("acme".to_owned(), TenantDays { days, unsettled: None })].into();
        Overview { tenants, shown: 20_685..=20_688, counted_from: None }
    }

    fn busy_and_quiet() -> BTreeMap<i64, DayCount> {
        let busy = DayCount {
            announced: 6,
            stored: 3,
            skipped: 1,
            retrying: Some(1),
            parked: [("expired".to_owned(), 1)].into(),
            bytes: 1_500_000,
            strategies: [("cdn".to_owned(), 1), ("wapi".to_owned(), 2)].into(),
            ..DayCount::default()
        };
        let quiet = DayCount { announced: 1, retrying: Some(1), ..DayCount::default() };
        [(20_687, quiet), (20_688, busy)].into()
    }

    #[test]
    fn days_are_a_table_a_sparkline_and_json() {
        let overview = overview(busy_and_quiet());
        insta::assert_snapshot!(overview.to_text());
        insta::assert_json_snapshot!(overview.to_json());
    }

    #[test]
    fn nothing_announced_is_said_in_words() {
        let nothing = "Nothing was announced on these days.";
        assert_eq!(overview(BTreeMap::new()).to_text(), nothing);
    }

    /// Nothing is known of the days before counting began, so they are not 0.
    #[test]
    fn days_before_counting_began_are_not_zero() {
        let mut overview = overview([(20_688, DayCount::default())].into());
        overview.counted_from = Some(20_687);
        let counts = [(3, false), (20_000, true)];
        let unsettled = counts.map(|(count, is_more)| LimitedCount { count, is_more });
        overview.tenants.get_mut("acme").expect("a tenant").unsettled = Some(unsettled);
        insta::assert_snapshot!(overview.to_text());
        insta::assert_json_snapshot!(overview.to_json());
        // All of them, and none.
        overview.counted_from = Some(30_000);
        assert!(overview.to_text().contains("2026-08-20 to 2026-08-23"));
        overview.counted_from = Some(0);
        assert!(!overview.to_text().contains("not counted"));
    }

    #[test]
    fn a_sparkline_is_scaled_to_the_highest() {
        assert_eq!(draw_sparkline(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(draw_sparkline(&[]), "");
    }

    #[test]
    fn a_day_is_written_as_a_date() {
        assert_eq!(format_day(20_688), "2026-08-23");
        assert_eq!(name_day(20_688), "2026-08-23");
        assert_eq!(format_day(i64::MAX), i64::MAX.to_string());
        assert_eq!(format_day(-1), "-1");
    }

    #[test]
    fn shares_are_of_what_is_stored() {
        let count = DayCount {
            stored: 3,
            strategies: [("cdn".to_owned(), 1), ("wapi".to_owned(), 2)].into(),
            ..DayCount::default()
        };
        assert_eq!(count.describe_shares(), "cdn 33 %, wapi 67 %");
        assert_eq!(DayCount::default().describe_shares(), "");
    }
}
