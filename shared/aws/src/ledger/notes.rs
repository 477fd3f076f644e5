//! Writes notes about jobs that no run works on: SQS parked them, or a person dropped them. Also
//! reads what a job's record says.

use media::{failure::FailureClass, job::Job, policy::Retention};

use super::{
    announced::AnnouncedFields,
    condition::Condition,
    entry::{EntryChange, EntryFacts, EntryState, MAX_ENTRY_BODY_BYTES, set_record_fields},
    find::find_record_item,
    outcome::WriteOutcome,
    place::Place,
    place_update::PlaceUpdate,
    table::{DECIDED_AT, ERASED, FORGET_AT, HAS_ENTRY, LATE_RUNS, Ledger, RUNS},
    update::Update,
};
use crate::{
    dynamodb::{Attributes, get_item, get_number, get_string, number_value, string_value},
    error::AwsError,
};

/// When an operator decided about a job, in seconds since 1970. It is later than the job's
/// acceptance, also if the operator's clock is behind.
pub(super) fn decision_time(job: &Job, now: i64) -> i64 {
    now.max(job.accepted_at.saturating_add(1))
}

/// When a note is written, and for how long what it is about is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoteTerms {
    /// The current time, in seconds since 1970.
    pub now: i64,
    /// The tenant's retention. `None`: the record and the entry have no end.
    pub retention: Option<Retention>,
}

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteOutcome {
    /// The record and the entry were written.
    Written,
    /// The record and the entry of this tenant's job said so already.
    AlreadyParked,
    /// The record is another's, has another state, or a run has its lease.
    Refused,
}

impl NoteOutcome {
    fn from_refusal(item: &Attributes, job: &Job) -> Self {
        let is_theirs = get_string(item, "tenant") == Some(job.tenant.as_str());
        let is_parked = get_string(item, "state") == Some("parked");
        if is_theirs && is_parked && item.contains_key(HAS_ENTRY) {
            Self::AlreadyParked
        } else {
            Self::Refused
        }
    }
}

/// What the record of a job says that is in a queue as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// There is no record, or no job entry: the message in the queue is the only copy of the job.
    Unrecorded,
    /// As `Unrecorded`, but the record says that it has a parked job entry: a version that did not
    /// know the jobs table was deployed in between, and the table is a new one.
    EntryLost,
    /// The record is another tenant's.
    Foreign,
    /// The object is in the bucket, or a person had the media file erased.
    StoredOrErased,
    /// A rule of the tenant or an operator decided that it is not stored.
    Skipped,
    /// A run has the lease.
    InWork,
    /// The jobs table has the job, parked.
    Parked,
    /// The jobs table has the job, and it is tried again.
    Retrying,
    /// An operator redrove or dropped the job after this copy of it was made.
    Superseded,
}

impl JobState {
    /// Whether this copy of the job has nothing left to do.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::StoredOrErased | Self::Skipped | Self::Superseded)
    }
}

impl Ledger {
    /// Records that a job is parked whose record does not say so, or has no job entry: SQS parked
    /// it after too many receives, the table did not answer, or an earlier version parked it.
    /// `body` is the queue message's, and `seen` what the record said; with
    /// [`JobState::EntryLost`], the entry is made anew. A record with another state, or whose lease
    /// a run has, is left as it is.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn note_parked(
        &self,
        (job, body): (&Job, &str),
        (class, reason): (FailureClass, &str),
        seen: JobState,
        terms: NoteTerms,
    ) -> Result<NoteOutcome, AwsError> {
        let NoteTerms { now, retention } = terms;
        let forget_at = retention.map(|class| class.unstored_end(job, now));
        let set_fields = |update: Update| {
            update
                .set("state", string_value("parked"))
                .set("class", string_value(class.as_str()))
                .set("reason", string_value(reason))
                .remove(RUNS)
                .remove(LATE_RUNS)
        };
        let facts = EntryFacts { forget_at, ..EntryFacts::from_job(job, class, reason, now) };
        let entry = match body.len() {
            0..=MAX_ENTRY_BODY_BYTES => EntryChange::Put { body, state: EntryState::Parked },
            _ => EntryChange::Keep,
        };
        let condition = if seen == JobState::EntryLost {
            Condition::parked_or_unsettled()
        } else {
            Condition::not_parked_with_entry()
        };
        self.write_note(job, set_fields, &condition, (&facts, entry)).await
    }

    /// Records that a person dropped a job, and deletes its entry. Copies of the job that are still
    /// in a queue do not bring it back; a later webhook does. A record whose state is `stored` or
    /// `erased`, or whose lease a run has, is left as it is.
    ///
    /// # Errors
    /// [`AwsError`] when `TransactWriteItems` fails.
    pub async fn note_dropped(
        &self,
        job: &Job,
        class: FailureClass,
        reason: &str,
        terms: NoteTerms,
    ) -> Result<WriteOutcome, AwsError> {
        let NoteTerms { now, retention } = terms;
        let forget_at = retention.map(|class| class.unstored_end(job, now));
        let set_fields = |update: Update| {
            update
                .set("state", string_value("skipped"))
                .set("reason", string_value(reason))
                .set(DECIDED_AT, number_value(decision_time(job, now)))
                .remove("class")
        };
        let facts = EntryFacts { forget_at, ..EntryFacts::from_job(job, class, reason, now) };
        let condition = Condition::not_stored_or_erased();
        let noted = self.write_note(job, set_fields, &condition, (&facts, EntryChange::Delete));
        Ok(match noted.await? {
            NoteOutcome::Written => WriteOutcome::Yes,
            NoteOutcome::AlreadyParked | NoteOutcome::Refused => WriteOutcome::Overtaken,
        })
    }

    /// What the record of a job says, which is in a queue as well.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn read_job_state(&self, job: &Job, now: i64) -> Result<JobState, AwsError> {
        let found = find_record_item(&self.clients, &self.table, &job.instance, &job.message);
        let Some(item) = found.await? else {
            return Ok(JobState::Unrecorded);
        };
        let is_theirs = |owner: &str| owner == job.tenant.as_str();
        if !get_string(&item, "tenant").is_none_or(is_theirs) {
            return Ok(JobState::Foreign);
        }
        let lease_until: i64 = get_number(&item, "lease_until").unwrap_or_default();
        let has_lease = item.contains_key("lease_owner") && lease_until >= now;
        let has_entry = item.contains_key(HAS_ENTRY);
        let decided_at: Option<i64> = get_number(&item, DECIDED_AT);
        if decided_at.is_some_and(|at| job.accepted_at < at) {
            return Ok(JobState::Superseded);
        }
        Ok(match get_string(&item, "state") {
            Some("stored" | ERASED) => JobState::StoredOrErased,
            Some("skipped") => JobState::Skipped,
            Some(_) | None if has_lease => JobState::InWork,
            // Without its entry, the message is the only copy of the job, whatever the record says.
            Some("parked") if has_entry && self.has_entry(&item).await? => JobState::Parked,
            Some("parked") if has_entry => JobState::EntryLost,
            Some("retrying") if has_entry && self.has_entry(&item).await? => JobState::Retrying,
            Some(_) | None => JobState::Unrecorded,
        })
    }

    /// Whether the jobs table has the entry of this record.
    async fn has_entry(&self, record: &Attributes) -> Result<bool, AwsError> {
        let key = ["instance", "message_id"];
        let key = key.map(|name| (name, get_string(record, name).unwrap_or_default()));
        Ok(get_item(&self.clients, &self.jobs.name, key).await?.is_some())
    }

    /// Updates the job's record if no run has its lease, it is the tenant's, and `condition` holds,
    /// and its entry with it.
    async fn write_note(
        &self,
        job: &Job,
        set_fields: impl Fn(Update) -> Update,
        condition: &Condition,
        (facts, entry): (&EntryFacts<'_>, EntryChange<'_>),
    ) -> Result<NoteOutcome, AwsError> {
        let (identity, now) = (job.message.identity(), facts.now);
        for place in Place::all(&job.message, &identity) {
            let fields = AnnouncedFields::from_job(job, now);
            let update = Update::from_fields("dynamodb:UpdateItem", &fields)?;
            // The lease has ended by its time; a run that held it must not write any more.
            let update = set_record_fields(set_fields(place.identify(update)), entry);
            let update = update.remove_lease();
            let update = update.set_or_remove(FORGET_AT, facts.forget_at.map(number_value));
            let condition = condition
                .clone()
                .and(Condition::not_leased(now))
                .and(Condition::of_no_other_tenant(&job.tenant));
            let updated = match self.entry_write((&job.instance, &place.key), facts, entry)? {
                Some(entry_write) => {
                    let write = (update, condition);
                    self.update_place_and_entry(&place, &job.instance, write, entry_write).await?
                }
                None => self.update_place(&place, &job.instance, update, condition).await?,
            };
            match updated {
                PlaceUpdate::Updated(_) => return Ok(NoteOutcome::Written),
                PlaceUpdate::Refused(item) => return Ok(NoteOutcome::from_refusal(&item, job)),
                PlaceUpdate::OtherMedia => {}
            }
        }
        Ok(NoteOutcome::Refused)
    }
}
