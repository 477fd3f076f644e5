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

/// When a body must be complete.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimit {
    pub(crate) deadline: Instant,
    /// Whether a body that cannot be complete by then, at its speed so far, is left at once.
    pub(crate) is_share: bool,
}

/// A body that is read chunk by chunk and never held whole.
pub struct Body {
    response: Response,
    limits: Limits,
    time_limit: TimeLimit,
    announced_bytes: Option<u64>,
    received_bytes: u64,
    window: Window,
    /// The windows before the present one, together.
    measured: Duration,
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
        time_limit: TimeLimit,
        counter: Arc<AtomicU64>,
    ) -> Self {
        let announced_bytes = response.content_length();
        let window = Window { ends: Instant::now() + limits.speed_window, bytes: 0 };
        Self {
            response,
            limits: limits.clone(),
            time_limit,
            announced_bytes,
            received_bytes: 0,
            window,
            measured: Duration::ZERO,
            idle_since: Instant::now(),
            counter,
        }
    }

    /// How many bytes are still to come, if their number was announced.
    pub(crate) fn left_bytes(&self) -> Option<u64> {
        self.announced_bytes.map(|announced| announced.saturating_sub(self.received_bytes))
    }

    /// Reads the next bytes. `None` is the end of the body, at the announced length if there was
    /// one.
    ///
    /// # Errors
    /// [`FetchError::TimedOut`], [`FetchError::TooSlow`], [`FetchError::Transport`] or
    /// [`FetchError::Incomplete`].
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        // Time between calls is ours and must not count against the origin's speed.
        self.window.ends += self.idle_since.elapsed();
        let chunk = self.read_chunk().await;
        self.idle_since = Instant::now();
        chunk
    }

    async fn read_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let idle_ends = Instant::now() + self.limits.idle;
        let read = timeout_at(idle_ends.min(self.time_limit.deadline), self.response.chunk()).await;
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
        let is_out_of_time = Instant::now() >= self.time_limit.deadline;
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
        self.measured += self.limits.speed_window + now.duration_since(self.window.ends);
        self.window = Window { ends: now + self.limits.speed_window, bytes: 0 };
        if is_dripping {
            Err(FetchError::TimedOut(Wait::Speed))
        } else if self.time_limit.is_share && !self.may_finish(now) {
            Err(FetchError::TooSlow)
        } else {
            Ok(())
        }
    }

    /// Whether the rest of the announced length comes before the deadline, at the speed so far.
    fn may_finish(&self, now: Instant) -> bool {
        let Some(announced) = self.announced_bytes else {
            return true;
        };
        let rest = announced.saturating_sub(self.received_bytes);
        let left = self.time_limit.deadline.saturating_duration_since(now);
        let (rest, received) = (u128::from(rest), u128::from(self.received_bytes));
        rest * self.measured.as_millis() <= received * left.as_millis()
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
