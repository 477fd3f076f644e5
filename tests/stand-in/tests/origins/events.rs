//! The committed events, compared with the catalogue.

use std::collections::HashSet;
use std::process::Command;

use anyhow::{Context, Result};
use stand_in::{CdnScenario, StandIn, WapiScenario, events};

#[test]
fn committed_events_equal_the_catalogue() -> Result<()> {
    let dir = events::committed_dir();
    let fresh = std::env::temp_dir().join(format!("stand-in-events-{}", std::process::id()));
    std::fs::create_dir_all(&fresh)?;
    events::write_catalogue(&fresh)?;
    let (committed, made) = (events::read_folder(&dir)?, events::read_folder(&fresh)?);
    std::fs::remove_dir_all(&fresh)?;
    for ((committed_stem, committed), (stem, made)) in committed.iter().zip(&made) {
        assert_eq!(committed_stem, stem);
        assert_eq!(committed, made, "{stem}.json: cargo run -p stand-in -- --write-events events");
    }
    assert_eq!(committed.len(), made.len());
    Ok(())
}

#[tokio::test]
async fn every_event_is_served_with_its_own_file() -> Result<()> {
    let stand_in = StandIn::start().await?;
    let events =
        stand_in.load_events(&events::committed_dir(), |_| (WapiScenario::Ok, CdnScenario::Ok))?;
    let mut files = HashSet::new();
    let mut ids = HashSet::new();
    for event in events.iter().filter_map(|event| event.announced.as_ref()) {
        assert!(files.insert(event.sha256_hex.clone()), "{}", event.seed);
        assert!(ids.insert(event.message_id.clone()), "{}", event.seed);
    }
    assert!(files.len() >= 28, "{}", files.len());
    stand_in.shutdown().await;
    Ok(())
}

#[test]
fn the_command_explains_itself() -> Result<()> {
    let help = Command::new(env!("CARGO_BIN_EXE_stand-in")).arg("--help").output()?;
    let text = String::from_utf8(help.stdout)?;
    assert!(help.status.success());
    text.contains("--events").then_some(()).context(text)
}
