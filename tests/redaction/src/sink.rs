//! The places where text comes to rest, and what each may hold.

use serde::{Deserialize, Serialize};

use crate::canary::Class;

/// Where a text was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// A function's log.
    Log,
    /// An answer to a webhook.
    Answer,
    /// The record of a medium, a tenant or an erasure, in its table.
    Record,
    /// What is written beside a parked job.
    Ticket,
    /// Tags of a stored file.
    Tags,
    /// Metrics, alarms and dashboards.
    Metric,
    /// A diagnosis that is sent on: page, JSON, evidence.
    Report,
    /// What `wapi-media` shows an operator.
    Command,
}

impl Sink {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Log,
        Self::Answer,
        Self::Record,
        Self::Ticket,
        Self::Tags,
        Self::Metric,
        Self::Report,
        Self::Command,
    ];

    /// Its name, also in files' names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Answer => "answer",
            Self::Record => "record",
            Self::Ticket => "ticket",
            Self::Tags => "tags",
            Self::Metric => "metric",
            Self::Report => "report",
            Self::Command => "command",
        }
    }

    /// Whether it may hold this. A record names its file; an operator is shown what they ask for. No place may hold a
    /// secret.
    #[must_use]
    pub fn may_hold(self, class: Class) -> bool {
        match (self, class) {
            (_, Class::Secret) => false,
            (Self::Record, Class::Filed) | (Self::Command, Class::Filed | Class::Person) => true,
            (
                Self::Log
                | Self::Answer
                | Self::Record
                | Self::Ticket
                | Self::Tags
                | Self::Metric
                | Self::Report,
                Class::Filed | Class::Person,
            ) => false,
        }
    }
}
