//! The process's environment, read once and handed on as a value.

use std::{collections::HashMap, str::FromStr};

/// A variable that is missing or wrong. The message is for whoever deployed the stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Not set, or empty.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// Set to something that it cannot be. The value is not shown.
    #[error("{name} is not valid: {rule}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it should be.
        rule: String,
    },
}

/// Names and values.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// This process's own.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// A value that must be there.
    ///
    /// # Errors
    /// [`SettingError::Missing`].
    pub fn required(&self, name: &'static str) -> Result<String, SettingError> {
        self.optional(name)
            .map(str::to_owned)
            .ok_or(SettingError::Missing(name))
    }

    /// A value that may be missing; empty is missing.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A value that must be there and be a `T`.
    ///
    /// # Errors
    /// [`SettingError`]; the rule is in `T`'s own words.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<T, SettingError> {
        let invalid = |rule: T::Err| SettingError::Invalid {
            name,
            rule: rule.to_string(),
        };
        self.required(name)?.parse().map_err(invalid)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }
}
