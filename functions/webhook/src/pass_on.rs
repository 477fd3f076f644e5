//! Passes webhooks on: one delivery for each receiver of the instance goes to the deliveries queue,
//! or, if that does not take it, to the jobs table.

use aws::{
    clients::Clients,
    deliveries::DeliveriesQueue,
    delivery_bodies::DeliveryBodies,
    error::AwsError,
    ledger::JobsTable,
    queues::SendError,
    receivers::{Receiver, Receivers},
};
use boot::random::random_bits;
use futures_util::future::join_all;
use lambda_http::{
    Request,
    http::header::{CONTENT_TYPE, USER_AGENT},
};
use media::delivery::{Delivery, DeliveryId, DeliverySource};
use wapi::webhook::{Event, Reading, Refusal};

use crate::{
    config::Config,
    request::{VerifiedRequest, request_id},
};

/// What `User-Agent` begins with if another stack, or this one, passed the webhook on. It is not
/// passed on again, so that no circle of receivers can form.
const OWN_AGENT: &str = "wapi-media/";

/// What of a request besides its body is passed on.
#[derive(Debug)]
pub(crate) struct Receipt {
    id: DeliveryId,
    content_type: Option<String>,
    was_passed_on: bool,
}

impl Receipt {
    pub(crate) fn of_request(request: &Request) -> Self {
        let header = |name| request.headers().get(name)?.to_str().ok();
        let id = request_id(request);
        let id = id.unwrap_or_else(|| format!("{:016x}{:016x}", random_bits(), random_bits()));
        Self {
            id: DeliveryId::of_request(&id),
            content_type: header(CONTENT_TYPE).map(str::to_owned),
            was_passed_on: header(USER_AGENT).is_some_and(|agent| agent.starts_with(OWN_AGENT)),
        }
    }
}

/// To how many receivers a webhook is passed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PassedOn {
    /// Deliveries in the queue or in the jobs table.
    pub(crate) queued: usize,
    /// Those of them in the jobs table.
    pub(crate) rested: usize,
    /// Receivers that do not get it, because a stack passed it on.
    pub(crate) refused: usize,
}

/// The receivers, and the ways to them.
#[derive(Debug)]
pub(crate) struct PassOn {
    receivers: Receivers,
    queue: DeliveriesQueue,
    table: JobsTable,
    bodies: DeliveryBodies,
}

impl PassOn {
    pub(crate) fn new(clients: &Clients, config: &Config) -> Self {
        Self {
            receivers: Receivers::new(clients, config.receivers_table.clone()),
            queue: DeliveriesQueue::new(clients, config.deliveries_queue_url.clone()),
            table: JobsTable::new(clients, config.jobs_table.clone()),
            bodies: DeliveryBodies::new(clients, config.deliveries_bucket.clone()),
        }
    }

    /// Makes the body durable for each of its receivers, whatever became of it here. What names
    /// another instance is nobody's, and is not passed on.
    pub(crate) async fn pass_on(
        &self,
        accepted: VerifiedRequest<'_>,
        receipt: &Receipt,
        reading: &Reading,
    ) -> Result<PassedOn, SendError> {
        if matches!(reading, Reading::Refused(Refusal::OtherInstance(_))) {
            return Ok(PassedOn::default());
        }
        let VerifiedRequest { verified, body, now, .. } = accepted;
        let all = self.receivers.find_all(verified.tenant()).await?;
        let event = event_of(reading);
        let hook = event.and_then(Event::hook).map(|hook| hook.as_str());
        let its: Vec<_> = all.iter().filter(|one| one.gets(verified.instance(), hook)).collect();
        let source = DeliverySource {
            id: &receipt.id,
            tenant: verified.tenant(),
            instance: verified.instance(),
            event: event.map(Event::as_str),
            content_type: receipt.content_type.as_deref(),
            body,
            accepted_at: now,
        };
        if its.is_empty() || receipt.was_passed_on {
            return Ok(PassedOn { refused: its.len(), ..PassedOn::default() });
        }
        if let Some(key) = source.body_key() {
            self.bodies.put(&key, body).await?;
        }
        let deliveries =
            its.iter().map(|receiver| (Delivery::new(&source, &receiver.id), *receiver));
        let meant: Vec<_> = deliveries.collect();
        let mut sends = Vec::with_capacity(meant.len());
        for (delivery, receiver) in &meant {
            sends.push(Box::pin(self.send(delivery, receiver, now)));
        }
        let sent = join_all(sends).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let rested = sent.iter().filter(|is_rested| **is_rested).count();
        Ok(PassedOn { queued: sent.len(), rested, refused: 0 })
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

/// The kind of event, if the body could be read.
fn event_of(reading: &Reading) -> Option<Event> {
    match reading {
        Reading::Whole(announcement) | Reading::Part { announcement, .. } => {
            Some(announcement.event)
        }
        Reading::Unread { .. } | Reading::Refused(_) => None,
    }
}
