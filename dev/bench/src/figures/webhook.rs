//! Warm webhooks: the processor's time for one, and how long its sender waits.

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::{
    bench::{Bench, Strategy},
    figures::millis,
    function::Function,
    peers::{Peer, Role},
    results::{Figure, Unit, quantile},
    stand_ins::media::{MIB, MediaFile},
};

/// Webhooks before the first that counts: until caches are full and code is compiled.
const WARM_UPS: usize = 300;
/// Webhooks of a round.
const COUNT: u32 = 300;
/// The memory size of `template.yaml`; the processor is a whole one.
const MEMORY_MB: u32 = 256;

/// Measures all peers, round by round.
pub(crate) async fn measure_webhooks(bench: &mut Bench) -> Result<()> {
    let file = Arc::new(MediaFile::make(MIB)?);
    let mut cpu = Figure::new("webhook", "CPU of a warm webhook", Unit::Microseconds);
    let mut p50 = Figure::new("webhook", "wall of a warm webhook, p50", Unit::Milliseconds);
    let mut p99 = Figure::new("webhook", "wall of a warm webhook, p99", Unit::Milliseconds);
    let mut functions: Vec<(Peer, Function)> = Vec::new();
    for peer in bench.peers.clone() {
        let (mut function, _) = bench.start(peer, Role::Webhook, MEMORY_MB).await?;
        for _ in 0..WARM_UPS {
            answer_one(bench, &mut function, &file).await?;
        }
        functions.push((peer, function));
    }
    for round in 0..bench.rounds {
        Bench::say(&format!("warm webhooks, round {} of {}", round + 1, bench.rounds));
        for (peer, function) in &mut functions {
            let mut walls = Vec::new();
            let before = function.cpu_time()?;
            for _ in 0..COUNT {
                walls.push(answer_one(bench, function, &file).await?);
            }
            let took = function.cpu_time()?.saturating_sub(before);
            cpu.add(*peer, took.as_secs_f64() * 1e6 / f64::from(COUNT));
            walls.sort_by(f64::total_cmp);
            p50.add(*peer, quantile(&walls, 0.5).unwrap_or_default());
            p99.add(*peer, quantile(&walls, 0.99).unwrap_or_default());
        }
    }
    for (_, function) in functions {
        function.stop().await?;
    }
    bench.figures.extend([cpu, p50, p99]);
    Ok(())
}

/// Has a function answer a new webhook, and returns the milliseconds that it took.
async fn answer_one(
    bench: &mut Bench,
    function: &mut Function,
    file: &Arc<MediaFile>,
) -> Result<f64> {
    let webhook = bench.announce(&Strategy::Cdn.instance(0), file)?.webhook;
    let (answer, taken) = function.invoke(webhook).await?;
    ensure!(answer.contains("200"), "the webhook function answered {answer}");
    bench.world.origins.forget_files();
    Ok(millis(taken.wall))
}
