//! The hashes of a media file's links, in its record, so that whoever erases the file finds them.

use aws_sdk_dynamodb::types::AttributeValue;
#[cfg(feature = "operator")]
use media::identity::RecordKey;
use media::ids::InstanceId;

#[cfg(feature = "operator")]
use super::update::Update;
use super::{condition::Condition, outcome::WriteOutcome, table::Ledger};
use crate::{
    dynamodb::{Attributes, string_value},
    error::AwsError,
};

/// How many links a file may have.
pub const MAX_LINKS: usize = 20;

const UPDATE_ITEM: &str = "dynamodb:UpdateItem";

/// The attribute with the hashes of the tokens of the file's links, a set of texts.
pub(super) const LINKS: &str = "links";

/// The hashes in a record.
#[must_use]
pub(crate) fn read_link_hashes(item: &Attributes) -> Vec<String> {
    let hashes = item.get(LINKS).and_then(|links| links.as_ss().ok());
    hashes.cloned().unwrap_or_default()
}

impl Ledger {
    /// Adds the hash of a link of a stored file, before the link is made. One that is there already
    /// stays. [`WriteOutcome::Overtaken`]: the file is not stored any more, or has [`MAX_LINKS`].
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn add_link_hash(
        &self,
        instance: &InstanceId,
        record_key: &str,
        hash: &str,
    ) -> Result<WriteOutcome, AwsError> {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        let update = update
            .key("instance", string_value(instance.as_str()))
            .key("message_id", string_value(record_key))
            .update_expression("ADD links :link")
            .expression_attribute_values(":link", AttributeValue::Ss(vec![hash.to_owned()]));
        let condition = Condition::has_state(Some(string_value("stored")));
        let condition = condition.and(Condition::has_room_for_link(hash, MAX_LINKS));
        WriteOutcome::from_result(UPDATE_ITEM, condition.add_to(update).send().await)
    }
}

#[cfg(feature = "operator")]
impl Ledger {
    /// Sets the hashes of the links of a stored file: before a link is made, and after links were
    /// removed. `before` are the hashes that were read. [`WriteOutcome::Overtaken`]: the file is
    /// not stored any more, or another command has changed its links.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn set_link_hashes(
        &self,
        instance: &InstanceId,
        record_key: &str,
        before: &[String],
        after: &[String],
    ) -> Result<WriteOutcome, AwsError> {
        let set =
            |hashes: &[String]| (!hashes.is_empty()).then(|| AttributeValue::Ss(hashes.to_vec()));
        let update = Update::default().set_or_remove(LINKS, set(after));
        let key = RecordKey::from_record(record_key);
        let request = update.request(&self.clients, &self.table, instance, &key);
        let condition = Condition::has_state(Some(string_value("stored")));
        let updated = condition.and(Condition::has_links(set(before))).add_to(request).send().await;
        WriteOutcome::from_result(UPDATE_ITEM, updated)
    }
}
