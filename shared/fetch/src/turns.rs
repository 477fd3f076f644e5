//! Limits how many questions about one instance's media W-API answers at a time, so that a burst of
//! one instance does not take all of W-API's capacity. The download of a link is not limited.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use media::ids::InstanceId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::{
    error::{FetchError, Wait},
    request::FetchRequest,
};

/// Maximum questions about one instance's media at a time, per process: half of a batch. W-API
/// documents no limit, and no 429 of it has been seen.
const MAX_AT_ONCE: usize = 5;

/// Number of instances above which idle ones are forgotten.
const MAX_INSTANCES: usize = 1000;

/// One semaphore per instance.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<InstanceId, Arc<Semaphore>>>);

impl Turns {
    /// Waits for a turn, at most for `max_wait`, because other strategies need time as well. The
    /// request's slot is left to others meanwhile.
    pub(crate) async fn wait_for_turn(
        &self,
        request: FetchRequest<'_>,
        max_wait: Duration,
    ) -> Result<OwnedSemaphorePermit, FetchError> {
        const LATE: FetchError = FetchError::TimedOut(Wait::Turn);
        let turns = self.semaphore_for(request.instance);
        // Those who wait already come first: then there is no free turn.
        if let Ok(turn) = Arc::clone(&turns).try_acquire_owned() {
            return Ok(turn);
        }
        let deadline = request.deadline;
        let until = (Instant::now() + max_wait).min(deadline);
        let wait = timeout_at(until, turns.acquire_owned());
        let turn = match request.slot {
            Some(slot) => slot.release_during(wait, deadline).await,
            None => wait.await,
        };
        // A slot that comes too late says nothing of the origin.
        if Instant::now() >= deadline {
            return Err(LATE);
        }
        turn.map_err(|_| LATE)?.map_err(|_closed| LATE)
    }

    fn semaphore_for(&self, instance: &InstanceId) -> Arc<Semaphore> {
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.len() >= MAX_INSTANCES {
            instances.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        let turns = instances.entry(instance.clone());
        Arc::clone(turns.or_insert_with(|| Arc::new(Semaphore::new(MAX_AT_ONCE))))
    }
}
