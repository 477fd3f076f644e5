//! Claims: one conditional write decides which run has a medium, and which record is the medium's.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use media::{
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    job::Job,
    record::{Attempt, Lease},
};

use super::{
    Attributes, ERASED, LOST_SINCE, Ledger,
    announced::AnnouncedFields,
    intent::{CommitIntent, take_intents},
    place::Place,
    text,
    update::Update,
};
use crate::error::AwsError;

/// What a run finds when it claims a medium.
#[derive(Debug)]
pub enum Claim {
    /// The medium is this run's until its lease ends.
    Mine {
        /// Where its record is.
        key: RecordKey,
        /// What was tried before, oldest first. Evidence for people: what this build cannot read is
        /// left out.
        attempts: Vec<Attempt>,
        /// What earlier runs were about to commit, oldest first, that died or were overtaken.
        intents: Vec<CommitIntent>,
        /// When it was first found that nobody has the medium, if that is what was found last; in
        /// seconds since 1970.
        lost_since: Option<i64>,
    },
    /// The object is in the bucket: a duplicate needs no download.
    Stored,
    /// The object is in the bucket, in another tenant's folder: the instance was that tenant's
    /// before.
    StoredForAnother,
    /// A person had the medium erased while its job was still queued: it is not fetched again.
    Erased,
    /// Another run is at it, or died at it. Not a failure: come back when its lease ends.
    Elsewhere {
        /// In seconds since 1970.
        until: i64,
    },
}

/// What became of a write to one place.
pub(super) enum PlaceUpdate {
    /// It was made; the record as it is now, if it was asked for.
    Made(Option<Attributes>),
    /// The record is the medium's, and is as it was.
    Refused(Attributes),
    /// No record of this medium is here.
    NotIts,
}

impl Ledger {
    /// Claims a medium for one run, under `lease`. The first claim makes the record, so that a
    /// medium is seen from its first run on. AWS decides, in one call for each place where the
    /// record may be: of two runs at once one gets it.
    ///
    /// # Errors
    /// [`AwsError`]; retried by the queue.
    pub async fn claim(&self, job: &Job, lease: &Lease, now: i64) -> Result<Claim, AwsError> {
        let identity = job.message.identity();
        for place in Place::all(&job.message, &identity) {
            let claimed = self.claim_at(&place, job, lease, now).await?;
            if let Some(claim) = claimed {
                return Ok(claim);
            }
        }
        // Every place is another's: as many chats as nobody has, or a record that makes no sense.
        Ok(Claim::Elsewhere { until: now })
    }

    async fn claim_at(
        &self,
        place: &Place<'_>,
        job: &Job,
        lease: &Lease,
        now: i64,
    ) -> Result<Option<Claim>, AwsError> {
        const FREE: &str = "(attribute_not_exists(#state) OR (#state <> :stored AND #state <> :erased)) \
             AND (attribute_not_exists(lease_owner) OR lease_owner = :me OR lease_until < :now)";
        let update = Update::of("dynamodb:UpdateItem", &AnnouncedFields::of(job, now))?;
        let update = place
            .identify(update)
            .set_once("state", "retrying")
            .set("lease_owner", AttributeValue::S(lease.owner.clone()))
            .set("lease_until", AttributeValue::N(lease.until.to_string()));
        let values = [
            (":stored", text("stored")),
            (":erased", text(ERASED)),
            (":me", text(&lease.owner)),
            (":now", AttributeValue::N(now.to_string())),
        ];
        let placed = self.place(place, &job.instance, update, FREE, values).await?;
        Ok(match placed {
            PlaceUpdate::NotIts => None,
            PlaceUpdate::Made(item) => {
                let mut item = item.unwrap_or_default();
                Some(Claim::Mine {
                    key: place.key.clone(),
                    intents: take_intents(&mut item),
                    lost_since: lost_since_of(&item),
                    attempts: attempts_of(item),
                })
            }
            PlaceUpdate::Refused(item) => {
                let held = held(&item, &job.tenant);
                let is_known = match (&held, place.lesson(&item)) {
                    (Claim::Stored, Some(lesson)) => self.learn(place, job, lesson).await?,
                    _ => true,
                };
                // What is known has changed meanwhile: it is looked at again.
                Some(if is_known { held } else { Claim::Elsewhere { until: now } })
            }
        })
    }

    /// A medium that is stored was announced with a LID or a number that its record did not know.
    /// The next announcement must be held against both.
    async fn learn(&self, place: &Place<'_>, job: &Job, lesson: Update) -> Result<bool, AwsError> {
        let stored = [(":stored", AttributeValue::S("stored".to_owned()))];
        let placed = self.place(place, &job.instance, lesson, "#state = :stored", stored);
        Ok(matches!(placed.await?, PlaceUpdate::Made(_)))
    }

    /// Makes a write if the record in this place is the medium's and `condition` holds, or if there
    /// is none and it is to be made here.
    pub(super) async fn place(
        &self,
        place: &Place<'_>,
        instance: &InstanceId,
        update: Update,
        condition: &str,
        values: impl IntoIterator<Item = (&'static str, AttributeValue)>,
    ) -> Result<PlaceUpdate, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let its = place.condition();
        let mut request = update
            .request(&self.clients, &self.table, instance, &place.key)
            .condition_expression(format!("{condition} AND {}", its.text))
            .expression_attribute_names("#state", "state")
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (placeholder, name) in its.names {
            request = request.expression_attribute_names(placeholder, name);
        }
        let values = values.into_iter();
        let values = values.map(|(name, value)| (name.to_owned(), value));
        for (placeholder, value) in its.values.into_iter().chain(values) {
            request = request.expression_attribute_values(placeholder, value);
        }
        match request.send().await {
            Ok(output) => Ok(PlaceUpdate::Made(output.attributes)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(match &failed.item {
                        Some(item) if place.is_its(item) => PlaceUpdate::Refused(item.clone()),
                        // A refusal that tells nothing names nobody who would finish: it is tried
                        // again.
                        None if place.is_made_here() => PlaceUpdate::Refused(Attributes::new()),
                        Some(_) | None => PlaceUpdate::NotIts,
                    })
                }
                _ => Err(AwsError::new(OPERATION, &error)),
            },
        }
    }
}

/// Who has the medium that could not be claimed, as the refusal tells. A refusal that tells nothing
/// names nobody who would finish, so the job comes back.
fn held(item: &Attributes, tenant: &TenantId) -> Claim {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let is_theirs = text("tenant").is_none_or(|owner| owner == tenant.as_str());
    match text("state").map(String::as_str) {
        Some("stored") if is_theirs => Claim::Stored,
        Some("stored") => Claim::StoredForAnother,
        Some(ERASED) => Claim::Erased,
        Some(_) | None => {
            let until = item.get("lease_until").and_then(|until| until.as_n().ok());
            Claim::Elsewhere { until: until.and_then(|n| n.parse().ok()).unwrap_or_default() }
        }
    }
}

fn lost_since_of(item: &Attributes) -> Option<i64> {
    item.get(LOST_SINCE)?.as_n().ok()?.parse().ok()
}

fn attempts_of(mut item: Attributes) -> Vec<Attempt> {
    item.remove("attempts")
        .and_then(|list| serde_dynamo::from_attribute_value(list).ok())
        .unwrap_or_default()
}
