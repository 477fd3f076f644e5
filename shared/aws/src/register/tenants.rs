//! Tenants, and the policy that each gives to its instances.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use media::{ids::TenantId, policy::Policy};
use serde::{Deserialize, Serialize};

use super::{
    error::RegisterError,
    fields::{NoAddition, policy_update, tenant_policy_update, to_item},
    listing::RegisterListing,
    store::{MAX_TRIES, Register, Transaction},
};
use crate::dynamodb::{Attributes, get_item, string_value};

/// Maximum number of writes in one transaction, as `DynamoDB` allows.
const MAX_IN_A_TRANSACTION: usize = 100;

/// A customer of the operator, whose media files have a folder of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The tenant's id, also the name of its folder.
    #[serde(rename = "tenant")]
    pub id: TenantId,
    /// Which media are stored.
    pub policy: Policy,
    /// When the tenant was added, in seconds since 1970.
    pub created_at: i64,
}

impl TryFrom<Attributes> for Tenant {
    type Error = RegisterError;
    fn try_from(item: Attributes) -> Result<Self, RegisterError> {
        let malformed = RegisterError::Malformed("an attribute of a tenant is missing or wrong");
        serde_dynamo::from_item(item).map_err(|_| malformed)
    }
}

impl Register {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`RegisterError::AlreadyThere`], or an AWS call failed.
    pub async fn add_tenant(&self, tenant: &Tenant) -> Result<(), RegisterError> {
        self.put_new(&self.tables.tenants_table, "tenant", to_item(tenant)?).await
    }

    /// Reads one tenant; `None` if it has no record.
    ///
    /// # Errors
    /// [`RegisterError::Malformed`], or an AWS call failed.
    pub async fn get_tenant(&self, id: &TenantId) -> Result<Option<Tenant>, RegisterError> {
        self.find_tenant_item(id).await?.map(Tenant::try_from).transpose()
    }

    /// Reads all tenants, ordered by id.
    ///
    /// # Errors
    /// When an AWS call fails.
    pub async fn list_tenants(&self) -> Result<RegisterListing<Tenant>, RegisterError> {
        let items = self.scan(&self.tables.tenants_table).await?;
        let read = |item| Tenant::try_from(item).ok();
        let mut listing = RegisterListing::from_items(items, "tenant", read);
        listing.known.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(listing)
    }

    /// Sets the policy of a tenant and of all its instances: in one transaction, or for more than
    /// 99 instances in several. The tenant's own record is in the last one, so that an interrupted
    /// change can be seen and repeated. An instance that is added meanwhile gets the policy, too.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] for an unknown tenant; [`RegisterError::Changed`] if instances
    /// are being added or removed all the time; or an AWS call failed.
    pub async fn set_policy(&self, id: &TenantId, policy: &Policy) -> Result<(), RegisterError> {
        for _ in 0..MAX_TRIES {
            // Before the instances are listed: an addition after this is noticed.
            let found = self.find_tenant_item(id).await?;
            let unchanged = NoAddition::since(&found.ok_or(RegisterError::NotThere)?);
            let mut updates = Vec::new();
            for instance in self.list_instance_ids(id).await? {
                let key = ("instance", instance.as_str());
                updates.push(policy_update(&self.tables.instances_table, key, policy)?);
            }
            let table = &self.tables.tenants_table;
            updates.push(tenant_policy_update(table, id.as_str(), policy, unchanged)?);
            if self.write_in_chunks(&updates).await? {
                return Ok(());
            }
        }
        Err(RegisterError::Changed)
    }

    /// Whether everything was written. A refused transaction ends it.
    async fn write_in_chunks(&self, writes: &[TransactWriteItem]) -> Result<bool, RegisterError> {
        for chunk in writes.chunks(MAX_IN_A_TRANSACTION) {
            if self.write_together(chunk.to_vec()).await? != Transaction::Written {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The ids of a tenant's instances, also of those whose records cannot be parsed.
    async fn list_instance_ids(&self, id: &TenantId) -> Result<Vec<String>, RegisterError> {
        let RegisterListing { known, unread } = self.list_instances().await?;
        let known = known.iter().filter(|one| one.tenant == *id);
        let known = known.map(|one| one.id.to_string());
        let unread = unread.into_iter().filter(|one| one.tenant.as_deref() == Some(id.as_str()));
        Ok(known.chain(unread.map(|one| one.id)).collect())
    }

    /// Deletes a tenant's record, if it has no instance. Its files and the records of its media
    /// stay.
    ///
    /// # Errors
    /// [`RegisterError::Changed`] if the tenant has an instance, also one that was added meanwhile;
    /// or an AWS call failed.
    pub async fn remove_tenant(&self, id: &TenantId) -> Result<(), RegisterError> {
        // Before the instances are listed: an addition after this is noticed.
        let Some(item) = self.find_tenant_item(id).await? else {
            return Ok(());
        };
        if !self.list_instance_ids(id).await?.is_empty() {
            return Err(RegisterError::Changed);
        }
        let (condition, value) = NoAddition::since(&item).to_condition();
        let delete = self.clients.dynamodb.delete_item().table_name(&self.tables.tenants_table);
        let deleted = delete
            .key("tenant", string_value(id.as_str()))
            .condition_expression(condition)
            .set_expression_attribute_values(
                value.map(|value| HashMap::from([(":added".to_owned(), value)])),
            )
            .send()
            .await;
        deleted.map_err(RegisterError::in_write("dynamodb:DeleteItem", RegisterError::Changed))?;
        Ok(())
    }

    /// The record of a tenant as it is stored.
    pub(super) async fn find_tenant_item(
        &self,
        id: &TenantId,
    ) -> Result<Option<Attributes>, RegisterError> {
        let key = [("tenant", id.as_str())];
        Ok(get_item(&self.clients, &self.tables.tenants_table, key).await?)
    }
}
