//! Why an event is not published yet.

use aws::{error::AwsError, queues::SendError};

/// Why an event is not published yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("the event could not be written as JSON")]
    NotJson(#[from] serde_json::Error),
    #[error("the operating system returned no random bytes")]
    NoRandomBytes,
    #[error("the event bus did not take it")]
    RefusedByBus,
}
