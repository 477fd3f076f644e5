//! The process's environment, read once and passed on as a value.

use std::{collections::HashMap, str::FromStr};

/// A variable is missing or invalid. The message is for the person who deploys the stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The variable is not set, or empty.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The variable is set to an invalid value, which the message does not show.
    #[error("{name} is not valid: {rule}")]
    Invalid {
        /// Name of the variable.
        name: &'static str,
        /// The rule that the value breaks.
        rule: String,
    },
}

/// Names and values of environment variables.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// A required value.
    ///
    /// # Errors
    /// [`SettingError::Missing`] if it is not set or empty.
    pub fn required(&self, name: &'static str) -> Result<String, SettingError> {
        self.optional(name).map(str::to_owned).ok_or(SettingError::Missing(name))
    }

    /// An optional value; empty counts as not set.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A required value, parsed as a `T`.
    ///
    /// # Errors
    /// [`SettingError`]; the rule is the message of `T`'s error.
    pub fn parse_required<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<T, SettingError> {
        let invalid = |rule: T::Err| SettingError::Invalid { name, rule: rule.to_string() };
        self.required(name)?.parse().map_err(invalid)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}
