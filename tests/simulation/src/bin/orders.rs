//! Compares orders of strategies in simulated worlds, and prints a table in Markdown: `orders`.
//!
//! In each world the sources behave in one way. One media message is announced alone, and then ten
//! of one instance at once. All times are virtual, so the result is the same on every machine.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it prints its result, and a broken run stops at once"
)]

use std::{collections::BTreeSet, time::Duration};

use media::strategy::{Strategy, StrategyOrder};
use simulation::{
    Outcome,
    plan::{Plan, PlannedMedia},
    run_world,
};
use stand_in::{CdnScenario, Field, Format, Kind, Role, Spec, WapiScenario};

/// The media messages of a burst: a batch of the queue.
const BURST: usize = 10;

/// The size of each file, in bytes.
const SIZE: u64 = 500_000;

/// A slow source, in bytes per second.
const SLOW: u64 = 50_000;

/// The download function's memory in `template.yaml`, in GiB.
const MEMORY_GIB: f64 = 0.25;

/// How long W-API's POST takes where nothing else is said: an assumption.
const USUAL_ANSWER: u64 = 1;

/// The columns.
const HEADER: [&str; 8] = [
    "sources",
    "first",
    "alone, until",
    "requests to W-API, CDN",
    "stored by",
    "GB-s",
    "ten at once, until",
    "GB-s of the ten",
];

/// How the sources behave, and how the media message is announced.
struct Case {
    name: &'static str,
    change: fn(Spec) -> Spec,
}

fn main() {
    let orders = [
        StrategyOrder::new([Strategy::Wapi, Strategy::WapiAlternate, Strategy::Cdn]),
        StrategyOrder::new([Strategy::Cdn, Strategy::Wapi, Strategy::WapiAlternate]),
    ];
    print_row(&HEADER.map(str::to_owned));
    print_row(&HEADER.map(|_| "---".to_owned()));
    for case in cases() {
        for order in &orders {
            let alone = run_case(&case, order, 1);
            let burst = run_case(&case, order, BURST);
            print_row(&[
                case.name.to_owned(),
                order.strategies()[0].to_string(),
                end_of(&alone),
                count_requests(&alone),
                stored_by(&alone),
                gb_seconds(&alone),
                end_of(&burst),
                gb_seconds(&burst),
            ]);
        }
    }
}

/// Prints a row as soon as it is known: some worlds last for days of virtual time.
fn print_row(cells: &[String; 8]) {
    println!("| {} |", cells.join(" | "));
}

fn cases() -> Vec<Case> {
    let case = |name, change: fn(Spec) -> Spec| Case { name, change };
    vec![
        case("both work", |spec| spec),
        case("W-API answers in 3 s", |spec| spec.wapi(answer_after(3))),
        case("W-API answers in 20 s", |spec| spec.wapi(answer_after(20))),
        case("W-API never answers", |spec| spec.wapi(WapiScenario::Hang)),
        case("W-API: 500", |spec| spec.wapi(WapiScenario::fail_500())),
        case("CDN: 403 to the first try", |spec| spec.cdn(gone_at_first(403))),
        case("CDN: 404 to the first try", |spec| spec.cdn(gone_at_first(404))),
        case("CDN: 404", |spec| spec.cdn(CdnScenario::Gone { status: 404 })),
        case("CDN: 429", |spec| spec.cdn(CdnScenario::Status { code: 429 })),
        case("CDN never answers", |spec| spec.cdn(CdnScenario::Hang)),
        case("CDN: wrong bytes", |spec| spec.cdn(CdnScenario::FlipBit { at: 1000 })),
        case("CDN: 50 KB/s", |spec| spec.cdn(CdnScenario::SlowDrip { bytes_per_second: SLOW })),
        case("W-API: 50 KB/s", |spec| spec.wapi(WapiScenario::SlowDrip { bytes_per_second: SLOW })),
        case("no media key", |spec| spec.omit(Field::MediaKey)),
        case("no path, URL only", |spec| spec.omit(Field::DirectPath)),
        case("channel", |spec| Spec { kind: Kind::NewsletterImage, format: None, ..spec }),
        case("sent by the account", Spec::from_me),
        case("CDN: wrong bytes, W-API: 500", |spec| {
            spec.cdn(CdnScenario::FlipBit { at: 1000 }).wapi(WapiScenario::fail_500())
        }),
    ]
}

/// W-API answers a POST after this many seconds.
fn answer_after(seconds: u64) -> WapiScenario {
    WapiScenario::Delay { millis: seconds * 1000, then: Box::new(WapiScenario::Ok) }
}

/// Both hosts of the CDN say once that the file is gone.
fn gone_at_first(status: u16) -> CdnScenario {
    let first = Box::new(CdnScenario::Gone { status });
    CdnScenario::FailTimes { times: 1, first, then: Box::new(CdnScenario::Ok) }
}

fn run_case(case: &Case, order: &StrategyOrder, count: usize) -> Outcome {
    let planned = |n: usize| {
        PlannedMedia::healthy(Kind::Document, &format!("{} {n}", case.name))
            .with_spec(|spec| {
                spec.format(Format::Random).size(SIZE).wapi(answer_after(USUAL_ANSWER))
            })
            .with_spec(case.change)
    };
    let mut plan = Plan::healthy((0..count).map(planned).collect()).with_order(order.clone());
    plan.downloads = 1;
    run_world(plan)
}

/// When the last file was stored, or the job was parked.
fn end_of(outcome: &Outcome) -> String {
    let is_commit = |line: &&String| line.contains(" s3:PutObject ") && line.ends_with(": 200");
    let time = |line: &String| line.split_whitespace().next()?.parse::<f64>().ok();
    let last = outcome.trace.iter().filter(is_commit).filter_map(time).reduce(f64::max);
    match last {
        Some(at) if at < 600.0 => format!("{at:.1} s"),
        Some(at) => format!("{:.0} min", at / 60.0),
        None => {
            let class = outcome.evidence.parked.first().and_then(|one| one.class.clone());
            format!("parked: {}", class.unwrap_or_else(|| "?".to_owned()))
        }
    }
}

fn count_requests(outcome: &Outcome) -> String {
    let count =
        |is_its: fn(Role) -> bool| outcome.requests.iter().filter(|one| is_its(one.role)).count();
    let cdn = count(|role| matches!(role, Role::Cdn | Role::CdnFallback));
    format!("{}, {cdn}", count(|role| role == Role::Wapi))
}

fn stored_by(outcome: &Outcome) -> String {
    let facts = outcome.evidence.objects.iter().filter_map(|one| one.facts.as_ref());
    let words = facts.map(|facts| {
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        format!("{}, {}", word(&facts.strategy), word(&facts.integrity))
    });
    let words: BTreeSet<_> = words.collect();
    words.into_iter().collect::<Vec<_>>().join("; ")
}

fn gb_seconds(outcome: &Outcome) -> String {
    let Outcome { invoked, .. } = outcome;
    let seconds = Duration::as_secs_f64(invoked);
    format!("{:.2}", seconds * MEMORY_GIB)
}
