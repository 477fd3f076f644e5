//! Starts: what init takes, and how long the first invocation waits for it.

use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::{
    bench::{Bench, Strategy},
    figures::millis,
    peers::{Peer, Role},
    results::{Figure, Unit},
    stand_ins::media::{MIB, MediaFile},
};

/// The memory sizes, in MB.
const MEMORY_MB: [u32; 4] = [128, 256, 512, 1024];
/// The memory size if only init is measured.
const INIT_MEMORY_MB: [u32; 1] = [512];

/// The figures of one function.
struct Starts {
    cpu: Figure,
    wall: Figure,
    cold: Vec<(u32, Figure)>,
}

impl Starts {
    fn new(role: Role, sizes: &[u32]) -> Self {
        let init = |what| format!("init {what}, {}", role.name());
        let until = match role {
            Role::Webhook => "first webhook answered",
            Role::Download => "1 MiB stored by cdn",
        };
        let cold = sizes.iter().map(|&size| {
            let name = format!("cold → {until}, {size} MB");
            (size, Figure::new("cold", name, Unit::Milliseconds))
        });
        Self {
            cpu: Figure::new("init", init("CPU"), Unit::Milliseconds),
            wall: Figure::new("init", init("wall"), Unit::Milliseconds),
            cold: cold.collect(),
        }
    }
}

/// Measures init alone.
pub(crate) async fn measure_init(bench: &mut Bench) -> Result<()> {
    measure(bench, &INIT_MEMORY_MB, false).await
}

/// Measures init, and the first invocation at several memory sizes.
pub(crate) async fn measure_cold(bench: &mut Bench) -> Result<()> {
    measure(bench, &MEMORY_MB, true).await
}

async fn measure(bench: &mut Bench, sizes: &[u32], is_invoked: bool) -> Result<()> {
    let file = Arc::new(MediaFile::make(MIB)?);
    for role in Role::BOTH {
        let mut starts = Starts::new(role, sizes);
        for round in 0..bench.rounds {
            Bench::say(&format!("{} starts, round {} of {}", role.name(), round + 1, bench.rounds));
            for size in sizes {
                for peer in bench.peers.clone() {
                    measure_start(bench, (peer, role, *size), &file, &mut starts, is_invoked)
                        .await?;
                }
            }
        }
        bench.figures.extend([starts.cpu, starts.wall]);
        if is_invoked {
            bench.figures.extend(starts.cold.into_iter().map(|(_, figure)| figure));
        }
    }
    Ok(())
}

async fn measure_start(
    bench: &mut Bench,
    (peer, role, memory_mb): (Peer, Role, u32),
    file: &Arc<MediaFile>,
    starts: &mut Starts,
    is_invoked: bool,
) -> Result<()> {
    let instance = Strategy::Cdn.instance(0);
    let webhook = bench.announce(&instance, file)?.webhook;
    let job = match role {
        Role::Webhook => None,
        Role::Download => Some(bench.make_job(peer, &instance, file).await?.0),
    };
    let (mut function, init) = bench.start(peer, role, memory_mb).await?;
    starts.cpu.add(peer, millis(init.cpu));
    starts.wall.add(peer, millis(init.wall));
    if is_invoked {
        function.set_memory(memory_mb);
        let taken = match job {
            None => {
                let (answer, taken) = function.invoke(webhook).await?;
                ensure!(answer.contains("200"), "the webhook function answered {answer}");
                taken
            }
            Some(job) => bench.store_batch(&mut function, &[job], file.size).await?.1,
        };
        for (size, figure) in &mut starts.cold {
            if *size == memory_mb {
                figure.add(peer, millis(init.wall + taken.wall));
            }
        }
    }
    function.stop().await
}
