//! Peak memory: what a new process holds while it stores one file, from 64 KB to 2 GB.

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::{
    bench::{Bench, Strategy},
    peers::{Peer, Role},
    results::{Figure, Unit},
    stand_ins::media::{MIB, MediaFile},
};

/// The sizes of the files, and their names. `WhatsApp` allows documents of 2 GB.
const SIZES: [(u64, &str); 5] = [
    (64 * 1024, "64 KB"),
    (MIB, "1 MiB"),
    (16 * MIB, "16 MiB"),
    (100 * MIB, "100 MiB"),
    (2048 * MIB - 16, "2 GB"),
];
/// The memory size of `template.yaml`; the processor is a whole one.
const MEMORY_MB: u32 = 512;
/// Maximum peak of the product for any size, in MiB.
const MAX_PEAK_MIB: f64 = 64.0;
/// Records in the batch that is stored at once.
const BATCH_SIZE: usize = 10;

/// Measures every size by both strategies, then a batch of ten of 16 MiB.
pub(crate) async fn measure_memory(bench: &mut Bench) -> Result<()> {
    let mut worst: f64 = 0.0;
    for strategy in Strategy::BOTH {
        for (size, name) in SIZES {
            let file = Arc::new(MediaFile::make(size)?);
            let name = format!("peak memory, {name} by {}", strategy.name());
            worst = worst.max(measure_peaks(bench, strategy, &file, (1, name)).await?);
        }
    }
    let file = Arc::new(MediaFile::make(16 * MIB)?);
    let name = "peak memory, 10 × 16 MiB at once by cdn".to_owned();
    worst = worst.max(measure_peaks(bench, Strategy::Cdn, &file, (BATCH_SIZE, name)).await?);
    ensure!(worst <= MAX_PEAK_MIB, "the peak must stay under {MAX_PEAK_MIB} MiB; it is {worst:.1}");
    Ok(())
}

/// Measures one size for every peer, and returns the product's peak.
async fn measure_peaks(
    bench: &mut Bench,
    strategy: Strategy,
    file: &Arc<MediaFile>,
    (count, name): (usize, String),
) -> Result<f64> {
    Bench::say(&name);
    let mut figure = Figure::new("memory", name, Unit::Mib);
    // A peer's 2 GB take a minute, and by link as much memory as by cdn.
    let is_long = strategy == Strategy::Wapi && file.size > 100 * MIB;
    let is_measured = |peer: &Peer| match peer {
        Peer::Product => true,
        Peer::Node | Peer::Python => !is_long,
        Peer::Unprimed => false,
    };
    for peer in bench.peers.clone().into_iter().filter(is_measured) {
        let instances: Vec<_> = (0..count).map(|n| strategy.instance(n)).collect();
        let jobs = bench.make_jobs(peer, &instances, file).await?;
        let (mut function, _) = bench.start(peer, Role::Download, MEMORY_MB).await?;
        bench.store_batch(&mut function, &jobs, file.size).await?;
        figure.add(peer, function.peak_mib()?);
        function.stop().await?;
    }
    let peak = figure.summary(Peer::Product).map_or(0.0, |summary| summary.max);
    bench.figures.push(figure);
    bench.world.origins.forget_files();
    Ok(peak)
}
