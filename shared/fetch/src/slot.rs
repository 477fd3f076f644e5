//! Limits how many media messages are worked on at a time, by the memory that their files will
//! take. One that waits for W-API's first answer does not count, so that one instance's wait does
//! not keep the others from working.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::pool::{WHOLE_BYTES, buffer_size, units_of};

/// Slots for the memory of a number of parts. A large file's slot has a part, a small one's what
/// the sender said that the file has. If that is wrong, the pool of buffers makes the file wait.
#[derive(Debug)]
pub struct Slots(Arc<Semaphore>);

/// The right to work on one media message. It ends when it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Semaphore>,
    units: u32,
    state: Mutex<SlotState>,
}

#[derive(Debug, Default)]
struct SlotState {
    /// `None` while the media message waits for W-API.
    permit: Option<OwnedSemaphorePermit>,
    waited: Duration,
}

impl Slots {
    /// Slots for the memory of `count` parts.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count * units_of(WHOLE_BYTES))))
    }

    /// Waits for a free slot for a file with this length, if it is known. Those who wait get one in
    /// the order in which they came.
    pub async fn take_slot(&self, file_bytes: Option<u64>) -> Slot {
        let units = u32::try_from(units_of(buffer_size(file_bytes))).unwrap_or(u32::MAX);
        let slot = Slot { slots: Arc::clone(&self.0), units, state: Mutex::default() };
        slot.take_permit().await;
        slot
    }
}

impl Slot {
    /// How long the media message waited for a slot after W-API's answers.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.lock_state().waited
    }

    /// Leaves the slot to others, until [`Self::retake`].
    pub(crate) fn release(&self) {
        self.lock_state().permit = None;
    }

    /// Waits for a free slot again. If none is free at `deadline`, the work goes on without one:
    /// what is left of it is short.
    pub(crate) async fn retake(&self, deadline: Instant) {
        let began = Instant::now();
        if timeout_at(deadline, self.take_permit()).await.is_err() {
            tracing::debug!("no slot was free by the deadline; the work goes on without one");
        }
        self.lock_state().waited += began.elapsed();
    }

    async fn take_permit(&self) {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.slots).acquire_many_owned(self.units).await.ok();
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
        let until = Instant::now() + deadline;
        slot.release();
        sleep(WAIT).await;
        slot.retake(until).await;
    }

    #[tokio::test(start_paused = true)]
    async fn another_uses_the_slot_meanwhile() {
        let slots = Slots::new(1);
        let slot = slots.take_slot(None).await;
        assert!(timeout(WAIT, slots.take_slot(None)).await.is_err(), "it is taken");
        let other = async {
            let _other = slots.take_slot(None).await;
            sleep(2 * WAIT).await;
        };
        let began = Instant::now();
        tokio::join!(release_for(&slot, 10 * WAIT), other);
        assert_eq!((began.elapsed(), slot.waited()), (2 * WAIT, WAIT));
        assert!(timeout(WAIT, slots.take_slot(None)).await.is_err(), "it is taken again");
        drop(slot);
        assert!(timeout(WAIT, slots.take_slot(None)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn small_files_share_the_slot_of_a_large_one() {
        let slots = Slots::new(1);
        let mut all = Vec::new();
        for _ in 0..10 {
            let taken = timeout(WAIT, slots.take_slot(Some(700_000))).await;
            all.push(taken.expect("a slot"));
        }
        assert!(timeout(WAIT, slots.take_slot(Some(2_000_000))).await.is_err(), "no room");
        all.truncate(5);
        assert!(timeout(WAIT, slots.take_slot(Some(2_000_000))).await.is_ok());
    }

    /// The run must still write its record.
    #[tokio::test(start_paused = true)]
    async fn at_the_deadline_work_goes_on_without_a_slot() {
        let slots = Slots::new(1);
        let slot = slots.take_slot(None).await;
        let other = async {
            let other = slots.take_slot(None).await;
            sleep(WAIT / 2).await;
            other
        };
        let (other, ()) = tokio::join!(other, release_for(&slot, WAIT / 2));
        assert_eq!(slot.waited(), Duration::ZERO);
        drop(other);
        // Nobody waits for the free slot.
        assert!(timeout(WAIT, slots.take_slot(None)).await.is_ok());
    }
}
