//! What every `main` sets up first: environment, log, clock and random numbers.

pub mod clock;
pub mod environment;
pub mod random;
pub mod telemetry;
