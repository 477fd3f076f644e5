//! `wapi-media stats`: counts announced, stored, skipped and parked media per tenant and day.

use std::collections::BTreeMap;

use boot::clock;
use clap::Args;
use indicatif::DecimalBytes;
use media::ids::TenantId;
use operator::records::MediaRecord;
use serde::Serialize;
use serde_json::json;

use crate::{exit::Exit, odd_records::OddRecords, screen, session::Session};

/// How many records of one instance are counted, at most.
const MAX_RECORDS: usize = 100_000;

/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// Which tenants and days to count.
#[derive(Args)]
#[command(after_help = "Example:\n  wapi-media stats --tenant acme --days 30")]
pub(crate) struct Stats {
    /// Only this tenant's media.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// How many days, including today, in UTC. Media count on the day they were stored or last
    /// tried.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
}

/// The counts of one tenant on one day.
#[derive(Debug, Default, Clone, Serialize)]
struct DayCount {
    announced: u64,
    stored: u64,
    skipped: u64,
    retrying: u64,
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
            "retrying" => self.retrying += 1,
            _ => self.other += 1,
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

/// Counts the records, and prints a table and a sparkline per tenant.
pub(crate) async fn run_stats(stats: Stats, session: &Session) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    let owners = session.list_owners(stats.tenant.as_ref(), None, &mut odd).await?;
    let today = clock::now().div_euclid(DAY);
    let first = today - i64::from(stats.days) + 1;
    let (records, bar) = (session.records()?, screen::new_counter("records counted"));
    let mut counts: BTreeMap<String, BTreeMap<i64, DayCount>> = BTreeMap::new();
    for (tenant, instance) in owners {
        let its = records.list_changed_since(&instance, first * DAY, MAX_RECORDS).await?;
        bar.inc(its.len() as u64);
        let days = counts.entry(tenant).or_default();
        count_by_day(days, odd.inspect_all(its));
    }
    bar.finish_and_clear();
    session.flags.print(&to_json(&counts), to_text(&counts, first..=today))?;
    Ok(odd.print_notes())
}

/// Counts records by the day on which their media were stored or last tried.
fn count_by_day(days: &mut BTreeMap<i64, DayCount>, records: Vec<MediaRecord>) {
    for record in records {
        if let Some(at) = record.happened_at() {
            days.entry(at.div_euclid(DAY)).or_default().add_record(record);
        }
    }
}

/// The JSON and the text that the command prints for these records.
#[cfg(test)]
pub(crate) fn to_json_and_text(records: Vec<MediaRecord>) -> (serde_json::Value, String) {
    let mut days = BTreeMap::new();
    count_by_day(&mut days, records);
    let counts = [("acme".to_owned(), days)].into();
    (to_json(&counts), to_text(&counts, 20_685..=20_688))
}

fn to_json(counts: &BTreeMap<String, BTreeMap<i64, DayCount>>) -> serde_json::Value {
    let rows = counts.iter().flat_map(|(tenant, days)| {
        days.iter()
            .map(move |(day, count)| {
                json!({ "tenant": tenant, "day": format_day(*day), "count": count })
            })
    });
    rows.collect()
}

fn to_text(
    counts: &BTreeMap<String, BTreeMap<i64, DayCount>>,
    days: std::ops::RangeInclusive<i64>,
) -> String {
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
    let mut lines = Vec::new();
    for (tenant, its) in counts {
        for (day, count) in its {
            table.add_row([
                tenant.clone(),
                format_day(*day),
                count.announced.to_string(),
                count.stored.to_string(),
                count.describe_shares(),
                DecimalBytes(count.bytes).to_string(),
                count.skipped.to_string(),
                count.retrying.to_string(),
                count.describe_parked(),
            ]);
        }
        let announced = days.clone().map(|day| its.get(&day).map_or(0, |count| count.announced));
        lines.push(format!("{tenant}  {}", draw_sparkline(&announced.collect::<Vec<_>>())));
    }
    if counts.values().all(BTreeMap::is_empty) {
        return "Nothing was announced on these days.".to_owned();
    }
    format!("{table}\n\nAnnounced, day by day:\n{}", lines.join("\n"))
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
    use super::{BTreeMap, DayCount, draw_sparkline, format_day, to_json, to_text};

    #[test]
    fn days_are_a_table_a_sparkline_and_json() {
        let busy = DayCount {
            announced: 6,
            stored: 3,
            skipped: 1,
            retrying: 1,
            parked: [("expired".to_owned(), 1)].into(),
            bytes: 1_500_000,
            strategies: [("cdn".to_owned(), 1), ("wapi".to_owned(), 2)].into(),
            ..DayCount::default()
        };
        let quiet = DayCount { announced: 1, retrying: 1, ..DayCount::default() };
        let counts: BTreeMap<_, _> =
            [("acme".to_owned(), [(20_687, quiet), (20_688, busy)].into())].into();
        insta::assert_snapshot!(to_text(&counts, 20_685..=20_688));
        insta::assert_json_snapshot!(to_json(&counts));
        let none = [("acme".to_owned(), BTreeMap::new())].into();
        let nothing = "Nothing was announced on these days.";
        assert_eq!(to_text(&none, 20_685..=20_688), nothing);
    }

    #[test]
    fn a_sparkline_is_scaled_to_the_highest() {
        assert_eq!(draw_sparkline(&[0, 1, 4, 8]), " ▁▄█");
        assert_eq!(draw_sparkline(&[]), "");
    }

    #[test]
    fn a_day_is_written_as_a_date() {
        assert_eq!(format_day(20_688), "2026-08-23");
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
