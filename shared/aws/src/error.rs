//! The error of an AWS call: which operation failed, and AWS's error code.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Which operation failed, and how. Never holds the request, which may contain a key or a body.
///
/// The queue retries the job after every such error. The SDK has already retried errors that pass
/// within a second or two; an error that a person must fix, such as a missing permission, is fixed
/// while the job waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {code} (HTTP {})", status.map_or_else(|| "-".to_owned(), |status| status.to_string()))]
pub struct AwsError {
    /// The operation, such as `s3:PutObject`.
    pub operation: &'static str,
    /// AWS's error code; without a response, the kind of failure, such as `timeout`.
    pub code: String,
    /// The HTTP status; `None` without a response.
    pub status: Option<u16>,
}

impl AwsError {
    /// Keeps the parts of an SDK error that may be shown: operation, error code and HTTP status.
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
            SdkError::ResponseError(_) => "an unreadable response",
            SdkError::ConstructionFailure(_) | _ => "the request could not be built",
        };
        Self { operation, code: code.to_owned(), status }
    }

    /// For `map_err`: makes an error of this operation from what the SDK returned.
    pub fn in_operation<E: ProvideErrorMetadata>(
        operation: &'static str,
    ) -> impl FnOnce(SdkError<E, HttpResponse>) -> Self {
        move |error| Self::new(operation, &error)
    }

    /// Whether DynamoDB refused a write because its condition did not hold. Of a transaction, any
    /// reason to cancel it counts: the register's transactions have no other.
    #[must_use]
    pub fn is_failed_condition(&self) -> bool {
        matches!(
            self.code.as_str(),
            "ConditionalCheckFailedException" | "TransactionCanceledException"
        )
    }

    /// Whether AWS refused the call because the caller's policies do not allow it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        // SQS's code before it spoke JSON has a prefix.
        matches!(
            self.code.as_str(),
            "AccessDenied" | "AccessDeniedException" | "AWS.SimpleQueueService.AccessDenied"
        )
    }

    /// A request that could not be built, or a response that AWS's documentation does not describe.
    #[must_use]
    pub fn unexpected(operation: &'static str, problem: &'static str) -> Self {
        Self { operation, code: problem.to_owned(), status: None }
    }
}
