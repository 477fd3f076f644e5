//! Registers a tenant, an instance and a receiver without the operator's command, through the same
//! [`Register`] and [`Receivers`].

use std::time::Duration;

use anyhow::{Context, Result};
use aws::clients::Clients;
use aws::receivers::{NewReceiver, ReceivedKind, Receivers};
use aws::register::{NewInstance, Register, RegisterError, RegisterTables, SECRET_BYTES, Tenant};
use boot::clock;
use media::ids::{InstanceId, TenantId};
use media::message::Secret;
use media::receiver::{ReceiverEndpoint, ReceiverId};
use media::signature::{SIGNING_SECRET_BYTES, SigningSecret};
use media::{media_link::LinkRule, policy::Policy, strategy::StrategyOrder};

use crate::{InstanceSettings, Stack};

/// The time limit of one call to the local AWS.
const MAX_CALL_TIME: Duration = Duration::from_secs(30);

/// Registers the instance, and its tenant, with media links, if it is new. Returns the webhook URL.
///
/// # Errors
/// If a name is invalid, or the local AWS refuses a call.
pub(crate) async fn register_directly(
    stack: &Stack,
    instance: &InstanceSettings,
) -> Result<String> {
    let (outputs, now) = (stack.outputs(), clock::now());
    let clients = Clients::for_stand_in(&stack.endpoint().url(), MAX_CALL_TIME);
    let places = RegisterTables {
        instances_table: outputs.instances_table.clone(),
        tenants_table: outputs.tenants_table.clone(),
        token_key: outputs.token_key_id.clone(),
    };
    let register = Register::new(&clients, places);
    let tenant = Tenant {
        id: TenantId::parse(instance.tenant.as_str())?,
        policy: Policy { links: LinkRule::Days7, ..Policy::default() },
        created_at: now,
    };
    match register.add_tenant(&tenant).await {
        Ok(()) | Err(RegisterError::AlreadyThere) => {}
        Err(error) => return Err(error).context("the tenant was not added"),
    }
    let id = InstanceId::parse(instance.instance.as_str())?;
    let new = NewInstance {
        id: &id,
        tenant: &tenant.id,
        strategies: &StrategyOrder::default(),
        token: &Secret::new(instance.token.as_str()),
        now,
    };
    let mut random = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut random).context("the system gave no random bytes")?;
    let added = register.add_instance(&new, random).await;
    let secret = added.context("the instance was not added")?;
    let base = stack.webhook_base();
    Ok(format!("{base}/webhook/{id}/{}", secret.expose()))
}

/// Registers a receiver of all webhooks and media events of a tenant, at this URL on this machine.
/// Returns its secret.
///
/// # Errors
/// If the local AWS refuses a call.
pub(crate) async fn add_receiver(stack: &Stack, tenant: &str, url: &str) -> Result<String> {
    let outputs = stack.outputs();
    let clients = Clients::for_stand_in(&stack.endpoint().url(), MAX_CALL_TIME);
    let (mut id, mut random) = ([0; ReceiverId::RANDOM_BYTES], [0; SIGNING_SECRET_BYTES]);
    aws_lc_rs::rand::fill(&mut id).context("the system gave no random bytes")?;
    aws_lc_rs::rand::fill(&mut random).context("the system gave no random bytes")?;
    let new = NewReceiver {
        tenant: &TenantId::parse(tenant)?,
        instance: None,
        id: &ReceiverId::from_random(id),
        host: "127.0.0.1",
        hooks: &[],
        kind: ReceivedKind::All,
        endpoint: &ReceiverEndpoint::new(Secret::new(url), &random)?,
        now: clock::now(),
    };
    let receivers = Receivers::new(&clients, outputs.receivers_table.clone());
    let added = receivers.add(&new, &outputs.token_key_id).await;
    added.context("the receiver was not added")?;
    Ok(SigningSecret::from_bytes(&random)?.expose().to_string())
}
