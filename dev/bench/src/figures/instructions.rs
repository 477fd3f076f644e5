//! Instructions of the product, counted by callgrind: nearly the same on a busy machine.
//!
//! A process runs with few invocations and another with more; the difference is theirs alone.
//! `instructions.json` has the baseline of each architecture, and more than 5 % above it is a
//! failure.

use std::{fs, path::Path, process::Command, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Strategy},
    events::sqs_event,
    function::Function,
    peers::{Peer, Program, Role},
    results::{Figure, Unit},
    stand_ins::media::{MIB, MediaFile},
};

/// How much more than the baseline is a failure.
const MAX_GROWTH: f64 = 1.05;
/// The file of baselines, in the project's root.
const BASELINE: &str = "dev/bench/instructions.json";

/// What is counted: the name, the function, the size of the file, and how many invocations the two
/// processes have.
const COUNTED: [(&str, Role, u64, [usize; 2]); 3] = [
    ("webhook", Role::Webhook, MIB, [20, 120]),
    ("64 KiB by cdn", Role::Download, 64 * 1024, [5, 25]),
    ("1 MiB by cdn", Role::Download, MIB, [2, 8]),
];

/// What is done with the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Baseline {
    /// It is compared.
    Check,
    /// It is written.
    Write,
}

/// Counts, and checks or writes the baseline.
pub(crate) async fn count_instructions(
    bench: &mut Bench,
    root: &Path,
    baseline: Baseline,
) -> Result<()> {
    let version = Command::new("valgrind").arg("--version").output();
    ensure!(version.is_ok(), "valgrind is missing. Remedy: install the package valgrind");
    let mut counted = Vec::new();
    for (name, role, size, counts) in COUNTED {
        Bench::say(&format!("instructions: {name}"));
        let file = Arc::new(MediaFile::make(size)?);
        let [few, many] = counts;
        let (least, most) = (
            count_process(bench, role, &file, few).await?,
            count_process(bench, role, &file, many).await?,
        );
        #[expect(clippy::cast_precision_loss, reason = "billions")]
        let each = most.saturating_sub(least) as f64 / (many - few) as f64;
        counted.push((name, each));
        let name = format!("instructions, {name}");
        bench.figures.push(Figure::single("instructions", name, Unit::Count, each));
    }
    match baseline {
        Baseline::Check => check_baseline(root, &counted),
        Baseline::Write => write_baseline(root, &counted),
    }
}

/// Runs a process with this many invocations, and returns how many instructions it took in all.
async fn count_process(
    bench: &mut Bench,
    role: Role,
    file: &Arc<MediaFile>,
    count: usize,
) -> Result<u64> {
    let instance = Strategy::Cdn.instance(0);
    let (job, _) = bench.make_job(Peer::Product, &instance, file).await?;
    let program = bench.built.program(Peer::Product, role, 512, &bench.world);
    let output = bench.built.logs.join(format!("callgrind-{}.out", role.name()));
    let program = under_callgrind(program, &output);
    let mut function = Function::start(&program).await?;
    function.wait_for_init().await?;
    for _ in 0..count {
        let event = match role {
            Role::Webhook => bench.announce(&instance, file)?.webhook,
            Role::Download => sqs_event(std::slice::from_ref(&job)),
        };
        let (answer, _) = function.invoke(event).await?;
        let is_right = answer.contains("200") || answer == crate::bench::ALL_STORED;
        ensure!(is_right, "the function answered {answer}");
    }
    function.end_gently().await?;
    let text = fs::read_to_string(&output).context("callgrind's output")?;
    fs::remove_file(&output)?;
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(totals.context("callgrind's totals")?.trim().parse()?)
}

/// The program as an argument of callgrind.
fn under_callgrind(program: Program, output: &Path) -> Program {
    let arguments = vec![
        "--tool=callgrind".to_owned(),
        "--quiet".to_owned(),
        format!("--callgrind-out-file={}", output.display()),
        program.path.display().to_string(),
    ];
    Program { path: "/usr/bin/env".into(), arguments: with_name(arguments), ..program }
}

fn with_name(arguments: Vec<String>) -> Vec<String> {
    std::iter::once("valgrind".to_owned()).chain(arguments).collect()
}

fn read_baselines(root: &Path) -> Result<Value> {
    let text = fs::read_to_string(root.join(BASELINE)).context(BASELINE)?;
    serde_json::from_str(&text).context(BASELINE)
}

/// Fails if a count is more than 5 % above the baseline of this architecture.
fn check_baseline(root: &Path, counted: &[(&str, f64)]) -> Result<()> {
    let baselines = read_baselines(root)?;
    let Some(baseline) = baselines.get(std::env::consts::ARCH) else {
        Bench::say("there is no baseline for this architecture");
        return Ok(());
    };
    let mut grown = Vec::new();
    for (name, count) in counted {
        let before = baseline.get(*name).and_then(Value::as_f64);
        let before = before.with_context(|| format!("{BASELINE} has no {name}"))?;
        let growth = count / before;
        Bench::say(&format!("{name}: {:+.1} % of the baseline", (growth - 1.0) * 100.0));
        if growth > MAX_GROWTH {
            grown.push(format!("{name}: {count:.0} instructions, {before:.0} before"));
        }
    }
    if grown.is_empty() {
        return Ok(());
    }
    bail!(
        "more than 5 % above the baseline:\n{}\nIf that is right: make bench ONLY=instructions \
         BASELINE=write, and say why in the commit.",
        grown.join("\n")
    )
}

/// Writes the counts of this architecture into the file.
fn write_baseline(root: &Path, counted: &[(&str, f64)]) -> Result<()> {
    let mut baselines = read_baselines(root).unwrap_or_else(|_| json!({}));
    #[expect(clippy::cast_possible_truncation, reason = "far below 2^63")]
    let counts =
        counted.iter().map(|(name, count)| ((*name).to_owned(), json!(count.round() as i64)));
    let counts: serde_json::Map<_, _> = counts.collect();
    if let Some(all) = baselines.as_object_mut() {
        all.insert(std::env::consts::ARCH.to_owned(), Value::Object(counts));
    }
    let text = serde_json::to_string_pretty(&baselines)? + "\n";
    fs::write(root.join(BASELINE), text).context(BASELINE)
}
