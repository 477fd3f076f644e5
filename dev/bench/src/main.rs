//! `make bench`: the product beside what people would write instead, on this machine, in one run.
//!
//! Real processes are fed by an emulator of Lambda's runtime API. What they talk to is in this
//! process, over TLS, and its processor time is not counted. README.md beside this crate says what
//! is measured and what is not.

mod bench;
mod build;
mod cgroup;
mod chart;
mod events;
mod figures;
mod function;
mod machine;
mod peers;
mod results;
mod runtime_api;
mod stand_ins;
mod table;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use serde_json::Value;

use crate::{
    bench::Bench, events::Announcer, figures::instructions::Baseline, peers::Peer, results::Figure,
    stand_ins::World,
};

/// Measures the product beside its peers.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Only these parts, separated by commas.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// How often each figure is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Leave out these peers, separated by commas: unprimed, node, python.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// What is done with the baseline of instructions.
    #[arg(long, default_value = "check")]
    baseline: Baseline,
    /// Also write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also write the table as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Also draw the chart, as SVG.
    #[arg(long)]
    chart: Option<PathBuf>,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Init,
    Cold,
    Webhook,
    Batch,
    Cpu,
    Memory,
    Size,
    Dollars,
    /// The product's alone: no peer is built if nothing else is measured.
    Instructions,
}

impl Part {
    /// All that a run without `--only` measures. `init` is contained in `cold`.
    const ALL: [Self; 8] = [
        Self::Cold,
        Self::Webhook,
        Self::Batch,
        Self::Cpu,
        Self::Memory,
        Self::Size,
        Self::Dollars,
        Self::Instructions,
    ];

    async fn measure(self, bench: &mut Bench, root: &Path, baseline: Baseline) -> Result<()> {
        match self {
            Self::Init => figures::cold::measure_init(bench).await,
            Self::Cold => figures::cold::measure_cold(bench).await,
            Self::Webhook => figures::webhook::measure_webhooks(bench).await,
            Self::Batch => figures::batch::measure_batches(bench).await,
            Self::Cpu => figures::cpu::measure_cpu(bench).await,
            Self::Memory => figures::memory::measure_memory(bench).await,
            Self::Size => figures::size::measure_sizes(bench),
            Self::Dollars => figures::dollars::measure_dollars(bench).await,
            Self::Instructions => {
                figures::instructions::count_instructions(bench, root, baseline).await
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let root = build::project_root()?;
    let parts = if arguments.only.is_empty() { Part::ALL.to_vec() } else { arguments.only };
    let is_alone = parts.iter().all(|part| *part == Part::Instructions);
    let without = |peer: &Peer| is_alone || arguments.without.iter().any(|one| one == peer.name());
    let mut peers = Peer::ALL.to_vec();
    peers.retain(|peer| *peer == Peer::Product || !without(peer));
    Bench::say("compiling the functions as for deployment");
    let built = build::build_all(&root, &peers)?;
    let folder = root.join(".local/bench");
    let world = World::start(&folder).await?;
    let machine = machine::describe(world.count_roots());
    let mut bench =
        Bench::new((world, built), Announcer::new(&root)?, peers.clone(), arguments.rounds);
    figures::check::check_peers(&mut bench).await?;
    let mut outcome = Ok(());
    for part in parts {
        outcome = part.measure(&mut bench, &root, arguments.baseline).await;
        if outcome.is_err() {
            break;
        }
    }
    bench.end_job_makers().await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", table::draw(&bench.figures, &peers, false))?;
    writeln!(out, "{}", machine::sentence(&machine))?;
    writeln!(out, "{} s", started.elapsed().as_secs())?;
    // What was measured before a failure is shown, and not written.
    outcome?;
    let files = [
        (arguments.json, json_text(&machine, &bench.figures)?),
        (arguments.markdown, table::draw(&bench.figures, &peers, true) + "\n"),
        (arguments.chart, chart::draw(&bench.figures, &machine::sentence(&machine))?),
    ];
    for (path, text) in files {
        if let Some(path) = path {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn json_text(machine: &Value, figures: &[Figure]) -> Result<String> {
    Ok(serde_json::to_string_pretty(&results::to_json(machine, figures))? + "\n")
}
