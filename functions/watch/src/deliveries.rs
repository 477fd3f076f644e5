//! Sends the deliveries that rested in the jobs table and are due: to a receiver that works, up to
//! `MAX_PER_PASS` in order; to one whose circuit is open, one at a time.

use aws::{
    deliveries::DeliveriesQueue,
    error::AwsError,
    ledger::{JobsTable, RestingDelivery, WriteOutcome},
    receivers::{Receiver, Receivers},
};
use boot::random::random_bits;
use futures_util::{StreamExt, stream};
use media::receiver::{PauseReason, is_circuit_open, probe_interval};
use tokio::time::Instant;

/// Deliveries to one receiver that a pass sends, at most: five per second. New webhooks come beside
/// them.
const MAX_PER_PASS: i32 = 300;

/// Receivers that are looked at, and deliveries to one receiver that are sent, at the same time.
const MAX_AT_ONCE: usize = 8;

/// How long after it was sent a delivery counts as lost by the queue, in seconds.
const LOST_AFTER_SECONDS: i64 = 2 * 60 * 60;

/// When a delivery that could not be sent is due again, in seconds.
const RESEND_SECONDS: i64 = 60;

/// What a pass over the deliveries that rest did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestSummary {
    /// Receivers there are.
    pub receivers: u64,
    /// Deliveries that were sent.
    pub sent: u64,
    /// Deliveries that could not be sent, and are due again in a minute.
    pub failed: u64,
    /// Receivers that are paused, but not by an operator.
    pub paused: u64,
    /// The age of the oldest webhook that rests for a receiver that no operator has paused, in
    /// seconds.
    pub oldest_seconds: i64,
    /// Whether every receiver was looked at, or the time was over before.
    pub is_complete: bool,
}

/// The receivers, and the places between which their deliveries are sent.
#[derive(Debug, Clone, Copy)]
pub struct DeliverySender<'a> {
    /// The receivers.
    pub receivers: &'a Receivers,
    /// Where the deliveries rest.
    pub table: &'a JobsTable,
    /// Where they are sent.
    pub queue: &'a DeliveriesQueue,
}

impl DeliverySender<'_> {
    /// Sends the deliveries that are due at `due_until`. After `deadline` no receiver is looked at
    /// any more. Times are in seconds since 1970. A receiver whose deliveries cannot be listed does
    /// not hold up the others.
    ///
    /// # Errors
    /// [`AwsError`] when the receivers cannot be listed, or the deliveries of one of them.
    pub async fn send_due(
        &self,
        (now, due_until): (i64, i64),
        deadline: Instant,
    ) -> Result<RestSummary, AwsError> {
        let all = self.receivers.list_everywhere().await?;
        let mut summary = RestSummary {
            receivers: all.len() as u64,
            is_complete: true,
            ..RestSummary::default()
        };
        let mut first_error = None;
        let mut passes = stream::iter(&all)
            .map(|receiver| Box::pin(self.send_to(receiver, (now, due_until), deadline)))
            .buffer_unordered(MAX_AT_ONCE);
        while let Some(passed) = passes.next().await {
            match passed {
                Ok(part) => summary.add(&part),
                Err(error) => {
                    tracing::error!(%error, "the deliveries to a receiver were not listed");
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(summary), Err)
    }

    /// Sends what is due for one receiver.
    async fn send_to(
        &self,
        receiver: &Receiver,
        (now, due_until): (i64, i64),
        deadline: Instant,
    ) -> Result<RestSummary, AwsError> {
        let mut summary = RestSummary { is_complete: true, ..RestSummary::default() };
        if Instant::now() >= deadline {
            return Ok(RestSummary { is_complete: false, ..summary });
        }
        let pause = receiver.pause.map(|pause| pause.reason);
        if pause == Some(PauseReason::Operator) {
            return Ok(summary);
        }
        let open_since = receiver.failing_since.filter(|since| is_circuit_open(Some(*since), now));
        let is_held = pause.is_some() || open_since.is_some();
        let limit = if is_held { 1 } else { MAX_PER_PASS };
        let due = self.table.list_resting(&receiver.id, due_until, limit).await?;
        // What is due next need not be the oldest, and what was tried a while ago is not due.
        let oldest = self.table.find_oldest_resting(&receiver.id).await?;
        summary.oldest_seconds = oldest.map_or(0, |at| now.saturating_sub(at));
        if summary.oldest_seconds > 0 {
            tracing::info!(
                tenant = %receiver.tenant,
                receiver = %receiver.id,
                host = %receiver.host,
                waits_seconds = summary.oldest_seconds,
                "deliveries wait"
            );
        }
        if pause.is_some() {
            summary.paused = 1;
            return Ok(summary);
        }
        if receiver.is_left_alone(now) {
            return Ok(summary);
        }
        if let Some(since) = open_since
            && (due.is_empty() || !self.may_probe(receiver, since, now).await?)
        {
            return Ok(summary);
        }
        let mut sent = stream::iter(due)
            .map(|one| Box::pin(self.send_one(one, open_since.is_some(), now)))
            .buffer_unordered(MAX_AT_ONCE);
        while let Some(is_sent) = sent.next().await {
            match is_sent {
                Some(true) => summary.sent += 1,
                Some(false) => summary.failed += 1,
                None => {}
            }
        }
        Ok(summary)
    }

    /// Whether this pass may try a receiver whose circuit is open.
    async fn may_probe(&self, receiver: &Receiver, since: i64, now: i64) -> Result<bool, AwsError> {
        if receiver.probe_at.is_some_and(|at| at > now) {
            return Ok(false);
        }
        let next_at = now.saturating_add(probe_interval(since, now));
        Ok(self.receivers.take_probe(receiver, next_at, now).await? == WriteOutcome::Yes)
    }

    /// Takes a delivery first, so that two passes do not both send it. After a crash between the
    /// two, it is due again two hours later. `None`: it changed meanwhile.
    async fn send_one(&self, resting: RestingDelivery, is_probe: bool, now: i64) -> Option<bool> {
        let (key, taker) = (&resting.key, format!("{:016x}", random_bits()));
        let again_at = now.saturating_add(LOST_AFTER_SECONDS);
        let body = match self.table.take_resting(&resting, again_at, &taker).await {
            Ok(body) => body?,
            Err(error) => {
                tracing::error!(receiver = %key.receiver, %error, "taking a delivery failed");
                return Some(false);
            }
        };
        let Err(error) = self.queue.send_rested(&body, key, is_probe).await else {
            return Some(true);
        };
        tracing::error!(receiver = %key.receiver, %error, "sending a delivery failed");
        let due_at = now.saturating_add(RESEND_SECONDS);
        if let Err(error) = self.table.give_back_resting(key, again_at, due_at).await {
            tracing::error!(receiver = %key.receiver, %error, "giving back a delivery failed");
        }
        Some(false)
    }
}

impl RestSummary {
    fn add(&mut self, part: &Self) {
        self.sent += part.sent;
        self.failed += part.failed;
        self.paused += part.paused;
        self.oldest_seconds = self.oldest_seconds.max(part.oldest_seconds);
        self.is_complete &= part.is_complete;
    }
}
