//! One delivery: whether it is tried now, the attempt, and what follows from its answer.

use std::time::Duration;

use aws::{ledger::WriteOutcome, receivers::Receiver};
use media::{
    delivery::{Delivery, MAX_QUEUE_WAIT, delivery_wait, possible_attempts},
    receiver::{FAILING_AFTER, MAX_DELIVERY_SECONDS, PauseReason},
};

use crate::{
    Deliver,
    message::{Acknowledgement, QueueMessage},
    outcome::{Attempt, Outcome, log_delivery},
    pace::NoSlot,
    trial::Trial,
};

/// The wait after a failure of AWS, at most.
const AWS_WAIT: Duration = Duration::from_mins(1);

/// How long a delivery waits whose receiver is busy with others, about.
const BUSY_WAIT: Duration = Duration::from_secs(10);

/// How long a message waits that this version does not understand.
const UNKNOWN_WAIT: Duration = Duration::from_hours(1);

/// A receiver that asks to be left alone for as long is left alone by every process.
const NOTED: Duration = Duration::from_mins(1);

/// The age in seconds from which on a delivery rests while its receiver is busy with others.
const MAX_BUSY_SECONDS: i64 = 60;

/// How long a note about a failing receiver is enough, in seconds.
const NOTE_SECONDS: i64 = 60;

/// Whether it is worth a write that the receiver fails.
fn is_new_note(receiver: &Receiver, now: i64) -> bool {
    let noted = receiver.last_failure.as_ref().map(|(_, at)| now.saturating_sub(*at));
    receiver.failing_since.is_none() || noted.is_none_or(|seconds| seconds >= NOTE_SECONDS)
}

/// What is decided about a delivery.
type Decision = (Outcome, Acknowledgement);

impl Deliver {
    /// Handles one message, and writes one log line.
    pub(crate) async fn handle_message(&self, message: &QueueMessage<'_>) -> Acknowledgement {
        let Ok(delivery) = Delivery::parse(message.body) else {
            tracing::error!("a message of the deliveries queue is not a delivery of this version");
            return Acknowledgement::RetryAfter(UNKNOWN_WAIT);
        };
        let now = self.now();
        let receiver = self.receivers.find(&delivery.tenant, &delivery.receiver).await;
        let (receiver, attempt, decision) = match receiver {
            Ok(Some(receiver)) => {
                let (attempt, decision) = self.decide(&delivery, &receiver, message).await;
                (Some(receiver), attempt, decision)
            }
            Ok(None) => (None, None, self.give_up(message, Outcome::Removed).await),
            Err(error) => {
                tracing::error!(%error, "the receiver of a delivery was not read");
                (None, None, self.wait_for_aws(message))
            }
        };
        let (outcome, acknowledgement) = decision;
        let attempts = count_attempts(&delivery, message, now);
        let ended = (outcome, attempt.as_ref());
        log_delivery(&delivery, receiver.as_ref(), ended, (attempts, now));
        acknowledgement
    }

    /// Decides whether the delivery is tried now, tries it, and decides what follows.
    async fn decide(
        &self,
        delivery: &Delivery,
        receiver: &Receiver,
        message: &QueueMessage<'_>,
    ) -> (Option<Attempt>, Decision) {
        let now = self.now();
        let is_tried = message.is_probe && receiver.pause.is_none();
        // A probe asks whether the receiver works. The oldest delivery is taken for it, which may
        // be as old as this each time.
        if delivery.expires_at() <= now && !is_tried {
            return (None, self.give_up(message, Outcome::Expired).await);
        }
        let body = match self.ask_for_orders(delivery, message).await {
            Ok(None) => None,
            Ok(Some(Ok(body))) => Some(body),
            Ok(Some(Err(outcome))) => return (None, self.give_up(message, outcome).await),
            Err(error) => {
                tracing::error!(receiver = %receiver.id, %error, "the body of a delivery, or an \
                    order about it, was not read");
                return (None, self.wait_for_aws(message));
            }
        };
        if receiver.is_resting(now) && !is_tried {
            // Due at once: whoever sends it looks at the receiver first.
            let rest = self.rest(delivery.clone(), delivery.accepted_at, Outcome::Resting);
            return (None, rest.await);
        }
        let slot = match self.paces.enter(&delivery.receiver).await {
            Ok(slot) => slot,
            Err(NoSlot::Paused(left)) => {
                let spread = left + AWS_WAIT.mul_f64(self.jitter());
                return (None, self.put_off(delivery, message, spread).await);
            }
            Err(NoSlot::Busy) => return (None, self.wait_for_slot(delivery, message).await),
        };
        let trial = self.try_now(delivery, receiver, body).await;
        drop(slot);
        let attempt = match trial {
            Trial::Made(attempt) => attempt,
            Trial::Ended(outcome) => return (None, self.give_up(message, outcome).await),
            Trial::Unavailable => return (None, self.wait_for_aws(message)),
        };
        let decision = match &attempt {
            Attempt::Delivered(_) => self.end(delivery, receiver, message).await,
            Attempt::Gone => self.pause(delivery, receiver, message, PauseReason::Gone).await,
            Attempt::Failed { what, asked, slows_down } => {
                let slow_down = slows_down.then(|| asked.unwrap_or_default());
                self.paces.note_failure(&delivery.receiver, slow_down);
                self.retry(delivery, receiver, message, (what, *asked)).await
            }
        };
        (Some(attempt), decision)
    }

    /// After a success: the receiver works, and the delivery no longer rests.
    async fn end(
        &self,
        delivery: &Delivery,
        receiver: &Receiver,
        message: &QueueMessage<'_>,
    ) -> Decision {
        self.paces.note_success(&delivery.receiver);
        if receiver.failing_since.is_some()
            && let Err(error) = self.receivers.note_success(receiver).await
        {
            tracing::warn!(receiver = %receiver.id, %error, "that a receiver works again was not \
                noted");
        }
        self.give_up(message, Outcome::Delivered).await
    }

    /// After a failure: notes it, and chooses the time and the place of the next attempt.
    async fn retry(
        &self,
        delivery: &Delivery,
        receiver: &Receiver,
        message: &QueueMessage<'_>,
        (failure, asked): (&str, Option<Duration>),
    ) -> Decision {
        let now = self.now();
        let failed = count_attempts(delivery, message, now);
        // What asks for a long pause is tried too rarely for three attempts.
        let asks_for_pause = asked.is_some_and(|asked| asked >= NOTED);
        if failed >= FAILING_AFTER || receiver.failing_since.is_some() || asks_for_pause {
            if is_new_note(receiver, now)
                && let Err(error) = self.receivers.note_failure(receiver, failure, now).await
            {
                tracing::warn!(receiver = %receiver.id, %error, "that a receiver fails was not \
                    noted");
            }
            let failing_for = receiver.failing_since.map(|since| now.saturating_sub(since));
            if failing_for.is_some_and(|seconds| seconds >= MAX_DELIVERY_SECONDS) {
                return self.pause(delivery, receiver, message, PauseReason::Failing).await;
            }
        }
        self.note_asked(receiver, asked, now).await;
        let wait = delivery_wait(failed, self.jitter(), asked);
        if message.rested.is_none() && wait <= MAX_QUEUE_WAIT {
            return (Outcome::Retried, Acknowledgement::RetryAfter(wait));
        }
        let tried = delivery.clone().with_failed_attempts(failed);
        let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        self.rest(tried, now.saturating_add(seconds), Outcome::Retried).await
    }

    /// The receiver is busy with other deliveries: this one goes back to the queue for seconds, or
    /// rests for a minute if it is older.
    async fn wait_for_slot(&self, delivery: &Delivery, message: &QueueMessage<'_>) -> Decision {
        let now = self.now();
        let age = now.saturating_sub(delivery.accepted_at);
        if message.rested.is_some() || age >= MAX_BUSY_SECONDS {
            let due_at = now.saturating_add(MAX_BUSY_SECONDS);
            return self.rest(delivery.clone(), due_at, Outcome::Resting).await;
        }
        self.put_off(delivery, message, BUSY_WAIT.mul_f64(0.5 + self.jitter())).await
    }

    /// Lets a delivery wait that was not tried. The queue counts each receipt, and counts again
    /// from the beginning for a new message: this one is sent anew, with the attempts that it had,
    /// so that one failure later is not taken for many.
    async fn put_off(
        &self,
        delivery: &Delivery,
        message: &QueueMessage<'_>,
        wait: Duration,
    ) -> Decision {
        let failed = delivery.failed_attempts.saturating_add(message.receives.saturating_sub(1));
        let later = delivery.clone().with_failed_attempts(failed);
        if message.rested.is_some() || wait > MAX_QUEUE_WAIT {
            let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
            return self.rest(later, self.now().saturating_add(seconds), Outcome::Resting).await;
        }
        let Ok(body) = later.to_json() else {
            return (Outcome::Resting, Acknowledgement::RetryAfter(wait));
        };
        match self.queue.send_later(&body, &delivery.receiver, wait).await {
            Ok(()) => (Outcome::Resting, Acknowledgement::Done),
            Err(error) => {
                tracing::warn!(receiver = %delivery.receiver, %error, "a delivery that was not \
                    tried was not sent anew; its receipt counts");
                (Outcome::Resting, Acknowledgement::RetryAfter(wait))
            }
        }
    }

    /// Tells the other processes for how long the receiver asked to be left alone.
    async fn note_asked(&self, receiver: &Receiver, asked: Option<Duration>, now: i64) {
        let asked = asked.filter(|asked| *asked >= NOTED);
        if let Some(seconds) = asked.and_then(|asked| i64::try_from(asked.as_secs()).ok())
            && !receiver.is_left_alone(now)
            && let Err(error) = self.receivers.leave_alone(receiver, now + seconds).await
        {
            tracing::warn!(receiver = %receiver.id, %error, "that a receiver asked to be left \
                alone was not noted");
        }
    }

    /// Pauses the receiver. The delivery rests until an operator resumes it.
    async fn pause(
        &self,
        delivery: &Delivery,
        receiver: &Receiver,
        message: &QueueMessage<'_>,
        reason: PauseReason,
    ) -> Decision {
        match self.receivers.pause(receiver, (reason, Some(&delivery.instance)), self.now()).await {
            Ok(WriteOutcome::Yes | WriteOutcome::Overtaken) => {
                self.rest(delivery.clone(), delivery.accepted_at, Outcome::Paused).await
            }
            Err(error) => {
                tracing::error!(receiver = %receiver.id, %error, "a receiver was not paused");
                self.wait_for_aws(message)
            }
        }
    }

    /// Puts the delivery into the jobs table. If that fails, it waits in the queue.
    async fn rest(&self, delivery: Delivery, due_at: i64, outcome: Outcome) -> Decision {
        match self.table.rest_delivery(&delivery, due_at).await {
            Ok(()) => (outcome, Acknowledgement::Done),
            Err(error) => {
                tracing::warn!(receiver = %delivery.receiver, %error, "a delivery stays in the \
                    queue, because it could not be put to rest");
                let wait = MAX_QUEUE_WAIT.mul_f64(0.5 + self.jitter() / 2.0);
                (outcome, Acknowledgement::RetryAfter(wait))
            }
        }
    }

    /// Ends a delivery, also where it rested. If that fails, it is delivered once more.
    async fn give_up(&self, message: &QueueMessage<'_>, outcome: Outcome) -> Decision {
        if let Some(rested) = &message.rested
            && let Err(error) = self.table.remove_resting(rested).await
        {
            tracing::warn!(receiver = %rested.receiver, %error, "a delivery that has ended was not \
                removed from the jobs table");
        }
        (outcome, Acknowledgement::Done)
    }

    /// AWS does not do what is needed. A delivery that rests in the jobs table is due again by
    /// itself, and its message would meet the next one.
    fn wait_for_aws(&self, message: &QueueMessage<'_>) -> Decision {
        if message.rested.is_some() {
            return (Outcome::Unavailable, Acknowledgement::Done);
        }
        let wait = AWS_WAIT.mul_f64(0.5 + self.jitter() / 2.0);
        (Outcome::Unavailable, Acknowledgement::RetryAfter(wait))
    }
}

/// How many attempts there were at most, this one included. A receipt that ended without an
/// attempt, because AWS failed or a process died, counts in the queue.
fn count_attempts(delivery: &Delivery, message: &QueueMessage<'_>, now: i64) -> u32 {
    let counted = delivery.failed_attempts.saturating_add(message.receives);
    let possible = possible_attempts(now.saturating_sub(delivery.accepted_at));
    counted.min(possible).max(delivery.failed_attempts.saturating_add(1))
}
