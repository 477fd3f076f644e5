//! Passes webhooks on: makes one delivery for each receiver of the instance durable.

use aws::{
    clients::Clients,
    delivery_bodies::DeliveryBodies,
    delivery_sender::{DeliverySender, SentDeliveries},
    queues::SendError,
    receivers::Receivers,
};
use boot::random::random_bits;
use lambda_http::{
    Request,
    http::header::{CONTENT_TYPE, USER_AGENT},
};
use media::delivery::{DeliveryId, DeliverySource};
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
    sender: DeliverySender,
    bodies: DeliveryBodies,
}

impl PassOn {
    pub(crate) fn new(clients: &Clients, config: &Config) -> Self {
        Self {
            receivers: Receivers::new(clients, config.receivers_table.clone()),
            sender: DeliverySender::new(
                clients,
                config.deliveries_queue_url.clone(),
                config.jobs_table.clone(),
            ),
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
        let SentDeliveries { queued, rested } = self.sender.send_all(&source, &its, now).await?;
        Ok(PassedOn { queued, rested, refused: 0 })
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
