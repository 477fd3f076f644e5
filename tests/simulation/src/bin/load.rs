//! Counts the calls that an operator's verbs and the watch function make at size, and the items
//! that they read: `load --parked 100000 --records 1000000`.
//!
//! What a verb reads must grow with its answer, and not with what the stack has. So each verb runs
//! twice, over a small and over a large table, and asks for the same answer.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it prints its result, and a broken run stops at once"
)]

#[path = "load/records.rs"]
mod records;

use std::{process::ExitCode, sync::Arc, time::Duration};

use aws::{
    clients::Clients,
    instances::Instances,
    ledger::{Ledger, LedgerTables},
    queues::{JobsQueue, ParkedQueue},
};
use clap::Parser;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use media::{failure::FailureClass, job::QueuedJob, parked::Filter};
use parking::{Parking, RedriveMode};
use serde_json::json;
use simulation::{
    chance::Chance,
    clockwork::{WORLD_START, run_in_virtual_time},
    cloud::{Cloud, queue::Settings, sqs::QUEUE_URL_BASE},
    fault::no_faults,
    schema,
    wire::{ENDPOINT, Process, Wire},
};

/// The jobs of the tenant whose jobs are asked for.
const ASKED: usize = 1000;

/// The jobs of the class that is dropped.
const DROPPED: usize = 500;

/// Verbs over a large table make as many calls, and read as many items, as over a small one.
#[derive(Parser)]
struct Arguments {
    /// How many jobs are parked in the large table.
    #[arg(long, default_value_t = 100_000)]
    parked: usize,
    /// How many records the large table has.
    #[arg(long, default_value_t = 1_000_000)]
    records: usize,
}

/// What a verb took.
struct VerbCost {
    /// What is done.
    name: &'static str,
    /// How much was asked for.
    answer: usize,
    /// How many calls it made.
    calls: u64,
    /// How many items these calls read.
    items: u64,
}

/// Measures one verb after the other.
struct Meter<'a> {
    cloud: &'a Cloud,
    before: (u64, u64),
    costs: Vec<VerbCost>,
}

impl<'a> Meter<'a> {
    fn start(cloud: &'a Cloud) -> Self {
        Self { cloud, before: Self::read(cloud), costs: Vec::new() }
    }

    fn read(cloud: &Cloud) -> (u64, u64) {
        (cloud.log.lines().len() as u64, cloud.tables.items_read())
    }

    /// Notes what was done since the last note.
    fn note(&mut self, name: &'static str, answer: usize) {
        let now = Self::read(self.cloud);
        let (calls, items) = (now.0 - self.before.0, now.1 - self.before.1);
        self.costs.push(VerbCost { name, answer, calls, items });
        self.before = now;
    }
}

fn main() -> ExitCode {
    let Arguments { parked, records } = Arguments::parse();
    let of_jobs = [2 * ASKED, parked.max(2 * ASKED)].map(|parked| {
        println!("building a stack with {parked} parked jobs");
        run_in_virtual_time(async move { run_verbs(parked).await })
    });
    let of_records = [records::SMALL, records.max(records::SMALL)].map(|records| {
        println!("building a stack with {records} records");
        run_in_virtual_time(async move { records::run_verbs(records).await })
    });
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let header =
        ["what is done", "answer", "calls: small", "large", "items: small", "large", "ratio"];
    table.set_header(header);
    let mut is_flat = true;
    for [small, large] in [of_jobs, of_records] {
        for (few, many) in small.into_iter().zip(large) {
            let [calls, items] = [(few.calls, many.calls), (few.items, many.items)]
                .map(|(few, many)| to_float(many.max(1)) / to_float(few.max(1)));
            let ratio = calls.max(items);
            is_flat &= few.answer == many.answer && ratio <= 1.1;
            let numbers = [few.calls, many.calls, few.items, many.items];
            let mut row = vec![few.name.to_owned(), few.answer.to_string()];
            row.extend(numbers.map(|number| number.to_string()));
            row.push(format!("{ratio:.2}"));
            table.add_row(row);
        }
    }
    println!("{table}");
    if is_flat { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls are small")]
fn to_float(count: u64) -> f64 {
    count as f64
}

/// A cloud with the tables and queues, and `parked` jobs: the first are `transient` and of the
/// tenant `asked`, the next are `expired`, and all others `instance`, of the tenant `other`.
fn build_cloud(parked: usize) -> Arc<Cloud> {
    let cloud = Cloud::start(Chance::from_seed(1), no_faults(), 0).expect("a cloud");
    for table in [schema::media_table_alone(), schema::jobs_table()] {
        assert_eq!(cloud.tables.answer_call("CreateTable", &table).status(), 200);
    }
    for queue in ["jobs", "parked"] {
        cloud.lock_sqs().create_queue(queue, Settings::default());
    }
    for n in 0..parked {
        put_job(&cloud, n);
    }
    cloud
}

fn put_job(cloud: &Cloud, n: usize) {
    let is_asked = n < ASKED;
    let (tenant, class) = match n {
        0..ASKED => ("asked", "transient"),
        n if n < ASKED + DROPPED => ("other", "expired"),
        _ => ("other", "instance"),
    };
    let instance = format!("LITE-AAAAAA-{:06}", if is_asked { 0 } else { 1 + n % 50 });
    let body = json!({
        "version": "1", "tenant": tenant, "instance": instance, "accepted_at": WORLD_START,
        "message": {
            "message_id": format!("3EB0{n:08}"), "chat": "5500900000002", "direction": "in",
            "moment": WORLD_START, "kind": "image",
        },
    })
    .to_string();
    let job = QueuedJob::parse(&body).expect("a job").into_job();
    let identity = job.message.identity();
    let key = identity.record_keys().next().expect("a key");
    let until = WORLD_START + 14 * 86_400;
    let text = |text: &str| json!({ "S": text });
    let number = |number: i64| json!({ "N": number.to_string() });
    let entry = json!({
        "instance": text(&instance), "message_id": text(key.as_str()), "tenant": text(tenant),
        "kind": text("image"), "state": text("parked"), "class": text(class),
        "state_class": text(&format!("parked#{class}")), "reason": text("invented"),
        "recoverable_until": number(until), "updated_at": number(WORLD_START), "body": text(&body),
    });
    let record = json!({
        "instance": text(&instance), "message_id": text(key.as_str()), "tenant": text(tenant),
        "message": text(job.message.message_id.as_str()), "state": text("parked"),
        "class": text(class), "has_entry": { "BOOL": true }, "moment": number(WORLD_START),
    });
    for (table, item) in [("jobs-table", entry), ("media", record)] {
        let put = json!({ "TableName": table, "Item": item });
        assert_eq!(cloud.tables.answer_call("PutItem", &put).status(), 200);
    }
}

async fn run_verbs(parked: usize) -> Vec<VerbCost> {
    let cloud = build_cloud(parked);
    let client = Wire::http_client(&cloud, &Process::new("operator", 0));
    let clients = Clients::with_http_client(client, ENDPOINT, Duration::from_mins(1));
    let url = |name: &str| format!("{QUEUE_URL_BASE}{name}");
    let tables = || LedgerTables { media: "media".to_owned(), jobs: "jobs-table".to_owned() };
    let ledger = Ledger::new(&clients, tables());
    let (parked, jobs) =
        (ParkedQueue::new(&clients, url("parked")), JobsQueue::new(&clients, url("jobs")));
    let instances = Instances::new(&clients, "instances".to_owned());
    let parking = Parking::new(parked, jobs, Ledger::new(&clients, tables()), instances);
    let now = cloud.clock.unix();
    let mut meter = Meter::start(&cloud);

    let everything = Filter::default();
    let mut page = ledger.jobs.list_parked(&everything, now, None).await.expect("a page");
    while page.jobs.is_empty() && page.next.is_some() {
        page = ledger.jobs.list_parked(&everything, now, page.next).await.expect("a page");
    }
    meter.note("the first page of what is parked", page.jobs.len().min(1));

    let asked = Filter {
        tenant: Some("asked".parse().expect("a tenant")),
        class: Some(FailureClass::Transient),
        ..Filter::default()
    };
    let mut listed = 0;
    parking.list(&asked, now, |_| listed += 1).await.expect("a list");
    meter.note("list a tenant's 1,000 of a class", listed);

    let half = RedriveMode::Send { per_second: 500 };
    let redriven = parking.redrive(&asked, half, now, |_| {}).await.expect("a redrive");
    meter.note("redrive a tenant's 1,000 of a class", redriven.sent);

    let expired = Filter { class: Some(FailureClass::Expired), ..Filter::default() };
    let dropped = parking.drop(&expired, now, |_| {}).await.expect("a drop");
    meter.note("drop the 500 of a class", dropped.dropped);

    let watch_time = now + 3 * 3600;
    let due = ledger.jobs.list_due(aws::ledger::DuePlace::Queue, 0, watch_time, 1).await;
    meter.note("look for the first lost job of a shard", due.map_or(0, |_| 1));
    meter.costs
}
