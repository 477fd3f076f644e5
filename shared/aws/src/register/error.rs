//! Why the register could not be read or changed.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{error::AwsError, instances::InstanceError};

/// Why the register could not be read or changed. A change that failed changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// An AWS call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A record cannot be read: another program wrote it.
    #[error("a record of the register is malformed: {0}")]
    Malformed(&'static str),
    /// The tenant or instance to be added has a record already.
    #[error("it is registered already")]
    AlreadyThere,
    /// The tenant or instance to be changed has no record.
    #[error("it is not registered, or was changed at the same moment")]
    NotThere,
    /// Another command has changed the record since it was read.
    #[error("another command changed it at the same moment; nothing was overwritten")]
    Changed,
}

impl From<InstanceError> for RegisterError {
    fn from(error: InstanceError) -> Self {
        match error {
            InstanceError::Aws(error) => Self::Aws(error),
            InstanceError::Malformed(problem) => Self::Malformed(problem),
        }
    }
}

impl RegisterError {
    /// For `map_err` after a conditional write: a failed condition becomes `failed_condition`.
    pub(super) fn in_write<E: ProvideErrorMetadata>(
        operation: &'static str,
        failed_condition: Self,
    ) -> impl FnOnce(SdkError<E, HttpResponse>) -> Self {
        move |error| {
            let error = AwsError::new(operation, &error);
            if error.is_failed_condition() { failed_condition } else { Self::Aws(error) }
        }
    }
}
