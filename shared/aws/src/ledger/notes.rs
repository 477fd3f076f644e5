//! What is written down of jobs that no run is at: parked by SQS, given up by a person; and what is
//! settled.

use aws_sdk_dynamodb::types::AttributeValue;
use media::{failure::FailureClass, job::Job};

use super::{
    Attributes, ERASED, Ledger, WriteOutcome, announced::AnnouncedFields, claim::PlaceUpdate,
    place::Place, text, update::Update,
};
use crate::error::AwsError;

impl Ledger {
    /// Writes that a job was parked which no run of ours parked: SQS moved it. A record that says
    /// `stored` or `parked`, or that a run is at, is left alone.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn note_parked(
        &self,
        job: &Job,
        class: FailureClass,
        reason: &str,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        const WAITS: &str = "(attribute_not_exists(#state) OR #state = :retrying) \
             AND (attribute_not_exists(lease_owner) OR lease_until < :now) \
             AND (attribute_not_exists(tenant) OR tenant = :tenant)";
        let retrying = [(":retrying", text("retrying"))];
        let note = |update: Update| {
            update
                .set("state", text("parked"))
                .set("class", text(class.as_str()))
                .set("reason", text(reason))
        };
        self.note(job, now, note, WAITS, retrying).await
    }

    /// Writes that a person gave a medium up. A record that says `stored` or `erased`, or that a
    /// run is at, is left alone.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn note_given_up(
        &self,
        job: &Job,
        reason: &str,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        const REMAINS: &str = "(attribute_not_exists(#state) OR (#state <> :stored AND #state <> :erased)) \
             AND (attribute_not_exists(lease_owner) OR lease_until < :now) \
             AND (attribute_not_exists(tenant) OR tenant = :tenant)";
        let ends = [(":stored", text("stored")), (":erased", text(ERASED))];
        let note = |update: Update| {
            update.set("state", text("skipped")).set("reason", text(reason)).remove("class")
        };
        self.note(job, now, note, REMAINS, ends).await
    }

    /// Whether nothing remains to be fetched: the object is in the bucket, or a person had it
    /// erased.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn is_settled(&self, job: &Job) -> Result<bool, AwsError> {
        let identity = job.message.identity();
        for place in Place::all(&job.message, &identity) {
            let Some(item) = self.read(job, &place).await? else {
                if place.is_made_here() {
                    return Ok(false);
                }
                continue;
            };
            if place.is_its(&item) {
                let state = item.get("state").and_then(|state| state.as_s().ok());
                return Ok(state.is_some_and(|state| state == "stored" || state == ERASED));
            }
        }
        Ok(false)
    }

    async fn note<const N: usize>(
        &self,
        job: &Job,
        now: i64,
        note: impl Fn(Update) -> Update,
        condition: &str,
        values: [(&'static str, AttributeValue); N],
    ) -> Result<WriteOutcome, AwsError> {
        let identity = job.message.identity();
        for place in Place::all(&job.message, &identity) {
            let update = Update::of("dynamodb:UpdateItem", &AnnouncedFields::of(job, now))?;
            let update = note(place.identify(update));
            let now = AttributeValue::N(now.to_string());
            let [tenant, now] = [(":tenant", text(job.tenant.as_str())), (":now", now)];
            let bound: Vec<_> = values.iter().cloned().chain([tenant, now]).collect();
            match self.place(&place, &job.instance, update, condition, bound).await? {
                PlaceUpdate::Made(_) => return Ok(WriteOutcome::Yes),
                PlaceUpdate::Refused(_) => return Ok(WriteOutcome::Overtaken),
                PlaceUpdate::NotIts => {}
            }
        }
        Ok(WriteOutcome::Overtaken)
    }

    async fn read(&self, job: &Job, place: &Place<'_>) -> Result<Option<Attributes>, AwsError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("instance", text(job.instance.as_str()))
            .key("message_id", text(place.key.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        Ok(read.item)
    }
}
