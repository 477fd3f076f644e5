//! Adds an instance, and makes the secret in its webhook URL.

use data_encoding::BASE64URL_NOPAD;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    sha256::Sha256,
    strategy::StrategyOrder,
};

use super::{
    error::RegisterError,
    fields::{addition_write, new_item_write, to_item},
    store::{MAX_TRIES, Register, Transaction},
    tenants::Tenant,
};
use crate::instances::Instance;

/// Random bytes in a webhook secret: 256 bits cannot be guessed.
pub const SECRET_BYTES: usize = 32;

/// An instance to be added.
#[derive(Debug)]
pub struct NewInstance<'a> {
    /// The instance's id.
    pub id: &'a InstanceId,
    /// The tenant that has the instance.
    pub tenant: &'a TenantId,
    /// The instance's own order of strategies. With the default, the tenant's order applies.
    pub strategies: &'a StrategyOrder,
    /// The W-API token. It is encrypted before it is written.
    pub token: &'a Secret,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

/// Encodes a webhook secret, for use in a URL. The bytes must come from a cryptographic source of
/// randomness.
#[must_use]
pub fn webhook_secret(random: [u8; SECRET_BYTES]) -> Secret {
    Secret::new(BASE64URL_NOPAD.encode(&random))
}

impl Register {
    /// Adds an instance with the [`webhook_secret`] of `random` and the policy of its tenant, and
    /// returns the secret. Only the secret's hash is written. The token is encrypted for this
    /// tenant and instance only. The tenant's record counts the addition in the same transaction,
    /// and must still have the policy that was read.
    ///
    /// # Errors
    /// [`RegisterError::AlreadyThere`]; [`RegisterError::NotThere`] if the tenant has no record;
    /// [`RegisterError::Changed`] if it is being changed; or an AWS call failed.
    pub async fn add_instance(
        &self,
        new: &NewInstance<'_>,
        random: [u8; SECRET_BYTES],
    ) -> Result<Secret, RegisterError> {
        let secret = webhook_secret(random);
        let sealed_token = self.encrypt_token(new.tenant, new.id, new.token).await?;
        for _ in 0..MAX_TRIES {
            let found = self.find_tenant_item(new.tenant).await?;
            let item = found.ok_or(RegisterError::NotThere)?;
            let policy = item.get("policy").cloned();
            let tenant = Tenant::try_from(item)?;
            let record = Instance {
                id: new.id.clone(),
                tenant: new.tenant.clone(),
                secret_hashes: vec![Sha256::from_data(secret.expose().as_bytes())],
                old_secret_until: None,
                strategies: new.strategies.clone(),
                strategies_set_at: (!new.strategies.is_default()).then_some(new.now),
                policy: tenant.policy,
                sealed_token: sealed_token.clone(),
                created_at: new.now,
                paused_at: None,
                resumed_at: None,
                pause_began_at: None,
                earlier_pause_ended_at: None,
            };
            let writes = vec![
                new_item_write(&self.tables.instances_table, "instance", to_item(&record)?)?,
                addition_write(&self.tables.tenants_table, new.tenant.as_str(), policy)?,
            ];
            match self.write_together(writes).await? {
                Transaction::Written => return Ok(secret),
                Transaction::Refused { first: 0 } => return Err(RegisterError::AlreadyThere),
                Transaction::Refused { .. } => {}
            }
        }
        Err(RegisterError::Changed)
    }
}
