//! The commit of a run: what it is about to store, written down before, and whose object is in the
//! bucket after.

use std::collections::BTreeSet;

use aws::{
    bucket::{Commit, StoredObject},
    error::AwsError,
    ledger::{CommitIntent, WriteOutcome},
};
use media::{object::ObjectDescription, open::Proof, record::State, strategy::Strategy};

use crate::{claim::ClaimedJob, worker::Worker};

/// The tag that this run's object gets: one only if an earlier run may have stored it.
pub(crate) fn run_tag<'a>(claimed: &'a ClaimedJob<'_>) -> Option<&'a str> {
    (!claimed.earlier_intents.is_empty()).then_some(claimed.lease.owner.as_str())
}

/// What a run is about to commit.
pub(crate) fn build_intent(
    object: &ObjectDescription,
    proof: &Proof,
    strategy: Strategy,
    run: Option<&str>,
) -> CommitIntent {
    CommitIntent {
        object_key: object.key.as_str().to_owned(),
        strategy,
        size_bytes: proof.size_bytes,
        sha256: proof.sha256,
        integrity: proof.integrity,
        run: run.map(str::to_owned),
    }
}

/// Writes the intent into the record, under the lease. `false`: nothing may be committed.
pub(crate) async fn write_intent(
    worker: &Worker,
    claimed: &ClaimedJob<'_>,
    intent: CommitIntent,
) -> bool {
    let ClaimedJob { job, key, lease, earlier_intents, .. } = claimed;
    let written = worker.ledger.write_intent(&job.instance, key, lease, earlier_intents, &intent);
    match written.await {
        Ok(WriteOutcome::Yes) => true,
        Ok(WriteOutcome::Overtaken) => {
            tracing::warn!(
                instance = %job.instance, message_id = %job.message.message_id,
                outcome = "overtaken",
                "another run took the media message over; nothing is committed"
            );
            false
        }
        Err(error) => {
            tracing::error!(
                instance = %job.instance, message_id = %job.message.message_id, %error,
                "writing the intent to commit failed; nothing is committed"
            );
            false
        }
    }
}

/// The state of a media message whose object is in the bucket: this run's object, or the one that
/// an earlier run had stored.
///
/// # Errors
/// [`AwsError`] if the object's tags are needed and cannot be read.
pub(crate) async fn stored_state(
    worker: &Worker,
    claimed: &ClaimedJob<'_>,
    stored: &StoredObject,
    strategy: Strategy,
) -> Result<State, AwsError> {
    let own = build_intent(&stored.description, &stored.proof, strategy, run_tag(claimed));
    let committed = match stored.commit {
        Commit::Created => own,
        Commit::AlreadyThere => find_committed(worker, &claimed.earlier_intents, own).await?,
    };
    Ok(to_state(committed))
}

/// The state of a media message whose object an earlier run stored before it died: its tag, or the
/// lack of one, names the run. `None`: no such object is known, and the media file must be fetched.
pub(crate) async fn find_stored(worker: &Worker, claimed: &ClaimedJob<'_>) -> Option<State> {
    let mut asked = BTreeSet::new();
    for intent in claimed.earlier_intents.iter().rev() {
        if !asked.insert(&intent.object_key) {
            continue;
        }
        // A missing object is refused like one that may not be read: nothing is known of it.
        let Ok(run) = worker.bucket.find_run(&intent.object_key).await else {
            continue;
        };
        if let Some(committed) =
            find_intent(&claimed.earlier_intents, &intent.object_key, run.as_deref())
        {
            return Some(to_state(committed.clone()));
        }
    }
    None
}

fn to_state(committed: CommitIntent) -> State {
    State::Stored {
        proof: committed.proof(),
        strategy: committed.strategy,
        object_key: committed.object_key,
    }
}

/// The intent that became the object. Where runs meant to store different objects under one key,
/// the object's tag decides: a 412 also answers the SDK's repetition of a request that was carried
/// out and whose answer was lost. Where no intent is left (the record was lost), this run's stands
/// for it: it describes the same media message.
async fn find_committed(
    worker: &Worker,
    earlier: &[CommitIntent],
    own: CommitIntent,
) -> Result<CommitIntent, AwsError> {
    let mut of_this_key = earlier.iter().filter(|one| one.object_key == own.object_key);
    if of_this_key.all(|one| one.describes_same(&own)) {
        return Ok(own);
    }
    let run = worker.bucket.find_run(&own.object_key).await?;
    if run == own.run {
        return Ok(own);
    }
    let Some(committed) = find_intent(earlier, &own.object_key, run.as_deref()) else {
        tracing::warn!("the object's tag names a run whose intent is not known");
        return Ok(own);
    };
    Ok(committed.clone())
}

/// The latest intent of a run for an object.
fn find_intent<'a>(
    intents: &'a [CommitIntent],
    object_key: &str,
    run: Option<&str>,
) -> Option<&'a CommitIntent> {
    intents.iter().rfind(|one| one.object_key == object_key && one.run.as_deref() == run)
}
