//! The places where text ends up, and the classes of text that each may hold.

use serde::{Deserialize, Serialize};

use crate::canary::Class;

/// A place where text ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sink {
    /// A function's log.
    Log,
    /// The answer to a webhook.
    Answer,
    /// A table's item: the record of a media file, a tenant or an erasure.
    Record,
    /// The attributes of a parked job's message.
    Ticket,
    /// Tags of a stored file.
    Tags,
    /// Metrics, alarms and dashboards.
    Metric,
    /// A diagnosis that is passed on: page, JSON, evidence.
    Report,
    /// What `wapi-media` shows to an operator.
    Command,
}

impl Sink {
    /// Every sink.
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

    /// The sink's name, which also begins the names of its files.
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

    /// Whether the sink may hold text of this class. A record names its file, and an operator is
    /// shown what they ask for. No sink may hold a secret.
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
