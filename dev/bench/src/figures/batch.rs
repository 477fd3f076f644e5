//! Batches of ten media of 1 MiB while W-API takes a while, and while one of its calls hangs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;

use crate::{
    bench::{Bench, Strategy},
    events::sqs_event,
    figures::millis,
    function::Function,
    peers::{Peer, Role},
    results::{Figure, Unit},
    stand_ins::media::{MIB, MediaFile},
};

/// How long W-API takes to answer.
const DELAY: Duration = Duration::from_millis(100);
const BATCH_SIZE: usize = 10;
/// The time between two peers' batches that hang: enough for the nine that do not.
const BETWEEN_PEERS: Duration = Duration::from_secs(4);
/// The memory size of `template.yaml`; the processor is a whole one.
const MEMORY_MB: u32 = 512;

/// Measures one record, ten of one instance, and ten of ten instances.
pub(crate) async fn measure_batches(bench: &mut Bench) -> Result<()> {
    bench.world.origins.set_delay(DELAY);
    let file = Arc::new(MediaFile::make(MIB)?);
    let figure =
        |what: &str| Figure::new("batch", format!("{what}, W-API in 100 ms"), Unit::Milliseconds);
    let mut kinds = [
        (vec![Strategy::Wapi.instance(0)], figure("one of 1 MiB")),
        (vec![Strategy::Wapi.instance(0); BATCH_SIZE], figure("10 × 1 MiB of one instance")),
        (
            (0..BATCH_SIZE).map(|n| Strategy::Wapi.instance(n)).collect(),
            figure("10 × 1 MiB of ten instances"),
        ),
    ];
    let mut functions: Vec<(Peer, Function)> = Vec::new();
    for peer in bench.peers.clone() {
        let (mut function, _) = bench.start(peer, Role::Download, MEMORY_MB).await?;
        // Once without a figure: caches, connections, compiled code.
        for (instances, _) in &kinds {
            let jobs = bench.make_jobs(peer, instances, &file).await?;
            bench.store_batch(&mut function, &jobs, MIB).await?;
        }
        functions.push((peer, function));
    }
    for round in 0..bench.rounds {
        Bench::say(&format!("batches, round {} of {}", round + 1, bench.rounds));
        for (peer, function) in &mut functions {
            for (instances, figure) in &mut kinds {
                let jobs = bench.make_jobs(*peer, instances, &file).await?;
                let (_, taken) = bench.store_batch(function, &jobs, MIB).await?;
                figure.add(*peer, millis(taken.wall));
            }
        }
    }
    bench.figures.extend(kinds.into_iter().map(|(_, figure)| figure));
    measure_hanging(bench, functions, &file).await?;
    bench.world.origins.set_delay(Duration::ZERO);
    Ok(())
}

/// One call of ten hangs: when the last of the other nine is stored, and when the function answers,
/// which is what is billed. The product may then ask the CDN; the peers know W-API only. They wait
/// for their minute side by side, without using the processor, and begin one after the other.
async fn measure_hanging(
    bench: &mut Bench,
    functions: Vec<(Peer, Function)>,
    file: &Arc<MediaFile>,
) -> Result<()> {
    Bench::say("batches with a call that hangs");
    let mut batches = Vec::new();
    for (place, (peer, function)) in (0..).zip(functions) {
        let instance = format!("LITE-BTH000-{place:06}");
        let mut jobs = Vec::new();
        for n in 0..BATCH_SIZE {
            let (job, name) = bench.make_job(peer, &instance, file).await?;
            if n == 1 {
                bench.world.origins.hang_calls(&name);
            }
            jobs.push(job);
        }
        batches.push(HangingBatch { peer, function, instance, jobs, place });
    }
    bench.world.aws.take_stored();
    let ran = try_join_all(batches.into_iter().map(HangingBatch::run)).await?;
    let stored = bench.world.aws.take_stored();
    let figure = |what| Figure::new("batch", what, Unit::Milliseconds);
    let mut others = figure("one of ten hangs: the others stored");
    let mut billed = figure("one of ten hangs: billed");
    for RanBatch { peer, instance, started, wall } in ran {
        let its: Vec<_> = stored.iter().filter(|one| one.path.contains(&instance)).collect();
        let mut times: Vec<_> = its.iter().map(|one| one.at).collect();
        times.sort();
        // The one whose call hangs comes last, if at all.
        let last = times.get(BATCH_SIZE - 2).copied();
        let last = last.with_context(|| format!("{} stored {}", peer.name(), times.len()))?;
        others.add(peer, millis(last - started));
        billed.add(peer, millis(wall));
    }
    bench.figures.extend([others, billed]);
    Ok(())
}

/// A batch that will be run, and its place among the others.
struct HangingBatch {
    peer: Peer,
    function: Function,
    instance: String,
    jobs: Vec<String>,
    place: usize,
}

/// A batch that was run.
struct RanBatch {
    peer: Peer,
    instance: String,
    started: Instant,
    wall: Duration,
}

impl HangingBatch {
    async fn run(mut self) -> Result<RanBatch> {
        let turn = BETWEEN_PEERS * u32::try_from(self.place)?;
        tokio::time::sleep(turn).await;
        let started = Instant::now();
        let (_, taken) = self.function.invoke(sqs_event(&self.jobs)).await?;
        self.function.stop().await?;
        let Self { peer, instance, .. } = self;
        Ok(RanBatch { peer, instance, started, wall: taken.wall })
    }
}
