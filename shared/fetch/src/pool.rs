//! The buffers for parts: a fixed number per process, allocated at start.
//!
//! The pool bounds the memory for file bytes, whatever the number and size of the files. The pages
//! are touched when they are allocated, so that no download pays for them and the peak is known
//! from the start.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use media::part::PART_BYTES;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::error::{FetchError, Wait};

/// Bytes of a buffer beyond a part: the tail that cannot be decrypted before more bytes arrive, in
/// whole cipher blocks.
pub(crate) const SLACK_BYTES: usize = media::open::TAIL_BYTES.next_multiple_of(16);

/// A fixed set of buffers of one part each.
pub struct PartPool {
    free: Mutex<Vec<Vec<u8>>>,
    permits: Arc<Semaphore>,
}

impl PartPool {
    /// Allocates `count` buffers and touches all their pages.
    #[must_use]
    pub fn new(count: usize) -> Arc<Self> {
        let buffer = || vec![0xff; PART_BYTES + SLACK_BYTES];
        Arc::new(Self {
            free: Mutex::new(std::iter::repeat_with(buffer).take(count).collect()),
            permits: Arc::new(Semaphore::new(count)),
        })
    }

    /// Waits for a free buffer. The buffer returns to the pool when its last [`Bytes`] is dropped.
    pub(crate) async fn take_buffer(
        self: &Arc<Self>,
        deadline: Instant,
    ) -> Result<Buffer, FetchError> {
        let late = || FetchError::TimedOut(Wait::Buffer);
        let acquired = timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = acquired.map_err(|_| late())?.map_err(|_| late())?;
        let mut bytes = self
            .free_buffers()
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(PART_BYTES + SLACK_BYTES));
        bytes.clear();
        Ok(Buffer { bytes, pool: Arc::clone(self), _permit: permit })
    }

    fn free_buffers(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer that returns to the pool when it is dropped.
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    pool: Arc<PartPool>,
    _permit: OwnedSemaphorePermit,
}

impl Buffer {
    /// Converts the content to [`Bytes`] without copying it.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.pool.free_buffers().push(bytes);
    }
}
