//! Runs many seeded worlds and checks that no accepted file is lost: `prove --seeds 1000`, `prove
//! --seed 7`.
//!
//! Each seed runs in its own process: the SDK keeps its retry budget in statics, and one world
//! must not use another's.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "it prints its result, and a broken run stops at once"
)]

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, ExitCode, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Parser;
use serde::{Deserialize, Serialize};
use simulation::{
    Outcome,
    accounting::Account,
    marks::{MARKS, reached_marks},
    run_world, seed,
};

/// From this number of seeds on, each situation must occur in at least one world.
const MIN_SEEDS_FOR_MARKS: u64 = 1000;

/// Accounts for every media file of many simulated worlds.
#[derive(Parser)]
struct Arguments {
    /// A number of seeds, or a range such as `100..200`.
    #[arg(long, default_value = "1000", value_parser = parse_range)]
    seeds: std::ops::Range<u64>,
    /// Run only this seed and print its whole trace.
    #[arg(long)]
    seed: Option<u64>,
    /// With `--seed`: also print what the handlers log.
    #[arg(long, requires = "seed")]
    log: bool,
    /// With `--seed`: print only the audit's result, as JSON.
    #[arg(long, requires = "seed", hide = true)]
    json: bool,
}

fn parse_range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => Ok(0..number(text)?),
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let is_clean = match arguments.seed {
        Some(seed) => run_one(seed, &arguments)?,
        None => run_many(arguments.seeds)?,
    };
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_one(seed: u64, arguments: &Arguments) -> Result<bool> {
    if arguments.log {
        tracing_subscriber::fmt().with_writer(std::io::stderr).without_time().init();
    }
    let Outcome { account, trace, took, violations, .. } = run_world(seed::build_plan(seed));
    let (is_clean, marks) = (account.is_clean(), reached_marks(&trace));
    if arguments.json {
        println!("{}", serde_json::to_string(&SeedResult { account, marks })?);
    } else {
        println!("{}\n{account}\nseed {seed}: {took:?} of virtual time", trace.join("\n"));
    }
    let is_polite = violations.is_empty();
    if !is_polite {
        eprintln!("{}", violations.join("\n"));
    }
    Ok(is_clean && is_polite)
}

/// What the process of one seed prints for the one that counts.
#[derive(Default, Serialize, Deserialize)]
struct SeedResult {
    account: Account,
    /// The situations that its world came into, by position in [`MARKS`].
    marks: Vec<usize>,
}

/// The result of the seeds so far.
#[derive(Default)]
struct Totals {
    account: Account,
    done: u64,
    failed: Vec<u64>,
    /// In how many worlds each situation occurred, by its position in [`MARKS`].
    marks: BTreeMap<usize, u64>,
}

fn run_many(seeds: std::ops::Range<u64>) -> Result<bool> {
    let (began, all) = (Instant::now(), seeds.end.saturating_sub(seeds.start));
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Totals::default()));
    let work = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(());
            }
            let (SeedResult { account, marks }, is_clean) = run_in_process(seed)?;
            let mut sum = sum.lock().expect("no thread panics");
            sum.account.add(prefix_with_seed(seed, account));
            for n in marks {
                *sum.marks.entry(n).or_default() += 1;
            }
            sum.done += 1;
            if !is_clean {
                sum.failed.push(seed);
            }
            show_progress(&sum, all, began.elapsed());
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|it| it.join().expect("no thread panics"))
    })?;
    let mut sum = sum.into_inner().expect("no thread panics");
    sum.failed.sort_unstable();
    println!("\n{}", sum.account);
    println!(
        "{all} seeds in {} s. Stored and parked may exceed accepted: they include jobs that were \
         queued although their webhook was answered with an error, and messages that are not jobs.",
        began.elapsed().as_secs()
    );
    println!("In how many worlds each situation occurred:");
    for (n, mark) in MARKS.iter().enumerate() {
        let count = sum.marks.get(&n).copied().unwrap_or_default();
        println!("{count:>7}  {}", mark.name);
    }
    let is_covered = all < MIN_SEEDS_FOR_MARKS || sum.marks.len() == MARKS.len();
    if !is_covered {
        println!(
            "A situation that no world came into is not proven: change the plans of the seeds."
        );
    }
    for seed in &sum.failed {
        println!("seed {seed} failed. Repeat it with its whole trace: make prove SEED={seed}");
    }
    if sum.failed.is_empty() {
        println!(
            "Every accepted media file is stored once, byte for byte, or parked with a reason."
        );
    }
    Ok(sum.failed.is_empty() && is_covered)
}

fn run_in_process(seed: u64) -> Result<(SeedResult, bool)> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--json", "--seed", &seed.to_string()])
        .stderr(Stdio::piped())
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let mut result: SeedResult = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if !told.is_empty() {
        result.account.unexpected.push(told.into_owned());
    }
    Ok((result, output.status.success()))
}

/// Its complaints, prefixed with the seed.
fn prefix_with_seed(seed: u64, mut account: Account) -> Account {
    let Account { lost, twice, unexpected, orphans, .. } = &mut account;
    for one in [lost, twice, unexpected, orphans].into_iter().flatten() {
        *one = format!("seed {seed}: {one}");
    }
    account
}

fn show_progress(sum: &Totals, all: u64, took: Duration) {
    let (done, failed) = (sum.done, sum.failed.len());
    print!("\r{done} of {all} seeds, {failed} failed, {} s ", took.as_secs());
    std::io::stdout().flush().context("stdout").unwrap_or_default();
}
