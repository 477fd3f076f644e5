//! The log: JSON lines on standard output, one per event, fields at the top level.

use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

use crate::environment::Environment;

/// Our own crates, whose level `LOG_LEVEL` sets. Libraries stay at `warn`: at lower levels they print what
/// they send, and that holds tokens and signed paths.
const OURS: [&str; 6] = ["webhook", "download", "fetch", "aws", "media", "wapi"];

/// Starts logging. A second call changes nothing.
pub fn start(environment: &Environment) {
    let level = environment
        .optional("LOG_LEVEL")
        .unwrap_or("info")
        .to_ascii_lowercase();
    let directives = OURS.map(|name| format!("{name}={level}")).join(",");
    let filter =
        EnvFilter::try_new(format!("warn,{directives}")).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_span_events(FmtSpan::NONE)
        .with_env_filter(filter);
    if subscriber.try_init().is_err() {
        tracing::debug!("logging has been started before");
    }
}
