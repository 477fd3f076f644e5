//! The exit codes, and which error maps to which.

use std::process::ExitCode;

use aws::{error::AwsError, instances::InstanceError, register::RegisterError};
use fetch::account::AccountError;
use operator::stack::StackError;

use crate::interrupt::Interrupted;

/// The exit code of a command. Scripts may rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and nothing is wrong.
    Ok = 0,
    /// Done, and something needs attention.
    Findings = 1,
    /// The arguments are wrong, or name something that does not exist.
    Usage = 2,
    /// AWS failed or refused.
    Aws = 3,
    /// W-API failed or refused.
    Wapi = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The exit code of an error: [`Self::Aws`] or [`Self::Wapi`] if one of them is in its chain.
    pub(crate) fn from_error(error: &anyhow::Error) -> Self {
        let links = error.chain().filter_map(|link| {
            let is_aws = link.is::<AwsError>()
                || matches!(link.downcast_ref(), Some(InstanceError::Aws(_)))
                || matches!(link.downcast_ref(), Some(RegisterError::Aws(_)))
                || matches!(link.downcast_ref(), Some(StackError::Aws(_)));
            let is_unfinished = link.is::<Interrupted>();
            let is_malformed = is_unfinished
                || matches!(link.downcast_ref(), Some(InstanceError::Malformed(_)))
                || matches!(link.downcast_ref(), Some(RegisterError::Malformed(_)));
            match (is_aws, link.is::<AccountError>()) {
                (true, _) => Some(Self::Aws),
                (false, true) => Some(Self::Wapi),
                (false, false) => is_malformed.then_some(Self::Findings),
            }
        });
        links.into_iter().next().unwrap_or(Self::Usage)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};
    use aws::{error::AwsError, register::RegisterError};
    use fetch::account::AccountError;

    use super::{Exit, Interrupted};

    #[test]
    fn a_wrapped_error_keeps_its_exit_code() {
        let aws = || AwsError {
            operation: "dynamodb:Scan",
            code: "AccessDeniedException".to_owned(),
            status: Some(400),
        };
        let silent =
            AccountError::NoAnswer { method: "GET", path: String::new(), detail: String::new() };
        let wrapped = |error: anyhow::Error| Err::<(), _>(error).context("in vain").err();
        for (error, exit) in [
            (anyhow::Error::from(aws()), Exit::Aws),
            (RegisterError::Aws(aws()).into(), Exit::Aws),
            (RegisterError::NotThere.into(), Exit::Usage),
            (RegisterError::Malformed("an attribute").into(), Exit::Findings),
            (Interrupted.into(), Exit::Findings),
            (silent.into(), Exit::Wapi),
            (anyhow!("no such tenant"), Exit::Usage),
        ] {
            assert_eq!(Exit::from_error(&error), exit, "{error}");
            assert_eq!(wrapped(error).as_ref().map(Exit::from_error), Some(exit));
        }
    }
}
