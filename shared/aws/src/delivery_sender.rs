//! Sends deliveries to the deliveries queue, or, if that does not take them, to the jobs table.

use futures_util::future::join_all;
use media::delivery::{Delivery, DeliverySource};

use crate::{
    clients::Clients, deliveries::DeliveriesQueue, error::AwsError, ledger::JobsTable,
    queues::SendError, receivers::Receiver,
};

/// The two places that take deliveries.
#[derive(Debug)]
pub struct DeliverySender {
    queue: DeliveriesQueue,
    table: JobsTable,
}

/// How many deliveries are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SentDeliveries {
    /// Deliveries in the queue or in the jobs table.
    pub queued: usize,
    /// Those of them in the jobs table.
    pub rested: usize,
}

impl DeliverySender {
    /// Uses the queue with this URL and the jobs table with this name.
    #[must_use]
    pub fn new(clients: &Clients, queue_url: String, jobs_table: String) -> Self {
        Self {
            queue: DeliveriesQueue::new(clients, queue_url),
            table: JobsTable::new(clients, jobs_table),
        }
    }

    /// Makes one delivery to each receiver durable. A large body must be stored before.
    ///
    /// # Errors
    /// [`SendError`] if a delivery is in neither place. Those that are need not be sent again, but
    /// may be: they have the id of the source.
    pub async fn send_all(
        &self,
        source: &DeliverySource<'_>,
        receivers: &[&Receiver],
        now: i64,
    ) -> Result<SentDeliveries, SendError> {
        let deliveries =
            receivers.iter().map(|receiver| (Delivery::new(source, &receiver.id), *receiver));
        let meant: Vec<_> = deliveries.collect();
        let mut sends = Vec::with_capacity(meant.len());
        for (delivery, receiver) in &meant {
            sends.push(Box::pin(self.send(delivery, receiver, now)));
        }
        let sent = join_all(sends).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let rested = sent.iter().filter(|is_rested| **is_rested).count();
        Ok(SentDeliveries { queued: sent.len(), rested })
    }

    /// Sends one delivery, or puts it to rest: at once if its receiver is paused or its circuit is
    /// open, otherwise if the queue does not take it. Returns whether it rests.
    async fn send(
        &self,
        delivery: &Delivery,
        receiver: &Receiver,
        now: i64,
    ) -> Result<bool, SendError> {
        let is_resting = receiver.is_resting(now);
        if is_resting && self.rest(delivery).await.is_ok() {
            return Ok(true);
        }
        let body = delivery.to_json()?;
        let Err(error) = self.queue.send(&body, &receiver.id).await else {
            return Ok(false);
        };
        if is_resting {
            return Err(error.into());
        }
        self.rest(delivery).await.map_err(|_both| error.clone())?;
        tracing::warn!(instance = %delivery.instance, %error, "the jobs table has a delivery that \
            the queue did not take");
        Ok(true)
    }

    /// Puts a delivery to rest, due at once.
    async fn rest(&self, delivery: &Delivery) -> Result<(), AwsError> {
        let rested = self.table.rest_delivery(delivery, delivery.accepted_at).await;
        if let Err(error) = &rested {
            let instance = &delivery.instance;
            tracing::warn!(%instance, %error, "the jobs table did not take a delivery");
        }
        rested
    }
}
