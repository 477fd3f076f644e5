//! How much one receiver may get at once from this process, so that a slow or failing one does not
//! take the time of the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use media::receiver::ReceiverId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// Requests to one receiver at the same time.
const MAX_AT_ONCE: usize = 4;

/// After this many failures in a row, a receiver is left alone for [`PAUSE`].
const MAX_FAILURES: u32 = 3;

/// How long a receiver is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// How long a delivery waits for a slot, at most. A receiver that answers late would else hold the
/// whole invocation, and with it deliveries to others.
const MAX_SLOT_WAIT: Duration = Duration::from_secs(2);

/// Maximum number of receivers that are remembered.
const MAX_RECEIVERS: usize = 10_000;

/// What this process knows about the receivers that it posts to.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<ReceiverId, Pace>>);

#[derive(Debug)]
struct Pace {
    slots: Arc<Semaphore>,
    failures: u32,
    paused_until: Option<Instant>,
}

/// Why a delivery is not tried now.
#[derive(Debug)]
pub(crate) enum NoSlot {
    /// The receiver is left alone for this time.
    Paused(Duration),
    /// It has not answered the requests that it got before.
    Busy,
}

impl Default for Pace {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(MAX_AT_ONCE)), failures: 0, paused_until: None }
    }
}

impl Paces {
    /// Waits for a slot of the receiver, for [`MAX_SLOT_WAIT`].
    pub(crate) async fn enter(&self, id: &ReceiverId) -> Result<OwnedSemaphorePermit, NoSlot> {
        self.check_pause(id)?;
        let slots = Arc::clone(&self.lock().entry(id.clone()).or_default().slots);
        let Ok(Ok(slot)) = timeout(MAX_SLOT_WAIT, slots.acquire_owned()).await else {
            return Err(NoSlot::Busy);
        };
        // Those before it may have failed meanwhile.
        self.check_pause(id)?;
        Ok(slot)
    }

    fn check_pause(&self, id: &ReceiverId) -> Result<(), NoSlot> {
        let paces = self.lock();
        let until = paces.get(id).and_then(|pace| pace.paused_until);
        let left = until.and_then(|until| until.checked_duration_since(Instant::now()));
        left.map_or(Ok(()), |left| Err(NoSlot::Paused(left)))
    }

    pub(crate) fn note_success(&self, id: &ReceiverId) {
        if let Some(pace) = self.lock().get_mut(id) {
            (pace.failures, pace.paused_until) = (0, None);
        }
    }

    /// Notes a failure. `slow_down`: the receiver asked to be left alone, for this long if it said.
    pub(crate) fn note_failure(&self, id: &ReceiverId, slow_down: Option<Duration>) {
        let mut paces = self.lock();
        let pace = paces.entry(id.clone()).or_default();
        pace.failures = pace.failures.saturating_add(1);
        let pause = match slow_down {
            Some(asked) => Some(asked.max(PAUSE)),
            None => (pace.failures >= MAX_FAILURES).then_some(PAUSE),
        };
        if let Some(pause) = pause {
            pace.paused_until = Some(Instant::now() + pause);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ReceiverId, Pace>> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() > MAX_RECEIVERS {
            paces.clear();
        }
        paces
    }
}
