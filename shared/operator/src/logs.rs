//! The lines that functions and the API write, as they come.

use aws::error::AwsError;

use crate::Operator;

/// One line. It holds its own time to the microsecond, so two are hardly ever the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogEvent {
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// The line.
    pub text: String,
}

impl Operator {
    /// The lines of a log group from `from_ms` (milliseconds since 1970) on, in the order they were
    /// written.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn log_events(&self, group: &str, from_ms: i64) -> Result<Vec<LogEvent>, AwsError> {
        let mut pages = self
            .cloudwatchlogs
            .filter_log_events()
            .log_group_name(group)
            .start_time(from_ms)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::new("logs:FilterLogEvents", &error))?;
            let events = page.events.unwrap_or_default().into_iter();
            found.extend(events.filter_map(|event| {
                Some(LogEvent { at_ms: event.timestamp?, text: event.message? })
            }));
        }
        found.sort_by_key(|event| event.at_ms);
        Ok(found)
    }
}
