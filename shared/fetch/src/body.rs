//! A response's body under guard: by idle time, by speed, by the deadline, by size.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::{
    client::Limits,
    error::{FetchError, Wait},
};

/// A body that is read chunk by chunk, never as a whole.
pub struct Body {
    response: Response,
    limits: Limits,
    deadline: Instant,
    announced_bytes: Option<u64>,
    received_bytes: u64,
    window: Window,
    left_alone_since: Instant,
    counter: Arc<AtomicU64>,
}

/// The stretch of time in which speed is being judged.
struct Window {
    ends: Instant,
    bytes: u64,
}

impl Body {
    pub(crate) fn new(
        response: Response,
        limits: &Limits,
        deadline: Instant,
        counter: Arc<AtomicU64>,
    ) -> Self {
        let announced_bytes = response.content_length();
        let window = Window {
            ends: Instant::now() + limits.speed_window,
            bytes: 0,
        };
        Self {
            response,
            limits: limits.clone(),
            deadline,
            announced_bytes,
            received_bytes: 0,
            window,
            left_alone_since: Instant::now(),
            counter,
        }
    }

    /// The next bytes; `None` at the end, which is then known to be where it was announced.
    ///
    /// # Errors
    /// [`FetchError::TimedOut`], [`FetchError::Transport`], [`FetchError::Incomplete`].
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        // Only time spent waiting for the origin counts against its speed, not our own.
        self.window.ends += self.left_alone_since.elapsed();
        let chunk = self.next().await;
        self.left_alone_since = Instant::now();
        chunk
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        let idle_ends = Instant::now() + self.limits.idle;
        let read = timeout_at(idle_ends.min(self.deadline), self.response.chunk()).await;
        let chunk = read
            .map_err(|_| self.late())?
            .map_err(FetchError::transport)?;
        match &chunk {
            Some(bytes) => self.count(bytes.len() as u64)?,
            None if self
                .announced_bytes
                .is_some_and(|said| said != self.received_bytes) =>
            {
                return Err(FetchError::Incomplete {
                    received_bytes: self.received_bytes,
                });
            }
            None => {}
        }
        Ok(chunk)
    }

    fn late(&self) -> FetchError {
        let is_out_of_time = Instant::now() >= self.deadline;
        FetchError::TimedOut(if is_out_of_time {
            Wait::Deadline
        } else {
            Wait::Bytes
        })
    }

    fn count(&mut self, bytes: u64) -> Result<(), FetchError> {
        self.counter.fetch_add(bytes, Ordering::Relaxed);
        self.received_bytes += bytes;
        self.window.bytes += bytes;
        let now = Instant::now();
        if now < self.window.ends {
            return Ok(());
        }
        let is_dripping = self.window.bytes < self.limits.bytes_per_window;
        self.window = Window {
            ends: now + self.limits.speed_window,
            bytes: 0,
        };
        if is_dripping {
            Err(FetchError::TimedOut(Wait::Speed))
        } else {
            Ok(())
        }
    }
}

/// Reads a small answer whole, and stops at `max_bytes`: what comes after is dropped with the connection.
///
/// # Errors
/// [`FetchError::TimedOut`] after `within`, [`FetchError::Transport`].
pub async fn read_at_most(
    mut response: Response,
    max_bytes: usize,
    within: Duration,
) -> Result<Bytes, FetchError> {
    let ends = Instant::now() + within;
    let mut body = BytesMut::new();
    while body.len() < max_bytes {
        let read = timeout_at(ends, response.chunk()).await;
        let chunk = read
            .map_err(|_| FetchError::TimedOut(Wait::Bytes))?
            .map_err(FetchError::transport)?;
        let Some(chunk) = chunk else { break };
        let room = max_bytes - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
    }
    Ok(body.freeze())
}
