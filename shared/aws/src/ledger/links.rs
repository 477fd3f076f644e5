//! The hashes of a media file's links, in its record, so that whoever erases the file finds them.

#[cfg(feature = "operator")]
use aws_sdk_dynamodb::types::AttributeValue;
#[cfg(feature = "operator")]
use media::{identity::RecordKey, ids::InstanceId};

#[cfg(feature = "operator")]
use super::{condition::Condition, outcome::WriteOutcome, table::Ledger, update::Update};
use crate::dynamodb::Attributes;
#[cfg(feature = "operator")]
use crate::{dynamodb::string_value, error::AwsError};

/// The attribute with the hashes of the tokens of the file's links, a set of texts.
pub(super) const LINKS: &str = "links";

/// The hashes in a record.
#[must_use]
pub(super) fn read_link_hashes(item: &Attributes) -> Vec<String> {
    let hashes = item.get(LINKS).and_then(|links| links.as_ss().ok());
    hashes.cloned().unwrap_or_default()
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
        WriteOutcome::from_result("dynamodb:UpdateItem", updated)
    }
}
