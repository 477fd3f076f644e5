//! What outlives an invocation: clients, caches, buffers, and the two things that are not
//! repeatable.

use std::{sync::Arc, time::Duration};

use aws::{
    bucket::Bucket,
    clients::Clients,
    instances::Instances,
    ledger::Ledger,
    queues::{JobsQueue, ParkedQueue},
};
use boot::{clock, random};
use fetch::{FetchError, Fetcher, Limits, pool::PartPool};
use time::UtcOffset;

use crate::{config::Config, fault::PlannedPanic};

/// Buffers of 8 MiB for all media that are under way together. With what the process itself takes
/// this stays under 64 MiB, whatever comes.
const BUFFERS: usize = 4;

/// No call of AWS takes longer, the upload of a part included.
const MAX_CALL_TIME: Duration = Duration::from_mins(2);

/// What no run could repeat: handed in, so that a test can. Only `main` takes it from the machine.
#[derive(Clone)]
pub struct Ambient {
    /// Seconds since 1970.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Bits that differ from call to call and from process to process.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Ambient {
    /// This machine's.
    #[must_use]
    pub fn of_machine() -> Self {
        Self { now: Arc::new(clock::now), random: Arc::new(random::random_bits) }
    }
}

/// The function between two batches.
pub struct Worker {
    pub(crate) instances: Instances,
    pub(crate) ledger: Ledger,
    pub(crate) jobs: JobsQueue,
    pub(crate) parked: ParkedQueue,
    pub(crate) bucket: Bucket,
    pub(crate) fetcher: Fetcher,
    pub(crate) offset: UtcOffset,
    pub(crate) planned_panic: PlannedPanic,
    ambient: Ambient,
}

impl Worker {
    /// Builds the clients and touches the buffers, once.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(config: Config, ambient: Ambient) -> Result<Self, FetchError> {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config, Limits::default(), ambient)
    }

    /// The same, over clients that are there already and with other limits.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_clients(
        clients: &Clients,
        config: Config,
        limits: Limits,
        ambient: Ambient,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            instances: Instances::new(clients, config.instances_table),
            ledger: Ledger::new(clients, config.media_table),
            jobs: JobsQueue::new(clients, config.jobs_queue_url),
            parked: ParkedQueue::new(clients, config.parked_queue_url),
            bucket: Bucket::new(clients, config.bucket, config.checksum),
            fetcher: Fetcher::new(config.origins, limits, PartPool::new(BUFFERS))?,
            offset: config.offset,
            planned_panic: config.planned_panic,
            ambient,
        })
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.ambient.now)()
    }

    /// Bits that differ from call to call.
    pub(crate) fn random(&self) -> u64 {
        (self.ambient.random)()
    }

    /// A number in `0.0..1.0`, which only spreads retries.
    pub(crate) fn jitter(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
        let fraction = (self.random() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
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
