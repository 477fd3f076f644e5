//! The media table: its name, its indexes, and words that several of its writes share.

use crate::clients::Clients;

/// The index by state and `recoverable_until`: the record that expires first comes first.
pub const BY_STATE: &str = "by_state";

/// The index by instance and `moment`.
pub const BY_INSTANCE: &str = "by_instance";

/// The state of a media file that a person had erased. Only the mark of [`Ledger::erase`] has it.
pub const ERASED: &str = "erased";

/// The attribute of [`Record::lost_since`](media::record::Record::lost_since).
pub(super) const LOST_SINCE: &str = "lost_since";

/// The attribute of [`RunCounts::ended`](media::record::RunCounts::ended).
pub(super) const RUNS: &str = "runs";

/// The attribute of [`RunCounts::late`](media::record::RunCounts::late).
pub(super) const LATE_RUNS: &str = "late_runs";

/// Reads and writes the media table.
#[derive(Debug)]
pub struct Ledger {
    pub(super) clients: Clients,
    pub(super) table: String,
}

impl Ledger {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }
}
