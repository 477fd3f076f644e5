//! The intent that a run writes before it commits: what the object will be.
//!
//! A commit that finds an object (412) follows one of another run, which died or was overtaken
//! before it wrote the record, or one of its own whose answer was lost. The intents and the
//! object's tag tell which: the functions cannot read files.

use aws_sdk_dynamodb::types::AttributeValue;
use media::{
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    job::Job,
    object_key::ObjectKey,
    open::Proof,
    record::{Integrity, Lease},
    sha256::Sha256,
    strategy::Strategy,
};
use serde::{Deserialize, Serialize};
use serde_dynamo::to_attribute_value;

use super::{
    Attributes, Ledger, WriteOutcome, find::find_record_item, update::Update, update_under_lease,
};
use crate::{
    dynamodb::{get_number, get_string, take_readable},
    error::AwsError,
};

/// The attribute with the intents of all runs until the media file is recorded as stored.
pub(super) const COMMITTING: &str = "committing";

/// How many intents a record keeps: the first, whose object has no tag, and the latest.
const MAX_INTENTS: usize = 8;

/// What a run is about to commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitIntent {
    /// The object's key.
    pub object_key: String,
    /// The strategy that fetched it.
    pub strategy: Strategy,
    /// Size of the plain bytes.
    pub size_bytes: u64,
    /// SHA-256 of the plain bytes.
    pub sha256: Sha256,
    /// How far the bytes are proven.
    pub integrity: Integrity,
    /// The tag that names the run; `None` if no earlier run may have stored an object under this
    /// key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl CommitIntent {
    /// Whether the two describe the same object.
    #[must_use]
    pub fn describes_same(&self, other: &Self) -> bool {
        Self { run: None, ..self.clone() } == Self { run: None, ..other.clone() }
    }

    /// What is proven of the bytes.
    #[must_use]
    pub fn proof(&self) -> Proof {
        Proof { integrity: self.integrity, sha256: self.sha256, size_bytes: self.size_bytes }
    }
}

/// The record of a job, if it is of the job's own tenant and a run left it unsettled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnRecord {
    /// There is none.
    Absent,
    /// It says that the job is tried again.
    Retrying {
        /// When its lease ends, in seconds since 1970; 0 without a lease.
        lease_until: i64,
    },
    /// It names a file that a run was about to commit: the run may have stored it before it died.
    Committing,
}

impl Ledger {
    /// What a run of the job's own tenant left in its record.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn find_own_record(&self, job: &Job) -> Result<OwnRecord, AwsError> {
        let (instance, message) = (&job.instance, &job.message);
        let found = find_record_item(&self.clients, &self.table, instance, message).await?;
        let is_own =
            |record: &Attributes| get_string(record, "tenant") == Some(job.tenant.as_str());
        let Some(record) = found.filter(is_own) else {
            return Ok(OwnRecord::Absent);
        };
        Ok(match get_string(&record, "state") {
            Some("stored") => OwnRecord::Absent,
            _ if record.contains_key(COMMITTING) => OwnRecord::Committing,
            Some("retrying") => {
                let lease_until = get_number(&record, "lease_until").unwrap_or_default();
                OwnRecord::Retrying { lease_until }
            }
            Some(_) | None => OwnRecord::Absent,
        })
    }

    /// Writes the intent of this run after those of earlier runs, if the run still holds the lease.
    ///
    /// # Errors
    /// [`AwsError`]; then nothing may be committed.
    pub async fn write_intent(
        &self,
        instance: &InstanceId,
        key: &RecordKey,
        lease: &Lease,
        earlier: &[CommitIntent],
        intent: &CommitIntent,
    ) -> Result<WriteOutcome, AwsError> {
        const OPERATION: &str = "dynamodb:UpdateItem";
        let all: Vec<_> = earlier.iter().chain([intent]).collect();
        let skipped = all.len().saturating_sub(MAX_INTENTS);
        let kept = all.iter().enumerate().filter(|(n, _)| *n == 0 || *n > skipped);
        let kept: Vec<_> = kept.map(|(_, one)| one).collect();
        let list: AttributeValue = to_attribute_value(kept)
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

/// Reads the intents of a record to commit into a tenant's folder. What this build cannot read is
/// left out, and so is what a run meant to commit for the tenant to whom the instance belonged
/// before.
pub(super) fn take_intents(item: &mut Attributes, tenant: &TenantId) -> Vec<CommitIntent> {
    let mut intents: Vec<CommitIntent> = take_readable(item, COMMITTING);
    let folder = ObjectKey::tenant_prefix(tenant);
    intents.retain(|intent| intent.object_key.starts_with(&folder));
    intents
}
