//! Publishes media events: takes the changes of records from the stream of the media table, and
//! makes each that is an event durable for the tenant's receivers and for an event bus.

pub mod batch;
pub mod config;
mod error;
mod link;

use std::{sync::Arc, time::Duration};

use aws::{
    clients::Clients,
    delivery_sender::{DeliverySender, SentDeliveries},
    event_bus::{BusEvent, EventBus},
    receivers::{Receiver, Receivers},
};
use media::{
    delivery::DeliverySource,
    media_event::{EventLink, MediaEvent, MediaEventType},
};

pub use crate::link::TokenBytes;
use crate::{config::Config, error::PublishError, link::LinkMaker};

/// The time limit of a call to AWS.
pub const MAX_CALL_TIME: Duration = Duration::from_secs(8);

/// The content type of an event.
const CONTENT_TYPE: &str = "application/json";

/// The clock and the random numbers of the process.
#[derive(Clone)]
pub struct Ambient {
    /// The time in seconds since 1970.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Bytes from a cryptographically secure source, for the token of a media link.
    pub token_bytes: TokenBytes,
}

impl std::fmt::Debug for Ambient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ambient")
    }
}

/// The state of the function between two invocations.
#[derive(Debug)]
pub struct Events {
    receivers: Receivers,
    sender: DeliverySender,
    links: LinkMaker,
    bus: Option<EventBus>,
    bucket: String,
    ambient: Ambient,
}

impl Events {
    /// Builds the clients, once.
    #[must_use]
    pub fn new(config: Config, ambient: Ambient) -> Self {
        let clients =
            Clients::for_lambda(&config.region, config.endpoint.as_deref(), MAX_CALL_TIME);
        Self::with_clients(&clients, config, ambient)
    }

    /// Builds the function from existing clients.
    #[must_use]
    pub fn with_clients(clients: &Clients, config: Config, ambient: Ambient) -> Self {
        let links = LinkMaker::new(clients, &config, Arc::clone(&ambient.token_bytes));
        let Config { receivers_table, jobs_table, deliveries_queue_url, .. } = config;
        Self {
            receivers: Receivers::new(clients, receivers_table),
            sender: DeliverySender::new(clients, deliveries_queue_url, jobs_table),
            links,
            bus: config.event_bus.map(|name| EventBus::new(clients, name)),
            bucket: config.media_bucket,
            ambient,
        }
    }

    fn now(&self) -> i64 {
        (self.ambient.now)()
    }

    /// Makes an event durable for each receiver of the tenant that gets media events.
    async fn pass_on(&self, event: &MediaEvent) -> Result<SentDeliveries, PublishError> {
        let facts = &event.facts;
        let all = self.receivers.find_all(&facts.tenant).await?;
        let its: Vec<&Receiver> =
            all.iter().filter(|one| one.gets_media_events(&facts.instance)).collect();
        if its.is_empty() {
            return Ok(SentDeliveries::default());
        }
        let link = self.find_link(event).await?;
        let body = event.for_receiver(&self.bucket, link.as_ref())?;
        let source = DeliverySource {
            id: &event.id,
            tenant: &facts.tenant,
            instance: &facts.instance,
            event: Some(event.event_type.as_str()),
            content_type: Some(CONTENT_TYPE),
            body: body.as_bytes(),
            accepted_at: event.at,
        };
        let sent = self.sender.send_all(&source, &its, self.now()).await?;
        self.links.forget(&event.id);
        Ok(sent)
    }

    /// The link to a stored file, if the tenant has links.
    async fn find_link(&self, event: &MediaEvent) -> Result<Option<EventLink>, PublishError> {
        match event.event_type {
            MediaEventType::Stored => self.links.make(event, self.now()).await,
            MediaEventType::Parked | MediaEventType::Skipped | MediaEventType::Erased => Ok(None),
        }
    }

    /// Puts events on the bus. Returns, for each, why the bus does not have it.
    async fn put_on_bus(&self, events: &[&MediaEvent]) -> Vec<Result<(), PublishError>> {
        let Some(bus) = &self.bus else {
            return events.iter().map(|_| Ok(())).collect();
        };
        let of_bus = |event: &&MediaEvent| {
            let detail = event.for_event_bus(&self.bucket)?;
            Ok(BusEvent { detail_type: event.event_type.as_str(), detail, at: event.at })
        };
        let written: Vec<Result<BusEvent, serde_json::Error>> = events.iter().map(of_bus).collect();
        let to_put: Vec<_> = written.iter().filter_map(|one| one.as_ref().ok()).collect();
        let mut put = match to_put.is_empty() {
            true => Ok(Vec::new()),
            false => bus.put(&to_put).await,
        }
        .map(Vec::into_iter);
        written
            .into_iter()
            .map(|one| match (one, &mut put) {
                (Err(error), _) => Err(error.into()),
                (Ok(_), Err(error)) => Err(error.clone().into()),
                (Ok(_), Ok(taken)) => {
                    taken.next().filter(|is_taken| *is_taken).ok_or(PublishError::RefusedByBus)?;
                    Ok(())
                }
            })
            .collect()
    }
}
