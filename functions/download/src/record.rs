//! The last phase of a run: the record is written, a job without success is parked, and the run is
//! logged.

use std::{sync::atomic::Ordering, time::Duration};

use aws::ledger::{EntryChange, LeaseAfter, WriteOutcome};
use media::{
    counts::RunEnd,
    failure::FailureClass,
    record::{Attempt, Record, RunCounts, State},
    schedule,
};

use crate::{
    claim::ClaimedJob,
    entry_change::{WaitPlan, delete_stray_entry, parked_entry, settled_entry, unparked_entry},
    fetch::FetchResult,
    log::log_run,
    message::Acknowledgement,
    order::end_erased,
    park::{build_ticket, park_job},
    retry::{Decision, decide_retry},
    worker::Worker,
};

/// What is written of a run.
#[derive(Debug, Clone, Copy)]
struct RunFindings<'a> {
    state: &'a State,
    /// Of earlier runs and of this one, oldest first.
    attempts: &'a [Attempt],
    /// Of this run.
    own_attempts: &'a [Attempt],
    lost_since: Option<i64>,
    /// Of earlier runs and of this one.
    runs: RunCounts,
}

/// Writes what became of the job, parks it if it is over without success, and logs the run.
pub(crate) async fn record_result(
    worker: &Worker,
    claimed: &ClaimedJob<'_>,
    result: FetchResult,
) -> Acknowledgement {
    if claimed.is_erased.load(Ordering::Relaxed) {
        return end_erased(worker, claimed).await;
    }
    let FetchResult { attempts, is_late, outcome } = result;
    let RunCounts { ended, late } = claimed.earlier_runs;
    let late = late.saturating_add(u32::from(is_late));
    let runs = RunCounts { ended: ended.saturating_add(1), late };
    let lost_since = match &outcome {
        Ok(_) => None,
        Err(failure) => failure.lost_since(claimed.lost_since, worker.now()),
    };
    let Decision { state, wait } = match outcome {
        Ok(state) => Decision { state, wait: None },
        Err(failure) => decide_retry(worker, claimed.job, runs.ended, lost_since, failure),
    };
    let history = [claimed.earlier_attempts.as_slice(), &attempts].concat();
    let findings = RunFindings {
        state: &state,
        attempts: &history,
        own_attempts: &attempts,
        lost_since,
        runs,
    };
    let acknowledgement = match &state {
        State::Parked { class, reason } => {
            park_claimed(worker, claimed, findings, (*class, reason)).await
        }
        State::Retrying { class, .. } => {
            let wait = wait.unwrap_or_default();
            let plan = WaitPlan::new(claimed, *class, wait, worker.now());
            retry_claimed(worker, claimed, findings, (wait, plan)).await
        }
        State::Stored { .. } | State::Skipped { .. } => {
            let written = write_record(
                worker,
                claimed,
                findings,
                (LeaseAfter::Release, settled_entry(claimed)),
            );
            match written.await {
                Some(WriteOutcome::Yes) => {
                    count_run(worker, claimed, findings);
                    Acknowledgement::Done
                }
                Some(WriteOutcome::Overtaken) | None => Acknowledgement::AFTER_FAILED_WRITE,
            }
        }
    };
    delete_stray_entry(worker, claimed).await;
    if acknowledgement == Acknowledgement::Done || wait.is_some() {
        log_run(claimed.job, &state, &attempts, claimed.started.elapsed());
    }
    acknowledgement
}

/// Writes that the job is tried again, and when: the queue delivers its message again, or the jobs
/// table has the job and the message is acknowledged.
async fn retry_claimed(
    worker: &Worker,
    claimed: &ClaimedJob<'_>,
    findings: RunFindings<'_>,
    (wait, plan): (Duration, WaitPlan<'_>),
) -> Acknowledgement {
    match write_record(worker, claimed, findings, (LeaseAfter::Release, plan.entry)).await {
        Some(WriteOutcome::Yes) => {
            count_run(worker, claimed, findings);
            plan.acknowledgement
        }
        // The message stays until it meets what the other run left.
        Some(WriteOutcome::Overtaken) => Acknowledgement::RetryAfter { after: wait },
        // The next run does not know of this one: only the deliveries lengthen its wait.
        None => {
            let receives = claimed.message.receives;
            let after = schedule::retry_wait(receives, worker.jitter(), Some(wait));
            Acknowledgement::RetryAfter { after }
        }
    }
}

/// Writes the record first, because only the owner of the lease may write `parked`; then sends the
/// job to the parked queue; then releases the lease. If parking fails, the record is set back and
/// the job is retried: a job is not acknowledged before it is where an operator finds it.
async fn park_claimed(
    worker: &Worker,
    claimed: &ClaimedJob<'_>,
    findings: RunFindings<'_>,
    (class, reason): (FailureClass, &str),
) -> Acknowledgement {
    let ClaimedJob { job, message, key, lease, .. } = claimed;
    let change = (LeaseAfter::Keep, parked_entry(claimed));
    let written = write_record(worker, claimed, findings, change).await;
    if written != Some(WriteOutcome::Yes) {
        return Acknowledgement::AFTER_FAILED_WRITE;
    }
    let ticket = build_ticket(job, message, class, reason);
    if !park_job(worker, job, message, &ticket).await {
        let reason = reason.to_owned();
        let not_yet = RunFindings { state: &State::Retrying { class, reason }, ..findings };
        let change = (LeaseAfter::Release, unparked_entry(claimed, worker.now()));
        let written = write_record(worker, claimed, not_yet, change).await;
        tracing::debug!(?written, "the record of a job that could not be parked was set back");
        if written == Some(WriteOutcome::Yes) {
            count_run(worker, claimed, not_yet);
        }
        return Acknowledgement::AFTER_FAILED_WRITE;
    }
    count_run(worker, claimed, findings);
    if let Err(error) = worker.ledger.release(&job.instance, key, lease).await {
        tracing::warn!(
            instance = %job.instance, message_id = %job.message.message_id, %error,
            "releasing the lease of a parked job failed; it ends at its time"
        );
    }
    Acknowledgement::Done
}

/// Counts a run whose end is recorded.
fn count_run(worker: &Worker, claimed: &ClaimedJob<'_>, findings: RunFindings<'_>) {
    let run = RunEnd {
        is_first: claimed.is_first,
        earlier_state: claimed.earlier_state.as_deref(),
        state: findings.state,
        attempts: findings.own_attempts,
    };
    worker.tally.add_run(claimed.job, run, worker.now());
}

/// From when the record may be removed under the tenant's retention.
fn forget_time(claimed: &ClaimedJob<'_>, state: &State, now: i64) -> Option<i64> {
    let instance = claimed.instance.as_ref().ok()?.as_ref()?;
    let (policy, job) = (&instance.policy, claimed.job);
    match state {
        State::Stored { .. } => policy.stored_end(&job.message, now),
        State::Parked { .. } | State::Skipped { .. } => {
            policy.retention.map(|class| class.unstored_end(job, now))
        }
        State::Retrying { .. } => None,
    }
}

/// Writes the record under the lease. `None`: the table did not answer.
async fn write_record(
    worker: &Worker,
    claimed: &ClaimedJob<'_>,
    findings: RunFindings<'_>,
    (lease_after, entry): (LeaseAfter, EntryChange<'_>),
) -> Option<WriteOutcome> {
    let job = claimed.job;
    let RunFindings { state, attempts, lost_since, runs, .. } = findings;
    let is_retried = matches!(state, State::Retrying { .. });
    let record = Record {
        tenant: &job.tenant,
        instance: &job.instance,
        message: &job.message,
        key: &claimed.key,
        state,
        attempts,
        lost_since,
        // After a redrive, the job begins anew.
        runs: if is_retried { runs } else { RunCounts::default() },
        now: worker.now(),
        forget_at: forget_time(claimed, state, worker.now()),
    };
    match worker.ledger.write(&record, &claimed.lease, lease_after, entry).await {
        Ok(WriteOutcome::Overtaken) => {
            tracing::warn!(
                instance = %job.instance, message_id = %job.message.message_id,
                state = state.as_str(), outcome = "overtaken",
                "another run took the media message over; the record is that run's"
            );
            Some(WriteOutcome::Overtaken)
        }
        Ok(WriteOutcome::Yes) => Some(WriteOutcome::Yes),
        Err(error) => {
            tracing::error!(
                instance = %job.instance, message_id = %job.message.message_id, %error,
                "writing the record failed"
            );
            None
        }
    }
}
