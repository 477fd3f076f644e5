//! Registers a tenant and an instance without the operator's command, through the same
//! [`Register`].

use std::time::Duration;

use anyhow::{Context, Result};
use aws::clients::Clients;
use aws::register::{NewInstance, Places, Register, RegisterError, Tenant};
use boot::clock;
use data_encoding::BASE64URL_NOPAD;
use media::ids::{InstanceId, TenantId};
use media::message::Secret;
use media::policy::Policy;
use media::sha256::Sha256;

use crate::{InstanceSettings, Stack};

/// Random bytes in the webhook secret, as many as the operator's command uses.
const SECRET_BYTES: usize = 32;
/// The time limit of one call to the local AWS.
const MAX_CALL_TIME: Duration = Duration::from_secs(30);

/// Registers the instance, and its tenant if it is new, and returns the webhook URL.
///
/// # Errors
/// If a name is invalid, or the local AWS refuses a call.
pub(crate) async fn register_directly(
    stack: &Stack,
    instance: &InstanceSettings,
) -> Result<String> {
    let (outputs, now) = (stack.outputs(), clock::now());
    let clients = Clients::for_stand_in(&stack.endpoint().url(), MAX_CALL_TIME);
    let places = Places {
        instances_table: outputs.instances_table.clone(),
        tenants_table: outputs.tenants_table.clone(),
        token_key: outputs.token_key_id.clone(),
    };
    let register = Register::new(&clients, places);
    let tenant = Tenant {
        id: TenantId::parse(instance.tenant.as_str())?,
        policy: Policy::default(),
        created_at: now,
    };
    match register.add_tenant(&tenant).await {
        Ok(()) | Err(RegisterError::AlreadyThere) => {}
        Err(error) => return Err(error).context("the tenant was not added"),
    }
    let (id, secret) = (
        InstanceId::parse(instance.instance.as_str())?,
        random_secret()?,
    );
    let new = NewInstance {
        id: &id,
        tenant: &tenant.id,
        secret_hash: Sha256::of(secret.as_bytes()),
        strategies: &[],
        policy: &tenant.policy,
        token: &Secret::new(instance.token.as_str()),
        now,
    };
    let added = register.add_instance(&new).await;
    added.context("the instance was not added")?;
    Ok(format!("{}/webhook/{id}/{secret}", stack.webhook_base()))
}

fn random_secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).context("the system gave no random bytes")?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}
