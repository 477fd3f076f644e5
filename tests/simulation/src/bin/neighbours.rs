//! A quiet tenant beside one with 200,000 waiting media messages: its wait may be at most twice its
//! wait alone. `neighbours --waiting 200000`.
//!
//! The wait is measured where jobs wait: in the jobs queue, by a model of fair queues as AWS
//! documents them, and in the jobs table, with the real watch function over a real index. Fewer are
//! due there, because the emulator of the tables needs 7 ms of a processor for each job: the time
//! grows with the number of jobs and not with its square (6.5 s for 500, 12.6 s for 1,000, 28 s for
//! 2,000), so the watch function's pass costs the same for each job, however many are due.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it prints its result, and a broken run stops at once"
)]

use std::{process::ExitCode, sync::Arc, time::Duration};

use aws::{clients::Clients, ledger::DuePlace};
use clap::Parser;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde_json::json;
use simulation::{
    chance::Chance,
    clockwork::{WORLD_START, run_in_virtual_time},
    cloud::{Cloud, queue::Settings, sqs::QUEUE_URL_BASE},
    fault::no_faults,
    neighbours::Neighbours,
    schema,
    wire::{ENDPOINT, Process, Wire},
};
use watch::{Pass, Watch};

/// The instance of the quiet tenant.
const QUIET: &str = "LITE-AAAAAA-000001";

/// When its job is due, in time since the world began: shortly before the pass that also meets the
/// other tenant's jobs.
const QUIET_DUE: Duration = Duration::from_secs(50);

/// How many jobs of the other tenant are due in the jobs table.
const MAX_DUE: usize = 5_000;

/// The watch function's time limit for AWS calls.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// After this many minutes the quiet tenant's job must have been sent.
const MAX_MINUTES: u32 = 60;

/// A quiet tenant's wait beside a huge one is at most twice its wait alone.
#[derive(Parser)]
struct Arguments {
    /// How many media messages of the other tenant wait.
    #[arg(long, default_value_t = 200_000)]
    waiting: usize,
}

/// In which partition of the index the loud tenant's jobs are. The quiet one's is in the second.
#[derive(Clone, Copy)]
enum Crowd {
    ElsewhereBefore,
    SamePartition,
}

fn main() -> ExitCode {
    let waiting = Arguments::parse().waiting;
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["where the jobs wait", "alone, s", "beside, s", "ratio"]);
    let mut add_row = |name: &str, alone: Duration, beside: Duration| {
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        let seconds = [alone, beside].map(|wait| format!("{:.1}", wait.as_secs_f64()));
        let [alone, beside] = seconds;
        table.add_row([name.to_owned(), alone, beside, format!("{ratio:.2}")]);
        ratio <= 2.0
    };
    let queue = |backlog| Neighbours { functions: 10, backlog, quiet: 60 }.longest_wait();
    let in_queue = add_row("the jobs queue, until done", queue(0), queue(waiting));
    let due = waiting.min(MAX_DUE);
    println!("building a jobs table with {due} due jobs, twice");
    let [alone, beside, same] =
        [(0, Crowd::ElsewhereBefore), (due, Crowd::ElsewhereBefore), (due, Crowd::SamePartition)]
            .map(|(waiting, crowd)| {
                run_in_virtual_time(async move { wait_in_table(waiting, crowd).await })
            });
    let in_table = add_row("the jobs table, until sent", alone, beside);
    // The partition of an instance is chosen by its hash, and is read in the order of the due
    // times.
    add_row("the same partition of it (known, not judged)", alone, same);
    println!("{table}");
    if in_queue && in_table { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long the quiet tenant's job waits beyond its due time until it is sent, if `waiting` jobs of
/// another tenant are due before it.
async fn wait_in_table(waiting: usize, crowd: Crowd) -> Duration {
    let cloud = Cloud::start(Chance::from_seed(1), no_faults(), 0).expect("a cloud");
    for table in [
        schema::instances_table(),
        schema::media_table_alone(),
        schema::jobs_table(),
        schema::orders_table(),
        schema::receivers_table(),
    ] {
        assert_eq!(cloud.tables.answer_call("CreateTable", &table).status(), 200);
    }
    for queue in ["jobs", "parked"] {
        cloud.lock_sqs().create_queue(queue, Settings::default());
    }
    let shard = match crowd {
        Crowd::ElsewhereBefore => 0,
        Crowd::SamePartition => 1,
    };
    for n in 0..waiting {
        put_due_job(&cloud, ("loud", "LITE-BBBBBB-000002", n), shard, WORLD_START - 60);
    }
    let due_at = WORLD_START + i64::try_from(QUIET_DUE.as_secs()).unwrap_or_default();
    put_due_job(&cloud, ("quiet", QUIET, 0), 1, due_at);
    let watch = start_watch(&cloud);
    for minute in 1..MAX_MINUTES {
        cloud.clock.sleep_until(Duration::from_mins(1) * minute).await;
        watch.run_pass(Pass::Due, cloud.clock.unix()).await.expect("a pass");
        let sqs = cloud.lock_sqs();
        let mut sent = sqs.queue("jobs").into_iter().flat_map(|queue| queue.messages());
        if let Some(found) = sent.find(|message| message.body.contains(QUIET)) {
            return found.sent_at.saturating_sub(QUIET_DUE);
        }
    }
    Duration::from_mins(1) * MAX_MINUTES
}

fn start_watch(cloud: &Arc<Cloud>) -> Watch {
    let client = Wire::http_client(cloud, &Process::new("watch-0", 0));
    let clients = Clients::with_http_client(client, ENDPOINT, CALL_TIMEOUT);
    let config = watch::config::Config {
        region: "us-east-1".to_owned(),
        endpoint: None,
        instances_table: "instances".to_owned(),
        media_table: "media".to_owned(),
        jobs_table: "jobs-table".to_owned(),
        orders_table: "orders".to_owned(),
        receivers_table: "receivers".to_owned(),
        jobs_queue_url: format!("{QUEUE_URL_BASE}jobs"),
        deliveries_queue_url: format!("{QUEUE_URL_BASE}deliveries"),
        parked_queue_url: format!("{QUEUE_URL_BASE}parked"),
    };
    Watch::with_clients(&clients, config)
}

/// A job that waits in the jobs table, in this partition of the index.
fn put_due_job(cloud: &Cloud, (tenant, instance, n): (&str, &str, usize), shard: u8, due_at: i64) {
    let message = format!("3EB0{n:08}");
    let body = json!({
        "version": "1", "tenant": tenant, "instance": instance, "accepted_at": WORLD_START,
        "message": {
            "message_id": message, "chat": "5500900000002", "direction": "in",
            "moment": WORLD_START, "kind": "image",
        },
    });
    let text = |text: &str| json!({ "S": text });
    let number = |number: i64| json!({ "N": number.to_string() });
    let entry = json!({
        "instance": text(instance), "message_id": text(&message), "tenant": text(tenant),
        "kind": text("image"), "state": text("retrying"), "class": text("transient"),
        "state_class": text("retrying#transient"), "reason": text("invented"),
        "recoverable_until": number(WORLD_START + 14 * 86_400),
        "updated_at": number(WORLD_START), "body": text(&body.to_string()),
        "due_shard": text(&DuePlace::Table.shard_key(shard)), "due_at": number(due_at),
    });
    let put = json!({ "TableName": "jobs-table", "Item": entry });
    assert_eq!(cloud.tables.answer_call("PutItem", &put).status(), 200);
}
