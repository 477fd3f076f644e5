//! Limits how many media messages are worked on at a time. One that waits for its turn at W-API
//! does not count, so that one instance's wait does not keep the others from working.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// A number of slots, each for one media message.
#[derive(Debug)]
pub struct Slots(Arc<Semaphore>);

/// The right to work on one media message. It ends when it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Semaphore>,
    state: Mutex<SlotState>,
}

#[derive(Debug, Default)]
struct SlotState {
    /// `None` while the media message waits for its turn.
    permit: Option<OwnedSemaphorePermit>,
    waited: Duration,
}

impl Slots {
    /// `count` slots.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }

    /// Waits for a free slot. Those who wait get one in the order in which they came.
    pub async fn take_slot(&self) -> Slot {
        let slot = Slot { slots: Arc::clone(&self.0), state: Mutex::default() };
        slot.take_permit().await;
        slot
    }
}

impl Slot {
    /// How long the media message waited for its turns, and for a slot after them.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.lock_state().waited
    }

    /// Waits for `wait` while others use the slot, and then for a free slot. If none is free at
    /// `deadline`, the work goes on without one: what is left of it is short.
    pub(crate) async fn release_during<T>(
        &self,
        wait: impl Future<Output = T>,
        deadline: Instant,
    ) -> T {
        let began = Instant::now();
        self.lock_state().permit = None;
        let waited = wait.await;
        if timeout_at(deadline, self.take_permit()).await.is_err() {
            tracing::debug!("no slot was free by the deadline; the work goes on without one");
        }
        self.lock_state().waited += began.elapsed();
        waited
    }

    async fn take_permit(&self) {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.slots).acquire_owned().await.ok();
        self.lock_state().permit = permit;
    }

    fn lock_state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const WAIT: Duration = Duration::from_secs(20);

    /// A wait of [`WAIT`], then for a slot until `deadline`.
    async fn release_for(slot: &Slot, deadline: Duration) {
        slot.release_during(sleep(WAIT), Instant::now() + deadline).await;
    }

    #[tokio::test(start_paused = true)]
    async fn another_uses_the_slot_meanwhile() {
        let slots = Slots::new(1);
        let slot = slots.take_slot().await;
        assert!(timeout(WAIT, slots.take_slot()).await.is_err(), "it is taken");
        let other = async {
            let _other = slots.take_slot().await;
            sleep(2 * WAIT).await;
        };
        let began = Instant::now();
        tokio::join!(release_for(&slot, 10 * WAIT), other);
        assert_eq!((began.elapsed(), slot.waited()), (2 * WAIT, 2 * WAIT));
        assert!(timeout(WAIT, slots.take_slot()).await.is_err(), "it is taken again");
        drop(slot);
        assert!(timeout(WAIT, slots.take_slot()).await.is_ok());
    }

    /// The run must still write its record.
    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_work_goes_on_without_a_slot() {
        let slots = Slots::new(1);
        let slot = slots.take_slot().await;
        let other = async {
            let other = slots.take_slot().await;
            sleep(WAIT / 2).await;
            other
        };
        let (other, ()) = tokio::join!(other, release_for(&slot, WAIT / 2));
        assert_eq!(slot.waited(), WAIT);
        drop(other);
        // Nobody waits for the free slot.
        assert!(timeout(WAIT, slots.take_slot()).await.is_ok());
    }
}
