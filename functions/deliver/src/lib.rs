//! Passes webhooks on to the applications of tenants: takes deliveries from the queue, signs them,
//! posts them, and lets those rest that fail.

pub mod batch;
pub mod config;
mod delivery;
mod message;
mod outcome;
mod pace;
mod trial;

use std::{sync::Arc, time::Duration};

use aws::{
    clients::Clients, deliveries::DeliveriesQueue, delivery_bodies::DeliveryBodies,
    ledger::JobsTable, orders::Orders, receivers::Receivers,
};
use fetch::{FetchError, is_local_base, receiver::ReceiverClient};

use crate::{config::Config, pace::Paces};

/// The time limit of a call to AWS.
pub const MAX_CALL_TIME: Duration = Duration::from_secs(8);

/// The clock and the random numbers of the process.
#[derive(Clone)]
pub struct Ambient {
    /// The time in seconds since 1970.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Random bits.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl std::fmt::Debug for Ambient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ambient")
    }
}

/// The state of the function between two invocations.
#[derive(Debug)]
pub struct Deliver {
    receivers: Receivers,
    table: JobsTable,
    queue: DeliveriesQueue,
    bodies: DeliveryBodies,
    orders: Orders,
    client: ReceiverClient,
    paces: Paces,
    ambient: Ambient,
}

impl Deliver {
    /// Builds the clients, once.
    ///
    /// # Errors
    /// [`FetchError::Client`] when the TLS stack cannot be set up.
    pub fn new(config: Config, ambient: Ambient) -> Result<Self, FetchError> {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config, ambient)
    }

    /// Builds the function from existing clients.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_clients(
        clients: &Clients,
        config: Config,
        ambient: Ambient,
    ) -> Result<Self, FetchError> {
        let may_be_local = is_local_base(&config.wapi_base_url);
        Ok(Self {
            receivers: Receivers::new(clients, config.receivers_table),
            table: JobsTable::new(clients, config.jobs_table),
            queue: DeliveriesQueue::new(clients, config.deliveries_queue_url),
            bodies: DeliveryBodies::new(clients, config.deliveries_bucket),
            orders: Orders::new(clients, config.orders_table),
            client: ReceiverClient::new(&config.webhook_base_url, may_be_local)?,
            paces: Paces::default(),
            ambient,
        })
    }

    fn now(&self) -> i64 {
        (self.ambient.now)()
    }

    /// A number that is uniform in `0.0..1.0`.
    fn jitter(&self) -> f64 {
        let bits = u32::try_from((self.ambient.random)() >> 32).unwrap_or_default();
        f64::from(bits) / f64::from(u32::MAX)
    }
}
