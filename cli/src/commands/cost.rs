//! `wapi-media cost`: estimates the cost of a month from the counts of its days and a dated table
//! of prices.

use boot::clock;
use clap::Args;
use indicatif::DecimalBytes;
use media::{
    counts::{MediaCounts, format_day},
    ids::TenantId,
};
use operator::counters::DayCounts;
use serde::Serialize;
use serde_json::json;

use crate::{exit::Exit, odd_records::OddRecords, screen, session::Session};

/// The date and the region of the prices.
const PRICES_OF: &str = "list prices of us-east-1, November 2026, without free tiers";

/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// How many days the counters table keeps.
const COUNTED_DAYS: i64 = 400;

/// What to estimate.
#[derive(Args)]
#[command(after_help = "Examples:\n  wapi-media cost\n  \
        wapi-media cost --tenant acme --days 7 --other-webhooks 2000000")]
pub(crate) struct Cost {
    /// Only this tenant's media, without the fixed costs of the stack.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// How many days of counts the estimate is based on.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// How many webhooks without media to add per month. They leave no record.
    #[arg(long, default_value_t = 0)]
    other_webhooks: u64,
}

/// The usage of one month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
struct MonthlyUsage {
    /// Media messages.
    media: f64,
    /// Webhooks without media.
    other_webhooks: f64,
    /// Requests to S3: one for a small file, one per part and two more for a large one.
    puts: f64,
    /// Average seconds that all attempts of one media message take together.
    seconds: f64,
    /// Bytes stored in the bucket.
    kept_bytes: f64,
    /// Files stored in the bucket.
    kept_files: f64,
    /// Whether the fixed costs of the stack are included.
    is_whole: bool,
}

/// What the estimate is based on.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Coverage {
    /// Of how many days media were counted.
    counted_days: f64,
    /// The first day whose files are among those that are kept.
    kept_from: String,
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct BillLine {
    what: &'static str,
    reckoned: &'static str,
    dollars: f64,
}

const MILLION: f64 = 1e6;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
const GB_SECOND: f64 = 0.000_013_333_4;

/// Computes the lines of the estimate.
fn estimate_bill(usage: &MonthlyUsage) -> Vec<BillLine> {
    let item = |what, reckoned, dollars| BillLine { what, reckoned, dollars };
    let webhooks = usage.media + usage.other_webhooks;
    let mut items = vec![
        item("API Gateway", "$1.00 per million webhooks", webhooks / MILLION),
        item(
            "webhook function",
            "$0.20 per million, 256 MB x 20 ms at $0.0000133334 per GB-s",
            webhooks * (0.20 / MILLION + 0.25 * 0.020 * GB_SECOND),
        ),
        item(
            "SQS",
            "three requests per media, one with a message group: $1.30 per million",
            usage.media * 1.30 / MILLION,
        ),
        item(
            "DynamoDB",
            "8 write units at $0.625 and 9 read units at $0.125 per million",
            usage.media * (8.0 * 0.625 + 9.0 * 0.125) / MILLION,
        ),
        item(
            "download function",
            "$0.20 per million, 256 MB for as long as fetching takes",
            usage.media * (0.20 / MILLION + 0.25 * usage.seconds * GB_SECOND),
        ),
        item("S3 requests", "$5 per million", usage.puts * 5.0 / MILLION),
        item(
            "logs",
            "3 KB per media and 0.5 KB per other webhook at $0.50 per GB",
            (usage.media * 3e3 + usage.other_webhooks * 500.0) / 1e9 * 0.50,
        ),
        item(
            "events function",
            "$0.20 per million, 256 MB for 30 ms",
            usage.media * 0.30 / MILLION,
        ),
        item(
            "kept files",
            "$0.023 per GiB, five tags each at $0.0065 per 10,000",
            usage.kept_bytes / GIB * 0.023 + usage.kept_files * 5.0 * 0.0065 / 1e4,
        ),
        item(
            "kept records",
            "1.4 KB each at $0.45 per GB with backup",
            usage.kept_files * 1.4e3 / 1e9 * 0.45,
        ),
    ];
    if usage.is_whole {
        items.push(item(
            "the stack itself",
            "key 1.00, metrics 11.10, alarms 4.10, dashboard 3.00, polling 1.00",
            20.20,
        ));
    }
    items
}

/// Measures the usage, and prints the estimate.
pub(crate) async fn run_cost(cost: Cost, session: &Session) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    let (usage, coverage) = measure_usage(&cost, &mut odd, session).await?;
    let items = estimate_bill(&usage);
    let json = json!({
        "items": items, "total_dollars": total_dollars(&items), "usage": usage, "coverage": coverage,
        "prices": PRICES_OF,
    });
    session.flags.print(&json, bill_text(&usage, &items, &coverage))?;
    Ok(odd.print_notes())
}

fn total_dollars(items: &[BillLine]) -> f64 {
    items.iter().map(|item| item.dollars).sum()
}

fn bill_text(usage: &MonthlyUsage, items: &[BillLine], coverage: &Coverage) -> String {
    let mut table = screen::new_table(["what", "estimated as", "US$ a month"]);
    for item in items {
        table.add_row([item.what, item.reckoned, &format!("{:.2}", item.dollars)]);
    }
    table.add_row(["in all", "", &format!("{:.2}", total_dollars(items))]);
    format!(
        "{table}\n\nAn estimate, not a bill: {PRICES_OF}.\n\
         From the last {:.0} days: {:.0} media a month, {:.1} s each, {} kept in {:.0} files.\n\
         Kept files are those stored since {}, less those whose retention is over. Files that were \
         stored before, erased or replaced are not considered.",
        coverage.counted_days,
        usage.media,
        usage.seconds,
        DecimalBytes(to_whole(usage.kept_bytes)),
        usage.kept_files,
        coverage.kept_from,
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a sum of byte counts: not negative, and far below the largest integer"
)]
fn to_whole(number: f64) -> u64 {
    number as u64
}

#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 15 digits")]
fn to_float(number: u64) -> f64 {
    number as f64
}

/// The sums of the counts that the estimate needs.
#[derive(Debug, Default)]
struct CountSums {
    /// Of the days that the estimate is based on.
    usage: MediaCounts,
    /// Files, and their bytes, of all days whose files are still kept.
    kept: (u64, u64),
}

impl CountSums {
    /// Adds the counts of a tenant's day. Days are compared as they are written, `2026-08-22`.
    fn add_day(&mut self, one: &DayCounts, usage_from: &str, kept_from: &str) {
        if one.day.as_str() >= usage_from {
            self.usage.add(&one.counts);
        }
        if one.day.as_str() >= kept_from {
            self.kept.0 = self.kept.0.saturating_add(one.counts.stored);
            self.kept.1 = self.kept.1.saturating_add(one.counts.bytes);
        }
    }
}

/// How much of the asked time was counted, in days, at least one: counting may have begun in it.
fn counted_days(now: i64, days: u16, began_at: Option<i64>) -> f64 {
    let asked = i64::from(days) * DAY;
    let counted = began_at.map_or(asked, |at| now.saturating_sub(at)).clamp(DAY, asked.max(DAY));
    to_float(u64::try_from(counted).unwrap_or_default()) / to_float(DAY.unsigned_abs())
}

/// Reads the counts: one item for each tenant, instance and day.
async fn measure_usage(
    cost: &Cost,
    odd: &mut OddRecords,
    session: &Session,
) -> anyhow::Result<(MonthlyUsage, Coverage)> {
    let (counters, now) = (session.counters()?, clock::now());
    let began_at = counters.find_beginning().await?;
    let days_ago = |days: i64| format_day(now.saturating_sub((days - 1) * DAY));
    let usage_from = days_ago(cost.days.into());
    let mut sums = CountSums::default();
    for (tenant, retention) in session.list_tenants(cost.tenant.as_ref(), odd).await? {
        let kept_days = retention.map_or(COUNTED_DAYS, |it| i64::from(it.days()).min(COUNTED_DAYS));
        let kept_from = days_ago(kept_days);
        let first = kept_from.as_str().min(&usage_from);
        for one in counters.list_days(&tenant, first, &days_ago(1)).await? {
            sums.add_day(&one, &usage_from, &kept_from);
        }
    }
    let (usage, (kept_files, kept_bytes)) = (&sums.usage, sums.kept);
    let counted = counted_days(now, cost.days, began_at);
    let month = 30.0 / counted;
    let usage = MonthlyUsage {
        media: to_float(usage.announced) * month,
        other_webhooks: to_float(cost.other_webhooks),
        puts: to_float(usage.puts) * month,
        seconds: to_float(usage.attempt_ms) / 1000.0 / to_float(usage.announced).max(1.0),
        kept_bytes: to_float(kept_bytes),
        kept_files: to_float(kept_files),
        is_whole: cost.tenant.is_none(),
    };
    let kept_from = began_at.unwrap_or_default().max(now.saturating_sub(COUNTED_DAYS * DAY));
    Ok((usage, Coverage { counted_days: counted, kept_from: format_day(kept_from) }))
}

#[cfg(test)]
mod tests {
    use super::{
        CountSums, Coverage, DAY, DayCounts, GIB, MILLION, MediaCounts, MonthlyUsage, bill_text,
        counted_days, estimate_bill,
    };

    #[test]
    fn the_estimate_is_a_table_with_its_sum() {
        let usage = MonthlyUsage {
            media: 90_000.0,
            other_webhooks: 200_000.0,
            puts: 96_000.0,
            seconds: 1.4,
            kept_bytes: 45.5 * GIB,
            kept_files: 81_000.0,
            is_whole: true,
        };
        let coverage = Coverage { counted_days: 7.0, kept_from: "2026-08-22".to_owned() };
        insta::assert_snapshot!(bill_text(&usage, &estimate_bill(&usage), &coverage));
    }

    #[test]
    fn a_month_is_reckoned_from_the_days_that_were_counted() {
        const NOW: i64 = 1_795_000_000;
        for (days, began_at, counted) in [
            (30, None, 30.0),
            (30, Some(0), 30.0),
            (30, Some(NOW - 10 * DAY), 10.0),
            (30, Some(NOW - 60), 1.0),
            (1, Some(NOW + 60), 1.0),
        ] {
            let found = counted_days(NOW, days, began_at);
            assert!((found - counted).abs() < 1e-9, "{days} {began_at:?}: {found}");
        }
    }

    /// The bucket removes files after a tenant's retention; the counts of their days are left out.
    #[test]
    fn kept_files_are_those_within_their_retention() {
        let counts = MediaCounts { stored: 1, bytes: 10, announced: 1, ..MediaCounts::default() };
        let mut sums = CountSums::default();
        for day in ["2026-08-20", "2026-08-21", "2026-08-22", "2026-08-23"] {
            let one =
                DayCounts { day: day.to_owned(), instance: String::new(), counts: counts.clone() };
            sums.add_day(&one, "2026-08-23", "2026-08-21");
        }
        assert_eq!((sums.usage, sums.kept), (counts, (3, 30)));
    }

    #[test]
    fn a_million_media_cost_what_the_page_says() {
        let page = include_str!("../../../docs/cost.md");
        let usage =
            MonthlyUsage { media: MILLION, puts: MILLION, seconds: 3.0, ..MonthlyUsage::default() };
        let items = estimate_bill(&usage);
        for item in items.iter().take(8) {
            let dollars = format!("{:.2} |", item.dollars);
            assert!(page.contains(&dollars), "{}: {dollars}", item.what);
        }
        let once: f64 = items.iter().map(|item| item.dollars).sum();
        assert!(page.contains(&format!("about {once:.0}")), "{once}");
    }

    #[test]
    fn stored_files_and_an_idle_stack_cost() {
        let kept = MonthlyUsage { kept_bytes: 1000.0 * GIB, ..MonthlyUsage::default() };
        let dollars = |usage: &MonthlyUsage| {
            estimate_bill(usage).iter().map(|item| item.dollars).sum::<f64>()
        };
        assert!((dollars(&kept) - 23.0).abs() < 1e-9);
        let whole = MonthlyUsage { is_whole: true, ..MonthlyUsage::default() };
        assert!((dollars(&whole) - 20.2).abs() < 1e-9);
        assert!(dollars(&MonthlyUsage::default()).abs() < 1e-9);
    }
}
