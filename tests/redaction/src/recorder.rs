//! The log of this process, kept in memory for tests that search their own output.

use crate::listener;

/// Keeps this process's log lines, at `TRACE`. Lines of other tests are kept too and must be as
/// silent.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recorder;

impl Recorder {
    /// Starts keeping log lines.
    #[must_use]
    pub fn start() -> Self {
        listener::record_in_memory();
        Self
    }

    /// Everything logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&listener::recorded_lines()).into_owned()
    }
}
