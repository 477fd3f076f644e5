//! A new instance, and the secret in its webhook URL.

use data_encoding::BASE64URL_NOPAD;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    policy::Policy,
    sha256::Sha256,
    strategy::Strategy,
};

use super::{Register, RegisterError, item_of};
use crate::{error::AwsError, instances::Item};

/// Random bytes in a webhook secret: nobody guesses 256 bits.
pub const SECRET_BYTES: usize = 32;

/// An instance about to be written.
#[derive(Debug)]
pub struct NewInstance<'a> {
    /// Its id.
    pub id: &'a InstanceId,
    /// Whose it is.
    pub tenant: &'a TenantId,
    /// The order in which its media are fetched; empty for the default.
    pub strategies: &'a [Strategy],
    /// What of its media is wanted: its tenant's policy.
    pub policy: &'a Policy,
    /// Its W-API token, encrypted before it leaves this process.
    pub token: &'a Secret,
    /// Seconds since 1970.
    pub now: i64,
}

/// The webhook secret of these bytes, which must come from a source that nobody can predict. It
/// may stand in a URL as it is.
#[must_use]
pub fn webhook_secret(random: [u8; SECRET_BYTES]) -> Secret {
    Secret::new(BASE64URL_NOPAD.encode(&random))
}

impl Register {
    /// Adds an instance with [`webhook_secret`] of `random`, and returns the secret: only its hash
    /// is written. The token is encrypted for this tenant and instance only.
    ///
    /// # Errors
    /// [`RegisterError::AlreadyThere`], or AWS failed.
    pub async fn add_instance(
        &self,
        new: &NewInstance<'_>,
        random: [u8; SECRET_BYTES],
    ) -> Result<Secret, RegisterError> {
        let secret = webhook_secret(random);
        let item = Item {
            instance: new.id.clone(),
            tenant: new.tenant.clone(),
            secret_hashes: vec![Sha256::of(secret.expose().as_bytes())],
            old_secret_until: None,
            strategies: new.strategies.to_vec(),
            policy: new.policy.clone(),
            sealed_token: self.seal(new.tenant, new.id, new.token).await?,
            created_at: new.now,
            paused_at: None,
        };
        let put = self
            .clients
            .dynamodb
            .put_item()
            .table_name(&self.places.instances_table)
            .set_item(Some(item_of(&item)?))
            .condition_expression("attribute_not_exists(instance)")
            .send()
            .await;
        put.map_err(|error| {
            let error = AwsError::new("dynamodb:PutItem", &error);
            RegisterError::of(error, RegisterError::AlreadyThere)
        })?;
        Ok(secret)
    }
}
