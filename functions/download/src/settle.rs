//! How a job ends: what is written down, what is logged, and whether the queue brings it back.

use std::time::Duration;

use aws::{ledger::Known, queues::ParkingTicket};
use media::{
    failure::FailureClass,
    job::Job,
    record::{Attempt, Record, State},
    schedule,
    strategy::Strategy,
};

use crate::{job::Received, worker::Worker};

/// The least wait when a person has to act first.
const WAIT_FOR_A_PERSON: Duration = Duration::from_mins(15);

/// With less than this left, a job is parked instead of retried.
const SHORTEST_WAIT: Duration = Duration::from_secs(30);

/// As long as an invocation: a job with less left may not get another try.
const LONGEST_RUN: Duration = Duration::from_mins(10);

/// What the batch has to do with the queue's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is safe to acknowledge: the medium is stored or parked.
    Done,
    /// It must come back.
    ComesBack {
        /// When; the queue's visibility timeout if unsaid.
        after: Option<Duration>,
    },
}

/// A run of a job that is over, before anything is written down.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What was known before the run.
    pub(crate) known: Known,
    /// What was tried in the run.
    pub(crate) attempts: Vec<Attempt>,
    /// Stored, or why not.
    pub(crate) outcome: Result<State, Failure>,
    pub(crate) took: Duration,
}

/// Why a job did not end in the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) class: FailureClass,
    /// For a person.
    pub(crate) reason: String,
    /// What an origin asked to wait.
    pub(crate) after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(class: FailureClass, reason: &str) -> Self {
        Self {
            class,
            reason: reason.to_owned(),
            after: None,
        }
    }

    /// A failure of ours or of AWS, which passes.
    pub(crate) fn later(error: &dyn std::error::Error) -> Self {
        Self::new(FailureClass::Transient, &error.to_string())
    }
}

impl Worker {
    /// Writes down how the job ended, parks it if it is over without success, and logs its one line.
    pub(crate) async fn settle(&self, job: &Job, received: &Received<'_>, ended: Ended) -> Settled {
        let Ended {
            known,
            attempts,
            outcome,
            took,
        } = ended;
        let (state, wait) = match outcome {
            Ok(stored) => (stored, None),
            Err(failure) => self.verdict(job, received.receives, failure),
        };
        if let State::Parked { class, reason } = &state
            && !self.park(job, received, *class, reason).await
        {
            return Settled::ComesBack { after: None };
        }
        log(job, &state, &attempts, took);
        let record = Record {
            tenant: &job.tenant,
            instance: &job.instance,
            message: &job.message,
            state: &state,
            attempts: &[known.attempts, attempts].concat(),
            now: self.now(),
        };
        let written = self.ledger.write(&record).await;
        if let Err(error) = &written {
            tracing::error!(instance = %job.instance, message_id = %job.message.message_id, %error, "the record could not be written");
        }
        match (wait, written) {
            (Some(after), _) => Settled::ComesBack { after: Some(after) },
            (None, Ok(())) => Settled::Done,
            (None, Err(_)) => Settled::ComesBack {
                after: Some(schedule::wait(received.receives, self.jitter(), None)),
            },
        }
    }

    /// Retry or park: by class, and by how long the medium can still be had. A long wait is cut short
    /// rather than parked: what an origin asks for may outlast the medium.
    fn verdict(&self, job: &Job, receives: u32, failure: Failure) -> (State, Option<Duration>) {
        let Failure {
            class,
            reason,
            after,
        } = failure;
        let asked = match class {
            FailureClass::Instance => Some(after.unwrap_or_default().max(WAIT_FOR_A_PERSON)),
            FailureClass::Transient
            | FailureClass::Expired
            | FailureClass::Corrupt
            | FailureClass::Refused
            | FailureClass::Poison => after,
        };
        match self.time_left(job) {
            Some(left) if class.is_retried() => {
                let wait = schedule::wait(receives, self.jitter(), asked).min(left);
                (State::Retrying { class, reason }, Some(wait))
            }
            Some(_) | None => (State::Parked { class, reason }, None),
        }
    }

    /// Whether a failure of this run may park the job.
    pub(crate) fn is_last_try(&self, job: &Job) -> bool {
        self.time_left(job).is_none_or(|left| left < LONGEST_RUN)
    }

    /// How long the job may still be retried; nothing if another try is not worth a wait.
    fn time_left(&self, job: &Job) -> Option<Duration> {
        let gives_up_at = schedule::gives_up_at(job.accepted_at, job.message.recoverable_until());
        let left = u64::try_from(gives_up_at.saturating_sub(self.now())).unwrap_or_default();
        Some(Duration::from_secs(left)).filter(|left| *left >= SHORTEST_WAIT)
    }

    /// Puts the job where a person finds it. If that fails the original must come back.
    async fn park(
        &self,
        job: &Job,
        received: &Received<'_>,
        class: FailureClass,
        reason: &str,
    ) -> bool {
        let ticket = ParkingTicket {
            class,
            reason,
            tenant: Some(&job.tenant),
            recoverable_until: Some(job.message.recoverable_until()),
            receives: received.receives,
        };
        match self.parked.park(received.body, &ticket).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(instance = %job.instance, message_id = %job.message.message_id, %error, "a job could not be parked and comes back");
                false
            }
        }
    }

    /// A body that is no job belongs to no record; the parked queue is where it is found.
    pub(crate) async fn park_poison(&self, received: &Received<'_>) -> Settled {
        let reason = "the queue message is not a job that this version understands";
        let ticket = ParkingTicket {
            class: FailureClass::Poison,
            reason,
            tenant: None,
            recoverable_until: None,
            receives: received.receives,
        };
        match self.parked.park(received.body, &ticket).await {
            Ok(()) => {
                tracing::error!(outcome = "parked", class = "poison", reason, "media");
                Settled::Done
            }
            Err(error) => {
                tracing::error!(%error, "a message that is no job could not be parked and comes back");
                Settled::ComesBack { after: None }
            }
        }
    }

    /// The table did not answer, so nothing is known and nothing can be written; the job comes back, or is
    /// parked when its time is over.
    pub(crate) async fn settle_unrecorded(
        &self,
        job: &Job,
        received: &Received<'_>,
        error: &dyn std::error::Error,
    ) -> Settled {
        let (state, wait) = self.verdict(job, received.receives, Failure::later(error));
        if let State::Parked { class, reason } = &state
            && !self.park(job, received, *class, reason).await
        {
            return Settled::ComesBack { after: None };
        }
        log(job, &state, &[], Duration::ZERO);
        wait.map_or(Settled::Done, |after| Settled::ComesBack {
            after: Some(after),
        })
    }
}

/// The one line of a medium: it reads alone and can be queried. No name, number, path or key is in it.
fn log(job: &Job, state: &State, attempts: &[Attempt], took: Duration) {
    let outcome = match state {
        State::Stored {
            was_there: true, ..
        } => "duplicate",
        State::Stored { .. } | State::Retrying { .. } | State::Parked { .. } => state.as_str(),
    };
    // Counted by an alarm: a medium that another strategy saved would hide a token that no longer works.
    let is_unauthorized =
        |one: &&Attempt| one.strategy != Strategy::Cdn && matches!(one.status, Some(401 | 403));
    let unauthorized = attempts.iter().filter(is_unauthorized).count();
    // One field of JSON, because the log's own fields are flat.
    let attempts = serde_json::to_string(attempts).unwrap_or_default();
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    macro_rules! line {
        ($level:ident, $($fields:tt)*) => {
            tracing::$level!(
                tenant = %job.tenant,
                instance = %job.instance,
                message_id = %job.message.message_id,
                media_kind = %job.message.kind,
                outcome,
                attempts,
                unauthorized,
                duration_ms,
                $($fields)*
                "media"
            )
        };
    }
    match state {
        State::Stored {
            strategy, proof, ..
        } => line!(
            info,
            strategy = %strategy,
            integrity = %proof.integrity,
            size_bytes = proof.size_bytes,
        ),
        State::Retrying { class, reason } => line!(warn, class = %class, reason,),
        State::Parked { class, reason } => line!(error, class = %class, reason,),
    }
}
