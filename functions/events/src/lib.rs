//! Publishes events: takes the changes of media messages, instances and receivers from the streams
//! of their tables, and makes each that is an event durable for the tenant's receivers and for an
//! event bus.

pub mod batch;
pub mod config;
mod error;
mod link;
mod progress;

use std::{sync::Arc, time::Duration};

use aws::{
    changes::Change,
    clients::Clients,
    delivery_sender::{DeliverySender, SentDeliveries},
    error::AwsError,
    event_bus::{BusEvent, EventBus},
    ledger::JobsTable,
    receivers::{Receiver, Receivers},
};
use media::{
    delivery::DeliverySource,
    event::PublishedEvent,
    media_event::{MediaEvent, MediaEventType, ReceiverExtras},
};

pub use crate::link::TokenBytes;
use crate::{config::Config, error::PublishError, link::LinkMaker, progress::Progress};

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
    jobs: JobsTable,
    progress: Progress,
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
            jobs: JobsTable::new(clients, jobs_table.clone()),
            sender: DeliverySender::new(clients, deliveries_queue_url, jobs_table),
            links,
            progress: Progress::default(),
            bus: config.event_bus.map(|name| EventBus::new(clients, name)),
            bucket: config.media_bucket,
            ambient,
        }
    }

    fn now(&self) -> i64 {
        (self.ambient.now)()
    }

    /// Makes an event durable for each receiver of the tenant that gets events.
    async fn pass_on(&self, event: &PublishedEvent) -> Result<SentDeliveries, PublishError> {
        if let Some(sent) = self.progress.find(event.id()).sent {
            return Ok(sent);
        }
        let all = self.receivers.find_all(event.tenant()).await?;
        let is_told =
            |one: &&Receiver| one.gets_events(event.instance()) && event.subject() != Some(&one.id);
        let its: Vec<&Receiver> = all.iter().filter(is_told).collect();
        if its.is_empty() {
            return Ok(SentDeliveries::default());
        }
        let extras = match event {
            PublishedEvent::Media(event) => self.find_extras(event).await?,
            PublishedEvent::Instance(_) | PublishedEvent::Receiver(_) => ReceiverExtras::default(),
        };
        let body = event.for_receiver(&self.bucket, &extras)?;
        let source = DeliverySource {
            id: event.id(),
            tenant: event.tenant(),
            instance: event.instance(),
            event: Some(event.type_word()),
            content_type: Some(CONTENT_TYPE),
            body: body.as_bytes(),
            accepted_at: event.at(),
        };
        let sent = self.sender.send_all(&source, &its, self.now()).await?;
        self.progress.note(event.id(), |progress| progress.sent = Some(sent));
        Ok(sent)
    }

    /// What a receiver is told of a stored file that its record does not say.
    async fn find_extras(&self, event: &MediaEvent) -> Result<ReceiverExtras, PublishError> {
        if event.event_type != MediaEventType::Stored {
            return Ok(ReceiverExtras::default());
        }
        if let Some(extras) = self.progress.find(&event.id).extras {
            return Ok(extras);
        }
        let facts = &event.facts;
        // The link last: what fails after it was made would make another.
        let texts = self.jobs.read_texts(&facts.instance, &facts.record_key, self.now()).await?;
        let link = self.links.make(event, self.now()).await?;
        let extras = ReceiverExtras { link, texts };
        self.progress.note(&event.id, |progress| progress.extras = Some(extras.clone()));
        Ok(extras)
    }

    /// Removes the links that a record does not name any more.
    async fn drop_links(&self, change: &Change) -> Result<(), AwsError> {
        self.links.remove(&change.dropped_links()).await
    }

    /// Forgets what was done for events that are published everywhere.
    fn forget<'a>(&self, events: impl Iterator<Item = &'a PublishedEvent>) {
        events.for_each(|event| self.progress.forget(event.id()));
    }

    /// Puts events on the bus, except those that it has. Returns, for each, why the bus does not
    /// have it.
    async fn put_on_bus(&self, events: &[&PublishedEvent]) -> Vec<Result<(), PublishError>> {
        let Some(bus) = &self.bus else {
            return events.iter().map(|_| Ok(())).collect();
        };
        let mut results: Vec<Result<(), PublishError>> = Vec::with_capacity(events.len());
        let (mut to_put, mut places) = (Vec::new(), Vec::new());
        for (place, event) in events.iter().enumerate() {
            if self.progress.find(event.id()).is_on_bus {
                results.push(Ok(()));
                continue;
            }
            results.push(match event.for_event_bus(&self.bucket) {
                Ok(detail) => {
                    let detail_type = event.type_word();
                    to_put.push(BusEvent { detail_type, detail, at: event.at() });
                    places.push(place);
                    Ok(())
                }
                Err(error) => Err(error.into()),
            });
        }
        if to_put.is_empty() {
            return results;
        }
        let put = bus.put(&to_put).await;
        for (number, place) in places.into_iter().enumerate() {
            let result = match &put {
                Ok(taken) if taken.get(number) == Some(&true) => Ok(()),
                Ok(_) => Err(PublishError::RefusedByBus),
                Err(error) => Err(error.clone().into()),
            };
            if let (Ok(()), Some(event)) = (&result, events.get(place)) {
                self.progress.note(event.id(), |progress| progress.is_on_bus = true);
            }
            if let Some(known) = results.get_mut(place) {
                *known = result;
            }
        }
        results
    }
}
