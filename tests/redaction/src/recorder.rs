//! The log of this process, kept in memory: for tests that search what they caused.

use crate::listener;

/// Keeps this process's log lines, at `TRACE`, those of other tests too: they must be as silent.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recorder;

impl Recorder {
    /// Begins.
    #[must_use]
    pub fn start() -> Self {
        listener::record();
        Self
    }

    /// What was logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&listener::recorded()).into_owned()
    }
}
