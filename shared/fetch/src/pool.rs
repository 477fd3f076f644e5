//! The buffers for parts: a fixed amount of memory per process, of which each file takes what it
//! needs.
//!
//! The pool bounds the memory for file bytes, whatever the number and size of the files. Nothing is
//! taken from the system before a file needs it. Buffers of a whole part are kept after use;
//! smaller ones are given back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// The size of the buffer of a whole part.
pub(crate) const WHOLE_BYTES: usize = PART_BYTES + SLACK_BYTES;

/// The unit in which memory is shared out: a voice note takes one.
const UNIT_BYTES: usize = 64 * 1024;

/// The memory for parts.
pub struct PartPool {
    memory: Mutex<Memory>,
    permits: Arc<Semaphore>,
    max_bytes: usize,
}

#[derive(Default)]
struct Memory {
    /// Buffers of a whole part that are not in use.
    free: Vec<Vec<u8>>,
    /// The bytes of all buffers, in use or not.
    held_bytes: usize,
}

impl PartPool {
    /// A pool with the memory of `count` parts.
    #[must_use]
    pub fn new(count: usize) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(count * units_of(WHOLE_BYTES)));
        let max_bytes = count * units_of(WHOLE_BYTES) * UNIT_BYTES;
        Arc::new(Self { memory: Mutex::default(), permits, max_bytes })
    }

    /// Waits for a buffer for the rest of a file, if its length is known, or for a whole part. Its
    /// memory returns to the pool when its last [`Bytes`] is dropped.
    pub(crate) async fn take_buffer(
        self: &Arc<Self>,
        left_bytes: Option<u64>,
        deadline: Instant,
    ) -> Result<Buffer, FetchError> {
        let size = buffer_size(left_bytes);
        let units = u32::try_from(units_of(size)).unwrap_or(u32::MAX);
        let late = || FetchError::TimedOut(Wait::Buffer);
        let acquired = Arc::clone(&self.permits).acquire_many_owned(units);
        let permit = timeout_at(deadline, acquired).await.map_err(|_| late())?;
        let permit = permit.map_err(|_closed| late())?;
        let bytes = self.lock_memory().take(size, self.max_bytes);
        Ok(Buffer { bytes, size, pool: Arc::clone(self), _permit: permit })
    }

    fn lock_memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn take(&mut self, size: usize, max_bytes: usize) -> Vec<u8> {
        if size == WHOLE_BYTES
            && let Some(bytes) = self.free.pop()
        {
            return bytes;
        }
        // What is kept for whole parts must make room for a small file.
        while self.held_bytes + size > max_bytes && self.free.pop().is_some() {
            self.held_bytes -= WHOLE_BYTES;
        }
        self.held_bytes += size;
        Vec::with_capacity(size)
    }

    fn give_back(&mut self, mut bytes: Vec<u8>, size: usize) {
        if size == WHOLE_BYTES {
            bytes.clear();
            self.free.push(bytes);
        } else {
            self.held_bytes = self.held_bytes.saturating_sub(size);
        }
    }
}

/// The size of the buffer for the rest of a file with this length; `None`: it is not known.
pub(crate) fn buffer_size(left_bytes: Option<u64>) -> usize {
    let left = left_bytes.and_then(|left| usize::try_from(left).ok()).unwrap_or(WHOLE_BYTES);
    left.saturating_add(SLACK_BYTES).min(WHOLE_BYTES)
}

/// How many units a buffer takes.
pub(crate) fn units_of(bytes: usize) -> usize {
    bytes.div_ceil(UNIT_BYTES)
}

/// A buffer whose memory returns to the pool when it is dropped.
pub(crate) struct Buffer {
    pub(crate) bytes: Vec<u8>,
    size: usize,
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
        self.pool.lock_memory().give_back(bytes, self.size);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    fn held(pool: &PartPool) -> (usize, usize) {
        let memory = pool.lock_memory();
        (memory.held_bytes, memory.free.len())
    }

    #[tokio::test(start_paused = true)]
    async fn many_small_files_fit_where_one_large_one_does() {
        let pool = PartPool::new(1);
        let mut all = Vec::new();
        for _ in 0..100 {
            all.push(pool.take_buffer(Some(5_000), soon()).await.expect("room"));
        }
        assert!(pool.take_buffer(None, soon()).await.is_err(), "no whole part is left");
        assert_eq!(held(&pool), (100 * (5_000 + SLACK_BYTES), 0));
        all.clear();
        assert_eq!(held(&pool), (0, 0));
        assert!(pool.take_buffer(None, soon()).await.is_ok());
    }

    /// Kept buffers and small files together stay within the pool's memory.
    #[tokio::test(start_paused = true)]
    async fn kept_buffers_make_room() {
        let pool = PartPool::new(2);
        let whole = pool.take_buffer(Some(u64::MAX), soon()).await.expect("a part");
        let other = pool.take_buffer(None, soon()).await.expect("a part");
        assert!(pool.take_buffer(Some(1), soon()).await.is_err(), "all is in use");
        drop((whole, other));
        assert_eq!(held(&pool), (2 * WHOLE_BYTES, 2));
        let _small = pool.take_buffer(Some(1_000_000), soon()).await.expect("room");
        assert_eq!(held(&pool), (WHOLE_BYTES + 1_000_000 + SLACK_BYTES, 1));
    }
}
