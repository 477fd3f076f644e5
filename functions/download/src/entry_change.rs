//! What a run does with the job entry: the copy of a job that its queue message alone would hold.

use std::time::Duration;

use aws::ledger::{Due, DuePlace, EntryChange, EntryState, MAX_ENTRY_BODY_BYTES};
use media::failure::FailureClass;

use crate::{claim::ClaimedJob, entry::delete_entry, message::Acknowledgement, worker::Worker};

/// Waits shorter than this are in the queue. A job that waits longer rests in the jobs table alone:
/// SQS counts a hidden message as in flight, and 120,000 of them stop every tenant. The wait for a
/// person, which is this long at least, is never in the queue.
const MAX_QUEUE_WAIT: Duration = Duration::from_mins(15);

/// How long after its next delivery a job counts as lost by the queue. A run that dies hides its
/// message for the queue's visibility timeout, which is one hour.
const LOST_AFTER: Duration = Duration::from_hours(2);

/// An entry is not written again while the queue would count as having lost the job at least this
/// long after the next delivery.
const MIN_LOST_AFTER: Duration = Duration::from_mins(70);

/// What becomes of a job that is tried again after a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitPlan<'a> {
    pub(crate) entry: EntryChange<'a>,
    /// The answer to the message once the record and the entry are written.
    pub(crate) acknowledgement: Acknowledgement,
}

impl<'a> WaitPlan<'a> {
    /// Leaves a short wait to the queue and a long one to the jobs table.
    pub(crate) fn new(
        claimed: &ClaimedJob<'a>,
        class: FailureClass,
        wait: Duration,
        now: i64,
    ) -> Self {
        let body = claimed.message.body;
        let retry_later = Acknowledgement::RetryAfter { after: wait };
        if body.len() > MAX_ENTRY_BODY_BYTES {
            return Self { entry: EntryChange::Keep, acknowledgement: retry_later };
        }
        let next_run = add_seconds(now, wait);
        let put =
            |place, at| EntryChange::Put { body, state: EntryState::Retrying(Due { place, at }) };
        if wait >= MAX_QUEUE_WAIT {
            let entry = put(DuePlace::Table, next_run);
            return Self { entry, acknowledgement: Acknowledgement::Done };
        }
        let still_holds = claimed.entry.as_ref().is_some_and(|known| {
            let until = known.queued_until.unwrap_or_default();
            known.class == Some(class) && until >= add_seconds(next_run, MIN_LOST_AFTER)
        });
        let entry = if still_holds {
            EntryChange::Keep
        } else {
            put(DuePlace::Queue, add_seconds(next_run, LOST_AFTER))
        };
        Self { entry, acknowledgement: retry_later }
    }
}

/// The change of the entry when its job is parked.
pub(crate) fn parked_entry<'a>(claimed: &ClaimedJob<'a>) -> EntryChange<'a> {
    let body = claimed.message.body;
    if body.len() > MAX_ENTRY_BODY_BYTES {
        return EntryChange::Keep;
    }
    EntryChange::Put { body, state: EntryState::Parked }
}

/// The change of the entry when the parked queue did not take its job: the queue delivers the job
/// again.
pub(crate) fn unparked_entry<'a>(claimed: &ClaimedJob<'a>, now: i64) -> EntryChange<'a> {
    let body = claimed.message.body;
    if body.len() > MAX_ENTRY_BODY_BYTES {
        return EntryChange::Keep;
    }
    let due = Due { place: DuePlace::Queue, at: add_seconds(now, LOST_AFTER) };
    EntryChange::Put { body, state: EntryState::Retrying(due) }
}

/// The change of the entry when its job is settled. A job that no earlier run left unsettled has
/// none, and its record is written in one plain call.
pub(crate) fn settled_entry(claimed: &ClaimedJob<'_>) -> EntryChange<'static> {
    let is_there = claimed.entry.is_some() || claimed.message.entry.is_some();
    if is_there { EntryChange::Delete } else { EntryChange::Keep }
}

/// Deletes the entry that the message was sent from if it is not the record's own: the webhook
/// function writes entries before it is known which record is the media message's.
pub(crate) async fn delete_stray_entry(worker: &Worker, claimed: &ClaimedJob<'_>) {
    let stray = claimed.message.entry.as_ref().filter(|entry| entry.key != claimed.key);
    if stray.is_some() || claimed.message.body_entry.is_some() {
        // After a failure, the entry is sent again, and its job ends as a duplicate.
        let answer = delete_entry(worker, claimed.message).await;
        tracing::debug!(?answer, "a job entry under another key than its record's was deleted");
    }
}

fn add_seconds(time: i64, wait: Duration) -> i64 {
    time.saturating_add(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX))
}
