//! After the disturbance: waiting until no job is left.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{Stack, Step};

/// A job that failed five times may wait for eight minutes; longer than this something is stuck.
const DRAINED_WITHIN: Duration = Duration::from_mins(12);
/// How often the queue is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// An empty queue is believed when it was empty this often in a row.
const EMPTY_TIMES: u32 = 3;

/// Waits until the jobs queue is empty, hidden jobs included, and tells how many are left when the time is over.
///
/// # Errors
/// If the queue cannot be asked.
pub(crate) async fn until_empty(stack: &Stack, step: &Step) -> Result<u64> {
    let begun = Instant::now();
    let mut empty = 0;
    loop {
        let left = stack.queue_length(&stack.outputs().jobs_queue_url).await?;
        step.detail(format!("{left} jobs left"));
        empty = if left == 0 { empty + 1 } else { 0 };
        if empty == EMPTY_TIMES || begun.elapsed() > DRAINED_WITHIN {
            return Ok(left);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
