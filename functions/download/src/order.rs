//! Orders to erase: a job that one covers ends as erased. A run asks before it claims the record,
//! and again right before it commits.

use std::sync::atomic::Ordering;

use aws::{
    error::AwsError,
    ledger::{EraseOutcome, WriteOutcome},
    orders::Order,
};
use media::{job::Job, unread::UnreadBody};

use crate::{
    claim::{ClaimedJob, retry_after_lease},
    entry::delete_entry,
    entry_change::delete_stray_entry,
    log::log_without_run,
    message::{Acknowledgement, QueueMessage},
    park::settle_unrecorded,
    worker::Worker,
};

/// Ends a job that an order covers, before anything is written about it. `None`: no order does.
pub(crate) async fn end_if_ordered(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
) -> Option<Acknowledgement> {
    match worker.orders.find_erasure(job).await {
        Ok(None) => None,
        Ok(Some(_)) => Some(erase_unclaimed(worker, job, message).await),
        // It is not known whether the media message may be stored.
        Err(error) => Some(settle_unrecorded(worker, job, message, &error).await),
    }
}

/// Removes what an earlier run wrote about the job, its entry included, and ends it.
async fn erase_unclaimed(
    worker: &Worker,
    job: &Job,
    message: &QueueMessage<'_>,
) -> Acknowledgement {
    let now = worker.now();
    match worker.ledger.erase_job(job, now).await {
        Ok(EraseOutcome::Erased) => {
            log_without_run(job, "erased");
            delete_entry(worker, message).await
        }
        Ok(EraseOutcome::Leased { until }) => {
            log_without_run(job, "in_progress");
            retry_after_lease(until, now)
        }
        Err(error) => {
            tracing::error!(
                instance = %job.instance, message_id = %job.message.message_id, %error,
                "erasing the record of an erased media message failed; it is retried"
            );
            Acknowledgement::AFTER_FAILED_WRITE
        }
    }
}

/// Whether the run may commit: no order was given while it fetched. If one was, the run's end
/// removes its record.
pub(crate) async fn may_commit(worker: &Worker, claimed: &ClaimedJob<'_>) -> bool {
    let job = claimed.job;
    match worker.orders.find_erasure(job).await {
        Ok(None) => true,
        Ok(Some(_)) => {
            claimed.is_erased.store(true, Ordering::Relaxed);
            false
        }
        Err(error) => {
            tracing::error!(
                instance = %job.instance, message_id = %job.message.message_id, %error,
                "asking for orders to erase failed; nothing is committed"
            );
            false
        }
    }
}

/// Ends a run whose media message was ordered to be erased meanwhile: a mark takes the place of its
/// record.
pub(crate) async fn end_erased(worker: &Worker, claimed: &ClaimedJob<'_>) -> Acknowledgement {
    let ClaimedJob { job, key, lease, .. } = claimed;
    let erased = worker.ledger.erase_claimed(job, key, lease, worker.now()).await;
    match erased {
        Ok(WriteOutcome::Yes) => {
            delete_stray_entry(worker, claimed).await;
            log_without_run(job, "erased");
            Acknowledgement::Done
        }
        Ok(WriteOutcome::Overtaken) => Acknowledgement::AFTER_FAILED_WRITE,
        Err(error) => {
            tracing::error!(
                instance = %job.instance, message_id = %job.message.message_id, %error,
                "erasing the record of an erased media message failed; it is retried"
            );
            Acknowledgement::AFTER_FAILED_WRITE
        }
    }
}

/// Ends an unread body whose tenant or instance was ordered to be erased. `None`: it was not.
pub(crate) async fn end_body_if_ordered(
    worker: &Worker,
    body: &UnreadBody,
) -> Option<Acknowledgement> {
    end_body(body, worker.orders.find_body_erasure(body).await)
}

/// Ends a body that cannot be read if it names whom or what was ordered to be erased, before it is
/// parked: the command has searched the parked ones already. `None`: it does not.
pub(crate) async fn end_body_if_named(
    worker: &Worker,
    body: &UnreadBody,
) -> Option<Acknowledgement> {
    end_body(body, worker.orders.find_named_erasure(body, worker.now()).await)
}

fn end_body(body: &UnreadBody, found: Result<Option<Order>, AwsError>) -> Option<Acknowledgement> {
    let (tenant, instance) = (body.tenant(), body.instance());
    match found {
        Ok(None) => None,
        Ok(Some(_)) => {
            tracing::info!(%tenant, %instance, outcome = "erased", "unread body");
            Some(Acknowledgement::Done)
        }
        Err(error) => {
            tracing::error!(
                %tenant, %instance, %error,
                "asking for orders to erase failed; the unread body is retried"
            );
            Some(Acknowledgement::AFTER_FAILED_WRITE)
        }
    }
}
