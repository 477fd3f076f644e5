//! Which instances a tenant has or had: the registered ones, and those that were removed and whose
//! media are still here.

use std::collections::BTreeSet;

use media::{
    ids::{InstanceId, TenantId},
    object_key::ObjectKey,
};

use crate::{odd_records::OddRecords, session::Session};

/// The instances to search for media of `tenant`, or of all tenants: `only` this one, whether it is
/// registered or not, or else every one that they have or had. Reads what the read-only policy
/// allows.
///
/// # Errors
/// When a table or the bucket's folders cannot be read.
pub(crate) async fn list_searched(
    tenant: Option<&TenantId>,
    only: Option<&InstanceId>,
    odd: &mut OddRecords,
    session: &Session,
) -> anyhow::Result<BTreeSet<InstanceId>> {
    let owners = session.list_owners(tenant, only, odd).await?;
    let mut found: BTreeSet<_> = owners.into_iter().map(|(_, id)| id).collect();
    if let Some(only) = only {
        found.insert(only.clone());
        return Ok(found);
    }
    let tenants = match tenant {
        Some(tenant) => vec![tenant.clone()],
        None => {
            // Their own records are no part of what is searched.
            let known = session.list_tenants(None, &mut OddRecords::default()).await?;
            known.into_keys().filter_map(|id| TenantId::parse(id).ok()).collect()
        }
    };
    let bucket = session.stack.output("MediaBucket")?;
    for tenant in &tenants {
        found.extend(list_former(tenant, session).await?);
        let folder = ObjectKey::tenant_prefix(tenant);
        let listing = session.operator.list_folder(bucket, &folder, usize::MAX).await?;
        let folders = listing.folders.iter();
        found.extend(folders.filter_map(|path| ObjectKey::find_instance(path, tenant)));
    }
    Ok(found)
}

/// The instances of a tenant that were removed, and those with an entry in the jobs table.
///
/// # Errors
/// When a table cannot be read.
pub(crate) async fn list_former(
    tenant: &TenantId,
    session: &Session,
) -> anyhow::Result<BTreeSet<InstanceId>> {
    let mut found = session.unsettled()?.list_instances(tenant).await?;
    found.extend(session.orders()?.former_instances(tenant).await?);
    Ok(found)
}
