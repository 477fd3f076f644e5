//! The first phase of a run: whose job is it, and may this run work on it?

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use aws::{
    instances::{Instance, InstanceError},
    ledger::{Claim, CommitIntent, KnownEntry, OwnRecord},
};
use media::{
    identity::RecordKey,
    job::Job,
    record::{Attempt, Lease, RunCounts},
};
use tokio::time::Instant;

use crate::{
    entry::delete_entry,
    log::log_without_run,
    message::{Acknowledgement, QueueMessage},
    park::{park_foreign_job, settle_unrecorded},
    retry::MAX_RUN_TIME,
    worker::Worker,
};

/// How long a lease outlasts its run's deadline: for the seconds that the batch keeps for itself,
/// and for clocks that differ.
const LEASE_MARGIN: Duration = Duration::from_mins(1);

/// How long after another run's lease a job that waits for it is delivered again.
const WAIT_AFTER_LEASE: Duration = Duration::from_secs(2);

/// A job that only this run works on until its lease ends.
#[derive(Debug)]
pub(crate) struct ClaimedJob<'a> {
    pub(crate) job: &'a Job,
    pub(crate) message: &'a QueueMessage<'a>,
    /// The instance's registration. `None`: it is not registered.
    pub(crate) instance: Result<Option<Arc<Instance>>, InstanceError>,
    /// Where the record is.
    pub(crate) key: RecordKey,
    pub(crate) lease: Lease,
    /// Whether no run of this media message has ended before.
    pub(crate) is_first: bool,
    /// Whether the instance belongs to another tenant by now. The run only looks for a file that an
    /// earlier run stored before it died.
    pub(crate) is_foreign: bool,
    /// The state of the record when the run began.
    pub(crate) earlier_state: Option<String>,
    /// What earlier runs tried, oldest first.
    pub(crate) earlier_attempts: Vec<Attempt>,
    /// How many runs there were since the job was queued or redriven.
    pub(crate) earlier_runs: RunCounts,
    /// What earlier runs were about to commit, oldest first.
    pub(crate) earlier_intents: Vec<CommitIntent>,
    /// Since when earlier runs found that no source has the media file.
    pub(crate) lost_since: Option<i64>,
    /// The job entry that an earlier run wrote.
    pub(crate) entry: Option<KnownEntry>,
    /// When the run began.
    pub(crate) started: Instant,
    /// Whether an order to erase the media message was found after the claim.
    pub(crate) is_erased: AtomicBool,
}

/// Why a job that names another tenant than its instance's is parked.
pub(crate) const FOREIGN: &str = "the instance belongs to another tenant than the job says";

/// Claims a job for this run. A job that names another tenant than its instance's is parked before
/// anything of that tenant's is touched, its record included; unless the record is of the job's own
/// tenant and says that a run may have stored the file before the instance moved. If it says that
/// the job is tried again, it is noted there that it is parked.
///
/// # Errors
/// The answer to the message, if there is nothing to run: the media file is stored, another run
/// works on it, it was erased, or the job is another tenant's.
pub(crate) async fn claim_job<'a>(
    worker: &Worker,
    job: &'a Job,
    message: &'a QueueMessage<'a>,
) -> Result<ClaimedJob<'a>, Acknowledgement> {
    let started = Instant::now();
    let mut instance = worker.instances.find(&job.instance).await;
    let is_theirs =
        |found: &Option<Arc<Instance>>| found.as_ref().is_some_and(|one| one.tenant == job.tenant);
    // The job may be parked for this, so it must hold now and not only a moment ago.
    if instance.as_ref().is_ok_and(|cached| !is_theirs(cached)) {
        match worker.instances.find_current(&job.instance).await {
            Ok(current) => instance = Ok(current),
            Err(error) => return Err(settle_unrecorded(worker, job, message, &error).await),
        }
    }
    let is_foreign = instance.as_ref().is_ok_and(|found| found.is_some() && !is_theirs(found));
    if is_foreign {
        may_be_stored(worker, job, message).await?;
        // Nothing of the other tenant's is used.
        instance = Ok(None);
    }
    let lease = new_lease(worker, message.deadline);
    match worker.ledger.claim(job, &lease, worker.now()).await {
        Ok(Claim::Mine { key, attempts, runs, is_first, state, intents, lost_since, entry }) => {
            Ok(ClaimedJob {
                job,
                message,
                instance,
                key,
                lease,
                is_first,
                is_foreign,
                earlier_state: state,
                earlier_attempts: attempts,
                earlier_runs: runs,
                earlier_intents: intents,
                lost_since,
                entry,
                started,
                is_erased: AtomicBool::new(false),
            })
        }
        Ok(Claim::Stored) => Err(end_settled(worker, job, message, "duplicate").await),
        Ok(Claim::StoredForAnother) => {
            let reason = "it is stored for the tenant to whom the instance belonged before";
            let has_record = message.entry.is_some();
            Err(park_foreign_job(worker, job, message, (reason, has_record)).await)
        }
        // The job was still queued when an operator erased the media message.
        Ok(Claim::Erased) => Err(end_settled(worker, job, message, "erased").await),
        // The jobs table has the job as it was redriven, or it was dropped.
        Ok(Claim::Superseded) => {
            log_without_run(job, "superseded");
            Err(Acknowledgement::Done)
        }
        // Another run works on it, or died.
        Ok(Claim::Elsewhere { until }) => {
            log_without_run(job, "in_progress");
            Err(retry_after_lease(until, worker.now()))
        }
        Err(error) => Err(settle_unrecorded(worker, job, message, &error).await),
    }
}

/// Whether a run may have stored the file of a job before its instance moved to another tenant.
///
/// # Errors
/// The answer to the message, if none has: the job is parked, or another run may still work on it.
async fn may_be_stored(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
) -> Result<(), Acknowledgement> {
    let has_record = match worker.ledger.find_own_record(job).await {
        Ok(OwnRecord::Committing) => return Ok(()),
        Ok(OwnRecord::Retrying { lease_until }) if lease_until >= worker.now() => {
            return Err(retry_after_lease(lease_until, worker.now()));
        }
        Ok(OwnRecord::Retrying { .. }) => true,
        Ok(OwnRecord::Absent) => message.entry.is_some(),
        Err(error) => return Err(settle_unrecorded(worker, job, message, &error).await),
    };
    Err(park_foreign_job(worker, job, message, (FOREIGN, has_record)).await)
}

/// Ends a job that has nothing left to do.
async fn end_settled(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
    outcome: &str,
) -> Acknowledgement {
    log_without_run(job, outcome);
    delete_entry(worker, message).await
}

/// The job is delivered again when another run's lease ends. Times are in seconds since 1970.
pub(crate) fn retry_after_lease(until: i64, now: i64) -> Acknowledgement {
    let left = u64::try_from(until.saturating_sub(now)).unwrap_or_default();
    let after = Duration::from_secs(left).min(MAX_RUN_TIME + LEASE_MARGIN);
    Acknowledgement::RetryAfter { after: after + WAIT_AFTER_LEASE }
}

/// A lease for a run that ends at `deadline`, under a token that no other run has.
fn new_lease(worker: &Worker, deadline: Instant) -> Lease {
    let left = deadline.saturating_duration_since(Instant::now()) + LEASE_MARGIN;
    Lease {
        owner: format!("{:016x}{:016x}", worker.random_bits(), worker.random_bits()),
        until: worker.now().saturating_add(left.as_secs().try_into().unwrap_or(i64::MAX)),
    }
}
