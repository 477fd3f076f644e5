//! Before anything is measured: every peer stores the sender's bytes.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use crate::{
    bench::{Bench, Strategy},
    peers::{Peer, Role},
    stand_ins::media::{MIB, MediaFile},
};

/// One part, and several.
const SIZES: [u64; 2] = [64 * 1024, 20 * MIB];

/// Has each peer store a small and a large file by each strategy, and compares their hashes with
/// the senders'.
pub(crate) async fn check_peers(bench: &mut Bench) -> Result<()> {
    Bench::say("checking that every peer stores the sender's bytes");
    bench.world.aws.set_hashes(true);
    for peer in bench.peers.clone() {
        let checked = check_peer(bench, peer).await;
        checked.with_context(|| format!("the check of {}", peer.name()))?;
    }
    bench.world.aws.set_hashes(false);
    Ok(())
}

async fn check_peer(bench: &mut Bench, peer: Peer) -> Result<()> {
    let (mut function, _) = bench.start(peer, Role::Download, 1024).await?;
    for strategy in Strategy::BOTH {
        for size in SIZES {
            let file = Arc::new(MediaFile::make(size)?);
            let (job, _) = bench.make_job(peer, &strategy.instance(0), &file).await?;
            let (stored, _) = bench.store_batch(&mut function, &[job], size).await?;
            let stored = stored.first().and_then(|one| one.sha256.clone());
            ensure!(
                stored.as_ref() == Some(&file.plain_sha256),
                "{size} bytes by {}: {stored:?} is not {}",
                strategy.name(),
                file.plain_sha256
            );
        }
    }
    function.stop().await
}
