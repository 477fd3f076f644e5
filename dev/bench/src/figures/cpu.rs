//! The processor's time for a gigabyte of media, beside the floors of the primitives.

use std::sync::Arc;

use anyhow::Result;

use crate::{
    bench::{Bench, Strategy},
    figures::floors,
    function::Function,
    peers::{Peer, Role},
    results::{Figure, Unit},
    stand_ins::media::{MIB, MediaFile},
};

/// Files of one size.
#[derive(Debug, Clone, Copy)]
struct Load {
    mib: u64,
    /// How many files are a sample.
    count: usize,
    /// How many are stored before the first sample: connections, caches, compiled code.
    warm_ups: usize,
    /// How many samples are taken at most. Large files take long and vary little.
    max_rounds: usize,
}

const LOADS: [Load; 4] = [
    Load { mib: 1, count: 150, warm_ups: 100, max_rounds: 3 },
    Load { mib: 16, count: 6, warm_ups: 4, max_rounds: 3 },
    Load { mib: 100, count: 2, warm_ups: 1, max_rounds: 2 },
    Load { mib: 500, count: 1, warm_ups: 0, max_rounds: 1 },
];
/// More than `template.yaml` has, so that no peer runs out of it; the processor is a whole one.
const MEMORY_MB: u32 = 1024;
/// Bytes in a gigabyte.
const GB: f64 = 1e9;

/// Measures all peers with warm functions, round by round, and then the floors.
pub(crate) async fn measure_cpu(bench: &mut Bench) -> Result<()> {
    for load in LOADS {
        let file = Arc::new(MediaFile::make(load.mib * MIB)?);
        for strategy in Strategy::BOTH {
            measure_size(bench, strategy, &file, load).await?;
        }
    }
    floors::measure_floors(bench).await
}

async fn measure_size(
    bench: &mut Bench,
    strategy: Strategy,
    file: &Arc<MediaFile>,
    load: Load,
) -> Result<()> {
    let name = format!("CPU s/GB, {} MiB by {}", file.size / MIB, strategy.name());
    let mut figure = Figure::new("cpu", name, Unit::SecondsPerGb);
    let mut functions: Vec<(Peer, String, Function)> = Vec::new();
    for peer in bench.peers.clone().into_iter().filter(|peer| *peer != Peer::Unprimed) {
        let (mut function, _) = bench.start(peer, Role::Download, MEMORY_MB).await?;
        let (job, _) = bench.make_job(peer, &strategy.instance(0), file).await?;
        for _ in 0..load.warm_ups {
            bench.store_batch(&mut function, std::slice::from_ref(&job), file.size).await?;
        }
        functions.push((peer, job, function));
    }
    for round in 0..bench.rounds.min(load.max_rounds) {
        Bench::say(&format!("{}, round {}", figure.name, round + 1));
        for (peer, job, function) in &mut functions {
            let before = function.cpu_time()?;
            for _ in 0..load.count {
                bench.store_batch(function, std::slice::from_ref(job), file.size).await?;
            }
            let took = function.cpu_time()?.saturating_sub(before);
            #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
            let bytes = file.size as f64 * load.count as f64;
            figure.add(*peer, took.as_secs_f64() * GB / bytes);
        }
    }
    for (_, _, function) in functions {
        function.stop().await?;
    }
    bench.figures.push(figure);
    bench.world.origins.forget_files();
    Ok(())
}
