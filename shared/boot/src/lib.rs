//! What every `main` does first: read the environment once, set up the log, have the time and chance at hand.

pub mod clock;
pub mod environment;
pub mod random;
pub mod telemetry;
