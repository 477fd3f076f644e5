//! One message of the queue, in three phases: claimed → fetched → recorded.

use media::{
    job::{Job, NotAJob, QueueBody},
    revocation::Revocation,
};

use crate::{
    claim::claim_job,
    fetch::fetch_media,
    kept_body::settle_message,
    message::{Acknowledgement, QueueMessage},
    order::end_if_ordered,
    park::park_poison,
    record::record_result,
    revoked::keep_revocation,
    unread::read_again,
    worker::Worker,
};

/// Handles one message of the queue: a job, an unread webhook, a deleted message, or none of them.
pub async fn handle_message(worker: &Worker, message: &QueueMessage<'_>) -> Acknowledgement {
    match QueueBody::parse(message.body) {
        Ok(QueueBody::Job(job)) => run_job(worker, &job, message).await,
        Ok(QueueBody::Unread(body)) => read_again(worker, &body, message).await,
        Err(NotAJob) => match Revocation::parse(message.body) {
            // One that an earlier version parked has an entry.
            Ok(revocation) => {
                let kept = keep_revocation(worker, &revocation).await;
                if kept == Acknowledgement::Done && message.body_entry.is_some() {
                    settle_message(worker, message).await
                } else {
                    kept
                }
            }
            Err(NotAJob) => park_poison(worker, message).await,
        },
    }
}

async fn run_job(worker: &Worker, job: &Job, message: &QueueMessage<'_>) -> Acknowledgement {
    if let Some(acknowledgement) = end_if_ordered(worker, job, message).await {
        return acknowledgement;
    }
    match claim_job(worker, job, message).await {
        Ok(claimed) => {
            let result = fetch_media(worker, &claimed).await;
            record_result(worker, &claimed, result).await
        }
        Err(acknowledgement) => acknowledgement,
    }
}
