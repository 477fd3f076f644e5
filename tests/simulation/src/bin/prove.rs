//! Lives through many seeds and says whether every promise was kept: `prove --seeds 1000`, `prove --seed 7`.
//!
//! Each seed has a process of its own: the SDK keeps what is left to be retried in statics, and one world
//! must not live off another's.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "what is proven is printed, and a broken run ends at once"
)]

use std::{
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
use simulation::{Outcome, accounting::Account, live, seed};

/// Accounts for every media of many seeded worlds.
#[derive(Parser)]
struct Arguments {
    /// A number of seeds, or a range such as `100..200`.
    #[arg(long, default_value = "1000", value_parser = range)]
    seeds: std::ops::Range<u64>,
    /// Only this one, with everything that happened in it.
    #[arg(long)]
    seed: Option<u64>,
    /// With `--seed`: what the handlers log, too.
    #[arg(long, requires = "seed")]
    log: bool,
    /// With `--seed`: nothing but the books, as JSON.
    #[arg(long, requires = "seed", hide = true)]
    json: bool,
}

fn range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    match text.split_once("..") {
        Some((from, to)) => Ok(number(from)?..number(to)?),
        None => Ok(0..number(text)?),
    }
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let is_clean = match arguments.seed {
        Some(seed) => one(seed, &arguments)?,
        None => many(arguments.seeds)?,
    };
    Ok(if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn one(seed: u64, arguments: &Arguments) -> Result<bool> {
    if arguments.log {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .without_time()
            .init();
    }
    let Outcome {
        account,
        trace,
        took,
        violations,
        ..
    } = live(seed::plan(seed));
    if arguments.json {
        println!("{}", serde_json::to_string(&account)?);
    } else {
        println!(
            "{}\n{account}\nseed {seed}: {took:?} of its own time",
            trace.join("\n")
        );
    }
    let is_polite = violations.is_empty();
    if !is_polite {
        eprintln!("{}", violations.join("\n"));
    }
    Ok(account.is_clean() && is_polite)
}

/// What the seeds came to so far.
#[derive(Default)]
struct Sum {
    account: Account,
    done: u64,
    failed: Vec<u64>,
}

fn many(seeds: std::ops::Range<u64>) -> Result<bool> {
    let (began, all) = (Instant::now(), seeds.end.saturating_sub(seeds.start));
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Sum::default()));
    let work = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(());
            }
            let (account, is_clean) = in_a_process(seed)?;
            let mut sum = sum.lock().expect("no thread panics");
            sum.account.add(named(seed, account));
            sum.done += 1;
            if !is_clean {
                sum.failed.push(seed);
            }
            tell(&sum, all, began.elapsed());
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|it| it.join().expect("no thread panics"))
    })?;
    let mut sum = sum.into_inner().expect("no thread panics");
    sum.failed.sort_unstable();
    println!("\n{}", sum.account);
    println!(
        "{all} seeds in {} s. Stored and parked may come to more than accepted: media whose webhook was answered \
         with an error after their job was safe, and messages that are no job.",
        began.elapsed().as_secs()
    );
    for seed in &sum.failed {
        println!("seed {seed} failed. It happens again, told in full, by: make prove SEED={seed}");
    }
    if sum.failed.is_empty() {
        println!("Every accepted media is stored once, byte for byte, or parked with a reason.");
    }
    Ok(sum.failed.is_empty())
}

fn in_a_process(seed: u64) -> Result<(Account, bool)> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--json", "--seed", &seed.to_string()])
        .stderr(Stdio::piped())
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let mut account: Account = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if !told.is_empty() {
        account.unexpected.push(told.into_owned());
    }
    Ok((account, output.status.success()))
}

/// Its complaints with the seed in front.
fn named(seed: u64, mut account: Account) -> Account {
    let Account {
        lost,
        twice,
        unexpected,
        orphans,
        ..
    } = &mut account;
    for one in [lost, twice, unexpected, orphans].into_iter().flatten() {
        *one = format!("seed {seed}: {one}");
    }
    account
}

fn tell(sum: &Sum, all: u64, took: Duration) {
    let (done, failed) = (sum.done, sum.failed.len());
    print!(
        "\r{done} of {all} seeds, {failed} failed, {} s ",
        took.as_secs()
    );
    std::io::stdout()
        .flush()
        .context("stdout")
        .unwrap_or_default();
}
