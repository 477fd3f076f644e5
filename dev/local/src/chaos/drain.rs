//! The end of a chaos run: waits until no job is left.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{Stack, Step};

/// A job that failed five times may wait for eight minutes; after this time, something hangs.
const MAX_DRAIN_TIME: Duration = Duration::from_mins(12);
/// The interval at which the queue is read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The queue counts as empty after this many empty readings in a row.
const EMPTY_TIMES: u32 = 3;

/// Waits until the jobs queue is empty, hidden jobs included, and returns the number that is left
/// after the time limit.
///
/// # Errors
/// If the queue cannot be read.
pub(crate) async fn wait_until_empty(stack: &Stack, step: &Step) -> Result<u64> {
    let begun = Instant::now();
    let mut empty = 0;
    loop {
        let left = stack.queue_length(&stack.outputs().jobs_queue_url).await?;
        step.detail(format!("{left} jobs left"));
        empty = if left == 0 { empty + 1 } else { 0 };
        if empty == EMPTY_TIMES || begun.elapsed() > MAX_DRAIN_TIME {
            return Ok(left);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
