//! One pass through the log of one instance: page after page, from the newest entry back to the
//! mark.

use std::time::Duration;

use aws::{instances::Instance, marks::Mark};
use fetch::account::Credentials;
use media::{
    access::VerifiedInstance,
    job::QueuedJob,
    message::{MediaMessage, Secret},
    sha256::Sha256,
    unread::TooLargeToKeep,
};
use tokio::time::{Instant, timeout_at};
use wapi::{
    logs::{LogPage, LogWalk},
    webhook::{Reading, UnreadReason, WebhookBody},
};

use crate::{
    report::{Counts, PassEnd, Stop},
    services::Services,
    window::Window,
};

/// A page is requested only if this much of the invocation's time is left: W-API may take 20 s to
/// answer, and then the records of a hundred webhooks are read.
pub(crate) const MIN_TIME_FOR_PAGE: Duration = Duration::from_secs(60);

/// The part of the invocation's time in which no page is read any more: the mark is written.
const TIME_TO_END: Duration = Duration::from_secs(20);

/// How many digests of kept webhooks a mark has, at most. Hardly any webhook cannot be read; of
/// more, the oldest may be kept twice.
const MAX_KEPT: usize = 100;

/// The length of a digest of a kept webhook, in hex digits.
const DIGEST_DIGITS: usize = 32;

/// The state of a pass.
pub(crate) struct Pass<'a> {
    pub(crate) services: &'a Services,
    pub(crate) instance: &'a Instance,
    pub(crate) token: &'a Secret,
    pub(crate) verified: VerifiedInstance,
    pub(crate) window: Window,
    pub(crate) mark: &'a mut Mark,
    pub(crate) counts: Counts,
    /// The latest time on the pages so far, in seconds since 1970.
    pub(crate) newest: Option<i64>,
    pub(crate) now: i64,
}

impl Pass<'_> {
    /// Reads pages until the mark, a limit or a failure is reached.
    pub(crate) async fn read_pages(&mut self, walk: &mut LogWalk, deadline: Instant) -> PassEnd {
        let pace = &self.services.pace;
        while let Some(number) = walk.next_page() {
            let is_late = Instant::now() + MIN_TIME_FOR_PAGE > deadline;
            if is_late || self.counts.pages >= pace.max_pages {
                return PassEnd::Unfinished;
            }
            if self.counts.pages > 0 {
                tokio::time::sleep(pace.pause).await;
            }
            // A page that is read in many parts may take longer. The next run asks for it again.
            match timeout_at(deadline - TIME_TO_END, self.read_page(number, walk)).await {
                Ok(Ok(())) => {}
                Ok(Err(stop)) => return PassEnd::Stopped(stop),
                Err(_late) => return PassEnd::Unfinished,
            }
        }
        match self.counts {
            Counts { read: 0, not_understood: 1.., .. } => PassEnd::Stopped(Stop::NotUnderstood),
            _ => PassEnd::Finished,
        }
    }

    /// Reads a page, and takes it into the walk once all of it is sent.
    async fn read_page(&mut self, number: u32, walk: &mut LogWalk) -> Result<(), Stop> {
        let who = Credentials { instance: &self.instance.id, token: self.token };
        let page = self.services.wapi.fetch_log_page(number, who).await;
        let page = page.map_err(Stop::from_answer)?;
        let summary = page.summarize(Window::latest(self.now));
        self.counts.pages += 1;
        self.counts.read += page.webhooks.len();
        self.counts.not_understood += page.not_understood;
        self.handle_entries(page, walk.is_oldest_first()).await?;
        self.newest = self.newest.max(summary.newest);
        walk.add_page(summary);
        Ok(())
    }

    async fn handle_entries(&mut self, page: LogPage, is_oldest_first: bool) -> Result<(), Stop> {
        let latest = Window::latest(self.now);
        let arrivals = page.earliest_arrivals(is_oldest_first, latest);
        let LogPage { webhooks, times, .. } = page;
        let times = times.into_iter().map(|time| time.filter(|time| *time <= latest));
        for ((webhook, time), arrival) in webhooks.into_iter().zip(times).zip(arrivals) {
            let is_read = arrival.is_some_and(|arrival| {
                arrival < self.window.from || self.window.is_refused(arrival)
            });
            let is_young = time.is_some_and(|time| time > self.window.until);
            if !is_read && !is_young {
                self.handle_webhook(webhook, time).await?;
            }
        }
        Ok(())
    }

    /// Does with a webhook of the log what the webhook function does with one that is posted,
    /// except that only missing media messages are queued.
    async fn handle_webhook(
        &mut self,
        webhook: WebhookBody,
        time: Option<i64>,
    ) -> Result<(), Stop> {
        match Reading::from_body(webhook, &self.verified) {
            Reading::Whole(announcement) => self.send_missing(announcement.media, time).await,
            Reading::Part { announcement, body } => {
                self.send_missing(announcement.media, time).await?;
                self.keep_body(UnreadReason::NotUnderstood, &body, time).await
            }
            Reading::Unread { why, body: Some(body) } => self.keep_body(why, &body, time).await,
            Reading::Unread { body: None, .. } | Reading::Refused(_) => {
                self.counts.refused += 1;
                Ok(())
            }
        }
    }

    /// Queues the media messages that have no record and that no order to erase covers.
    async fn send_missing(
        &mut self,
        media: Vec<MediaMessage>,
        time: Option<i64>,
    ) -> Result<(), Stop> {
        let arrived_at = time.unwrap_or(self.now);
        let mut jobs = Vec::new();
        for message in media {
            let job = self.verified.create_late_job(message, arrived_at, self.now);
            let QueuedJob::V1(content) = &job;
            let records = &self.services.records;
            if !records.needs_job(&self.instance.id, &content.message, self.now).await? {
                continue;
            }
            match self.services.orders.find_erasure(content).await? {
                Some(_) => self.counts.erased += 1,
                None => jobs.push(job),
            }
        }
        if jobs.is_empty() {
            return Ok(());
        }
        let is_earlier = time.is_some_and(|time| time < self.instance.created_at);
        let counted = if is_earlier { &mut self.counts.earlier } else { &mut self.counts.found };
        *counted += jobs.len();
        self.services.jobs.send(&self.instance.tenant, &jobs).await?;
        self.counts.sent += jobs.len();
        Ok(())
    }

    /// Keeps a webhook that could not be read in full, unless an earlier pass has kept it.
    async fn keep_body(
        &mut self,
        why: UnreadReason,
        body: &WebhookBody,
        time: Option<i64>,
    ) -> Result<(), Stop> {
        let bytes = body.as_value().to_string().into_bytes();
        let mut digest = Sha256::from_data(&bytes).to_hex();
        digest.truncate(DIGEST_DIGITS);
        if self.mark.kept.contains(&digest) {
            return Ok(());
        }
        let arrived_at = time.unwrap_or(self.now);
        match why.keep_body(&self.verified, &bytes, None, arrived_at) {
            Ok(unread) => {
                self.services.jobs.send_unread(&unread).await?;
                self.counts.unread += 1;
                self.mark.kept.push(digest);
                let surplus = self.mark.kept.len().saturating_sub(MAX_KEPT);
                self.mark.kept.drain(..surplus);
            }
            Err(TooLargeToKeep) => self.counts.refused += 1,
        }
        Ok(())
    }
}
