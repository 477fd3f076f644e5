//! Sends the jobs that are due, every minute. Every hour it also counts the media messages that
//! expire soon, and keeps the parked queue and the media table in step.

pub mod config;
pub mod deliveries;
pub mod due;
mod expiring;

use std::{collections::BTreeMap, time::Duration};

use aws::{
    clients::Clients,
    deliveries::DeliveriesQueue,
    error::AwsError,
    instances::Instances,
    ledger::{Ledger, LedgerTables},
    orders::Orders,
    queues::{JobsQueue, ParkedQueue},
    receivers::Receivers,
};
use parking::Parking;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::{
    config::Config,
    deliveries::{DeliverySender, RestSummary},
    due::{DueSender, DueSummary},
    expiring::{EXPIRES_SOON_SECONDS, note_expiring},
};

/// The time limit of a call to AWS.
const MAX_CALL_TIME: Duration = Duration::from_secs(10);

/// The time limit of a pass through the parked queue, within the function's own minute and a half.
/// A very long queue is not read to its end; later passes write the records of the rest.
const MAX_LOOK_TIME: Duration = Duration::from_mins(1);

/// The time limit of a pass over the due jobs. The next one begins a minute after this one.
const MAX_DUE_TIME: Duration = Duration::from_secs(50);

/// The time limit for noting what expires soon. The next looks note the rest.
const MAX_EXPIRING_TIME: Duration = Duration::from_secs(5);

/// The time limit for sending again what the queue has lost. The next look sends the rest.
const MAX_ORPHANS_TIME: Duration = Duration::from_secs(15);

/// What an invocation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// Sends the jobs that are due.
    Due,
    /// Sends every job that waits in the jobs table, whenever it is due: before an earlier version
    /// is deployed, which does not know the table.
    All,
    /// Counts what expires soon, sends again what the queue has lost, and looks through the parked
    /// queue.
    Look,
}

impl Pass {
    /// The pass that an event asks for: `{"pass": "due"}` of the schedule by the minute,
    /// `{"pass": "all"}` of a person, or any other event.
    #[must_use]
    pub fn from_event(event: &Value) -> Self {
        match event["pass"].as_str() {
            Some("due") => Self::Due,
            Some("all") => Self::All,
            Some(_) | None => Self::Look,
        }
    }
}

/// The state of the function between two invocations.
#[derive(Debug)]
pub struct Watch {
    parking: Parking,
    ledger: Ledger,
    jobs: JobsQueue,
    receivers: Receivers,
    deliveries: DeliveriesQueue,
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
        let tables = LedgerTables { media: config.media_table, jobs: config.jobs_table };
        let ledger = || Ledger::new(clients, tables.clone());
        let parked = ParkedQueue::new(clients, config.parked_queue_url);
        let jobs = || JobsQueue::new(clients, config.jobs_queue_url.clone());
        let orders = Orders::new(clients, config.orders_table);
        let instances = Instances::new(clients, config.instances_table);
        let parking = Parking::new(parked, jobs(), ledger(), instances).with_orders(orders);
        let receivers = Receivers::new(clients, config.receivers_table);
        let deliveries = DeliveriesQueue::new(clients, config.deliveries_queue_url);
        Self { parking, ledger: ledger(), jobs: jobs(), receivers, deliveries }
    }

    /// Makes one pass and writes one log line, from which the stack's metrics are made. `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`]; the next pass of this kind is a minute or an hour later.
    pub async fn run_pass(&self, pass: Pass, now: i64) -> Result<(), AwsError> {
        // Boxed, because the compiler gives up on futures that are nested as deeply as these.
        match pass {
            Pass::Due => Box::pin(self.send_due((now, now))).await,
            Pass::All => Box::pin(self.send_due((now, i64::MAX))).await,
            Pass::Look => Box::pin(self.look(now)).await,
        }
    }

    fn sender(&self) -> DueSender<'_> {
        DueSender { table: &self.ledger.jobs, queue: &self.jobs }
    }

    /// Sends the jobs and the deliveries that are due at the second time; `now` is the first. A
    /// failure with the one does not hold up the other.
    async fn send_due(&self, (now, due_until): (i64, i64)) -> Result<(), AwsError> {
        let deadline = Instant::now() + MAX_DUE_TIME;
        let (jobs, deliveries) = tokio::join!(
            Box::pin(self.send_due_jobs((now, due_until), deadline)),
            Box::pin(self.send_due_deliveries((now, due_until), deadline)),
        );
        jobs.and(deliveries)
    }

    async fn send_due_deliveries(
        &self,
        times: (i64, i64),
        deadline: Instant,
    ) -> Result<(), AwsError> {
        let sender = DeliverySender {
            receivers: &self.receivers,
            table: &self.ledger.jobs,
            queue: &self.deliveries,
        };
        let RestSummary { receivers, sent, failed, paused, oldest_seconds, is_complete } =
            sender.send_due(times, deadline).await?;
        if receivers > 0 {
            tracing::info!(
                receivers,
                sent_deliveries = sent,
                unsent_deliveries = failed,
                paused_receivers = paused,
                oldest_seconds,
                is_complete,
                "due deliveries"
            );
        }
        Ok(())
    }

    async fn send_due_jobs(
        &self,
        (now, due_until): (i64, i64),
        deadline: Instant,
    ) -> Result<(), AwsError> {
        let DueSummary { sent, failed, lag_seconds, is_complete } =
            self.sender().send_due((now, due_until), deadline).await?;
        tracing::info!(sent, failed, lag_seconds, is_complete, "due jobs");
        Ok(())
    }

    async fn look(&self, now: i64) -> Result<(), AwsError> {
        let expiring =
            self.ledger.jobs.count_expiring(now, now.saturating_add(EXPIRES_SOON_SECONDS)).await?;
        // The count and the alarm do not depend on it.
        let noting = timeout(MAX_EXPIRING_TIME, Box::pin(note_expiring(&self.ledger, now)));
        if let Ok(Err(error)) = noting.await {
            tracing::warn!(%error, "not everything that expires soon was noted");
        }
        let deadline = Instant::now() + MAX_ORPHANS_TIME;
        let lost = self.sender().send_orphans(now, deadline).await?;
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
            orphans = lost.sent,
            parked = seen.as_ref().map(|seen| seen.messages),
            reconciled = seen.as_ref().map(|seen| seen.reconciled),
            removed = seen.as_ref().map(|seen| seen.removed),
            is_complete = seen.is_some(),
            by_class = serde_json::to_string(&by_class).unwrap_or_default(),
            "watch"
        );
        Ok(())
    }
}
