//! Limits how many downloads of one instance W-API serves at a time, so that a burst of one
//! instance does not take all of W-API's, or the function's, capacity.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use media::ids::InstanceId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::error::{FetchError, Wait};

/// Maximum W-API downloads of one instance at a time, per process.
const MAX_AT_ONCE: usize = 2;

/// Number of instances above which idle ones are forgotten.
const MAX_INSTANCES: usize = 1000;

/// One semaphore per instance.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<InstanceId, Arc<Semaphore>>>);

impl Turns {
    /// Waits for a turn until `until`. The caller limits this, because other strategies need time
    /// as well.
    pub(crate) async fn wait_for_turn(
        &self,
        instance: &InstanceId,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, FetchError> {
        const LATE: FetchError = FetchError::TimedOut(Wait::Turn);
        let turn = timeout_at(until, self.semaphore_for(instance).acquire_owned());
        turn.await.map_err(|_| LATE)?.map_err(|_closed| LATE)
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
