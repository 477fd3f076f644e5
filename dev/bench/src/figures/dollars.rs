//! Lambda's bill for a million media, waiting included, at each memory size.
//!
//! A media message is one webhook and one record of the download function, alone or in a batch of
//! ten of one instance, while W-API takes two seconds to answer. Prices are in `prices.json`.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    bench::{Bench, Strategy},
    function::Function,
    peers::{Peer, Role},
    results::{Figure, Unit},
    stand_ins::media::MediaFile,
};

const PRICES: &str = include_str!("../../prices.json");
/// The architecture that the template deploys if nobody chooses another.
const ARCHITECTURE: &str = "arm64";
/// The memory sizes, in MB.
const MEMORY_MB: [u32; 4] = [128, 256, 512, 1024];
/// How long W-API takes to answer.
const DELAY: Duration = Duration::from_secs(2);
/// The size of a usual media file, in bytes: 300 KB.
const SIZE: u64 = 300_000;
const BATCH_SIZE: usize = 10;
/// Webhooks whose mean is a sample.
const WEBHOOKS: u32 = 50;
/// How often each figure is measured at most: a round takes a minute.
const MAX_ROUNDS: usize = 1;

/// Lambda's prices.
struct Prices {
    gb_second: f64,
    million_requests: f64,
}

impl Prices {
    fn read() -> Result<Self> {
        let prices: Value = serde_json::from_str(PRICES).context("prices.json")?;
        let number = |pointer: &str| {
            let value = prices.pointer(pointer).and_then(Value::as_f64);
            value.with_context(|| format!("prices.json has no {pointer}"))
        };
        Ok(Self {
            gb_second: number(&format!("/dollars_per_gb_second/{ARCHITECTURE}"))?,
            million_requests: number("/dollars_per_million_requests")?,
        })
    }

    /// The price of a million invocations that take this long, rounded up to milliseconds.
    fn of_million(&self, memory_mb: u32, wall: Duration) -> f64 {
        let billed = (wall.as_secs_f64() * 1e3).ceil() / 1e3;
        let gb = f64::from(memory_mb) / 1024.0;
        self.million_requests + billed * gb * self.gb_second * 1e6
    }
}

/// Measures all peers at each memory size.
pub(crate) async fn measure_dollars(bench: &mut Bench) -> Result<()> {
    let prices = Prices::read()?;
    let file = Arc::new(MediaFile::make(SIZE)?);
    bench.world.origins.set_delay(DELAY);
    for memory_mb in MEMORY_MB {
        let figure = |how: &str| {
            let name = format!("US$ per million media, {how}, {memory_mb} MB");
            Figure::new("dollars", name, Unit::Dollars)
        };
        let (mut together, mut alone) = (figure("ten at once"), figure("one by one"));
        for round in 0..bench.rounds.min(MAX_ROUNDS) {
            Bench::say(&format!("the bill at {memory_mb} MB, round {}", round + 1));
            for peer in bench.peers.clone().into_iter().filter(|peer| *peer != Peer::Unprimed) {
                let webhook = time_webhook(bench, peer, memory_mb, &file).await?;
                let Some(stored) = time_records(bench, peer, memory_mb, &file).await? else {
                    continue;
                };
                let webhook = prices.of_million(memory_mb, webhook);
                let batch = prices.of_million(memory_mb, stored.batch);
                #[expect(clippy::cast_precision_loss, reason = "ten")]
                together.add(peer, webhook + batch / BATCH_SIZE as f64);
                alone.add(peer, webhook + prices.of_million(memory_mb, stored.one));
            }
        }
        bench.figures.extend([together, alone]);
    }
    bench.world.origins.set_delay(Duration::ZERO);
    Ok(())
}

/// The mean time of a warm webhook.
async fn time_webhook(
    bench: &mut Bench,
    peer: Peer,
    memory_mb: u32,
    file: &Arc<MediaFile>,
) -> Result<Duration> {
    let (mut function, _) = bench.start(peer, Role::Webhook, memory_mb).await?;
    let mut sum = Duration::ZERO;
    for n in 0..2 * WEBHOOKS {
        if n == WEBHOOKS {
            function.set_memory(memory_mb);
        }
        let webhook = bench.announce(&Strategy::Wapi.instance(0), file)?.webhook;
        let (answer, taken) = function.invoke(webhook).await?;
        ensure!(answer.contains("200"), "the webhook function answered {answer}");
        if n >= WEBHOOKS {
            sum += taken.wall;
        }
    }
    function.stop().await?;
    Ok(sum / WEBHOOKS)
}

/// The times of warm invocations.
struct Stored {
    one: Duration,
    batch: Duration,
}

/// Stores one record, and a batch; `None` if the process took more memory than it would have.
async fn time_records(
    bench: &mut Bench,
    peer: Peer,
    memory_mb: u32,
    file: &Arc<MediaFile>,
) -> Result<Option<Stored>> {
    let instances = vec![Strategy::Wapi.instance(0); BATCH_SIZE];
    let jobs = bench.make_jobs(peer, &instances, file).await?;
    let first = jobs.get(..1).context("a job")?;
    let (mut function, _) = bench.start(peer, Role::Download, memory_mb).await?;
    bench.world.origins.set_delay(Duration::ZERO);
    time_batch(bench, &mut function, &jobs).await?;
    bench.world.origins.set_delay(DELAY);
    function.set_memory(memory_mb);
    let one = time_batch(bench, &mut function, first).await?;
    let batch = time_batch(bench, &mut function, &jobs).await?;
    let fits = function.peak_mib()? <= f64::from(memory_mb);
    function.stop().await?;
    bench.world.origins.forget_files();
    Ok(fits.then_some(Stored { one, batch }))
}

async fn time_batch(
    bench: &mut Bench,
    function: &mut Function,
    jobs: &[String],
) -> Result<Duration> {
    Ok(bench.store_batch(function, jobs, SIZE).await?.1.wall)
}
