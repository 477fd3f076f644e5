//! An AWS call that failed, as facts.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Which call failed and what AWS said. Never the request, which may hold a key or a body.
///
/// All of them are retried by the queue: the SDK has already retried what passes within a second or
/// two, and what a person must mend (a missing permission) is mended while the job waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {code} (HTTP {})", status.map_or_else(|| "-".to_owned(), |status| status.to_string()))]
pub struct AwsError {
    /// The operation, such as `s3:PutObject`.
    pub operation: &'static str,
    /// AWS's error code, or what kind of failure kept it from answering.
    pub code: String,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
}

impl AwsError {
    /// Keeps of an SDK error what may be shown.
    pub fn new<E: ProvideErrorMetadata>(
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = match error {
            SdkError::ServiceError(service) => {
                service.err().code().unwrap_or("an error without a code")
            }
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(_) => "no connection",
            SdkError::ResponseError(_) => "an answer that makes no sense",
            SdkError::ConstructionFailure(_) | _ => "the request could not be built",
        };
        Self { operation, code: code.to_owned(), status }
    }

    /// Whether a write to DynamoDB was refused because its condition did not hold.
    #[must_use]
    pub fn is_failed_condition(&self) -> bool {
        self.code == "ConditionalCheckFailedException"
    }

    /// An answer that AWS's documentation does not know.
    #[must_use]
    pub fn unexpected(operation: &'static str, what: &'static str) -> Self {
        Self { operation, code: what.to_owned(), status: None }
    }
}
