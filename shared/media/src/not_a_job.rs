//! The error for a queue message that is not a job.

/// The body is not a job: an unknown version, or something else. The error has no source, because
/// the parser's message may quote the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue message is not a job that this version understands")]
pub struct NotAJob;
