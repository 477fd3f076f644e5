//! The table of instances: their tenants, their webhook secrets and their W-API tokens.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_kms::primitives::Blob;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    policy::Policy,
    sha256::Sha256,
    strategy::{Strategy, StrategyOrder},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    cache::Cache,
    clients::Clients,
    dynamodb::{Attributes, get_string, string_value},
    error::AwsError,
    newer_record::remove_unknown,
    record_cache::RecordCache,
};

/// How long a record is used before it is read again.
const FRESH: Duration = Duration::from_mins(5);
/// How long a missing record is remembered. Short, because a person may be adding the instance.
const FRESH_ABSENCE: Duration = Duration::from_secs(30);

/// One instance's record. The W-API token in it is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The instance's id, the key of its record.
    #[serde(rename = "instance")]
    pub id: InstanceId,
    /// The tenant that has the instance.
    pub tenant: TenantId,
    /// SHA-256 of the current webhook secret, then of the one before it.
    pub(crate) secret_hashes: Vec<Sha256>,
    /// When the webhook secret before the current one ceases to be valid, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<i64>,
    /// The instance's own order of strategies, as written; [`Self::own_order`] reads it.
    #[serde(default, skip_serializing_if = "StrategyOrder::is_default")]
    pub(crate) strategies: StrategyOrder,
    /// When an operator chose this order, in seconds since 1970. Earlier versions did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) strategies_set_at: Option<i64>,
    /// Which media are stored: the tenant's rules.
    #[serde(default)]
    pub policy: Policy,
    /// The W-API token, encrypted with KMS.
    #[serde(with = "serde_bytes_base64")]
    pub(crate) sealed_token: Vec<u8>,
    /// When the instance was registered, in seconds since 1970.
    pub created_at: i64,
    /// Since when the instance's webhooks are refused, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<i64>,
    /// When the latest pause ended, in seconds since 1970. What came during it was refused on
    /// purpose, and is not back-filled by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<i64>,
    /// When the latest pause that has ended began, in seconds since 1970. A record of an earlier
    /// version does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_began_at: Option<i64>,
    /// When the pause before the latest one ended, in seconds since 1970; 0 if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_pause_ended_at: Option<i64>,
}

/// The order that earlier versions wrote into the record of every instance for which no other was
/// chosen. It must stay as it is when [`Strategy::DEFAULT`] changes.
const UNCHOSEN_ORDER: [Strategy; 3] = [Strategy::Wapi, Strategy::WapiAlternate, Strategy::Cdn];

/// Who chose an instance's order of strategies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSource {
    /// The instance has an order of its own.
    Instance,
    /// It is a rule of the tenant.
    Tenant,
    /// Nobody: it is the default.
    Default,
}

impl OrderSource {
    /// The word in the command's output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Tenant => "tenant",
            Self::Default => StrategyOrder::DEFAULT_WORD,
        }
    }
}

impl Instance {
    /// The order of strategies that this instance has for itself; `None` without one.
    #[must_use]
    pub fn own_order(&self) -> Option<&StrategyOrder> {
        let is_unchosen =
            self.strategies_set_at.is_none() && self.strategies.chosen() == UNCHOSEN_ORDER;
        (!self.strategies.is_default() && !is_unchosen).then_some(&self.strategies)
    }

    /// The strategies to try, in order: the instance's own, or the tenant's, or the default.
    #[must_use]
    pub fn strategies(&self) -> &[Strategy] {
        self.own_order().unwrap_or(&self.policy.strategies).strategies()
    }

    /// Who chose [`Self::strategies`].
    #[must_use]
    pub fn order_source(&self) -> OrderSource {
        if self.own_order().is_some() {
            OrderSource::Instance
        } else if self.policy.strategies.is_default() {
            OrderSource::Default
        } else {
            OrderSource::Tenant
        }
    }

    /// When the latest pause that has ended began and ended, in seconds since 1970, if both are
    /// known. What came during it was refused on purpose.
    #[must_use]
    pub fn latest_pause(&self) -> Option<(i64, i64)> {
        self.pause_began_at.zip(self.resumed_at)
    }

    /// Since when every pause that has ended is known, in seconds since 1970: what came before may
    /// have been refused on purpose. `None`: there was no other pause.
    #[must_use]
    pub fn pauses_known_since(&self) -> Option<i64> {
        match self.latest_pause() {
            Some(_) => self.earlier_pause_ended_at,
            None => self.resumed_at,
        }
    }

    /// Whether a webhook that arrived at W-API at this time, in seconds since 1970, is not this
    /// stack's to take from W-API's log: it may be a former tenant's, or was refused on purpose.
    #[must_use]
    pub fn leaves_in_log(&self, arrival: i64) -> bool {
        arrival < self.created_at.max(self.pauses_known_since().unwrap_or_default())
            || self.latest_pause().is_some_and(|(began, ended)| (began..ended).contains(&arrival))
            || self.paused_at.is_some_and(|began| arrival >= began)
    }

    /// The hash of this secret, if it is the current one or the one before it, also while the
    /// instance is paused and after the older one has expired.
    #[must_use]
    pub fn known_hash(&self, secret: &str) -> Option<Sha256> {
        let hash = Sha256::from_data(secret.as_bytes());
        self.secret_hashes.contains(&hash).then_some(hash)
    }

    /// SHA-256 of the webhook secret before the current one, also after it has expired.
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

/// Why an instance's record or token could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// An AWS call failed. The queue retries the job; the webhook answers 503.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The record cannot be read: another program wrote it. Handled as an AWS failure, so that
    /// nothing is lost until a person corrects the record.
    #[error("the record of the instance is malformed: {0}")]
    Malformed(&'static str),
}

impl TryFrom<Attributes> for Instance {
    type Error = InstanceError;
    fn try_from(item: Attributes) -> Result<Self, InstanceError> {
        parse_record(item)
    }
}

/// Parses a record, or the part of it that `T` holds.
pub(crate) fn parse_record<T: DeserializeOwned>(item: Attributes) -> Result<T, InstanceError> {
    serde_dynamo::from_item(item)
        .map_err(|_| InstanceError::Malformed("an attribute is missing or of the wrong type"))
}

/// The instances that are not paused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenInstances {
    /// Their ids.
    pub ids: Vec<InstanceId>,
    /// How many records have an id that this version cannot read.
    pub unreadable: usize,
}

/// Reads the table of instances, and caches what it reads. Strategies and policy rules that this
/// version does not know are left out: a newer one may have written them.
#[derive(Debug)]
pub struct Instances {
    clients: Clients,
    table: String,
    records: RecordCache<Instance>,
    /// Decrypted tokens by tenant, instance and ciphertext. A ciphertext that was copied to another
    /// record is thus not found here, and KMS refuses to decrypt it.
    tokens: Cache<(TenantId, InstanceId, Vec<u8>), Secret>,
}

impl Instances {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self {
            clients: clients.clone(),
            table,
            records: RecordCache::new(FRESH_ABSENCE),
            tokens: Cache::new(),
        }
    }

    /// Opens the connection to `DynamoDB` by reading a record that does not exist. An error is only
    /// logged.
    pub async fn connect(&self) {
        if let Ok(absent) = InstanceId::parse("WARM-UP")
            && let Err(error) = self.read(&absent, false).await
        {
            tracing::debug!(%error, "the warm-up read of the instances table failed");
        }
    }

    /// The instance's record: cached for five minutes (a missing record for 30 seconds), otherwise
    /// read from the table. While `DynamoDB` fails, an older cached record is used.
    ///
    /// # Errors
    /// [`InstanceError`] when `DynamoDB` fails and no record is cached.
    pub async fn find(&self, id: &InstanceId) -> Result<Option<Arc<Instance>>, InstanceError> {
        self.find_younger_than(id, FRESH).await
    }

    /// [`Self::find`], which reads records again that were cached for longer than `max_age`: for a
    /// secret or token that was just refused and may have changed.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn find_younger_than(
        &self,
        id: &InstanceId,
        max_age: Duration,
    ) -> Result<Option<Arc<Instance>>, InstanceError> {
        self.records.find(id, max_age, async || self.read(id, false).await).await
    }

    /// The instance's record as the table holds it now, by a consistent read that passes every
    /// cache: before a decision that a record of a moment ago must not make. Later calls use what
    /// it found.
    ///
    /// # Errors
    /// [`InstanceError`] when `DynamoDB` fails.
    pub async fn find_current(
        &self,
        id: &InstanceId,
    ) -> Result<Option<Arc<Instance>>, InstanceError> {
        self.records.refresh(id, async || self.read(id, true).await).await
    }

    /// The ids of all instances that are not paused, in the order of the table. Ids that cannot be
    /// read are counted.
    ///
    /// # Errors
    /// [`AwsError`] when `Scan` fails.
    pub async fn list_open(&self) -> Result<OpenInstances, AwsError> {
        let scan = self.clients.dynamodb.scan().table_name(&self.table);
        let scan = scan.projection_expression("instance, paused_at");
        let mut items = scan.into_paginator().items().send();
        let mut open = OpenInstances::default();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Scan"))?;
            let id = get_string(&item, "instance").and_then(|id| InstanceId::parse(id).ok());
            match id {
                None => open.unreadable += 1,
                Some(_) if item.contains_key("paused_at") => {}
                Some(id) => open.ids.push(id),
            }
        }
        Ok(open)
    }

    /// The instance's W-API token, decrypted. It is cached for five minutes and never used for
    /// longer, even while KMS fails: the CDN needs no token.
    ///
    /// # Errors
    /// [`InstanceError`] when KMS refuses, also because the ciphertext is another instance's.
    pub async fn token(&self, instance: &Instance) -> Result<Secret, InstanceError> {
        let (tenant, id) = (instance.tenant.clone(), instance.id.clone());
        let key = (tenant, id, instance.sealed_token.clone());
        if let Some(token) = self.tokens.get_younger_than(FRESH, &key) {
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
            .set_encryption_context(Some(encryption_context(&instance.tenant, &instance.id)))
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION))?;
        let plain =
            decrypted.plaintext.ok_or_else(|| AwsError::unexpected(OPERATION, "no plaintext"))?;
        let plain = Zeroizing::new(plain.into_inner());
        let text =
            str::from_utf8(&plain).map_err(|_| InstanceError::Malformed("the token is no text"))?;
        Ok(Secret::new(text))
    }

    async fn read(
        &self,
        id: &InstanceId,
        is_consistent: bool,
    ) -> Result<Option<Instance>, InstanceError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("instance", string_value(id.as_str()))
            .set_consistent_read(is_consistent.then_some(true))
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:GetItem"))?;
        let Some(mut item) = read.item else {
            return Ok(None);
        };
        remove_unknown(id, &mut item);
        Instance::try_from(item).map(Some)
    }
}

/// The encryption context that KMS binds the ciphertext to: for another tenant or instance it does
/// not decrypt.
pub(crate) fn encryption_context(
    tenant: &TenantId,
    instance: &InstanceId,
) -> HashMap<String, String> {
    HashMap::from([
        ("tenant".to_owned(), tenant.to_string()),
        ("instance".to_owned(), instance.to_string()),
    ])
}

/// Serializes bytes as base64 text, which is readable in the console.
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
