//! One conditional write at one place where a media message's record may be.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};
use media::ids::InstanceId;

use super::{
    condition::Condition, find::get_record_item, place::Place, table::Ledger,
    transaction::TransactionOutcome, update::Update,
};
use crate::{dynamodb::Attributes, error::AwsError};

/// What became of an update at one place.
pub(super) enum PlaceUpdate {
    /// The record was updated, and is now this.
    Updated(Option<Attributes>),
    /// The record is the media message's, and the caller's condition did not hold. It is still
    /// this.
    Refused(Attributes),
    /// This place has no record of the media message.
    OtherMedia,
}

impl Ledger {
    /// Updates the record at this place if it is the media message's and `condition` holds, or
    /// creates it if there is none and records are created at this place. The place of earlier
    /// versions is read first, and written only if it has an item.
    pub(super) async fn update_place(
        &self,
        place: &Place<'_>,
        instance: &InstanceId,
        update: Update,
        condition: Condition,
    ) -> Result<PlaceUpdate, AwsError> {
        if self.is_empty(place, instance).await? {
            return Ok(PlaceUpdate::OtherMedia);
        }
        let request = update.request(&self.clients, &self.table, instance, &place.key);
        let updated = condition
            .and(place.condition())
            .add_to(request)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let sdk_error = match updated {
            Ok(output) => return Ok(PlaceUpdate::Updated(output.attributes)),
            Err(sdk_error) => sdk_error,
        };
        let error = AwsError::new("dynamodb:UpdateItem", &sdk_error);
        if !error.is_failed_condition() {
            return Err(error);
        }
        let mut item = None;
        if let UpdateItemError::ConditionalCheckFailedException(failed) =
            sdk_error.into_service_error()
        {
            item = failed.item;
        }
        Ok(PlaceUpdate::from_refusal(place, item))
    }

    /// [`Self::update_place`], with the write of the job entry in the same transaction.
    pub(super) async fn update_place_and_entry(
        &self,
        place: &Place<'_>,
        instance: &InstanceId,
        (update, condition): (Update, Condition),
        entry_write: TransactWriteItem,
    ) -> Result<PlaceUpdate, AwsError> {
        if self.is_empty(place, instance).await? {
            return Ok(PlaceUpdate::OtherMedia);
        }
        let condition = condition.and(place.condition());
        let record_write = update.into_write(&self.table, instance, &place.key, condition)?;
        Ok(match self.transact(vec![record_write, entry_write]).await? {
            TransactionOutcome::Written => PlaceUpdate::Updated(None),
            TransactionOutcome::Refused { item } => PlaceUpdate::from_refusal(place, item),
        })
    }

    /// Whether a read, strongly consistent, shows that this place has no item. `false` if it has
    /// one, or is not read before it is written.
    async fn is_empty(&self, place: &Place<'_>, instance: &InstanceId) -> Result<bool, AwsError> {
        if !place.is_read_first() {
            return Ok(false);
        }
        let key = place.key.as_str();
        Ok(get_record_item(&self.clients, &self.table, instance, key).await?.is_none())
    }
}

impl PlaceUpdate {
    /// What the failed condition means, from the item that did not fulfil it.
    fn from_refusal(place: &Place<'_>, item: Option<Attributes>) -> Self {
        match item {
            Some(item) if place.matches(&item) => Self::Refused(item),
            // Without an item it is not known who holds the lease: the job is retried.
            None if place.creates_records() => Self::Refused(Attributes::new()),
            Some(_) | None => Self::OtherMedia,
        }
    }
}
