//! Runs the stand-in as a process: prints its addresses as one line of JSON and serves until it
//! is stopped.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use serde_json::json;
use stand_in::{CdnScenario, DEFAULT_INSTANCE, DEFAULT_TOKEN, StandIn, WapiScenario, events};

/// A stand-in for W-API and WhatsApp's CDN on loopback.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Port of W-API and of /control; 0 selects a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the CDN.
    #[arg(long, default_value_t = 0)]
    cdn_port: u16,
    /// Port of the CDN's fallback host.
    #[arg(long, default_value_t = 0)]
    fallback_port: u16,
    /// Serve the media file of every event in this folder.
    #[arg(long)]
    events: Option<PathBuf>,
    /// Write the catalogue of events into this folder and exit.
    #[arg(long)]
    write_events: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    if let Some(dir) = arguments.write_events {
        writeln!(out, "{} events written", events::write_catalogue(&dir)?)?;
        return Ok(());
    }
    let stand_in =
        StandIn::start_on(arguments.port, arguments.cdn_port, arguments.fallback_port).await?;
    let mut loaded = 0;
    if let Some(dir) = arguments.events {
        loaded = stand_in.load_events(&dir, |_| (WapiScenario::Ok, CdnScenario::Ok))?.len();
    }
    let addresses = json!({
        "wapi": stand_in.wapi_base(),
        "cdn": stand_in.cdn_base(),
        "cdn_fallback": stand_in.cdn_fallback_base(),
        "control": stand_in.control_base(),
        "instance": DEFAULT_INSTANCE,
        "token": DEFAULT_TOKEN,
        "events": loaded,
    });
    writeln!(out, "{addresses}")?;
    out.flush()?;
    drop(out);
    std::future::pending().await
}
