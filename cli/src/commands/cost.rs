//! `wapi-media cost`: estimates the cost of a month from the records and a dated table of prices.

use boot::clock;
use clap::Args;
use indicatif::DecimalBytes;
use media::{
    ids::{InstanceId, TenantId},
    part::PART_BYTES,
};
use operator::records::MediaRecord;
use serde::Serialize;
use serde_json::json;

use crate::{exit::Exit, odd_records::OddRecords, screen, session::Session};

/// The date and the region of the prices.
const PRICES_OF: &str = "list prices of us-east-1, November 2026, without free tiers";

/// How many records of one instance are counted, at most.
const MAX_RECORDS: usize = 100_000;

/// How many records are read for the average duration of their attempts.
const SAMPLE: usize = 200;

/// What to estimate.
#[derive(Args)]
#[command(after_help = "Examples:\n  wapi-media cost\n  \
        wapi-media cost --tenant acme --days 7 --other-webhooks 2000000")]
pub(crate) struct Cost {
    /// Only this tenant's media, without the fixed costs of the stack.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// How many days of records the estimate is based on.
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
            "7 write units at $0.625 and 6 read units at $0.125 per million",
            usage.media * (7.0 * 0.625 + 6.0 * 0.125) / MILLION,
        ),
        item(
            "download function",
            "$0.20 per million, 512 MB for as long as fetching takes",
            usage.media * (0.20 / MILLION + 0.5 * usage.seconds * GB_SECOND),
        ),
        item("S3 requests", "$5 per million", usage.puts * 5.0 / MILLION),
        item(
            "logs",
            "3 KB per media and 0.5 KB per other webhook at $0.50 per GB",
            (usage.media * 3e3 + usage.other_webhooks * 500.0) / 1e9 * 0.50,
        ),
        item(
            "kept files",
            "$0.023 per GiB, five tags each at $0.0065 per 10,000",
            usage.kept_bytes / GIB * 0.023 + usage.kept_files * 5.0 * 0.0065 / 1e4,
        ),
        item(
            "kept records",
            "1.2 KB each at $0.45 per GB with backup",
            usage.kept_files * 1.2e3 / 1e9 * 0.45,
        ),
    ];
    if usage.is_whole {
        items.push(item(
            "the stack itself",
            "key 1.00, metrics 8.70, alarms 3.40, dashboard 3.00, polling 0.70",
            16.80,
        ));
    }
    items
}

/// Measures the usage, and prints the estimate.
pub(crate) async fn run_cost(cost: Cost, session: &Session) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    let usage = measure_usage(&cost, &mut odd, session).await?;
    let items = estimate_bill(&usage);
    let json = json!({
        "items": items, "total_dollars": total_dollars(&items), "usage": usage, "prices": PRICES_OF,
    });
    session.flags.print(&json, bill_text(&usage, &items, cost.days))?;
    Ok(odd.print_notes())
}

fn total_dollars(items: &[BillLine]) -> f64 {
    items.iter().map(|item| item.dollars).sum()
}

fn bill_text(usage: &MonthlyUsage, items: &[BillLine], days: u16) -> String {
    let mut table = screen::new_table(["what", "estimated as", "US$ a month"]);
    for item in items {
        table.add_row([item.what, item.reckoned, &format!("{:.2}", item.dollars)]);
    }
    table.add_row(["in all", "", &format!("{:.2}", total_dollars(items))]);
    format!(
        "{table}\n\nAn estimate, not a bill: {PRICES_OF}.\n\
         From the last {} days: {:.0} media a month, {:.1} s each, {} kept in {:.0} files.",
        days,
        usage.media,
        usage.seconds,
        DecimalBytes(to_whole(usage.kept_bytes)),
        usage.kept_files,
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

/// How long all attempts of a record took together, in milliseconds.
pub(crate) fn total_attempt_ms(record: &MediaRecord) -> u64 {
    let attempts = record.attempts.iter();
    let took = attempts.filter_map(|one| one.get("duration_ms")?.as_u64());
    took.fold(0, u64::saturating_add)
}

async fn measure_usage(
    cost: &Cost,
    odd: &mut OddRecords,
    session: &Session,
) -> anyhow::Result<MonthlyUsage> {
    let owners = session.list_owners(cost.tenant.as_ref(), None, odd).await?;
    let (records, bar) = (session.records()?, screen::new_counter("records counted"));
    let from = clock::now() - i64::from(cost.days) * 24 * 60 * 60;
    let (mut media, mut puts, mut kept_bytes, mut kept_files) = (0, 0, 0, 0);
    let mut newest = Vec::new();
    for (_, instance) in &owners {
        let its = records.list_by_instance(instance, i64::MIN, MAX_RECORDS).await?;
        for record in odd.inspect_all(its) {
            bar.inc(1);
            let size = record.size_bytes.unwrap_or_default();
            kept_bytes = size.saturating_add(kept_bytes);
            kept_files += u64::from(record.object_key.is_some());
            if record.happened_at().is_none_or(|at| at < from) {
                continue;
            }
            media += 1;
            puts = u64::saturating_add(
                puts,
                match size.div_ceil(PART_BYTES as u64) {
                    0 | 1 => 1,
                    parts => parts.saturating_add(2),
                },
            );
            if newest.len() < SAMPLE {
                newest.push((record.instance, record.key));
            }
        }
    }
    let (mut millis, mut sampled) = (0, 0);
    for (instance, key) in newest {
        if let Ok(instance) = InstanceId::parse(instance)
            && let Some(record) = records.get(&instance, &key).await?
        {
            millis = u64::saturating_add(millis, total_attempt_ms(&record));
            sampled += 1;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let month = 30.0 / f64::from(cost.days);
    Ok(MonthlyUsage {
        media: to_float(media) * month,
        other_webhooks: to_float(cost.other_webhooks),
        puts: to_float(puts) * month,
        seconds: to_float(millis) / 1000.0 / to_float(sampled).max(1.0),
        kept_bytes: to_float(kept_bytes),
        kept_files: to_float(kept_files),
        is_whole: cost.tenant.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::{GIB, MILLION, MonthlyUsage, bill_text, estimate_bill};

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
        insta::assert_snapshot!(bill_text(&usage, &estimate_bill(&usage), 7));
    }

    #[test]
    fn a_million_media_cost_what_the_page_says() {
        let page = include_str!("../../../docs/cost.md");
        let usage =
            MonthlyUsage { media: MILLION, puts: MILLION, seconds: 3.0, ..MonthlyUsage::default() };
        let items = estimate_bill(&usage);
        for item in items.iter().take(7) {
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
        assert!((dollars(&whole) - 16.8).abs() < 1e-9);
        assert!(dollars(&MonthlyUsage::default()).abs() < 1e-9);
    }
}
