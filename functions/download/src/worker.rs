//! What outlives an invocation: clients, caches, buffers, the clock and the random generator.

use std::{sync::Arc, time::Duration};

use aws::{
    bucket::Bucket,
    clients::Clients,
    counters::Counters,
    instances::Instances,
    ledger::{Ledger, LedgerTables},
    orders::Orders,
    queues::{JobsQueue, ParkedQueue},
};
use boot::{clock, random};
use fetch::{FetchError, Fetcher, Limits, pool::PartPool};
use time::UtcOffset;

use crate::{config::Config, fault::PlannedPanic, tally::Tally};

/// The memory for file bytes, in parts of 8 MiB, shared by all downloads of the process. Together
/// with what the process itself takes it stays under 64 MiB.
pub(crate) const BUFFERS: usize = 4;

/// The time limit of a call to AWS, the upload of a part included.
const MAX_CALL_TIME: Duration = Duration::from_mins(2);

/// The clock and the random generator. A test passes its own, so that a run can be repeated.
#[derive(Clone)]
pub struct ClockAndRandom {
    /// Seconds since 1970.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Bits that differ from call to call and from process to process.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl ClockAndRandom {
    /// Those of this machine.
    #[must_use]
    pub fn from_machine() -> Self {
        Self { now: Arc::new(clock::now), random: Arc::new(random::random_bits) }
    }
}

/// The state of the function between two batches.
pub struct Worker {
    pub(crate) instances: Instances,
    pub(crate) ledger: Ledger,
    pub(crate) orders: Orders,
    pub(crate) jobs: JobsQueue,
    pub(crate) parked: ParkedQueue,
    pub(crate) bucket: Bucket,
    pub(crate) counters: Counters,
    /// What the runs of this invocation led to.
    pub(crate) tally: Tally,
    pub(crate) fetcher: Fetcher,
    pub(crate) offset: UtcOffset,
    pub(crate) planned_panic: PlannedPanic,
    clock_and_random: ClockAndRandom,
}

impl Worker {
    /// Builds the clients, once.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(config: Config, clock_and_random: ClockAndRandom) -> Result<Self, FetchError> {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config, Limits::default(), clock_and_random)
    }

    /// Builds the worker from existing clients and with other limits.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_clients(
        clients: &Clients,
        config: Config,
        limits: Limits,
        clock_and_random: ClockAndRandom,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            instances: Instances::new(clients, config.instances_table),
            ledger: Ledger::new(
                clients,
                LedgerTables { media: config.media_table, jobs: config.jobs_table },
            ),
            orders: Orders::new(clients, config.orders_table),
            jobs: JobsQueue::new(clients, config.jobs_queue_url),
            parked: ParkedQueue::new(clients, config.parked_queue_url),
            bucket: Bucket::new(clients, config.bucket, config.checksum),
            counters: Counters::new(clients, config.counters_table),
            tally: Tally::default(),
            fetcher: Fetcher::new(config.origins, limits, PartPool::new(BUFFERS))?,
            offset: config.offset,
            planned_panic: config.planned_panic,
            clock_and_random,
        })
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.clock_and_random.now)()
    }

    /// Bits that differ from call to call.
    pub(crate) fn random_bits(&self) -> u64 {
        (self.clock_and_random.random)()
    }

    /// A number in `0.0..1.0` that spreads retries.
    pub(crate) fn jitter(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
        let fraction = (self.random_bits() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }

    /// Opens the connections during init, when Lambda gives the function a whole processor.
    pub async fn connect(&self) {
        tokio::join!(
            self.instances.connect(),
            self.jobs.connect(),
            self.bucket.connect(),
            self.fetcher.connect()
        );
    }
}
