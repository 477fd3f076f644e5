//! Writes notes about jobs that no run works on: SQS parked them, or a person dropped them. Also
//! reads whether a job's media file is stored or erased.

use media::{failure::FailureClass, job::Job};

use super::{
    announced::AnnouncedFields,
    condition::Condition,
    find::find_record_item,
    outcome::WriteOutcome,
    place::Place,
    place_update::PlaceUpdate,
    table::{ERASED, Ledger},
    update::Update,
};
use crate::{
    dynamodb::{get_string, string_value},
    error::AwsError,
};

impl Ledger {
    /// Records that SQS parked a job by itself, after too many receives. A record whose state is
    /// `stored` or `parked`, or whose lease a run has, is left as it is.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn note_parked(
        &self,
        job: &Job,
        class: FailureClass,
        reason: &str,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let set_fields = |update: Update| {
            update
                .set("state", string_value("parked"))
                .set("class", string_value(class.as_str()))
                .set("reason", string_value(reason))
        };
        self.write_note(job, now, set_fields, &Condition::new_or_retrying()).await
    }

    /// Records that a person dropped a job. A record whose state is `stored` or `erased`, or whose
    /// lease a run has, is left as it is.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn note_dropped(
        &self,
        job: &Job,
        reason: &str,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let set_fields = |update: Update| {
            update
                .set("state", string_value("skipped"))
                .set("reason", string_value(reason))
                .remove("class")
        };
        self.write_note(job, now, set_fields, &Condition::not_stored_or_erased()).await
    }

    /// Whether nothing remains to be fetched: the object is in the bucket, or a person had it
    /// erased.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn is_stored_or_erased(&self, job: &Job) -> Result<bool, AwsError> {
        let found = find_record_item(&self.clients, &self.table, &job.instance, &job.message);
        let item = found.await?;
        let state = item.as_ref().and_then(|item| get_string(item, "state"));
        Ok(matches!(state, Some("stored" | ERASED)))
    }

    /// Updates the job's record if no run has its lease, it is the tenant's, and `condition` holds.
    async fn write_note(
        &self,
        job: &Job,
        now: i64,
        set_fields: impl Fn(Update) -> Update,
        condition: &Condition,
    ) -> Result<WriteOutcome, AwsError> {
        let identity = job.message.identity();
        for place in Place::all(&job.message, &identity) {
            let fields = AnnouncedFields::from_job(job, now);
            let update = Update::from_fields("dynamodb:UpdateItem", &fields)?;
            let update = set_fields(place.identify(update));
            let condition = condition
                .clone()
                .and(Condition::not_leased(now))
                .and(Condition::of_no_other_tenant(&job.tenant));
            match self.update_place(&place, &job.instance, update, condition).await? {
                PlaceUpdate::Updated(_) => return Ok(WriteOutcome::Yes),
                PlaceUpdate::Refused(_) => return Ok(WriteOutcome::Overtaken),
                PlaceUpdate::OtherMedia => {}
            }
        }
        Ok(WriteOutcome::Overtaken)
    }
}
