//! The log lines of the functions and of the API.

use aws::error::AwsError;

use crate::Operator;

/// One log line. Its text contains a time in microseconds, so that two lines are hardly ever equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogEvent {
    /// When the line was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// The text of the line.
    pub text: String,
}

impl Operator {
    /// The lines of a log group from `from_ms` (milliseconds since 1970) on, ordered by time.
    ///
    /// # Errors
    /// When `FilterLogEvents` fails.
    pub async fn filter_log_events(
        &self,
        group: &str,
        from_ms: i64,
    ) -> Result<Vec<LogEvent>, AwsError> {
        let mut pages = self
            .cloudwatchlogs
            .filter_log_events()
            .log_group_name(group)
            .start_time(from_ms)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(AwsError::in_operation("logs:FilterLogEvents"))?;
            let events = page.events.unwrap_or_default().into_iter();
            found.extend(events.filter_map(|event| {
                Some(LogEvent { at_ms: event.timestamp?, text: event.message? })
            }));
        }
        found.sort_by_key(|event| event.at_ms);
        Ok(found)
    }
}
