//! Passes on to a receiver what only W-API's log still has: the webhooks for which its three days
//! are over.

use std::time::Duration;

use anyhow::bail;
use aws::{
    delivery_bodies::DeliveryBodies, instances::Instance, ledger::Ledger, orders::Orders,
    receivers::Receiver,
};
use boot::clock;
use fetch::account::{AccountClient, Credentials};
use futures_util::{StreamExt, TryStreamExt, stream};
use media::{
    delivery::{Delivery, DeliveryId, DeliverySource, MAX_BODY_BYTES},
    sha256::Sha256,
};
use wapi::{
    logs::{LogPage, LogWalk},
    webhook::WebhookBody,
};

use crate::{
    commands::replay::MAX_PAGES,
    screen,
    session::{Session, as_instance},
};

/// How many webhooks are written at the same time.
pub(super) const MAX_AT_ONCE: usize = 8;

/// How far the clock of W-API may be ahead, in seconds.
const MAX_CLOCK_ERROR: i64 = 60 * 60;

/// How often a page is asked for, and how long after each other.
const TRIES: u32 = 3;
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// Into how much less time what the log has is due than it took to arrive, all of it after what was
/// kept: that ends sooner. Ten days become three minutes, and what arrived within an hour and a
/// half has no order.
const COMPRESSION: i64 = 5000;

/// Which part of the logs is passed on: what arrived at W-API from one time to another, in seconds
/// since 1970.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(super) struct LogRange {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl LogRange {
    /// Whether this time is part of it.
    pub(super) fn contains(&self, at: i64) -> bool {
        (self.from..=self.until).contains(&at)
    }

    /// When what is of this time is due, if the passage begins at `now`.
    pub(super) fn due_at(&self, at: i64, now: i64) -> i64 {
        now + (at - self.from) / COMPRESSION
    }
}

/// What was found in the logs, and what became of it.
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct LogSummary {
    #[serde(flatten)]
    pub(super) range: LogRange,
    /// Webhooks of that time, for this receiver, that rest in the jobs table now.
    pub(super) passed_on: u64,
    /// Webhooks about something that was ordered to be erased.
    pub(super) erased: u64,
    /// Webhooks that are larger than any that can be posted.
    pub(super) too_large: u64,
    /// Webhooks that name another instance.
    pub(super) of_others: u64,
    /// Webhooks from before the instance was registered, or that came while it was paused.
    pub(super) refused: u64,
    /// Entries of pages on which no entry has a time.
    pub(super) undated: u64,
    /// Entries in which no webhook was found.
    pub(super) not_understood: u64,
    /// Instances whose log could not be read to its end, and why.
    pub(super) failed: Vec<String>,
}

impl LogSummary {
    /// Whether nothing is missing that should have been passed on.
    pub(super) fn is_whole(&self) -> bool {
        let Self { too_large, undated, not_understood, failed, .. } = self;
        [*too_large, *undated, *not_understood] == [0; 3] && failed.is_empty()
    }

    /// One line for each thing that a person should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let Self { erased, too_large, of_others, refused, undated, not_understood, failed, .. } =
            self;
        let counted = [
            (*erased, "were erased and are not passed on"),
            (*too_large, "are larger than 6 MiB and are not passed on"),
            (*of_others, "name another instance and are not passed on"),
            (*refused, "came before the instance was registered, or while it was paused"),
            (*undated, "have no time and are not passed on"),
            (*not_understood, "could not be parsed"),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0);
        let mut notes: Vec<_> = counted
            .map(|(count, what)| format!("Entries of the log that {what}: {count}."))
            .collect();
        notes.extend(failed.iter().map(|one| format!("The log was not read to its end: {one}")));
        notes
    }
}

/// Reads the logs of a receiver's instances, and puts its webhooks to rest in the jobs table, from
/// where they are sent in their order.
pub(super) struct LogReader<'a> {
    session: &'a Session,
    receiver: &'a Receiver,
    range: LogRange,
    now: i64,
    wapi: AccountClient,
    orders: Orders,
    ledger: Ledger,
    bodies: DeliveryBodies,
}

impl<'a> LogReader<'a> {
    pub(super) fn new(
        session: &'a Session,
        receiver: &'a Receiver,
        range: LogRange,
    ) -> anyhow::Result<Self> {
        let bucket = session.stack.output("DeliveriesBucket")?.to_owned();
        Ok(Self {
            session,
            receiver,
            range,
            now: clock::now(),
            wapi: session.wapi()?,
            orders: session.orders()?,
            ledger: session.ledger()?,
            bodies: DeliveryBodies::new(&session.operator.clients, bucket),
        })
    }

    /// Reads the log of each of these instances. What prevents it for one is noted, and the next
    /// one is read.
    pub(super) async fn read_all(&self, instances: &[Instance]) -> LogSummary {
        let mut summary = LogSummary { range: self.range, ..LogSummary::default() };
        let bar = screen::new_counter("pages of W-API's log");
        for instance in instances {
            if let Err(error) = self.read_log(instance, &mut summary, || bar.inc(1)).await {
                summary.failed.push(format!("{}: {error:#}", instance.id));
            }
        }
        bar.finish_and_clear();
        summary
    }

    async fn read_log(
        &self,
        instance: &Instance,
        summary: &mut LogSummary,
        note_page: impl Fn(),
    ) -> anyhow::Result<()> {
        let token = self.session.decrypt_token(instance).await?;
        let (mut walk, latest) = (LogWalk::new(self.range.from), self.now + MAX_CLOCK_ERROR);
        for _ in 0..MAX_PAGES {
            let Some(number) = walk.next_page() else {
                return Ok(());
            };
            let page = self.fetch_page(number, as_instance(&instance.id, &token)).await?;
            note_page();
            let seen = page.summarize(latest);
            self.take_page(instance, page, walk.is_oldest_first(), summary).await?;
            walk.add_page(seen);
        }
        bail!("it has more than {MAX_PAGES} pages")
    }

    async fn fetch_page(&self, number: u32, who: Credentials<'_>) -> anyhow::Result<LogPage> {
        let mut tries = 1;
        loop {
            match self.wapi.fetch_whole_log_page(number, who).await {
                Err(_) if tries < TRIES => tokio::time::sleep(TRY_AGAIN).await,
                page => return Ok(page?),
            }
            tries += 1;
        }
    }

    async fn take_page(
        &self,
        instance: &Instance,
        page: LogPage,
        is_oldest_first: bool,
        summary: &mut LogSummary,
    ) -> anyhow::Result<()> {
        let LogRange { from, until } = self.range;
        let arrivals = page.earliest_arrivals(is_oldest_first, self.now + MAX_CLOCK_ERROR);
        let oldest = arrivals.iter().flatten().min().copied();
        let newest = arrivals.iter().flatten().max().copied();
        if oldest.is_none_or(|at| at <= until) && newest.is_none_or(|at| at >= from) {
            summary.not_understood += page.not_understood as u64;
        }
        let mut wanted = Vec::new();
        for ((webhook, arrival), own_time) in
            page.webhooks.into_iter().zip(arrivals).zip(page.times)
        {
            let hook = webhook.event().hook().map(|hook| hook.as_str());
            let is_of_other = webhook.instance().is_some_and(|id| id != instance.id.as_str());
            match arrival.or(oldest) {
                _ if !self.receiver.gets(&instance.id, hook) => {}
                Some(at) if !self.range.contains(at) => {}
                Some(_) if is_of_other => summary.of_others += 1,
                Some(at) if instance.leaves_in_log(at) => summary.refused += 1,
                Some(at) => wanted.push(Logged { webhook, at, own_time }),
                None => summary.undated += 1,
            }
        }
        let passages = wanted.iter().map(|logged| self.pass_on(instance, logged));
        let ends: Vec<_> = stream::iter(passages).buffered(MAX_AT_ONCE).try_collect().await?;
        for end in ends {
            *match end {
                Passage::Rests => &mut summary.passed_on,
                Passage::Erased => &mut summary.erased,
                Passage::TooLarge => &mut summary.too_large,
            } += 1;
        }
        Ok(())
    }

    /// Puts one webhook to rest: due after what was kept, before those that arrived later, and
    /// delivered for three days from now on. A second command gives it the same id.
    async fn pass_on(&self, instance: &Instance, logged: &Logged) -> anyhow::Result<Passage> {
        let Logged { webhook, at, own_time } = logged;
        let subjects = webhook.order_subjects(&instance.id);
        let known_since = webhook.known_since(*at);
        if self.orders.find_covering(&instance.tenant, subjects, known_since).await?.is_some() {
            return Ok(Passage::Erased);
        }
        let body = webhook.as_value().to_string().into_bytes();
        if body.len() > MAX_BODY_BYTES {
            return Ok(Passage::TooLarge);
        }
        if self.session.flags.dry_run {
            return Ok(Passage::Rests);
        }
        // Two webhooks without a message may have the same body.
        let (digest, time) = (Sha256::from_data(&body).to_hex(), own_time.unwrap_or_default());
        let source = DeliverySource {
            id: &DeliveryId::of_request(&format!("log {} {time} {digest}", instance.id)),
            tenant: &instance.tenant,
            instance: &instance.id,
            event: Some(webhook.event().as_str()),
            content_type: Some("application/json"),
            body: &body,
            accepted_at: self.now,
        };
        if let Some(key) = source.body_key() {
            // What an earlier command stored may end before this delivery.
            self.bodies.replace(&key, &body).await?;
        }
        let delivery = Delivery::new(&source, &self.receiver.id);
        let due_at = self.range.due_at(*at, self.now);
        self.ledger.jobs.rest_delivery(&delivery, due_at).await?;
        Ok(Passage::Rests)
    }
}

/// A webhook of the log.
struct Logged {
    webhook: WebhookBody,
    /// When it arrived at W-API at the earliest, in seconds since 1970.
    at: i64,
    /// The time that the log has for it.
    own_time: Option<i64>,
}

/// What became of a webhook.
enum Passage {
    Rests,
    Erased,
    TooLarge,
}
