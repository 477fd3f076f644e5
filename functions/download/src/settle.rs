//! How a job ends: what is written down, what is logged, and whether the queue brings it back.

use std::time::Duration;

use aws::{
    ledger::{LeaseAfter, WriteOutcome},
    queues::ParkingTicket,
};
use media::{
    failure::FailureClass,
    identity::RecordKey,
    job::Job,
    record::{Attempt, Lease, Record, State},
    schedule,
};
use tokio::time::Instant;

use crate::{job::QueueMessage, worker::Worker};

/// The least wait when a person has to act first.
const WAIT_FOR_A_PERSON: Duration = Duration::from_mins(15);

/// With less than this left, a job is parked instead of retried.
const SHORTEST_WAIT: Duration = Duration::from_secs(30);

/// A record that could not be written, or a job that could not be parked, is tried again after
/// this.
pub(crate) const AFTER_A_FAILED_WRITE: Duration = Duration::from_mins(5);

/// A lease outlasts its run's deadline by this: for the seconds that the batch keeps for itself,
/// and for clocks that differ.
const LEASE_MARGIN: Duration = Duration::from_mins(1);

/// A job that waits for another run's lease comes back this long after it.
const PAST_THE_LEASE: Duration = Duration::from_secs(2);

/// As long as an invocation: a job with less left may not get another try.
const MAX_RUN_TIME: Duration = Duration::from_mins(10);

/// What the batch has to do with the queue's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It is safe to acknowledge: the medium is stored or parked.
    Done,
    /// It must come back.
    RetryAfter {
        /// When, from now.
        after: Duration,
    },
}

/// A job that is this run's until its lease ends.
#[derive(Debug)]
pub(crate) struct ClaimedJob<'a> {
    pub(crate) job: &'a Job,
    pub(crate) received: QueueMessage<'a>,
    pub(crate) key: RecordKey,
    pub(crate) lease: Lease,
}

/// A run of a job that is over, before anything is written down.
#[derive(Debug)]
pub(crate) struct RunResult {
    /// What was tried in earlier runs.
    pub(crate) before: Vec<Attempt>,
    /// Since when earlier runs found that nobody has the medium.
    pub(crate) lost_since: Option<i64>,
    /// What was tried in this one.
    pub(crate) attempts: Vec<Attempt>,
    /// Stored, skipped, or why not.
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
    /// AWS failed, so what the sources would have given is not known: it says nothing against the
    /// medium.
    pub(crate) is_aws_failure: bool,
    /// It says that nobody has the medium, and may be mistaken.
    pub(crate) is_doubtful: bool,
}

/// What is written down of an ended run.
#[derive(Debug, Clone, Copy)]
struct Findings<'a> {
    state: &'a State,
    attempts: &'a [Attempt],
    lost_since: Option<i64>,
}

impl Failure {
    pub(crate) fn new(class: FailureClass, reason: &str) -> Self {
        Self {
            class,
            reason: reason.to_owned(),
            after: None,
            is_aws_failure: false,
            is_doubtful: false,
        }
    }

    /// Since when the medium is found lost, after this failure: what says nothing of the medium
    /// leaves it as it was, and any hope ends it.
    fn lost_since(&self, before: Option<i64>, now: i64) -> Option<i64> {
        match (self.is_doubtful, self.is_aws_failure) {
            (true, _) => before.or(Some(now)),
            (false, true) => before,
            (false, false) => None,
        }
    }

    /// A failure of ours or of AWS, which passes.
    pub(crate) fn later(error: &dyn std::error::Error) -> Self {
        Self { is_aws_failure: true, ..Self::new(FailureClass::Transient, &error.to_string()) }
    }
}

impl Worker {
    /// Writes down how the job ended, parks it if it is over without success, and logs its one
    /// line.
    pub(crate) async fn settle(
        &self,
        claimed: &ClaimedJob<'_>,
        ended: RunResult,
    ) -> Acknowledgement {
        let RunResult { before, lost_since, attempts, outcome, took } = ended;
        let lost_since = match &outcome {
            Ok(_) => None,
            Err(failure) => failure.lost_since(lost_since, self.now()),
        };
        let (state, wait) = match outcome {
            Ok(settled) => (settled, None),
            Err(failure) => {
                let receives = claimed.received.receives;
                self.verdict(claimed.job, receives, lost_since, failure)
            }
        };
        let history = [before, attempts.clone()].concat();
        let findings = Findings { state: &state, attempts: &history, lost_since };
        let settled = if let State::Parked { class, reason } = &state {
            let ticket = (*class, reason.as_str());
            self.park_claimed(claimed, findings, ticket).await
        } else {
            let written = self.write(claimed, findings, LeaseAfter::Release).await;
            match (wait, written) {
                (Some(after), _) => Acknowledgement::RetryAfter { after },
                (None, Some(WriteOutcome::Yes)) => Acknowledgement::Done,
                (None, Some(WriteOutcome::Overtaken) | None) => {
                    Acknowledgement::RetryAfter { after: AFTER_A_FAILED_WRITE }
                }
            }
        };
        if settled == Acknowledgement::Done || wait.is_some() {
            log(claimed.job, &state, &attempts, took);
        }
        settled
    }

    /// First the record, because only the owner of the lease may say `parked`; then the queue; then
    /// the lease ends. If parking fails the record is set back and the job comes back: it is never
    /// acknowledged before it lies where a person finds it.
    async fn park_claimed(
        &self,
        claimed: &ClaimedJob<'_>,
        findings: Findings<'_>,
        (class, reason): (FailureClass, &str),
    ) -> Acknowledgement {
        const LATER: Acknowledgement = Acknowledgement::RetryAfter { after: AFTER_A_FAILED_WRITE };
        if self.write(claimed, findings, LeaseAfter::Keep).await != Some(WriteOutcome::Yes) {
            return LATER;
        }
        let ticket = ticket(claimed.job, &claimed.received, class, reason);
        if !self.park(claimed.job, &claimed.received, &ticket).await {
            let reason = reason.to_owned();
            let not_yet = Findings { state: &State::Retrying { class, reason }, ..findings };
            let written = self.write(claimed, not_yet, LeaseAfter::Release).await;
            tracing::debug!(?written, "the record of a job that could not be parked");
            return LATER;
        }
        let (instance, key) = (&claimed.job.instance, &claimed.key);
        let released = self.ledger.release(instance, key, &claimed.lease).await;
        if let Err(error) = released {
            tracing::warn!(instance = %claimed.job.instance, message_id = %claimed.job.message.message_id, %error, "a lease ends by itself");
        }
        Acknowledgement::Done
    }

    /// Writes the record under the lease. Nothing: the table did not answer.
    async fn write(
        &self,
        claimed: &ClaimedJob<'_>,
        findings: Findings<'_>,
        then: LeaseAfter,
    ) -> Option<WriteOutcome> {
        let job = claimed.job;
        let Findings { state, attempts, lost_since } = findings;
        let record = Record {
            tenant: &job.tenant,
            instance: &job.instance,
            message: &job.message,
            key: &claimed.key,
            state,
            attempts,
            lost_since,
            now: self.now(),
        };
        match self.ledger.write(&record, &claimed.lease, then).await {
            Ok(WriteOutcome::Overtaken) => {
                tracing::warn!(instance = %job.instance, message_id = %job.message.message_id, state = state.as_str(), outcome = "overtaken", "another run took the medium over; the record is that one's");
                Some(WriteOutcome::Overtaken)
            }
            Ok(WriteOutcome::Yes) => Some(WriteOutcome::Yes),
            Err(error) => {
                tracing::error!(instance = %job.instance, message_id = %job.message.message_id, %error, "the record could not be written");
                None
            }
        }
    }

    /// The object is in the bucket: nothing is left to do.
    pub(crate) fn settle_duplicate(&self, job: &Job) -> Acknowledgement {
        log_unrun(job, "duplicate");
        Acknowledgement::Done
    }

    /// A person had the medium erased: the job that was still on its way ends here.
    pub(crate) fn settle_erased(&self, job: &Job) -> Acknowledgement {
        log_unrun(job, "erased");
        Acknowledgement::Done
    }

    /// Another run is at the medium, or died at it: come back when its lease ends.
    pub(crate) fn settle_elsewhere(&self, job: &Job, until: i64) -> Acknowledgement {
        log_unrun(job, "in_progress");
        let left = u64::try_from(until.saturating_sub(self.now())).unwrap_or_default();
        let after = Duration::from_secs(left).min(MAX_RUN_TIME + LEASE_MARGIN);
        Acknowledgement::RetryAfter { after: after + PAST_THE_LEASE }
    }

    /// A lease for a run that ends at `deadline`, under a token that no other run has.
    pub(crate) fn lease(&self, deadline: Instant) -> Lease {
        let left = deadline.saturating_duration_since(Instant::now()) + LEASE_MARGIN;
        Lease {
            owner: format!("{:016x}{:016x}", self.random(), self.random()),
            until: self.now().saturating_add(left.as_secs().try_into().unwrap_or(i64::MAX)),
        }
    }

    /// Retry or park: by class, by whether a loss is believed, and by how long the medium can still
    /// be had. A long wait is cut short rather than parked: what an origin asks for may outlast the
    /// medium.
    fn verdict(
        &self,
        job: &Job,
        receives: u32,
        lost_since: Option<i64>,
        failure: Failure,
    ) -> (State, Option<Duration>) {
        let Failure { class, reason, after, is_aws_failure, is_doubtful } = failure;
        let moment = job.message.moment;
        let doubt =
            is_doubtful.then(|| schedule::confirmation_wait(lost_since, moment, self.now()));
        let doubt = doubt.flatten();
        let asked = match class {
            FailureClass::Instance => Some(after.unwrap_or_default().max(WAIT_FOR_A_PERSON)),
            FailureClass::Transient
            | FailureClass::Expired
            | FailureClass::Corrupt
            | FailureClass::Refused
            | FailureClass::Unread
            | FailureClass::Poison => after.max(doubt),
        };
        let (accepted_at, until) = (job.accepted_at, job.message.recoverable_until());
        let ends_at = if is_aws_failure {
            schedule::final_deadline(accepted_at)
        } else {
            schedule::park_deadline(accepted_at, until)
        };
        match self.left_until(ends_at) {
            Some(left) if class.is_retried() || doubt.is_some() => {
                let wait = schedule::retry_wait(receives, self.jitter(), asked).min(left);
                (State::Retrying { class, reason }, Some(wait))
            }
            Some(_) | None => (State::Parked { class, reason }, None),
        }
    }

    /// Whether a failure of this run may park the job.
    pub(crate) fn is_last_try(&self, job: &Job) -> bool {
        let ends_at = schedule::park_deadline(job.accepted_at, job.message.recoverable_until());
        self.left_until(ends_at).is_none_or(|left| left < MAX_RUN_TIME)
    }

    /// How long a job may still be retried that ends at this moment; nothing if another try is not
    /// worth a wait.
    fn left_until(&self, ends_at: i64) -> Option<Duration> {
        let left = u64::try_from(ends_at.saturating_sub(self.now())).unwrap_or_default();
        Some(Duration::from_secs(left)).filter(|left| *left >= SHORTEST_WAIT)
    }

    /// Puts the job where a person finds it. If that fails the original must come back.
    async fn park(
        &self,
        job: &Job,
        received: &QueueMessage<'_>,
        ticket: &ParkingTicket<'_>,
    ) -> bool {
        match self.parked.park(received.body, ticket).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(instance = %job.instance, message_id = %job.message.message_id, %error, "a job could not be parked and comes back");
                false
            }
        }
    }

    /// A body that is no job belongs to no record; the parked queue is where it is found.
    pub(crate) async fn park_poison(&self, received: &QueueMessage<'_>) -> Acknowledgement {
        let reason = "the queue message is not a job that this version understands";
        let ticket = ParkingTicket {
            class: FailureClass::Poison,
            reason,
            tenant: None,
            recoverable_until: None,
            receives: received.receives,
            is_unrecorded: false,
        };
        match self.parked.park(received.body, &ticket).await {
            Ok(()) => {
                tracing::error!(outcome = "parked", class = "poison", reason, "media");
                Acknowledgement::Done
            }
            Err(error) => {
                tracing::error!(%error, "a message that is no job could not be parked and comes back");
                Acknowledgement::RetryAfter { after: AFTER_A_FAILED_WRITE }
            }
        }
    }

    /// The job is not of the tenant whose medium this is: it is parked, and the record, which is
    /// that tenant's, is left as it is.
    pub(crate) async fn park_stranger(
        &self,
        job: &Job,
        received: &QueueMessage<'_>,
        reason: &str,
    ) -> Acknowledgement {
        let class = FailureClass::Poison;
        if !self.park(job, received, &ticket(job, received, class, reason)).await {
            return Acknowledgement::RetryAfter { after: AFTER_A_FAILED_WRITE };
        }
        let reason = reason.to_owned();
        log(job, &State::Parked { class, reason }, &[], Duration::ZERO);
        Acknowledgement::Done
    }

    /// The table did not answer, so nothing is known and nothing can be written: the job comes
    /// back, also past its time, because its sources were not asked. It is parked just before the
    /// queue would drop it.
    pub(crate) async fn settle_unrecorded(
        &self,
        job: &Job,
        received: &QueueMessage<'_>,
        error: &dyn std::error::Error,
    ) -> Acknowledgement {
        let (state, wait) = self.verdict(job, received.receives, None, Failure::later(error));
        if let State::Parked { class, reason } = &state {
            let ticket =
                ParkingTicket { is_unrecorded: true, ..ticket(job, received, *class, reason) };
            if !self.park(job, received, &ticket).await {
                return Acknowledgement::RetryAfter { after: AFTER_A_FAILED_WRITE };
            }
        }
        log(job, &state, &[], Duration::ZERO);
        wait.map_or(Acknowledgement::Done, |after| Acknowledgement::RetryAfter { after })
    }
}

/// What the parked queue is told of a job.
fn ticket<'a>(
    job: &'a Job,
    received: &QueueMessage<'_>,
    class: FailureClass,
    reason: &'a str,
) -> ParkingTicket<'a> {
    ParkingTicket {
        class,
        reason,
        tenant: Some(&job.tenant),
        recoverable_until: Some(job.message.recoverable_until()),
        receives: received.receives,
        is_unrecorded: false,
    }
}

/// The one line of a medium: it reads alone and can be queried. No name, number, path or key is in
/// it.
fn log(job: &Job, state: &State, attempts: &[Attempt], took: Duration) {
    let outcome = match state {
        State::Stored { was_there: true, .. } => "duplicate",
        State::Stored { .. }
        | State::Retrying { .. }
        | State::Parked { .. }
        | State::Skipped { .. } => state.as_str(),
    };
    // Counted by an alarm: a medium that another strategy saved would hide a token that no longer
    // works.
    let is_unauthorized =
        |one: &&Attempt| one.strategy.needs_token() && matches!(one.status, Some(401 | 403));
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
        State::Stored { strategy, proof, .. } => line!(
            info,
            strategy = %strategy,
            integrity = %proof.integrity,
            size_bytes = proof.size_bytes,
        ),
        State::Retrying { class, reason } => line!(warn, class = %class, reason,),
        State::Parked { class, reason } => line!(error, class = %class, reason,),
        State::Skipped { rule } => line!(info, reason = rule.as_str(),),
    }
}

/// The line of a medium for which this run did nothing.
fn log_unrun(job: &Job, outcome: &str) {
    tracing::info!(
        tenant = %job.tenant,
        instance = %job.instance,
        message_id = %job.message.message_id,
        media_kind = %job.message.kind,
        outcome,
        "media"
    );
}
