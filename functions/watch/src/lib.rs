//! Looks every hour at what nobody else looks at: media that expire soon, and what SQS parked by
//! itself.

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

/// A medium that is not stored and can be counted on no longer than this is counted: two days are
/// enough for a person to act.
const EXPIRES_SOON_SECONDS: i64 = 48 * 60 * 60;

/// No call of AWS takes longer.
const MAX_CALL_TIME: Duration = Duration::from_secs(10);

/// A look through the parked queue ends after this, in time for the function's own minute and a
/// half. A very long queue is not seen to its end; the records of its rest are written at a later
/// look.
const MAX_LOOK_TIME: Duration = Duration::from_mins(1);

/// The function between two looks.
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

    /// The same, over clients that are there already.
    #[must_use]
    pub fn with_clients(clients: &Clients, config: Config) -> Self {
        let ledger = || Ledger::new(clients, config.media_table.clone());
        let parked = ParkedQueue::new(clients, config.parked_queue_url);
        let jobs = JobsQueue::new(clients, config.jobs_queue_url);
        Self { parking: Parking::new(parked, jobs, ledger()), ledger: ledger() }
    }

    /// Looks once and writes one log line, from which the stack's metrics are made. `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`]; the next look is an hour later.
    pub async fn look(&self, now: i64) -> Result<(), AwsError> {
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
