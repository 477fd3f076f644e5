//! Adds an instance, and makes the secret in its webhook URL.

use data_encoding::BASE64URL_NOPAD;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    policy::Policy,
    sha256::Sha256,
    strategy::Strategy,
};

use super::{error::RegisterError, fields::to_item, store::Register};
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
    /// The order in which strategies are tried; empty for the default.
    pub strategies: &'a [Strategy],
    /// Which media are stored: the tenant's policy.
    pub policy: &'a Policy,
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
    /// Adds an instance with the [`webhook_secret`] of `random`, and returns the secret. Only the
    /// secret's hash is written. The token is encrypted for this tenant and instance only.
    ///
    /// # Errors
    /// [`RegisterError::AlreadyThere`], or an AWS call failed.
    pub async fn add_instance(
        &self,
        new: &NewInstance<'_>,
        random: [u8; SECRET_BYTES],
    ) -> Result<Secret, RegisterError> {
        let secret = webhook_secret(random);
        let record = Instance {
            id: new.id.clone(),
            tenant: new.tenant.clone(),
            secret_hashes: vec![Sha256::from_data(secret.expose().as_bytes())],
            old_secret_until: None,
            strategies: new.strategies.to_vec(),
            policy: new.policy.clone(),
            sealed_token: self.encrypt_token(new.tenant, new.id, new.token).await?,
            created_at: new.now,
            paused_at: None,
            resumed_at: None,
            pause_began_at: None,
            earlier_pause_ended_at: None,
        };
        self.put_new(&self.tables.instances_table, "instance", to_item(&record)?).await?;
        Ok(secret)
    }
}
