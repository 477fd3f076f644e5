//! The register of tenants and instances, as an operator writes it. The functions only read
//! instances.
//!
//! A tenant's policy stands in its own record and, copied in the same transaction, in those of its
//! instances: whoever handles a media message reads one record.

mod item;
mod new;
mod roll;

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue,
};
use aws_sdk_kms::primitives::Blob;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    policy::Policy,
    sha256::Sha256,
};
use serde::{Deserialize, Serialize};

use self::item::{item_of, policy_update, tenant_of, value_of};
pub use self::{
    new::{NewInstance, SECRET_BYTES, webhook_secret},
    roll::{Roll, Unread},
};
use crate::{
    clients::Clients,
    error::AwsError,
    instances::{Instance, InstanceError, context, serde_bytes_base64},
};

/// Changes in one transaction, as `DynamoDB` allows.
const MAX_IN_A_TRANSACTION: usize = 100;

/// The overlap of a rotation whose end is not yet known, in seconds since 1970: the year 2999.
pub const NO_END: i64 = 32_503_679_999;

/// Where the register is kept.
#[derive(Debug, Clone)]
pub struct Places {
    /// The table of instances.
    pub instances_table: String,
    /// The table of tenants.
    pub tenants_table: String,
    /// The KMS key that encrypts tokens.
    pub token_key: String,
}

/// A customer whose media have a folder of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id, the name of its folder.
    #[serde(rename = "tenant")]
    pub id: TenantId,
    /// What of its media is wanted.
    pub policy: Policy,
    /// When it was added, in seconds since 1970.
    pub created_at: i64,
}

/// Why the register could not be read or changed. Nothing was changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// AWS did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A record makes no sense: it was not written by this software.
    #[error("a record of the register is malformed: {0}")]
    Malformed(&'static str),
    /// What is to be added is there.
    #[error("it is registered already")]
    AlreadyThere,
    /// What is to be changed is not there, or not what it was when it was read.
    #[error("it is not registered, or was changed at the same moment")]
    NotThere,
}

impl From<InstanceError> for RegisterError {
    fn from(error: InstanceError) -> Self {
        match error {
            InstanceError::Aws(error) => Self::Aws(error),
            InstanceError::Malformed(what) => Self::Malformed(what),
        }
    }
}

impl RegisterError {
    /// The same, with a failed condition as what it means here.
    fn of(error: AwsError, failed_condition: Self) -> Self {
        let is_condition = error.is_failed_condition();
        if is_condition || error.code == "TransactionCanceledException" {
            failed_condition
        } else {
            Self::Aws(error)
        }
    }
}

/// Reads and writes both tables. Remembers nothing.
#[derive(Debug)]
pub struct Register {
    clients: Clients,
    places: Places,
}

impl Register {
    /// Takes the names of its places.
    #[must_use]
    pub fn new(clients: &Clients, places: Places) -> Self {
        Self { clients: clients.clone(), places }
    }

    /// Adds a tenant.
    ///
    /// # Errors
    /// [`RegisterError::AlreadyThere`], or AWS failed.
    pub async fn add_tenant(&self, tenant: &Tenant) -> Result<(), RegisterError> {
        let put = self
            .clients
            .dynamodb
            .put_item()
            .table_name(&self.places.tenants_table)
            .set_item(Some(item_of(tenant)?))
            .condition_expression("attribute_not_exists(tenant)")
            .send()
            .await;
        put.map_err(|error| {
            let error = AwsError::new("dynamodb:PutItem", &error);
            RegisterError::of(error, RegisterError::AlreadyThere)
        })?;
        Ok(())
    }

    /// One tenant.
    ///
    /// # Errors
    /// When AWS fails, or the record makes no sense.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, RegisterError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.places.tenants_table)
            .key("tenant", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        read.item.map(tenant_of).transpose()
    }

    /// Gives a tenant another policy, and its instances with it: all in one transaction, or for
    /// more than 99 instances in several, the tenant's own record in the last, so that an
    /// interrupted change shows and can be repeated.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] for an unknown tenant, or AWS failed.
    pub async fn set_policy(&self, id: &TenantId, policy: &Policy) -> Result<(), RegisterError> {
        let Roll { known, unread } = self.instances().await?;
        let known = known.iter().filter(|one| one.tenant == *id);
        let known = known.map(|one| one.id.as_str());
        let unread = unread.iter().filter(|one| one.tenant.as_deref() == Some(id.as_str()));
        let mut updates = Vec::new();
        for instance in known.chain(unread.map(|one| one.id.as_str())) {
            let key = ("instance", instance);
            updates.push(policy_update(&self.places.instances_table, key, policy)?);
        }
        let key = ("tenant", id.as_str());
        updates.push(policy_update(&self.places.tenants_table, key, policy)?);
        for some in updates.chunks(MAX_IN_A_TRANSACTION) {
            let written = self
                .clients
                .dynamodb
                .transact_write_items()
                .set_transact_items(Some(some.to_vec()))
                .send()
                .await;
            written.map_err(|error| {
                let error = AwsError::new("dynamodb:TransactWriteItems", &error);
                RegisterError::of(error, RegisterError::NotThere)
            })?;
        }
        Ok(())
    }

    /// Removes a tenant's record. Its files and the records of its media stay.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn remove_tenant(&self, id: &TenantId) -> Result<(), RegisterError> {
        let key = ("tenant", id.as_str());
        self.remove(&self.places.tenants_table, key).await
    }

    /// One instance.
    ///
    /// # Errors
    /// When AWS fails, or the record makes no sense.
    pub async fn instance(&self, id: &InstanceId) -> Result<Option<Instance>, RegisterError> {
        let read = self
            .clients
            .dynamodb
            .get_item()
            .table_name(&self.places.instances_table)
            .key("instance", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("dynamodb:GetItem", &error))?;
        Ok(read.item.map(Instance::try_from).transpose()?)
    }

    /// Gives an instance another W-API token.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] when it was removed meanwhile, or AWS failed.
    pub async fn set_token(
        &self,
        instance: &Instance,
        token: &Secret,
    ) -> Result<(), RegisterError> {
        #[derive(Serialize)]
        struct SealedToken(#[serde(with = "serde_bytes_base64")] Vec<u8>);
        let sealed = SealedToken(self.seal(&instance.tenant, &instance.id, token).await?);
        let update = self
            .update(&instance.id)
            .update_expression("SET sealed_token = :v")
            .expression_attribute_values(":v", value_of(&sealed)?);
        self.change(update).await
    }

    /// Makes `new` the instance's webhook secret. The one whose hash is `kept`, if any, stays valid
    /// until `kept_until` (seconds since 1970); no other does.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] when it was removed meanwhile, or AWS failed.
    pub async fn set_secret(
        &self,
        id: &InstanceId,
        new: Sha256,
        kept: Option<Sha256>,
        kept_until: i64,
    ) -> Result<(), RegisterError> {
        let hashes: Vec<_> = std::iter::once(new).chain(kept).collect();
        let update = self
            .update(id)
            .update_expression("SET secret_hashes = :v, old_secret_until = :u")
            .expression_attribute_values(":v", value_of(&hashes)?)
            .expression_attribute_values(":u", value_of(&kept_until)?);
        self.change(update).await
    }

    /// Refuses the instance's webhooks from now on (seconds since 1970), or takes them again.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] for an unknown instance, or AWS failed.
    pub async fn set_paused(
        &self,
        id: &InstanceId,
        since: Option<i64>,
    ) -> Result<(), RegisterError> {
        let update = self.update(id);
        let update = match since {
            Some(since) => update
                .update_expression("SET paused_at = :v")
                .expression_attribute_values(":v", value_of(&since)?),
            None => update.update_expression("REMOVE paused_at"),
        };
        self.change(update).await
    }

    /// Removes an instance's record, with its token. Its files and the records of its media stay.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn remove_instance(&self, id: &InstanceId) -> Result<(), RegisterError> {
        let key = ("instance", id.as_str());
        self.remove(&self.places.instances_table, key).await
    }

    fn update(&self, id: &InstanceId) -> UpdateItemFluentBuilder {
        self.clients
            .dynamodb
            .update_item()
            .table_name(&self.places.instances_table)
            .key("instance", AttributeValue::S(id.to_string()))
            .condition_expression("attribute_exists(instance)")
    }

    async fn change(&self, update: UpdateItemFluentBuilder) -> Result<(), RegisterError> {
        let changed = update.send().await;
        changed.map_err(|error| {
            let error = AwsError::new("dynamodb:UpdateItem", &error);
            RegisterError::of(error, RegisterError::NotThere)
        })?;
        Ok(())
    }

    async fn remove(&self, table: &str, key: (&str, &str)) -> Result<(), RegisterError> {
        let removed = self
            .clients
            .dynamodb
            .delete_item()
            .table_name(table)
            .key(key.0, AttributeValue::S(key.1.to_owned()))
            .send()
            .await;
        removed.map_err(|error| AwsError::new("dynamodb:DeleteItem", &error))?;
        Ok(())
    }

    async fn seal(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
        token: &Secret,
    ) -> Result<Vec<u8>, RegisterError> {
        const OPERATION: &str = "kms:Encrypt";
        let encrypted = self
            .clients
            .kms
            .encrypt()
            .key_id(&self.places.token_key)
            .plaintext(Blob::new(token.expose()))
            .set_encryption_context(Some(context(tenant, instance)))
            .send()
            .await
            .map_err(|error| AwsError::new(OPERATION, &error))?;
        let sealed = encrypted.ciphertext_blob.map(Blob::into_inner);
        Ok(sealed.ok_or_else(|| AwsError::unexpected(OPERATION, "no ciphertext"))?)
    }
}
