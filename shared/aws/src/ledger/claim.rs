//! Claims a media message for one run. One conditional write decides which run gets it, and which
//! record is the media message's.

use media::{
    failure::FailureClass,
    identity::RecordKey,
    job::Job,
    record::{Attempt, Lease, RunCounts},
};

use super::{
    announced::AnnouncedFields,
    condition::Condition,
    intent::{CommitIntent, take_intents},
    place::Place,
    place_update::PlaceUpdate,
    table::{
        ATTEMPTS, DECIDED_AT, ERASED, HAS_ENTRY, LATE_RUNS, LOST_SINCE, Ledger, QUEUED_UNTIL, RUNS,
    },
    update::Update,
};
use crate::{
    dynamodb::{Attributes, get_number, get_string, number_value, string_value, take_readable},
    error::AwsError,
};

/// What the record says of its job entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEntry {
    /// Until when the entry leaves the job to the queue, in seconds since 1970. `None`: the job was
    /// only in the jobs table, or parked.
    pub queued_until: Option<i64>,
    /// The class of the failure in the entry.
    pub class: Option<FailureClass>,
}

/// What a run finds when it claims a media message.
#[derive(Debug)]
pub enum Claim {
    /// This run has the media message until its lease ends.
    Mine {
        /// The key of the record.
        key: RecordKey,
        /// Earlier attempts, oldest first, as evidence for people. What this build cannot read is
        /// left out.
        attempts: Vec<Attempt>,
        /// How many runs have ended since the job was queued or redriven.
        runs: RunCounts,
        /// Whether no run of this media message has ended before: it counts as announced when this
        /// one ends.
        is_first: bool,
        /// The state of the record. A new record says `retrying`.
        state: Option<String>,
        /// What earlier runs meant to commit, oldest first, until the media file is recorded.
        intents: Vec<CommitIntent>,
        /// When the media file was first found to be lost, if the latest run found it lost; in
        /// seconds since 1970.
        lost_since: Option<i64>,
        /// The job entry, if an earlier run wrote one.
        entry: Option<KnownEntry>,
    },
    /// The object is in the bucket: a duplicate needs no download.
    Stored,
    /// The object is in the bucket, in the folder of the tenant that had the instance before.
    StoredForAnother,
    /// A person had the media file erased while its job was still queued: it is not fetched again.
    Erased,
    /// An operator redrove or dropped the job after this copy of it was made: what was decided
    /// stays.
    Superseded,
    /// Another run has the lease, and works on the media message or died. This is not a failure:
    /// the job is retried when the lease ends.
    Elsewhere {
        /// When the lease ends, in seconds since 1970.
        until: i64,
    },
}

impl Ledger {
    /// Claims a media message for one run, under `lease`. The first claim creates the record. Each
    /// place where the record may be takes one conditional write, in which `DynamoDB` decides: of
    /// two simultaneous runs, one gets the lease. The place of earlier versions is read first.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` or `UpdateItem` fails; the queue retries the job.
    pub async fn claim(&self, job: &Job, lease: &Lease, now: i64) -> Result<Claim, AwsError> {
        let identity = job.message.identity();
        for place in Place::all(&job.message, &identity) {
            let claimed = self.claim_at(&place, job, lease, now).await?;
            if let Some(claim) = claimed {
                return Ok(claim);
            }
        }
        // Other media have every place: the same digest in more chats than exist, or a record that
        // cannot be read.
        Ok(Claim::Elsewhere { until: now })
    }

    async fn claim_at(
        &self,
        place: &Place<'_>,
        job: &Job,
        lease: &Lease,
        now: i64,
    ) -> Result<Option<Claim>, AwsError> {
        let fields = AnnouncedFields::from_job(job, now);
        let update = Update::from_fields("dynamodb:UpdateItem", &fields)?;
        let update = place
            .identify(update)
            .set_once("state", "retrying")
            .set("lease_owner", string_value(&*lease.owner))
            .set("lease_until", number_value(lease.until));
        let condition =
            Condition::not_stored_or_erased().and(Condition::not_decided_after(job.accepted_at));
        let condition = condition.and(Condition::not_leased_to_another(lease, now));
        let updated = self.update_place(place, &job.instance, update, condition).await?;
        Ok(match updated {
            PlaceUpdate::OtherMedia => None,
            PlaceUpdate::Updated(item) => {
                let mut item = item.unwrap_or_default();
                Some(Claim::Mine {
                    key: place.key.clone(),
                    // Every run that ends writes its attempts, also if it made none.
                    is_first: !item.contains_key(ATTEMPTS),
                    state: get_string(&item, "state").map(str::to_owned),
                    intents: take_intents(&mut item, &job.tenant),
                    lost_since: get_number(&item, LOST_SINCE),
                    entry: KnownEntry::from_item(&item),
                    runs: RunCounts {
                        ended: get_count(&item, RUNS),
                        late: get_count(&item, LATE_RUNS),
                    },
                    attempts: take_readable(&mut item, ATTEMPTS),
                })
            }
            PlaceUpdate::Refused(item) => {
                let refused = read_refusal(&item, job);
                let is_known = match (&refused, place.new_facts(&item)) {
                    (Claim::Stored, Some(new_facts)) => {
                        self.add_facts(place, job, new_facts).await?
                    }
                    _ => true,
                };
                // The record changed since the refusal: the job is retried at once.
                Some(if is_known { refused } else { Claim::Elsewhere { until: now } })
            }
        })
    }

    /// Adds the LID or the number of the chat to the record of a stored media file that did not
    /// know it, so that the next webhook is compared with both. `false` if the record is no longer
    /// `stored`.
    async fn add_facts(
        &self,
        place: &Place<'_>,
        job: &Job,
        new_facts: Update,
    ) -> Result<bool, AwsError> {
        let updated = self.update_place(place, &job.instance, new_facts, Condition::stored());
        Ok(matches!(updated.await?, PlaceUpdate::Updated(_)))
    }
}

/// Why the media message could not be claimed, from the item that `DynamoDB` returned with the
/// refusal. Without an item it is not known who holds the lease: `until` is then 0, and the job is
/// retried.
fn read_refusal(item: &Attributes, job: &Job) -> Claim {
    let is_theirs = get_string(item, "tenant").is_none_or(|owner| owner == job.tenant.as_str());
    let decided_at: Option<i64> = get_number(item, DECIDED_AT);
    match get_string(item, "state") {
        Some("stored") if is_theirs => Claim::Stored,
        Some("stored") => Claim::StoredForAnother,
        Some(ERASED) => Claim::Erased,
        _ if decided_at.is_some_and(|at| job.accepted_at < at) => Claim::Superseded,
        Some(_) | None => {
            Claim::Elsewhere { until: get_number(item, "lease_until").unwrap_or_default() }
        }
    }
}

impl KnownEntry {
    fn from_item(item: &Attributes) -> Option<Self> {
        item.get(HAS_ENTRY)?;
        let class = get_string(item, "class").and_then(|class| class.parse().ok());
        Some(Self { queued_until: get_number(item, QUEUED_UNTIL), class })
    }
}

/// A count that a run wrote. A record of an earlier version has none, which is 0.
fn get_count(item: &Attributes, name: &str) -> u32 {
    let count: Option<i64> = get_number(item, name);
    count.and_then(|n| u32::try_from(n).ok()).unwrap_or_default()
}
