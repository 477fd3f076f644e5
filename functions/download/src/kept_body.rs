//! Parks what has no record: unread webhooks, and messages that are no job of their instance's
//! tenant. The jobs table keeps them whole, because the parked queue forgets after 14 days.

use aws::{
    body_key::BodyKey,
    error::AwsError,
    instances::InstanceError,
    ledger::{NoteTerms, ParkOutcome, ParkedBody},
    queues::ParkingTicket,
};
use media::{parked::Content, policy::Retention};

use crate::{
    message::{Acknowledgement, QueueMessage},
    worker::Worker,
};

/// What became of a message that was to be parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepOutcome {
    /// The jobs table has it, and the parked queue, too, unless the message came from the table.
    Parked,
    /// It was read or dropped before, and this is a copy.
    Settled,
    /// A call to AWS failed: the message must be retried.
    Failed,
}

/// Parks the message whole: in the jobs table, and then in the parked queue.
pub(crate) async fn keep_parked(
    worker: &Worker,
    message: &QueueMessage<'_>,
    content: &Content,
    ticket: &ParkingTicket<'_>,
) -> KeepOutcome {
    let key = message.body_entry.clone().unwrap_or_else(|| BodyKey::from_body(message.body));
    let kept = match write_entry(worker, (&key, message.body), content, ticket).await {
        // A copy in the queue is older than this, or gone: the entry is what counts.
        Ok(ParkOutcome::Parked) if message.body_entry.is_some() => return KeepOutcome::Parked,
        Ok(ParkOutcome::Parked) => worker.parked.park(message.body, ticket).await,
        Ok(ParkOutcome::Settled) => return KeepOutcome::Settled,
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) => KeepOutcome::Parked,
        Err(error) => {
            let tenant = ticket.tenant.map(ToString::to_string);
            let class = ticket.class;
            tracing::error!(tenant, %class, %error, "parking a message failed; it is retried");
            KeepOutcome::Failed
        }
    }
}

async fn write_entry(
    worker: &Worker,
    kept: (&BodyKey, &str),
    content: &Content,
    ticket: &ParkingTicket<'_>,
) -> Result<ParkOutcome, AwsError> {
    let terms = NoteTerms { now: worker.now(), retention: find_retention(worker, content).await? };
    let parked = ParkedBody::new(kept, content, (ticket.class, ticket.reason), terms);
    worker.ledger.jobs.park_body(&parked).await
}

/// The retention of an unread webhook's tenant, if the instance is still its own.
async fn find_retention(worker: &Worker, content: &Content) -> Result<Option<Retention>, AwsError> {
    let Content::Unread(unread) = content else {
        return Ok(None);
    };
    match worker.instances.find(&unread.instance).await {
        Ok(found) => {
            let its = found.filter(|one| one.tenant == unread.tenant);
            Ok(its.and_then(|one| one.policy.retention))
        }
        Err(InstanceError::Aws(error)) => Err(error),
        Err(InstanceError::Malformed(_)) => Ok(None),
    }
}

/// Ends a message that was read, or erased by an order: its entry goes, if it has one.
pub(crate) async fn settle_message(worker: &Worker, message: &QueueMessage<'_>) -> Acknowledgement {
    let key = message.body_entry.clone().unwrap_or_else(|| BodyKey::from_body(message.body));
    match worker.ledger.jobs.settle_body(&key, worker.now()).await {
        Ok(_) => Acknowledgement::Done,
        Err(error) => {
            tracing::warn!(%error, "removing the entry of a parked message failed");
            Acknowledgement::AFTER_FAILED_WRITE
        }
    }
}
