//! What receivers and `EventBridge` hear, besides webhooks: one type for every event.

use crate::{
    delivery::DeliveryId,
    ids::{InstanceId, TenantId},
    media_event::{MediaEvent, ReceiverExtras},
    receiver::ReceiverId,
    state_event::{InstanceEvent, ReceiverEvent},
};

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedEvent {
    /// What became of a media message.
    Media(Box<MediaEvent>),
    /// What became of an instance.
    Instance(InstanceEvent),
    /// A receiver was paused.
    Receiver(ReceiverEvent),
}

impl PublishedEvent {
    /// The id: the same at every attempt to publish it, and for everyone who gets it.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        match self {
            Self::Media(event) => &event.id,
            Self::Instance(event) => &event.id,
            Self::Receiver(event) => &event.id,
        }
    }

    /// The type in one word, such as `media.stored`.
    #[must_use]
    pub fn type_word(&self) -> &'static str {
        match self {
            Self::Media(event) => event.event_type.as_str(),
            Self::Instance(event) => event.event_type.as_str(),
            Self::Receiver(_) => ReceiverEvent::TYPE,
        }
    }

    /// When it happened, in seconds since 1970.
    #[must_use]
    pub fn at(&self) -> i64 {
        match self {
            Self::Media(event) => event.at,
            Self::Instance(event) => event.at,
            Self::Receiver(event) => event.at,
        }
    }

    /// The tenant whose receivers hear of it.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Media(event) => &event.facts.tenant,
            Self::Instance(event) => &event.tenant,
            Self::Receiver(event) => &event.tenant,
        }
    }

    /// The instance whose receivers hear of it.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        match self {
            Self::Media(event) => &event.facts.instance,
            Self::Instance(event) => &event.instance,
            Self::Receiver(event) => &event.instance,
        }
    }

    /// The receiver that it is about, and that does not hear of it.
    #[must_use]
    pub fn subject(&self) -> Option<&ReceiverId> {
        match self {
            Self::Receiver(event) => Some(&event.receiver),
            Self::Media(_) | Self::Instance(_) => None,
        }
    }

    /// The JSON for a receiver of the tenant's: everything. `extras` are for a stored file.
    ///
    /// # Errors
    /// None in practice: every field is a text or number.
    pub fn for_receiver(
        &self,
        bucket: &str,
        extras: &ReceiverExtras,
    ) -> Result<String, serde_json::Error> {
        match self {
            Self::Media(event) => event.for_receiver(bucket, extras),
            Self::Instance(event) => event.to_json(),
            Self::Receiver(event) => event.to_json(),
        }
    }

    /// The JSON for `EventBridge`: without chat, sender, texts and link.
    ///
    /// # Errors
    /// As [`Self::for_receiver`].
    pub fn for_event_bus(&self, bucket: &str) -> Result<String, serde_json::Error> {
        match self {
            Self::Media(event) => event.for_event_bus(bucket),
            Self::Instance(event) => event.to_json(),
            Self::Receiver(event) => event.to_json(),
        }
    }
}
