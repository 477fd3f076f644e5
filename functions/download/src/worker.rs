//! What outlives an invocation: clients, caches, buffers, and the two things that are not repeatable.

use std::time::Duration;

use aws::{
    bucket::Bucket,
    clients::Clients,
    instances::Instances,
    ledger::Ledger,
    queues::{JobsQueue, ParkedQueue},
};
use fetch::{FetchError, Fetcher, Limits, pool::PartPool};
use time::UtcOffset;

use crate::config::Config;

/// Buffers of 8 MiB for all media that are under way together. With what the process itself takes this
/// stays under 64 MiB, whatever comes.
const BUFFERS: usize = 4;

/// No call of AWS takes longer, the upload of a part included.
const LONGEST_CALL: Duration = Duration::from_mins(2);

/// The function between two batches.
pub struct Worker {
    pub(crate) instances: Instances,
    pub(crate) ledger: Ledger,
    pub(crate) jobs: JobsQueue,
    pub(crate) parked: ParkedQueue,
    pub(crate) bucket: Bucket,
    pub(crate) fetcher: Fetcher,
    pub(crate) offset: UtcOffset,
    /// Seconds since 1970.
    pub(crate) now: fn() -> i64,
}

impl Worker {
    /// Builds the clients and touches the buffers, once.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(config: Config, now: fn() -> i64) -> Result<Self, FetchError> {
        let clients = Clients::for_lambda(&config.region, config.endpoint.as_deref(), LONGEST_CALL);
        Self::with_clients(&clients, config, Limits::default(), now)
    }

    /// The same, over clients that are there already and with other limits.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_clients(
        clients: &Clients,
        config: Config,
        limits: Limits,
        now: fn() -> i64,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            instances: Instances::new(clients, config.instances_table),
            ledger: Ledger::new(clients, config.media_table),
            jobs: JobsQueue::new(clients, config.jobs_queue_url),
            parked: ParkedQueue::new(clients, config.parked_queue_url),
            bucket: Bucket::new(clients, config.bucket, config.checksum),
            fetcher: Fetcher::new(config.origins, limits, PartPool::new(BUFFERS))?,
            offset: config.offset,
            now,
        })
    }

    /// Opens connections while the function starts, when it has a whole processor for itself.
    pub async fn connect(&self) {
        tokio::join!(
            self.instances.connect(),
            self.jobs.connect(),
            self.bucket.connect(),
            self.fetcher.connect()
        );
    }
}
