//! What every `main` does first: read the environment once, set up the log, know the time.

pub mod clock;
pub mod environment;
pub mod telemetry;
