//! A message that was deleted by who sent it: what the tenant's rule makes of it.

use media::{
    policy::{Revoked, SkipRule},
    revocation::Revocation,
};

use crate::{claim::ClaimedJob, message::Acknowledgement, retry::Failure, worker::Worker};

/// Writes the revocation, if the tenant's rule wants it and no order to erase covers it. Nothing is
/// erased here: the function may not.
pub(crate) async fn keep_revocation(worker: &Worker, revocation: &Revocation) -> Acknowledgement {
    match try_keep(worker, revocation).await {
        Ok(outcome) => {
            tracing::info!(
                tenant = %revocation.tenant(), instance = %revocation.instance(), outcome,
                "revocation"
            );
            Acknowledgement::Done
        }
        Err(error) => {
            tracing::error!(
                tenant = %revocation.tenant(), instance = %revocation.instance(), %error,
                "writing that a message was deleted failed; it is retried"
            );
            Acknowledgement::AFTER_FAILED_WRITE
        }
    }
}

async fn try_keep(
    worker: &Worker,
    revocation: &Revocation,
) -> Result<&'static str, Box<dyn std::error::Error + Send + Sync>> {
    let instance = worker.instances.find(revocation.instance()).await?;
    let Some(instance) = instance.filter(|one| one.tenant == *revocation.tenant()) else {
        return Ok("of_another");
    };
    if instance.policy.revoked == Revoked::Keep {
        return Ok("kept");
    }
    if worker.orders.find_revocation_erasure(revocation).await?.is_some() {
        return Ok("erased");
    }
    let end = instance.policy.retention.map(|class| class.end_of(worker.now()));
    worker.ledger.keep_revocation(revocation, end).await?;
    Ok("revoked")
}

/// The rule that skips a media message which its sender has deleted, if the tenant wants that.
///
/// # Errors
/// If it is not known: nothing may be stored then.
pub(crate) async fn find_rule(
    worker: &Worker,
    claimed: &ClaimedJob<'_>,
    rule: Revoked,
) -> Result<Option<SkipRule>, Failure> {
    if rule != Revoked::Erase {
        return Ok(None);
    }
    let job = claimed.job;
    let found = worker.ledger.is_revoked(&job.instance, &job.message.as_revoked()).await;
    let is_revoked = found.map_err(|error| Failure::of_aws(&error))?;
    Ok(is_revoked.then_some(SkipRule::Revoked))
}
