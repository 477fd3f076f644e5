//! What was done for events that are not published everywhere yet, so that a repetition does only
//! the rest, with the same link.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws::delivery_sender::SentDeliveries;
use media::{delivery::DeliveryId, media_event::ReceiverExtras};

/// How many events are remembered. More forget the others: what was done for them is done again.
const MAX_REMEMBERED: usize = 1_000;

/// What was done for one event.
#[derive(Clone, Default)]
pub(crate) struct EventProgress {
    /// The link that was made and the texts that were read.
    pub(crate) extras: Option<ReceiverExtras>,
    /// The deliveries that were sent.
    pub(crate) sent: Option<SentDeliveries>,
    /// Whether the bus has it.
    pub(crate) is_on_bus: bool,
}

/// The memory of the process. It has links, which are secret.
#[derive(Default)]
pub(crate) struct Progress(Mutex<HashMap<String, EventProgress>>);

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

impl Progress {
    /// What was done for an event.
    pub(crate) fn find(&self, id: &DeliveryId) -> EventProgress {
        self.lock().get(id.as_str()).cloned().unwrap_or_default()
    }

    /// Remembers more about an event.
    pub(crate) fn note(&self, id: &DeliveryId, change: impl FnOnce(&mut EventProgress)) {
        let mut all = self.lock();
        if all.len() >= MAX_REMEMBERED && !all.contains_key(id.as_str()) {
            all.clear();
        }
        change(all.entry(id.to_string()).or_default());
    }

    /// Forgets an event that Lambda does not send again.
    pub(crate) fn forget(&self, id: &DeliveryId) {
        self.lock().remove(id.as_str());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, EventProgress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
