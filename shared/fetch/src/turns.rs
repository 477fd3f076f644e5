//! How many media of one instance W-API is asked for at once: a burst of one account must not take all of
//! its patience, or all of a function's.

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

/// Media of one instance for which W-API is asked at the same time, per process.
const AT_ONCE: usize = 2;

/// Instances remembered before those that are idle are forgotten.
const MANY: usize = 1000;

/// A semaphore for each instance.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<InstanceId, Arc<Semaphore>>>);

impl Turns {
    /// Waits for a turn, no longer than to `until`: other strategies need time, too.
    pub(crate) async fn take(
        &self,
        instance: &InstanceId,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, FetchError> {
        const LATE: FetchError = FetchError::TimedOut(Wait::Turn);
        let turn = timeout_at(until, self.of(instance).acquire_owned());
        turn.await.map_err(|_| LATE)?.map_err(|_closed| LATE)
    }

    fn of(&self, instance: &InstanceId) -> Arc<Semaphore> {
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.len() >= MANY {
            instances.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        let turns = instances.entry(instance.clone());
        Arc::clone(turns.or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))))
    }
}
