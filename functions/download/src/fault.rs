//! A planned fault: the record of one chosen message panics, so that a test can see what the
//! deployed function does.
//!
//! The profile that the function was compiled with decides whether a panic ends one record or the
//! whole process. Only a test of the artefact of `sam build` can see that.

/// The message whose record panics. `template.yaml` never names one.
#[derive(Debug, Clone, Default)]
pub struct PlannedPanic(Option<String>);

impl PlannedPanic {
    /// Takes a message id.
    #[must_use]
    pub fn new(message_id: Option<&str>) -> Self {
        Self(message_id.map(str::to_owned).filter(|id| !id.is_empty()))
    }

    /// Panics if the queue message with this body announces the chosen message.
    #[expect(clippy::panic, reason = "the panic is its purpose")]
    pub(crate) fn panic_if_planned(&self, body: &str) {
        if self.0.as_ref().is_some_and(|id| body.contains(id)) {
            panic!("PANIC_ON_MESSAGE names this message");
        }
    }
}
