//! Parks jobs: sends them to the parked queue, where an operator finds them with their reason.

use std::time::Duration;

use aws::{
    entry_key::EntryKey,
    error::AwsError,
    ledger::{JobState, NoteOutcome, NoteTerms},
    queues::ParkingTicket,
};
use media::{
    failure::FailureClass,
    job::Job,
    parked::{Content, UnknownSummary},
    record::State,
};

use crate::{
    kept_body::{KeepOutcome, keep_parked},
    log::log_run,
    message::{Acknowledgement, QueueMessage},
    retry::{Decision, Failure, decide_retry},
    worker::Worker,
};

/// The attributes of a parked job's message.
pub(crate) fn build_ticket<'a>(
    job: &'a Job,
    message: &QueueMessage<'_>,
    class: FailureClass,
    reason: &'a str,
) -> ParkingTicket<'a> {
    ParkingTicket {
        class,
        reason,
        tenant: Some(&job.tenant),
        recoverable_until: Some(job.message.recoverable_until()),
        receives: message.receives,
        is_unrecorded: false,
    }
}

/// Sends the job to the parked queue. `false`: that failed, and the message must be retried.
pub(crate) async fn park_job(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
    ticket: &ParkingTicket<'_>,
) -> bool {
    match worker.parked.park(message.body, ticket).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(
                instance = %job.instance, message_id = %job.message.message_id, %error,
                "parking a job failed; it is retried"
            );
            false
        }
    }
}

/// Parks a body that is no job. It belongs to no record. If it is from a job entry of another
/// version, that entry is parked; else it gets one of its own.
pub(crate) async fn park_poison(worker: &Worker, message: &QueueMessage<'_>) -> Acknowledgement {
    let reason = "the queue message is not a job that this version understands";
    let ticket = ParkingTicket {
        class: FailureClass::Poison,
        reason,
        tenant: None,
        recoverable_until: None,
        receives: message.receives,
        is_unrecorded: false,
    };
    let parked = match &message.entry {
        Some(entry) => park_own_entry(worker, entry, message, &ticket).await,
        None => {
            let unknown = Content::Unknown(UnknownSummary::default());
            keep_parked(worker, message, &unknown, &ticket).await
        }
    };
    match parked {
        KeepOutcome::Parked => {
            tracing::error!(outcome = "parked", class = "poison", reason, "media");
            Acknowledgement::Done
        }
        KeepOutcome::Settled => Acknowledgement::Done,
        KeepOutcome::Failed => Acknowledgement::AFTER_FAILED_WRITE,
    }
}

/// Parks the job entry that a message which is no job of this version came from.
async fn park_own_entry(
    worker: &Worker,
    entry: &EntryKey,
    message: &QueueMessage<'_>,
    ticket: &ParkingTicket<'_>,
) -> KeepOutcome {
    let parked = worker.ledger.jobs.park_entry(entry, ticket.class, ticket.reason).await;
    let parked = match parked {
        Ok(_) => worker.parked.park(message.body, ticket).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &parked {
        tracing::error!(%error, "parking a job entry that is no job failed; it is retried");
    }
    parked.map_or(KeepOutcome::Failed, |()| KeepOutcome::Parked)
}

/// Parks a job that is not of the tenant whose media message this is. A record of that tenant's is
/// left as it is. A job that a run began before the instance moved has a record of its own tenant,
/// and so has one from an entry: there the parking is noted. Any other gets an entry of its own.
pub(crate) async fn park_foreign_job(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
    (reason, has_record): (&str, bool),
) -> Acknowledgement {
    let class = FailureClass::Poison;
    let noted = match has_record {
        true => note_foreign_job(worker, job, message, reason).await,
        false => Ok(NoteOutcome::Refused),
    };
    let ticket = build_ticket(job, message, class, reason);
    let parked = match noted {
        Ok(NoteOutcome::Written | NoteOutcome::AlreadyParked) => {
            match park_job(worker, job, message, &ticket).await {
                true => KeepOutcome::Parked,
                false => KeepOutcome::Failed,
            }
        }
        Ok(NoteOutcome::Refused) => {
            let content = Content::Job(Box::new(job.clone()));
            keep_parked(worker, message, &content, &ticket).await
        }
        Err(error) => {
            tracing::error!(
                instance = %job.instance, message_id = %job.message.message_id, %error,
                "noting a job of another tenant failed; it is retried"
            );
            KeepOutcome::Failed
        }
    };
    match parked {
        KeepOutcome::Parked => {
            let reason = reason.to_owned();
            log_run(job, &State::Parked { class, reason }, &[], Duration::ZERO);
            Acknowledgement::Done
        }
        KeepOutcome::Settled => Acknowledgement::Done,
        KeepOutcome::Failed => Acknowledgement::AFTER_FAILED_WRITE,
    }
}

/// Notes in the job's own record that it is parked. If the record is not the job's tenant's, the
/// entry is deleted, so that it is not sent again.
async fn note_foreign_job(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
    reason: &str,
) -> Result<NoteOutcome, AwsError> {
    let (written, why) = ((job, message.body), (FailureClass::Poison, reason));
    // The record may be another tenant's, so no tenant's rules give it an end.
    let terms = NoteTerms { now: worker.now(), retention: None };
    let noted = worker.ledger.note_parked(written, why, JobState::Unrecorded, terms);
    let noted = noted.await?;
    if noted == NoteOutcome::Refused
        && let Some(entry) = &message.entry
    {
        worker.ledger.jobs.delete_entry(entry, message.body).await?;
    }
    Ok(noted)
}

/// Settles a job that could not be claimed because the table did not answer. It is retried even
/// past its time, because its sources were not asked, and parked just before the queue would drop
/// it.
pub(crate) async fn settle_unrecorded(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
    error: &dyn std::error::Error,
) -> Acknowledgement {
    let failure = Failure::of_aws(error);
    let Decision { state, wait } = decide_retry(worker, job, message.receives, None, failure);
    if let State::Parked { class, reason } = &state {
        let ticket = build_ticket(job, message, *class, reason);
        let ticket = ParkingTicket { is_unrecorded: true, ..ticket };
        if !park_job(worker, job, message, &ticket).await {
            return Acknowledgement::AFTER_FAILED_WRITE;
        }
    }
    log_run(job, &state, &[], Duration::ZERO);
    wait.map_or(Acknowledgement::Done, |after| Acknowledgement::RetryAfter { after })
}
