//! What became of a conditional write.

use aws_sdk_dynamodb::{
    error::SdkError, operation::update_item::builders::UpdateItemFluentBuilder,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use media::record::Lease;

use super::condition::Condition;
use crate::error::AwsError;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WriteOutcome {
    /// The record was written.
    Yes,
    /// The condition did not hold, and the record was not changed: the lease ended and another run
    /// took over, or the record changed since it was read.
    Overtaken,
}

impl WriteOutcome {
    /// Tells a failed condition from a failed operation.
    pub(crate) fn from_result<T, E: ProvideErrorMetadata>(
        operation: &'static str,
        result: Result<T, SdkError<E>>,
    ) -> Result<Self, AwsError> {
        match result.map_err(AwsError::in_operation(operation)) {
            Ok(_) => Ok(Self::Yes),
            Err(error) if error.is_failed_condition() => Ok(Self::Overtaken),
            Err(error) => Err(error),
        }
    }
}

/// Sends an update that only the run with the lease may make.
pub(super) async fn update_under_lease(
    operation: &'static str,
    request: UpdateItemFluentBuilder,
    lease: &Lease,
) -> Result<WriteOutcome, AwsError> {
    let updated = Condition::leased_to(lease).add_to(request).send().await;
    WriteOutcome::from_result(operation, updated)
}
