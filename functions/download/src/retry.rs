//! What a failed run leads to: another try, and when, or the parked queue.

use std::time::Duration;

use media::{failure::FailureClass, job::Job, record::State, schedule};

use crate::worker::Worker;

/// The least wait when a person has to act first.
const WAIT_FOR_PERSON: Duration = Duration::from_mins(15);

/// With less than this left, a job is parked instead of retried.
const MIN_WAIT: Duration = Duration::from_secs(30);

/// The time of an invocation: a job with less left may not get another try.
pub(crate) const MAX_RUN_TIME: Duration = Duration::from_mins(10);

/// Why a run did not store the media file.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) class: FailureClass,
    /// For a person.
    pub(crate) reason: String,
    /// How long an origin asked to wait.
    pub(crate) after: Option<Duration>,
    /// AWS failed, not an origin: it does not count against the media message.
    pub(crate) is_aws_failure: bool,
    /// It says that no source has the media file, and may be mistaken.
    pub(crate) is_doubtful: bool,
    /// Until when it is retried although its class is not, in seconds since 1970.
    pub(crate) retry_until: Option<i64>,
    /// It is parked although its class is retried: further runs would end in the same way.
    pub(crate) is_final: bool,
}

/// What becomes of a job whose run failed.
#[derive(Debug)]
pub(crate) struct Decision {
    /// Retrying or parked.
    pub(crate) state: State,
    /// How long to wait before the next try; `None` if the job is parked.
    pub(crate) wait: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(class: FailureClass, reason: &str) -> Self {
        Self {
            class,
            reason: reason.to_owned(),
            after: None,
            is_aws_failure: false,
            is_doubtful: false,
            retry_until: None,
            is_final: false,
        }
    }

    /// A failure of AWS, which passes.
    pub(crate) fn of_aws(error: &dyn std::error::Error) -> Self {
        Self { is_aws_failure: true, ..Self::new(FailureClass::Transient, &error.to_string()) }
    }

    /// Since when the media file is found lost, after this failure, in seconds since 1970. A
    /// failure of AWS changes nothing; any failure that leaves hope clears it.
    pub(crate) fn lost_since(&self, before: Option<i64>, now: i64) -> Option<i64> {
        match (self.is_doubtful, self.is_aws_failure) {
            (true, _) => before.or(Some(now)),
            (false, true) => before,
            (false, false) => None,
        }
    }
}

/// Retry or park the job after its nth run (`runs`, from 1 on): by class, by whether a loss is
/// believed, and by how long the media file can still be fetched. A wait that an origin asks for is
/// cut short rather than parked: it may outlast the media file.
pub(crate) fn decide_retry(
    worker: &Worker,
    job: &Job,
    runs: u32,
    lost_since: Option<i64>,
    failure: Failure,
) -> Decision {
    let Failure { class, reason, after, is_aws_failure, is_doubtful, retry_until, is_final } =
        failure;
    let moment = job.message.moment;
    let doubt = is_doubtful.then(|| schedule::confirmation_wait(lost_since, moment, worker.now()));
    let doubt = doubt.flatten();
    let asked = match class {
        FailureClass::Instance => Some(after.unwrap_or_default().max(WAIT_FOR_PERSON)),
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
    let may_recover = retry_until.is_some_and(|until| worker.now() < until);
    let is_retried = (class.is_retried() || doubt.is_some() || may_recover) && !is_final;
    match time_left(worker, ends_at) {
        Some(left) if is_retried => {
            let wait = schedule::retry_wait(runs, worker.jitter(), asked).min(left);
            Decision { state: State::Retrying { class, reason }, wait: Some(wait) }
        }
        Some(_) | None => Decision { state: State::Parked { class, reason }, wait: None },
    }
}

/// Whether a failure of this run may park the job.
pub(crate) fn is_last_try(worker: &Worker, job: &Job) -> bool {
    let ends_at = schedule::park_deadline(job.accepted_at, job.message.recoverable_until());
    time_left(worker, ends_at).is_none_or(|left| left < MAX_RUN_TIME)
}

/// How long a job may still be retried that ends at `ends_at`; `None` if too little is left for
/// another try.
fn time_left(worker: &Worker, ends_at: i64) -> Option<Duration> {
    let left = u64::try_from(ends_at.saturating_sub(worker.now())).unwrap_or_default();
    Some(Duration::from_secs(left)).filter(|left| *left >= MIN_WAIT)
}
