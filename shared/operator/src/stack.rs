//! A deployed stack: the names of its parts, and the parameters that it was deployed with.

use std::collections::BTreeMap;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use aws::error::AwsError;

use crate::Operator;

/// A stack as `CloudFormation` describes it.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The stack's name.
    pub name: String,
    /// The status in CloudFormation: `CREATE_COMPLETE`, `UPDATE_ROLLBACK_COMPLETE`, …
    pub status: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

/// Why a stack's outputs or parameters could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// An AWS call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The region has no stack with this name.
    #[error("there is no stack named {name} in region {region}")]
    Unknown {
        /// The name that was looked up.
        name: String,
        /// The region that was searched.
        region: String,
    },
    /// The stack was deployed from another template, or from an older version of it.
    #[error("stack {name} has no output or parameter {part}: deploy this version of the template")]
    Without {
        /// The stack's name.
        name: String,
        /// The missing output or parameter.
        part: &'static str,
    },
}

impl Stack {
    /// Reads the stack with this name.
    ///
    /// # Errors
    /// [`StackError::Unknown`], or an AWS call failed.
    pub async fn find(operator: &Operator, name: &str) -> Result<Self, StackError> {
        const OPERATION: &str = "cloudformation:DescribeStacks";
        let describe = operator.cloudformation.describe_stacks().stack_name(name);
        let unknown = || StackError::Unknown {
            name: name.to_owned(),
            region: operator.region.clone().unwrap_or_else(|| "(none)".to_owned()),
        };
        let answer = describe.send().await.map_err(|error| {
            // CloudFormation's code for a stack that does not exist.
            match error.as_service_error().and_then(ProvideErrorMetadata::code) {
                Some("ValidationError") => unknown(),
                _ => StackError::Aws(AwsError::new(OPERATION, &error)),
            }
        })?;
        let found = answer.stacks.unwrap_or_default().into_iter().next();
        let found = found.ok_or_else(unknown)?;
        let outputs = found.outputs.unwrap_or_default().into_iter();
        let parameters = found.parameters.unwrap_or_default().into_iter();
        // An operator may have given the stack's ARN.
        let name = found.stack_name.as_deref().unwrap_or(name);
        let status = found.stack_status.map(|status| status.as_str().to_owned());
        Ok(Self {
            status: status.unwrap_or_default(),
            ..Self::from_parts(
                name,
                outputs.filter_map(|one| one.output_key.zip(one.output_value)),
                parameters.filter_map(|one| one.parameter_key.zip(one.parameter_value)),
            )
        })
    }

    /// A stack with these outputs and parameters, each a name and a value, and without a status.
    #[must_use]
    pub fn from_parts(
        name: &str,
        outputs: impl IntoIterator<Item = (String, String)>,
        parameters: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            status: String::new(),
            outputs: outputs.into_iter().collect(),
            parameters: parameters.into_iter().collect(),
        }
    }

    /// The value of an output.
    ///
    /// # Errors
    /// [`StackError::Without`].
    pub fn output(&self, name: &'static str) -> Result<&str, StackError> {
        self.part(&self.outputs, name)
    }

    /// The value of an output that not every stack has: it depends on a parameter.
    #[must_use]
    pub fn find_output(&self, name: &str) -> Option<&str> {
        self.outputs.get(name).map(String::as_str)
    }

    /// The value of a parameter.
    ///
    /// # Errors
    /// [`StackError::Without`].
    pub fn parameter(&self, name: &'static str) -> Result<&str, StackError> {
        self.part(&self.parameters, name)
    }

    /// The version of the template; `None` for a template that did not say it yet.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.find_output("Version")
    }

    fn part<'a>(
        &self,
        parts: &'a BTreeMap<String, String>,
        part: &'static str,
    ) -> Result<&'a str, StackError> {
        let name = self.name.clone();
        let value = parts.get(part).map(String::as_str);
        value.ok_or(StackError::Without { name, part })
    }
}
