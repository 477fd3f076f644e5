//! Sends the jobs that are due: those that waited in the jobs table, and those that the queue has
//! lost.

use aws::{
    error::AwsError,
    ledger::{DUE_SHARDS, DueKey, DuePlace, JobsTable},
    queues::JobsQueue,
};
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

/// How long after it was sent a job counts as lost by the queue, in seconds. Longer than the hour
/// for which a run that dies hides its message.
const LOST_AFTER_SECONDS: i64 = 2 * 60 * 60;

/// When a job that could not be sent is due again, in seconds.
const RESEND_SECONDS: i64 = 60;

/// Entries of one partition that are listed at once.
const PAGE: i32 = 100;

/// Entries that are sent at the same time.
const MAX_AT_ONCE: usize = 16;

/// With this many messages to be received, the queue is behind, and a job of which nothing was
/// heard may still be among them: nothing counts as lost.
const MAX_BACKLOG: u64 = 1000;

/// What a pass over the due entries did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DueSummary {
    /// Jobs that were sent.
    pub sent: u64,
    /// Jobs that could not be sent, and are due again in a minute.
    pub failed: u64,
    /// By how many seconds the job was overdue that had waited longest beyond its time.
    pub lag_seconds: i64,
    /// Whether everything that was due was handled, or the time was over before.
    pub is_complete: bool,
}

/// Sends the jobs whose wait in the jobs table is over, until `deadline`.
///
/// # Errors
/// [`AwsError`] when the index cannot be read. Jobs that were taken are sent.
pub async fn send_due(
    (table, queue): (&JobsTable, &JobsQueue),
    now: i64,
    deadline: Instant,
) -> Result<DueSummary, AwsError> {
    send_until((table, queue), DuePlace::Table, now, deadline).await
}

/// Sends again the jobs that the queue has lost, until `deadline`. While the queue is behind,
/// nothing counts as lost.
///
/// # Errors
/// [`AwsError`] when the index or the queue cannot be read. Jobs that were taken are sent.
pub async fn send_orphans(
    (table, queue): (&JobsTable, &JobsQueue),
    now: i64,
    deadline: Instant,
) -> Result<DueSummary, AwsError> {
    if queue.count_visible().await? >= MAX_BACKLOG {
        return Ok(DueSummary::default());
    }
    send_until((table, queue), DuePlace::Queue, now, deadline).await
}

async fn send_until(
    (table, queue): (&JobsTable, &JobsQueue),
    place: DuePlace,
    now: i64,
    deadline: Instant,
) -> Result<DueSummary, AwsError> {
    let mut summary = DueSummary { is_complete: true, ..DueSummary::default() };
    let sending = send_pages((table, queue), place, now, &mut summary);
    match timeout_at(deadline, sending).await {
        Ok(ended) => ended.map(|()| summary),
        Err(_late) => Ok(DueSummary { is_complete: false, ..summary }),
    }
}

/// Sends page after page until nothing more is due. The partitions take turns, so that an instance
/// with many due jobs does not hold up the others.
async fn send_pages(
    (table, queue): (&JobsTable, &JobsQueue),
    place: DuePlace,
    now: i64,
    summary: &mut DueSummary,
) -> Result<(), AwsError> {
    let mut open: Vec<u8> = (0..DUE_SHARDS).collect();
    while !open.is_empty() {
        let mut still_open = Vec::new();
        for shard in open {
            let page = table.list_due(place, shard, now, PAGE).await?;
            if usize::try_from(PAGE).is_ok_and(|full| page.len() >= full) {
                still_open.push(shard);
            }
            let lag = page.iter().map(|due| now.saturating_sub(due.due_at)).max();
            summary.lag_seconds = summary.lag_seconds.max(lag.unwrap_or_default());
            let mut results = stream::iter(page)
                .map(|due| send_one((table, queue), due, now))
                .buffer_unordered(MAX_AT_ONCE);
            while let Some(result) = results.next().await {
                match result {
                    SendResult::Sent => summary.sent += 1,
                    SendResult::Failed => summary.failed += 1,
                    SendResult::Changed => {}
                }
            }
        }
        open = still_open;
    }
    Ok(())
}

/// What became of one due entry.
enum SendResult {
    Sent,
    /// It changed since it was listed: a run or another pass was faster.
    Changed,
    Failed,
}

/// Takes the entry first, so that two passes do not both send it. After a crash between the two,
/// the job counts as lost by the queue two hours later.
async fn send_one((table, queue): (&JobsTable, &JobsQueue), due: DueKey, now: i64) -> SendResult {
    let queued_until = now.saturating_add(LOST_AFTER_SECONDS);
    let entry = match table.take_due(&due, queued_until).await {
        Ok(Some(entry)) => entry,
        Ok(None) => return SendResult::Changed,
        Err(error) => {
            tracing::warn!(instance = %due.entry.instance, %error, "taking a due job failed");
            return SendResult::Failed;
        }
    };
    let Err(error) = queue.send_from_entry(&entry.body, &entry.tenant, &due.entry).await else {
        return SendResult::Sent;
    };
    tracing::warn!(instance = %due.entry.instance, %error, "sending a due job failed");
    let again_at = now.saturating_add(RESEND_SECONDS);
    if let Err(error) = table.give_back_due(&due, queued_until, again_at).await {
        tracing::warn!(instance = %due.entry.instance, %error, "giving back a due job failed");
    }
    SendResult::Failed
}
