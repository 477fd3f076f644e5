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
    /// The webhook secrets that are valid now.
    pub secrets: SecretHashes,
    /// The order in which its media are fetched.
    pub strategies: Vec<Strategy>,
    /// What of its media is wanted.
    pub policy: Policy,
    /// The token under KMS.
    sealed_token: Vec<u8>,
}

/// An instance about to be written.
#[derive(Debug)]
pub struct NewInstance<'a> {
    /// Its id.
    pub id: &'a InstanceId,
    /// Whose it is.
    pub tenant: &'a TenantId,
    /// SHA-256 of its webhook secret.
    pub secret_hash: Sha256,
    /// The order in which its media are fetched; empty for the default.
    pub strategies: &'a [Strategy],
    /// What of its media is wanted.
    pub policy: &'a Policy,
    /// Its W-API token, encrypted before it leaves this process.
    pub token: &'a Secret,
    /// Seconds since 1970.
    pub now: i64,
}

/// Why an instance's record or token could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// AWS did not answer. Retried by the queue; the webhook answers 503.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The record is there and makes no sense: it was not written by this software. Like an AWS failure,
    /// so that nothing is lost while a person mends it.
    #[error("the record of the instance is malformed: {0}")]
    Malformed(&'static str),
}

/// The item as it lies in the table.
#[derive(Serialize, Deserialize)]
struct Item {
    instance: InstanceId,
    tenant: TenantId,
    secret_hashes: Vec<Sha256>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    strategies: Vec<Strategy>,
    #[serde(default)]
    policy: Policy,
    #[serde(with = "serde_bytes_base64")]
    sealed_token: Vec<u8>,
    created_at: i64,
}

/// Reads and writes the table, and remembers what it read.
#[derive(Debug)]
pub struct Instances {
    clients: Clients,
    table: String,
    records: Cache<InstanceId, Option<Arc<Instance>>>,
    tokens: Cache<Vec<u8>, Secret>,
}

impl Instances {
    /// Takes the table's name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self {
            clients: clients.clone(),
            table,
            records: Cache::new(),
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

    /// The instance's record: from memory for five minutes (30 seconds if there is none), else from the
    /// table. While `DynamoDB` fails, an older record serves.
    ///
    /// # Errors
    /// [`InstanceError`] when nothing is known and `DynamoDB` fails.
    pub async fn find(&self, id: &InstanceId) -> Result<Option<Arc<Instance>>, InstanceError> {
        self.find_younger_than(id, FRESH).await
    }

    /// The same, with records older than `most` read again: for a secret or token that was just refused
    /// and may have been changed since.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn find_younger_than(
        &self,
        id: &InstanceId,
        most: Duration,
    ) -> Result<Option<Arc<Instance>>, InstanceError> {
        let known = self.records.get(id);
        if let Some((age, record)) = &known {
            let limit = if record.is_some() {
                most
            } else {
                most.min(FRESH_ABSENCE)
            };
            if *age < limit {
                return Ok(record.clone());
            }
        }
        match (self.read(id).await, known) {
            (Ok(record), _) => {
                let record = record.map(Arc::new);
                self.records.put(id.clone(), record.clone());
                Ok(record)
            }
            (Err(error), Some((_, Some(stale)))) => {
                tracing::warn!(instance = %id, %error, "an older record serves while DynamoDB fails");
                Ok(Some(stale))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The instance's W-API token, decrypted; from memory for five minutes, and for longer while KMS fails.
    ///
    /// # Errors
    /// [`InstanceError`] when KMS refuses: also when the ciphertext was moved from another instance.
    pub async fn token(&self, instance: &Instance) -> Result<Secret, InstanceError> {
        let known = self.tokens.get(&instance.sealed_token);
        if let Some((age, token)) = &known
            && *age < FRESH
        {
            return Ok(token.clone());
        }
        match (self.decrypt(instance).await, known) {
            (Ok(token), _) => {
                self.tokens
                    .put(instance.sealed_token.clone(), token.clone());
                Ok(token)
            }
            (Err(error), Some((_, stale))) => {
                tracing::warn!(instance = %instance.id, %error, "an older token serves while KMS fails");
                Ok(stale)
            }
            (Err(error), None) => Err(error),
        }
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
        let plain = decrypted
            .plaintext
            .ok_or_else(|| AwsError::unexpected(OPERATION, "no plaintext"))?;
        let text = String::from_utf8(plain.into_inner())
            .map_err(|_| InstanceError::Malformed("the token is no text"))?;
        Ok(Secret::new(text))
    }

    /// Writes a new instance, its token encrypted under `key_id` for this tenant and instance only.
    ///
    /// # Errors
    /// [`AwsError`]; code `ConditionalCheckFailedException` when the instance is there already.
    pub async fn add(&self, new: &NewInstance<'_>, key_id: &str) -> Result<(), AwsError> {
        let encrypted = self
            .clients
            .kms
            .encrypt()
            .key_id(key_id)
            .plaintext(Blob::new(new.token.expose()))
            .set_encryption_context(Some(context(new.tenant, new.id)))
            .send()
            .await
            .map_err(|error| AwsError::new("kms:Encrypt", &error))?;
        let sealed = encrypted
            .ciphertext_blob
            .ok_or_else(|| AwsError::unexpected("kms:Encrypt", "no ciphertext"))?;
        let item = Item {
            instance: new.id.clone(),
            tenant: new.tenant.clone(),
            secret_hashes: vec![new.secret_hash],
            strategies: new.strategies.to_vec(),
            policy: new.policy.clone(),
            sealed_token: sealed.into_inner(),
            created_at: new.now,
        };
        let item = serde_dynamo::to_item(item)
            .map_err(|_| AwsError::unexpected("dynamodb:PutItem", "the item could not be built"))?;
        self.clients
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(instance)")
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:PutItem", &error))?;
        Ok(())
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
        let Some(item) = read.item else {
            return Ok(None);
        };
        let item: Item = serde_dynamo::from_item(item).map_err(|_| {
            InstanceError::Malformed("an attribute is missing or of the wrong type")
        })?;
        let strategies = if item.strategies.is_empty() {
            Strategy::DEFAULT.to_vec()
        } else {
            item.strategies
        };
        Ok(Some(Instance {
            id: item.instance,
            tenant: item.tenant,
            secrets: SecretHashes::new(item.secret_hashes),
            strategies,
            policy: item.policy,
            sealed_token: item.sealed_token,
        }))
    }
}

/// What KMS binds the ciphertext to: in another row it does not decrypt.
fn context(tenant: &TenantId, instance: &InstanceId) -> HashMap<String, String> {
    HashMap::from([
        ("tenant".to_owned(), tenant.to_string()),
        ("instance".to_owned(), instance.to_string()),
    ])
}

/// Bytes as base64 text, readable in the console.
mod serde_bytes_base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64
            .decode(String::deserialize(from)?.as_bytes())
            .map_err(|_| D::Error::custom("not base64"))
    }
}
