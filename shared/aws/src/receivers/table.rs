//! Reads receivers, and remembers them for some seconds.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_kms::primitives::Blob;
use media::{
    ids::TenantId,
    receiver::{ReceiverEndpoint, ReceiverId},
};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::receiver::Receiver;
use crate::{
    cache::Cache,
    clients::Clients,
    dynamodb::{Attributes, string_value},
    error::AwsError,
};

/// How long a tenant's receivers are used before they are read again. A new receiver gets the first
/// webhook after this time, so that a command that then changes the hooks need not wait for long.
pub const MAX_RECEIVERS_AGE: Duration = Duration::from_secs(15);

/// How long a decrypted endpoint is used.
const MAX_ENDPOINT_AGE: Duration = Duration::from_mins(5);

/// Waits until every process knows a receiver that was written.
pub async fn wait_until_known() {
    tokio::time::sleep(MAX_RECEIVERS_AGE).await;
}

/// Why a receiver's endpoint could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiverError {
    /// An AWS call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// What is encrypted is not an endpoint: another program wrote it.
    #[error("the endpoint of the receiver is malformed")]
    Malformed,
}

/// Reads the table of receivers, and, with the feature `operator`, writes it.
#[derive(Debug)]
pub struct Receivers {
    pub(super) clients: Clients,
    pub(super) table: String,
    of_tenants: Cache<TenantId, Arc<Vec<Receiver>>>,
    endpoints: Cache<(TenantId, ReceiverId, Vec<u8>), Arc<ReceiverEndpoint>>,
}

impl Receivers {
    /// Uses the table with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        let (of_tenants, endpoints) = (Cache::new(), Cache::new());
        Self { clients: clients.clone(), table, of_tenants, endpoints }
    }

    /// The receivers of a tenant: remembered for [`MAX_RECEIVERS_AGE`], otherwise read. While
    /// `DynamoDB` fails, the remembered ones are used longer.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails and nothing is remembered.
    pub async fn find_all(&self, tenant: &TenantId) -> Result<Arc<Vec<Receiver>>, AwsError> {
        let remembered = self.of_tenants.get(tenant);
        if let Some((age, receivers)) = &remembered
            && *age < MAX_RECEIVERS_AGE
        {
            return Ok(Arc::clone(receivers));
        }
        // A change during the read may be missing in its result: the age counts from its start.
        let asked = Instant::now();
        match (self.list(tenant).await, remembered) {
            (Ok(receivers), _) => {
                let receivers = Arc::new(receivers);
                self.of_tenants.put_as_of(asked, tenant.clone(), Arc::clone(&receivers));
                Ok(receivers)
            }
            (Err(error), Some((_, stale))) => {
                tracing::warn!(%tenant, %error, "a tenant's receivers were not read: older ones \
                    are used");
                Ok(stale)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// One receiver, as [`Self::find_all`] has it, or consistent if it is not there: what is
    /// remembered may be older than the receiver. `None`: it was removed.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails and the receiver is not remembered.
    pub async fn find(
        &self,
        tenant: &TenantId,
        id: &ReceiverId,
    ) -> Result<Option<Receiver>, AwsError> {
        match self.find_all(tenant).await?.iter().find(|one| one.id == *id) {
            Some(receiver) => Ok(Some(receiver.clone())),
            None => Ok(self.list(tenant).await?.into_iter().find(|one| one.id == *id)),
        }
    }

    /// Forgets what is remembered of a tenant, after a change.
    pub fn forget(&self, tenant: &TenantId) {
        self.of_tenants.remove(tenant);
    }

    /// Reads the receivers of a tenant, strongly consistent.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list(&self, tenant: &TenantId) -> Result<Vec<Receiver>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.table).consistent_read(true);
        let mut items = query
            .key_condition_expression("tenant = :tenant")
            .expression_attribute_values(":tenant", string_value(tenant.as_str()))
            .into_paginator()
            .items()
            .send();
        let mut receivers = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            receivers.extend(read_item(&item));
        }
        Ok(receivers)
    }

    /// Reads the receivers of all tenants.
    ///
    /// # Errors
    /// [`AwsError`] when `Scan` fails.
    pub async fn list_everywhere(&self) -> Result<Vec<Receiver>, AwsError> {
        let mut items =
            self.clients.dynamodb.scan().table_name(&self.table).into_paginator().items().send();
        let mut receivers = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Scan"))?;
            receivers.extend(read_item(&item));
        }
        Ok(receivers)
    }

    /// URL and secrets of a receiver, decrypted. They are remembered for five minutes.
    ///
    /// # Errors
    /// [`ReceiverError`] when KMS refuses, also because what is encrypted is another receiver's.
    pub async fn open(&self, receiver: &Receiver) -> Result<Arc<ReceiverEndpoint>, ReceiverError> {
        const OPERATION: &str = "kms:Decrypt";
        let key = (receiver.tenant.clone(), receiver.id.clone(), receiver.sealed.clone());
        if let Some(endpoint) = self.endpoints.get_younger_than(MAX_ENDPOINT_AGE, &key) {
            return Ok(endpoint);
        }
        let context = encryption_context(&receiver.tenant, &receiver.id);
        let decrypt = self.clients.kms.decrypt().set_encryption_context(Some(context));
        let decrypted = decrypt.ciphertext_blob(Blob::new(receiver.sealed.clone())).send().await;
        let decrypted = decrypted.map_err(AwsError::in_operation(OPERATION))?;
        let plain = decrypted.plaintext;
        let plain = plain.ok_or_else(|| AwsError::unexpected(OPERATION, "no plaintext"))?;
        let plain = Zeroizing::new(plain.into_inner());
        let endpoint = ReceiverEndpoint::parse(&plain).ok_or(ReceiverError::Malformed)?;
        let endpoint = Arc::new(endpoint);
        self.endpoints.put(key, Arc::clone(&endpoint));
        Ok(endpoint)
    }
}

/// Reads an item; one whose key cannot be read is left out with a warning.
fn read_item(item: &Attributes) -> Option<Receiver> {
    let receiver = Receiver::from_item(item);
    if receiver.is_none() {
        tracing::warn!("a record of the table of receivers has a key that cannot be read");
    }
    receiver
}

/// The encryption context of a receiver's endpoint. It has the names of a token's context, which
/// the roles' conditions require, and a value that no instance's id has.
pub(super) fn encryption_context(tenant: &TenantId, id: &ReceiverId) -> HashMap<String, String> {
    HashMap::from([
        ("tenant".to_owned(), tenant.to_string()),
        ("instance".to_owned(), format!("#receiver/{id}")),
    ])
}
