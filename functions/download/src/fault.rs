//! A fault on purpose: the record of one chosen message panics, so that a test sees what the
//! deployed function does.
//!
//! Whether a panic ends one record or the whole process is decided by the profile that the function
//! was compiled with, which no test of this crate can see: only one that runs the artefact of `sam
//! build`.

/// The message whose record panics: none, unless the environment names one. `template.yaml` never
/// does.
#[derive(Debug, Clone, Default)]
pub struct PlannedPanic(Option<String>);

impl PlannedPanic {
    /// Takes a message id.
    #[must_use]
    pub fn new(message_id: Option<&str>) -> Self {
        Self(message_id.map(str::to_owned).filter(|id| !id.is_empty()))
    }

    /// Panics if the queue message with this body announces the chosen message.
    #[expect(clippy::panic, reason = "that is what it is for")]
    pub(crate) fn strike(&self, body: &str) {
        if self.0.as_ref().is_some_and(|id| body.contains(id)) {
            panic!("PANIC_ON_MESSAGE names this message");
        }
    }
}
