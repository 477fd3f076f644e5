//! Tenants, and the policy that each gives to its instances.

use media::{ids::TenantId, policy::Policy};
use serde::{Deserialize, Serialize};

use super::{
    error::RegisterError,
    fields::{policy_update, to_item},
    listing::RegisterListing,
    store::Register,
};
use crate::dynamodb::{Attributes, get_item};

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
        let key = [("tenant", id.as_str())];
        let item = get_item(&self.clients, &self.tables.tenants_table, key).await?;
        item.map(Tenant::try_from).transpose()
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
    /// change can be seen and repeated.
    ///
    /// # Errors
    /// [`RegisterError::NotThere`] for an unknown tenant, or an AWS call failed.
    pub async fn set_policy(&self, id: &TenantId, policy: &Policy) -> Result<(), RegisterError> {
        let RegisterListing { known, unread } = self.list_instances().await?;
        let known = known.iter().filter(|one| one.tenant == *id);
        let known = known.map(|one| one.id.as_str());
        let unread = unread.iter().filter(|one| one.tenant.as_deref() == Some(id.as_str()));
        let mut updates = Vec::new();
        for instance in known.chain(unread.map(|one| one.id.as_str())) {
            let key = ("instance", instance);
            updates.push(policy_update(&self.tables.instances_table, key, policy)?);
        }
        let key = ("tenant", id.as_str());
        updates.push(policy_update(&self.tables.tenants_table, key, policy)?);
        for chunk in updates.chunks(MAX_IN_A_TRANSACTION) {
            const OPERATION: &str = "dynamodb:TransactWriteItems";
            let write = self.clients.dynamodb.transact_write_items();
            write
                .set_transact_items(Some(chunk.to_vec()))
                .send()
                .await
                .map_err(RegisterError::in_write(OPERATION, RegisterError::NotThere))?;
        }
        Ok(())
    }

    /// Deletes a tenant's record. Its files and the records of its media stay.
    ///
    /// # Errors
    /// When an AWS call fails.
    pub async fn remove_tenant(&self, id: &TenantId) -> Result<(), RegisterError> {
        self.delete(&self.tables.tenants_table, ("tenant", id.as_str())).await
    }
}
