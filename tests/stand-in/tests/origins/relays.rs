//! The relays in front of the listeners: cut, refusing, and back on the same port with the same
//! media files.

use std::time::{Duration, Instant};

use crate::client::get_cdn;
use anyhow::{Result, bail};
use stand_in::{CdnScenario, Kind, Spec, StandIn};

#[tokio::test]
async fn a_cut_relay_returns_with_the_same_files() -> Result<()> {
    let (stand_in, mut relays) = StandIn::start_behind_relays().await?;
    let media = stand_in.announce(Spec::of(Kind::Image))?;
    let base = stand_in.cdn_base();
    let get = || get_cdn(&base, &media.direct_path, None);
    assert_eq!(get().await?.status, 200);
    relays.cdn.cut().await?;
    relays.cdn.cut().await?;
    assert!(get().await.is_err(), "a cut relay still answers");
    assert!(
        get_cdn(&stand_in.cdn_fallback_base(), &media.direct_path, None).await?.complete,
        "the other relays are not affected"
    );
    relays.cdn.restore()?;
    relays.cdn.restore()?;
    let again = get().await?;
    assert_eq!((again.status, again.complete), (200, true));
    Ok(())
}

#[tokio::test]
async fn a_broken_connection_truncates_the_file() -> Result<()> {
    let (stand_in, relays) = StandIn::start_behind_relays().await?;
    let slow = CdnScenario::SlowDrip { bytes_per_second: 20_000 };
    let media = stand_in.announce(Spec::of(Kind::Video).size(200_000).cdn(slow))?;
    let base = stand_in.cdn_base();
    let getting = tokio::spawn(async move { get_cdn(&base, &media.direct_path, None).await });
    let begun = Instant::now();
    while relays.cdn.break_connections() == 0 {
        if begun.elapsed() > Duration::from_secs(20) {
            bail!("no client connected");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // If the connection broke before the head, there is no answer.
    let is_whole = getting.await?.is_ok_and(|answer| answer.complete);
    assert!(!is_whole, "a broken connection brought the whole file");
    Ok(())
}
