//! Counts, every hour, the media messages that expire soon, and records what SQS parked itself.

pub mod config;

use std::{collections::BTreeMap, time::Duration};

use aws::{
    clients::Clients,
    error::AwsError,
    ledger::Ledger,
    queues::{JobsQueue, ParkedQueue},
};
use parking::Parking;
use tokio::time::timeout;

use crate::config::Config;

/// A media message that is not stored and may expire within this time is counted: two days are
/// enough for a person to act.
const EXPIRES_SOON_SECONDS: i64 = 48 * 60 * 60;

/// The time limit of a call to AWS.
const MAX_CALL_TIME: Duration = Duration::from_secs(10);

/// The time limit of a pass through the parked queue, within the function's own minute and a half.
/// A very long queue is not read to its end; later passes write the records of the rest.
const MAX_LOOK_TIME: Duration = Duration::from_mins(1);

/// The state of the function between two invocations.
#[derive(Debug)]
pub struct Watch {
    parking: Parking,
    ledger: Ledger,
}

impl Watch {
    /// Builds the clients, once.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config)
    }

    /// Builds the function from existing clients.
    #[must_use]
    pub fn with_clients(clients: &Clients, config: Config) -> Self {
        let ledger = || Ledger::new(clients, config.media_table.clone());
        let parked = ParkedQueue::new(clients, config.parked_queue_url);
        let jobs = JobsQueue::new(clients, config.jobs_queue_url);
        Self { parking: Parking::new(parked, jobs, ledger()), ledger: ledger() }
    }

    /// Makes one pass and writes one log line, from which the stack's metrics are made. `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`]; the next pass is an hour later.
    pub async fn run_pass(&self, now: i64) -> Result<(), AwsError> {
        let expiring =
            self.ledger.count_expiring(now, now.saturating_add(EXPIRES_SOON_SECONDS)).await?;
        let mut by_class = BTreeMap::<&str, usize>::new();
        let look = self.parking.look(now, |parked| {
            *by_class.entry(parked.class.as_str()).or_default() += 1;
        });
        let seen = match timeout(MAX_LOOK_TIME, look).await {
            Ok(seen) => Some(seen?),
            Err(_late) => None,
        };
        tracing::info!(
            expiring,
            parked = seen.map(|seen| seen.messages),
            reconciled = seen.map(|seen| seen.reconciled),
            is_complete = seen.is_some(),
            by_class = serde_json::to_string(&by_class).unwrap_or_default(),
            "watch"
        );
        Ok(())
    }
}
