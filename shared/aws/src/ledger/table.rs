//! The tables of the ledger: their names, their indexes, and words that several writes share.

use crate::clients::Clients;

/// The media table's index by instance and `moment`.
pub const BY_INSTANCE: &str = "by_instance";

/// The media table's index by chat and instance.
pub const BY_CHAT: &str = "by_chat";

/// The state of a media file that a person had erased. Only the mark of [`Ledger::erase`] has it.
pub const ERASED: &str = "erased";

/// The attribute of [`Record::attempts`](media::record::Record::attempts).
pub(super) const ATTEMPTS: &str = "attempts";

/// The attribute of [`Record::lost_since`](media::record::Record::lost_since).
pub(super) const LOST_SINCE: &str = "lost_since";

/// The attribute of [`RunCounts::ended`](media::record::RunCounts::ended).
pub(super) const RUNS: &str = "runs";

/// The attribute of [`RunCounts::late`](media::record::RunCounts::late).
pub(super) const LATE_RUNS: &str = "late_runs";

/// The attribute of a record that says whether its job has an entry in the jobs table.
pub(super) const HAS_ENTRY: &str = "has_entry";

/// The attribute of a record with the time until which its job entry leaves the job to the queue,
/// in seconds since 1970.
pub(super) const QUEUED_UNTIL: &str = "queued_until";

/// The attribute of a record with the time of the latest decision of an operator, to redrive or to
/// drop, in seconds since 1970. It stays. A job that was accepted before is a copy from before the
/// decision, and does nothing.
pub(super) const DECIDED_AT: &str = "decided_at";

/// The attribute with the time from which `DynamoDB` may remove an item, in seconds since 1970: of
/// the mark of an erased media file, and under a retention of a record and of a parked entry.
pub const FORGET_AT: &str = "forget_at";

/// The attribute with the key that the object had before, until nothing is left under that key.
pub const RELINKED_FROM: &str = "relinked_from";

/// The names of the ledger's tables.
#[derive(Debug, Clone)]
pub struct LedgerTables {
    /// The media table: one record for each media message.
    pub media: String,
    /// The jobs table: one entry for each job that a run has not settled.
    pub jobs: String,
}

/// Reads and writes the media table, and the jobs table with it.
#[derive(Debug)]
pub struct Ledger {
    pub(super) clients: Clients,
    pub(super) table: String,
    /// The jobs table alone.
    pub jobs: JobsTable,
}

/// Reads and writes the jobs table.
#[derive(Debug)]
pub struct JobsTable {
    pub(super) clients: Clients,
    pub(super) name: String,
}

impl Ledger {
    /// Uses the tables with these names.
    #[must_use]
    pub fn new(clients: &Clients, tables: LedgerTables) -> Self {
        let jobs = JobsTable::new(clients, tables.jobs);
        Self { clients: clients.clone(), table: tables.media, jobs }
    }
}

impl JobsTable {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, name: String) -> Self {
        Self { clients: clients.clone(), name }
    }
}
