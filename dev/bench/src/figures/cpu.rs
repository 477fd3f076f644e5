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

/// The sizes of files in MiB, how many of each are a sample, and how many are stored before.
const SIZES: [(u64, usize, usize); 4] = [(1, 40, 40), (16, 6, 4), (100, 2, 1), (500, 1, 0)];
/// More than `template.yaml` has, so that no peer runs out of it; the processor is a whole one.
const MEMORY_MB: u32 = 1024;
/// Bytes in a gigabyte.
const GB: f64 = 1e9;
/// How often each size is measured at most: a round takes a minute.
const MAX_ROUNDS: usize = 3;

/// Measures all peers with warm functions, round by round, and then the floors.
pub(crate) async fn measure_cpu(bench: &mut Bench) -> Result<()> {
    for (mib, count, warm_ups) in SIZES {
        let file = Arc::new(MediaFile::make(mib * MIB)?);
        for strategy in Strategy::BOTH {
            measure_size(bench, strategy, &file, (count, warm_ups)).await?;
        }
    }
    floors::measure_floors(bench).await
}

async fn measure_size(
    bench: &mut Bench,
    strategy: Strategy,
    file: &Arc<MediaFile>,
    (count, warm_ups): (usize, usize),
) -> Result<()> {
    let name = format!("CPU s/GB, {} MiB by {}", file.size / MIB, strategy.name());
    let mut figure = Figure::new("cpu", name, Unit::SecondsPerGb);
    let mut functions: Vec<(Peer, String, Function)> = Vec::new();
    for peer in bench.peers.clone().into_iter().filter(|peer| *peer != Peer::Unprimed) {
        let (mut function, _) = bench.start(peer, Role::Download, MEMORY_MB).await?;
        let (job, _) = bench.make_job(peer, &strategy.instance(0), file).await?;
        // Once without a figure: connections, caches, compiled code, and the memory it keeps.
        for _ in 0..warm_ups {
            bench.store_batch(&mut function, std::slice::from_ref(&job), file.size).await?;
        }
        functions.push((peer, job, function));
    }
    for round in 0..bench.rounds.min(MAX_ROUNDS) {
        Bench::say(&format!("{}, round {}", figure.name, round + 1));
        for (peer, job, function) in &mut functions {
            let before = function.cpu_time()?;
            for _ in 0..count {
                bench.store_batch(function, std::slice::from_ref(job), file.size).await?;
            }
            let took = function.cpu_time()?.saturating_sub(before);
            #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
            let bytes = file.size as f64 * count as f64;
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
