//! Moves the record of a stored media file to another folder, under a lease: while it lasts, an
//! erasure waits, and nobody else moves the file.

use media::{identity::RecordKey, ids::InstanceId, message::Chat, record::Lease};

use super::{
    condition::Condition,
    outcome::{WriteOutcome, update_under_lease},
    table::{Ledger, RELINKED_FROM},
    update::Update,
};
use crate::{
    dynamodb::{number_value, string_value},
    error::AwsError,
};

const UPDATE_ITEM: &str = "dynamodb:UpdateItem";

impl Ledger {
    /// Takes the lease of the record of a stored media file whose object has this key, and of which
    /// a relink left an object under the other key. [`WriteOutcome::Overtaken`]: somebody else has
    /// the lease, or the record changed since it was read: another relink ended meanwhile.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn lease_stored(
        &self,
        (instance, key): (&InstanceId, &RecordKey),
        (object_key, relinked_from): (&str, Option<&str>),
        lease: &Lease,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let update = Update::default()
            .set("lease_owner", string_value(&*lease.owner))
            .set("lease_until", number_value(lease.until));
        let request = update.request(&self.clients, &self.table, instance, key);
        let condition = Condition::stored()
            .and(Condition::not_leased(now))
            .and(Condition::has_object(object_key));
        let condition = match relinked_from {
            Some(old) => condition.and(Condition::is_relinked_from(old)),
            None => condition,
        };
        WriteOutcome::from_result(UPDATE_ITEM, condition.add_to(request).send().await)
    }

    /// Names the object's new key in the record, and the old one, under which an object is left.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn change_object(
        &self,
        (instance, key): (&InstanceId, &RecordKey),
        (from, to): (&str, &str),
        lease: &Lease,
    ) -> Result<WriteOutcome, AwsError> {
        let update = Update::default()
            .set("object_key", string_value(to))
            .set(RELINKED_FROM, string_value(from));
        let request = update.request(&self.clients, &self.table, instance, key);
        update_under_lease(UPDATE_ITEM, request, lease).await
    }

    /// Names the new folder in the record, with the phone number, forgets the old key, and ends the
    /// lease. The record keeps its key: an announcement by LID or by number finds it.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn end_relink(
        &self,
        (instance, key): (&InstanceId, &RecordKey),
        (folder, phone): (&Chat, &str),
        lease: &Lease,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let update = Update::default()
            .set("chat", string_value(folder.as_str()))
            .set_once("chat_phone", phone)
            .set("updated_at", number_value(now))
            .remove(RELINKED_FROM)
            .remove_lease();
        let request = update.request(&self.clients, &self.table, instance, key);
        update_under_lease(UPDATE_ITEM, request, lease).await
    }
}
