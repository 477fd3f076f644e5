//! The table of instances: whose they are, which webhook secrets are valid, and their W-API tokens.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kms::primitives::Blob;
use media::{
    access::SecretHashes,
    ids::{InstanceId, TenantId},
    message::Secret,
    policy::Policy,
    sha256::Sha256,
    strategy::Strategy,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{cache::Cache, clients::Clients, error::AwsError};

/// How long a record is used without asking again.
const FRESH: Duration = Duration::from_mins(5);
/// How long an instance is believed not to exist: short, because a person may be adding it.
const FRESH_ABSENCE: Duration = Duration::from_secs(30);

/// One instance's record, as the functions need it. The token is still encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The order in which its media are fetched.
    pub strategies: Vec<Strategy>,
    /// What of its media is wanted: its tenant's rules.
    pub policy: Policy,
    /// When it was registered, in seconds since 1970.
    pub created_at: i64,
    /// Since when its webhooks are refused, in seconds since 1970.
    pub paused_at: Option<i64>,
    /// Until when the webhook secret before the current one is valid, in seconds since 1970.
    pub old_secret_until: Option<i64>,
    /// SHA-256 of the current webhook secret, then of the one before it.
    secret_hashes: Vec<Sha256>,
    /// The token under KMS.
    pub(crate) sealed_token: Vec<u8>,
}

impl Instance {
    /// The webhook secrets that are valid at this moment (seconds since 1970): none while it is
    /// paused.
    #[must_use]
    pub fn secrets_at(&self, now: i64) -> SecretHashes {
        if self.paused_at.is_some() {
            return SecretHashes::default();
        }
        let old = self.secret_hashes.get(1);
        let old = old.filter(|_| self.old_secret_until.is_some_and(|until| now < until));
        let valid = self.secret_hashes.first().into_iter().chain(old);
        SecretHashes::new(valid.copied())
    }

    /// The hash of this secret, if it is the current one or the one before it: also while the
    /// instance is paused, and when the older one's time is over.
    #[must_use]
    pub fn known_hash(&self, secret: &str) -> Option<Sha256> {
        let hash = Sha256::from_data(secret.as_bytes());
        self.secret_hashes.contains(&hash).then_some(hash)
    }

    /// SHA-256 of the webhook secret before the current one, also when its time is over.
    #[must_use]
    pub fn old_secret_hash(&self) -> Option<Sha256> {
        self.secret_hashes.get(1).copied()
    }

    /// SHA-256 of the current webhook secret.
    #[must_use]
    pub fn secret_hash(&self) -> Option<Sha256> {
        self.secret_hashes.first().copied()
    }
}

/// Why an instance's record or token could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// AWS did not answer. Retried by the queue; the webhook answers 503.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The record is there and makes no sense: it was not written by this software. Like an AWS
    /// failure, so that nothing is lost while a person mends it.
    #[error("the record of the instance is malformed: {0}")]
    Malformed(&'static str),
}

/// The item as it lies in the table.
#[derive(Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) instance: InstanceId,
    pub(crate) tenant: TenantId,
    /// The current secret's, then the one's before it.
    pub(crate) secret_hashes: Vec<Sha256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) old_secret_until: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) strategies: Vec<Strategy>,
    #[serde(default)]
    pub(crate) policy: Policy,
    #[serde(with = "serde_bytes_base64")]
    pub(crate) sealed_token: Vec<u8>,
    pub(crate) created_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paused_at: Option<i64>,
}

impl TryFrom<HashMap<String, AttributeValue>> for Instance {
    type Error = InstanceError;
    fn try_from(item: HashMap<String, AttributeValue>) -> Result<Self, InstanceError> {
        let item: Item = serde_dynamo::from_item(item).map_err(|_| {
            InstanceError::Malformed("an attribute is missing or of the wrong type")
        })?;
        let strategies =
            if item.strategies.is_empty() { Strategy::DEFAULT.to_vec() } else { item.strategies };
        Ok(Self {
            id: item.instance,
            tenant: item.tenant,
            strategies,
            policy: item.policy,
            created_at: item.created_at,
            paused_at: item.paused_at,
            old_secret_until: item.old_secret_until,
            secret_hashes: item.secret_hashes,
            sealed_token: item.sealed_token,
        })
    }
}

/// Reads the table of instances, and remembers what it read.
#[derive(Debug)]
pub struct Instances {
    clients: Clients,
    table: String,
    records: Cache<InstanceId, Arc<Instance>>,
    /// Ids of no instance. Apart from the records, because strangers invent them: they must not
    /// push those out.
    absences: Cache<InstanceId, ()>,
    /// By tenant, instance and ciphertext: one that was moved to another row is decrypted again,
    /// and refused.
    tokens: Cache<(TenantId, InstanceId, Vec<u8>), Secret>,
}

impl Instances {
    /// Takes the table's name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self {
            clients: clients.clone(),
            table,
            records: Cache::new(),
            absences: Cache::new(),
            tokens: Cache::new(),
        }
    }

    /// Opens the connection to `DynamoDB`. Whatever it answers is of no interest.
    pub async fn connect(&self) {
        if let Ok(nobody) = InstanceId::parse("WARM-UP")
            && let Err(error) = self.read(&nobody).await
        {
            tracing::debug!(%error, "DynamoDB could not be reached at start");
        }
    }

    /// The instance's record: from memory for five minutes (30 seconds if there is none), else from
    /// the table. While `DynamoDB` fails, an older record serves.
    ///
    /// # Errors
    /// [`InstanceError`] when nothing is known and `DynamoDB` fails.
    pub async fn find(&self, id: &InstanceId) -> Result<Option<Arc<Instance>>, InstanceError> {
        self.find_younger_than(id, FRESH).await
    }

    /// The same, with records older than `most` read again: for a secret or token that was just
    /// refused and may have been changed since.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn find_younger_than(
        &self,
        id: &InstanceId,
        most: Duration,
    ) -> Result<Option<Arc<Instance>>, InstanceError> {
        let error = match self.find_fresh(id, most).await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        let (_, stale) = self.records.get(id).ok_or_else(|| error.clone())?;
        tracing::warn!(instance = %id, %error, "an older record serves while DynamoDB fails");
        Ok(Some(stale))
    }

    /// The same, where an older record would not do: nobody may learn from the answer whether there
    /// is one.
    ///
    /// # Errors
    /// [`InstanceError`] when nothing as young is known and `DynamoDB` fails.
    pub async fn find_fresh(
        &self,
        id: &InstanceId,
        most: Duration,
    ) -> Result<Option<Arc<Instance>>, InstanceError> {
        if let Some((age, record)) = self.records.get(id)
            && age < most
        {
            return Ok(Some(record));
        }
        let is_absent = self.absences.younger_than(FRESH_ABSENCE, id);
        if is_absent.is_some() {
            return Ok(None);
        }
        let record = self.read(id).await?.map(Arc::new);
        match &record {
            Some(record) => self.records.put(id.clone(), Arc::clone(record)),
            None => {
                self.records.remove(id);
                self.absences.put(id.clone(), ());
            }
        }
        Ok(record)
    }

    /// The instance's W-API token, decrypted; from memory for five minutes and not longer, whatever
    /// KMS does. Without it the CDN can still be asked.
    ///
    /// # Errors
    /// [`InstanceError`] when KMS refuses: also when the ciphertext was moved from another
    /// instance.
    pub async fn token(&self, instance: &Instance) -> Result<Secret, InstanceError> {
        let (tenant, id) = (instance.tenant.clone(), instance.id.clone());
        let key = (tenant, id, instance.sealed_token.clone());
        if let Some(token) = self.tokens.younger_than(FRESH, &key) {
            return Ok(token);
        }
        let token = self.decrypt(instance).await?;
        self.tokens.put(key, token.clone());
        Ok(token)
    }

    async fn decrypt(&self, instance: &Instance) -> Result<Secret, InstanceError> {
        const OPERATION: &str = "kms:Decrypt";
        let decrypted = self
            .clients
            .kms
            .decrypt()
            .ciphertext_blob(Blob::new(instance.sealed_token.clone()))
            .set_encryption_context(Some(context(&instance.tenant, &instance.id)))
            .send()
            .await
            .map_err(|error| AwsError::new(OPERATION, &error))?;
        let plain =
            decrypted.plaintext.ok_or_else(|| AwsError::unexpected(OPERATION, "no plaintext"))?;
        let plain = Zeroizing::new(plain.into_inner());
        let text =
            str::from_utf8(&plain).map_err(|_| InstanceError::Malformed("the token is no text"))?;
        Ok(Secret::new(text))
    }

    async fn read(&self, id: &InstanceId) -> Result<Option<Instance>, InstanceError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("instance", AttributeValue::S(id.to_string()))
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        read.item.map(Instance::try_from).transpose()
    }
}

/// What KMS binds the ciphertext to: in another row it does not decrypt.
pub(crate) fn context(tenant: &TenantId, instance: &InstanceId) -> HashMap<String, String> {
    HashMap::from([
        ("tenant".to_owned(), tenant.to_string()),
        ("instance".to_owned(), instance.to_string()),
    ])
}

/// Bytes as base64 text, readable in the console.
pub(crate) mod serde_bytes_base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64
            .decode(String::deserialize(from)?.as_bytes())
            .map_err(|_| D::Error::custom("not base64"))
    }
}
