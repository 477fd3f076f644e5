//! A response body with limits on idle time, speed, total time and size.

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

/// A body that is read chunk by chunk and never held whole.
pub struct Body {
    response: Response,
    limits: Limits,
    deadline: Instant,
    announced_bytes: Option<u64>,
    received_bytes: u64,
    window: Window,
    idle_since: Instant,
    counter: Arc<AtomicU64>,
}

/// The period over which speed is measured.
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
        let window = Window { ends: Instant::now() + limits.speed_window, bytes: 0 };
        Self {
            response,
            limits: limits.clone(),
            deadline,
            announced_bytes,
            received_bytes: 0,
            window,
            idle_since: Instant::now(),
            counter,
        }
    }

    /// Reads the next bytes. `None` is the end of the body, at the announced length if there was
    /// one.
    ///
    /// # Errors
    /// [`FetchError::TimedOut`], [`FetchError::Transport`] or [`FetchError::Incomplete`].
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        // Time between calls is ours and must not count against the origin's speed.
        self.window.ends += self.idle_since.elapsed();
        let chunk = self.read_chunk().await;
        self.idle_since = Instant::now();
        chunk
    }

    async fn read_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let idle_ends = Instant::now() + self.limits.idle;
        let read = timeout_at(idle_ends.min(self.deadline), self.response.chunk()).await;
        let chunk = read.map_err(|_| self.timeout_error())?.map_err(FetchError::from_transport)?;
        match &chunk {
            Some(bytes) => self.count_bytes(bytes.len() as u64)?,
            None if self
                .announced_bytes
                .is_some_and(|announced| announced != self.received_bytes) =>
            {
                return Err(FetchError::Incomplete { received_bytes: self.received_bytes });
            }
            None => {}
        }
        Ok(chunk)
    }

    fn timeout_error(&self) -> FetchError {
        let is_out_of_time = Instant::now() >= self.deadline;
        FetchError::TimedOut(if is_out_of_time { Wait::Deadline } else { Wait::Bytes })
    }

    fn count_bytes(&mut self, bytes: u64) -> Result<(), FetchError> {
        self.counter.fetch_add(bytes, Ordering::Relaxed);
        self.received_bytes += bytes;
        self.window.bytes += bytes;
        let now = Instant::now();
        if now < self.window.ends {
            return Ok(());
        }
        let is_dripping = self.window.bytes < self.limits.bytes_per_window;
        self.window = Window { ends: now + self.limits.speed_window, bytes: 0 };
        if is_dripping { Err(FetchError::TimedOut(Wait::Speed)) } else { Ok(()) }
    }
}

/// Reads up to `max_bytes` of a small answer. The rest is dropped with the connection.
///
/// # Errors
/// [`FetchError::TimedOut`] after `within`, or [`FetchError::Transport`].
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
            .map_err(FetchError::from_transport)?;
        let Some(chunk) = chunk else { break };
        let room = max_bytes - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
    }
    Ok(body.freeze())
}
