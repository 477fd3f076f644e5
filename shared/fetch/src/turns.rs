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

/// That a turn or a slot came too late.
const LATE: FetchError = FetchError::TimedOut(Wait::Turn);

/// One semaphore per instance.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<InstanceId, Arc<Semaphore>>>);

/// The right to ask W-API. While it lasts, the request's slot is left to others.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    permit: OwnedSemaphorePermit,
    request: FetchRequest<'a>,
}

impl Turn<'_> {
    /// Gives the turn to the next one, and waits for a slot again.
    ///
    /// # Errors
    /// [`FetchError::TimedOut`] if that took until the deadline, which says nothing of the origin.
    pub(crate) async fn end(self) -> Result<(), FetchError> {
        drop(self.permit);
        retake_slot(self.request).await
    }
}

impl Turns {
    /// Waits for a turn, at most for `max_wait`, because other strategies need time as well.
    pub(crate) async fn wait_for_turn<'a>(
        &self,
        request: FetchRequest<'a>,
        max_wait: Duration,
    ) -> Result<Turn<'a>, FetchError> {
        let turns = self.semaphore_for(request.instance);
        if let Some(slot) = request.slot {
            slot.release();
        }
        let began = Instant::now();
        let until = (began + max_wait).min(request.deadline);
        let turn = timeout_at(until, turns.acquire_owned()).await;
        if let Some(slot) = request.slot {
            slot.add_wait(began.elapsed());
        }
        if let Ok(Ok(permit)) = turn {
            return Ok(Turn { permit, request });
        }
        retake_slot(request).await?;
        Err(LATE)
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

async fn retake_slot(request: FetchRequest<'_>) -> Result<(), FetchError> {
    if let Some(slot) = request.slot {
        slot.retake(request.deadline).await;
    }
    if Instant::now() >= request.deadline { Err(LATE) } else { Ok(()) }
}
