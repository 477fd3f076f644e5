//! The end of a chaos run: waits until no job is left.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Stack, Step};

/// A job that failed six times may wait for a quarter of an hour in the queue; after this time,
/// something hangs.
const MAX_DRAIN_TIME: Duration = Duration::from_mins(20);
/// The interval at which the queue is read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The queue counts as empty after this many empty readings in a row.
const EMPTY_TIMES: u32 = 3;

/// Waits until no job is in the queue, hidden or not, and none waits in the jobs table, and returns
/// the number that is left after the time limit. What waits in the table is sent at once, as before
/// a rollback: those waits are a quarter of an hour and longer.
///
/// # Errors
/// If the queue or the table cannot be read, or the watch function fails.
pub(crate) async fn wait_until_empty(stack: &Stack, step: &Step) -> Result<u64> {
    let begun = Instant::now();
    let mut empty = 0;
    loop {
        let queued = stack.queue_length(&stack.outputs().jobs_queue_url).await?;
        let waiting = if queued == 0 { count_waiting(stack).await? } else { 0 };
        if waiting > 0 {
            let all = json!({ "pass": "all" });
            stack.invoke_function(&stack.outputs().watch_function, &all).await?;
        }
        let left = queued + waiting;
        step.detail(format!("{left} jobs left"));
        empty = if left == 0 { empty + 1 } else { 0 };
        if empty == EMPTY_TIMES || begun.elapsed() > MAX_DRAIN_TIME {
            return Ok(left);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// How many jobs the jobs table has that are tried again.
async fn count_waiting(stack: &Stack) -> Result<u64> {
    let entries = stack.scan(&stack.outputs().jobs_table).await?;
    let is_retried = |entry: &&Value| entry.pointer("/state/S") == Some(&json!("retrying"));
    Ok(entries.iter().filter(is_retried).count() as u64)
}
