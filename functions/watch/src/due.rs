//! Sends the jobs that are due: those that waited in the jobs table, and those that the queue has
//! lost.

use aws::{
    error::AwsError,
    ledger::{DUE_SHARDS, DueKey, DuePlace, JobsTable},
    queues::JobsQueue,
};
use boot::random::random_bits;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

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
/// heard may still be among them.
const MAX_BACKLOG: u64 = 1000;

/// While the queue is behind, only a job of which nothing was heard for this many seconds more
/// counts as lost.
const MAX_BACKLOG_SECONDS: i64 = 24 * 60 * 60;

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

/// The jobs table and the jobs queue, between which due jobs are sent.
#[derive(Debug, Clone, Copy)]
pub struct DueSender<'a> {
    /// Where the entries are.
    pub table: &'a JobsTable,
    /// Where their jobs are sent.
    pub queue: &'a JobsQueue,
}

/// What became of one due entry.
enum SendResult {
    Sent,
    /// It changed since it was listed: a run or another pass was faster.
    Changed,
    Failed,
    /// The time was over before it was taken.
    NotStarted,
}

impl DueSender<'_> {
    /// Sends the jobs whose wait in the jobs table is over at `due_until`. After `deadline` no
    /// entry is taken any more; what was taken is sent. Times are in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the index cannot be read. Jobs that were taken are sent.
    pub async fn send_due(
        &self,
        (now, due_until): (i64, i64),
        deadline: Instant,
    ) -> Result<DueSummary, AwsError> {
        self.send_pages(DuePlace::Table, (now, due_until), deadline).await
    }

    /// Sends again the jobs that the queue has lost. While the queue is behind, only what is
    /// overdue by a day more counts as lost. The deadline is that of [`Self::send_due`].
    ///
    /// # Errors
    /// [`AwsError`] when the index or the queue cannot be read. Jobs that were taken are sent.
    pub async fn send_orphans(&self, now: i64, deadline: Instant) -> Result<DueSummary, AwsError> {
        let is_behind = self.queue.count_visible().await? >= MAX_BACKLOG;
        let due_until = if is_behind { now.saturating_sub(MAX_BACKLOG_SECONDS) } else { now };
        self.send_pages(DuePlace::Queue, (now, due_until), deadline).await
    }

    /// Sends page after page until nothing more is due. The partitions take turns, so that an
    /// instance with many due jobs does not hold up the others. A partition in which nothing could
    /// be sent is left to the next pass.
    async fn send_pages(
        &self,
        place: DuePlace,
        (now, due_until): (i64, i64),
        deadline: Instant,
    ) -> Result<DueSummary, AwsError> {
        let mut summary = DueSummary { is_complete: true, ..DueSummary::default() };
        let mut open: Vec<u8> = (0..DUE_SHARDS).collect();
        while !open.is_empty() {
            let mut still_open = Vec::new();
            for shard in open {
                if Instant::now() >= deadline {
                    return Ok(DueSummary { is_complete: false, ..summary });
                }
                let page = self.table.list_due(place, shard, due_until, PAGE).await?;
                let is_full = usize::try_from(PAGE).is_ok_and(|full| page.len() >= full);
                let lag = page.iter().map(|due| now.saturating_sub(due.due_at)).max();
                // 0 if nothing is due yet.
                summary.lag_seconds = summary.lag_seconds.max(lag.unwrap_or_default());
                let has_moved = self.send_page(page, now, deadline, &mut summary).await;
                if is_full && has_moved {
                    still_open.push(shard);
                }
            }
            open = still_open;
        }
        Ok(summary)
    }

    /// Sends the entries of a page, and returns whether any is not due any more.
    async fn send_page(
        &self,
        page: Vec<DueKey>,
        now: i64,
        deadline: Instant,
        summary: &mut DueSummary,
    ) -> bool {
        let mut has_moved = false;
        let mut results = stream::iter(page)
            .map(|due| self.send_one(due, now, deadline))
            .buffer_unordered(MAX_AT_ONCE);
        while let Some(result) = results.next().await {
            has_moved |= matches!(result, SendResult::Sent | SendResult::Changed);
            match result {
                SendResult::Sent => summary.sent += 1,
                SendResult::Failed => summary.failed += 1,
                SendResult::NotStarted => summary.is_complete = false,
                SendResult::Changed => {}
            }
        }
        has_moved
    }

    /// Takes the entry first, so that two passes do not both send it. After a crash between the
    /// two, the job counts as lost by the queue two hours later.
    async fn send_one(&self, due: DueKey, now: i64, deadline: Instant) -> SendResult {
        if Instant::now() >= deadline {
            return SendResult::NotStarted;
        }
        let (instance, taker) = (&due.entry.instance, format!("{:016x}", random_bits()));
        let queued_until = now.saturating_add(LOST_AFTER_SECONDS);
        let entry = match self.table.take_due(&due, queued_until, &taker).await {
            Ok(Some(entry)) => entry,
            Ok(None) => return SendResult::Changed,
            Err(error) => {
                tracing::error!(%instance, %error, "taking a due job failed");
                return SendResult::Failed;
            }
        };
        let Err(error) = self.queue.send_due(&entry).await else {
            return SendResult::Sent;
        };
        tracing::error!(%instance, %error, "sending a due job failed");
        let again_at = now.saturating_add(RESEND_SECONDS);
        if let Err(error) = self.table.give_back_due(&due, queued_until, again_at).await {
            tracing::error!(%instance, %error, "giving back a due job failed");
        }
        SendResult::Failed
    }
}
