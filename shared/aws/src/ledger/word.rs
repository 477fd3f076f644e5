//! The word that a run gives before it commits: what the object will be.
//!
//! A commit that finds an object there (412) was preceded by another run's, which died or was
//! overtaken before it could write the record. That run's word says what is in the bucket; the
//! functions cannot read it.

use aws_sdk_dynamodb::types::AttributeValue;
use media::{identity::RecordKey, ids::InstanceId};
use media::{
    open::Proof,
    record::{Integrity, Lease},
    sha256::Sha256,
    strategy::Strategy,
};
use serde::{Deserialize, Serialize};
use serde_dynamo::to_attribute_value;

use super::{Attributes, Ledger, WriteOutcome, update::Update, update_under_lease};
use crate::error::AwsError;

/// The attribute with the words of all runs that have not ended in a record.
pub(super) const COMMITTING: &str = "committing";

/// Words that are kept, the latest.
const MAX_WORDS: usize = 8;

/// What a run is about to commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Under which key.
    pub object_key: String,
    /// Which way brought it.
    pub strategy: Strategy,
    /// Plain bytes.
    pub size_bytes: u64,
    /// Of the plain bytes.
    pub sha256: Sha256,
    /// How far they are proven.
    pub integrity: Integrity,
}

impl Word {
    /// What is proven of the bytes.
    #[must_use]
    pub fn proof(&self) -> Proof {
        Proof { integrity: self.integrity, sha256: self.sha256, size_bytes: self.size_bytes }
    }
}

impl Ledger {
    /// Writes the word of this run after those of earlier ones, if the run still holds the lease.
    ///
    /// # Errors
    /// [`AwsError`]; then nothing may be committed.
    pub async fn give_word(
        &self,
        instance: &InstanceId,
        key: &RecordKey,
        lease: &Lease,
        earlier: &[Word],
        word: &Word,
    ) -> Result<WriteOutcome, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let all: Vec<_> = earlier.iter().chain([word]).collect();
        let latest = all.get(all.len().saturating_sub(MAX_WORDS)..);
        let list: AttributeValue = to_attribute_value(latest.unwrap_or_default())
            .map_err(|_| AwsError::unexpected(OPERATION, "the item could not be built"))?;
        let request = Update::default().set(COMMITTING, list).request(
            &self.clients,
            &self.table,
            instance,
            key,
        );
        update_under_lease(OPERATION, request, lease).await
    }
}

/// The words in a record. What this build cannot read is left out.
pub(super) fn words_of(item: &mut Attributes) -> Vec<Word> {
    let words = item.remove(COMMITTING);
    let words = words.and_then(|list| serde_dynamo::from_attribute_value(list).ok());
    words.unwrap_or_default()
}
