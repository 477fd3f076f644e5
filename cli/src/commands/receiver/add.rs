//! `wapi-media receiver add`, and the same for URLs that a command finds in W-API's hooks.

use anyhow::{Context, bail};
use aws::receivers::{NewReceiver, ReceivedKind, Receiver, wait_until_known};
use boot::clock;
use clap::{ArgGroup, Args};
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    receiver::{ReceiverEndpoint, ReceiverId},
    signature::{SIGNING_SECRET_BYTES, SigningSecret},
};
use serde_json::json;
use wapi::account::Hook;

use super::argument::{
    describe_hooks, describe_kind, explain_unopened, parse_kind, require_events, require_room,
};
use crate::{audit::AuditScope, exit::Exit, random::random_bytes, session::Session};

/// The receiver to add.
#[derive(Args)]
#[command(group(ArgGroup::new("whose").required(true).args(["instance", "tenant"])))]
pub(crate) struct Add {
    /// The instance whose webhooks it gets.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// The tenant: it gets the webhooks of all instances.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The URL, with its query.
    #[arg(long)]
    url: String,
    /// What it gets: webhooks, as W-API posts them; media, the events of media files, instances and
    /// receivers; or all.
    #[arg(long, value_name = "WHAT", default_value = "webhooks", value_parser = parse_kind)]
    gets: ReceivedKind,
    /// Only webhooks of these hooks, such as received,delivery. Without it, of all six.
    #[arg(long, value_name = "HOOKS", value_delimiter = ',', value_parser = parse_hook)]
    hooks: Vec<Hook>,
}

/// Parses W-API's word of a hook.
fn parse_hook(word: &str) -> Result<Hook, String> {
    Hook::ALL.into_iter().find(|hook| hook.as_str() == word).ok_or_else(|| {
        let all: Vec<_> = Hook::ALL.iter().map(|hook| hook.as_str()).collect();
        format!("a hook is one of {}", all.join(", "))
    })
}

/// A receiver that is to be added.
#[derive(Debug)]
pub(crate) struct ReceiverPlan<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) instance: Option<&'a InstanceId>,
    /// As it was given.
    pub(crate) url: &'a str,
    pub(crate) host: &'a str,
    /// Empty: all.
    pub(crate) hooks: &'a [Hook],
    pub(crate) kind: ReceivedKind,
}

/// The host of a receiver's URL. Refuses one to which nothing may be posted.
pub(crate) fn check_url(text: &str, session: &Session) -> anyhow::Result<String> {
    if text.len() > ReceiverEndpoint::MAX_URL_BYTES {
        bail!("a URL may have {} bytes", ReceiverEndpoint::MAX_URL_BYTES);
    }
    let base = session.webhook_base()?;
    if text.starts_with(base) {
        bail!("the URL leads to this stack itself: its webhooks would go in a circle");
    }
    let url = session.receiver_client()?.check_url(text).context(
        "the URL of a receiver is https, without a user name, and leads to a public address",
    )?;
    Ok(url.host_str().unwrap_or_default().to_owned())
}

/// Adds a receiver with a new secret. Returns its id and the secret.
pub(crate) async fn add_receiver(
    plan: &ReceiverPlan<'_>,
    session: &Session,
) -> anyhow::Result<(ReceiverId, SigningSecret)> {
    let receivers = session.receivers()?;
    require_room(&receivers.list(plan.tenant).await?, plan.instance)?;
    let random: [u8; SIGNING_SECRET_BYTES] = random_bytes()?;
    let endpoint = ReceiverEndpoint::new(Secret::new(plan.url), &random)?;
    let id = ReceiverId::from_random(random_bytes()?);
    let hooks: Vec<_> = plan.hooks.iter().map(|hook| hook.as_str().to_owned()).collect();
    let new = NewReceiver {
        tenant: plan.tenant,
        instance: plan.instance,
        id: &id,
        host: plan.host,
        hooks: &hooks,
        kind: plan.kind,
        endpoint: &endpoint,
        now: clock::now(),
    };
    receivers.add(&new, session.stack.output("TokenKeyId")?).await?;
    Ok((id, endpoint.secret))
}

/// The receiver that has this URL already and gets something of the same instances: of the one, or
/// of all.
pub(crate) async fn find_same(
    plan: &ReceiverPlan<'_>,
    session: &Session,
) -> anyhow::Result<Option<Receiver>> {
    let receivers = session.receivers()?;
    for receiver in receivers.list(plan.tenant).await? {
        let is_apart = |its: &InstanceId| plan.instance.is_some_and(|only| only != its);
        if receiver.instance.as_ref().is_some_and(is_apart) {
            continue;
        }
        let endpoint = receivers.open(&receiver).await;
        let endpoint = endpoint.map_err(|error| explain_unopened(error, &receiver))?;
        if endpoint.url.expose() == plan.url {
            return Ok(Some(receiver));
        }
    }
    Ok(None)
}

/// Why a receiver is not added beside one that has its URL.
fn explain_same(same: &Receiver, plan: &ReceiverPlan<'_>) -> String {
    let (id, tenant) = (&same.id, plan.tenant);
    let name = |instance: Option<&InstanceId>| {
        instance.map_or("all instances", InstanceId::as_str).to_owned()
    };
    if same.instance.as_ref() == plan.instance {
        return format!(
            "receiver {id} has this URL already; nothing was changed. To choose what it gets: \
             wapi-media receiver set {id} --tenant {tenant} --gets {}",
            plan.kind.as_str()
        );
    }
    format!(
        "receiver {id}, of {}, has this URL already, and would get its webhooks twice; nothing was \
         changed. To have one for {} instead, first: wapi-media receiver remove {id} --tenant \
         {tenant}",
        name(same.instance.as_ref()),
        name(plan.instance)
    )
}

pub(super) async fn run_add(new: Add, session: &Session) -> anyhow::Result<Exit> {
    let Add { instance, tenant, url, gets, hooks } = new;
    if gets == ReceivedKind::Media && !hooks.is_empty() {
        bail!("--hooks chooses webhooks, and a receiver with --gets media gets none");
    }
    let tenant = match (&instance, tenant) {
        (Some(id), _) => session.find_instance(id).await?.tenant,
        (None, Some(tenant)) => session.find_tenant(&tenant).await?.id,
        (None, None) => bail!("one of --instance and --tenant is needed"),
    };
    require_events(gets, session)?;
    let host = check_url(&url, session)?;
    let whose = instance.as_ref().map_or("all instances", InstanceId::as_str);
    let what = describe_kind(gets);
    let change = format!("post the {what} of {whose} of tenant {tenant} to {host}");
    if !session.flags.may_change(&change)? {
        return Ok(Exit::Ok);
    }
    let plan = ReceiverPlan {
        tenant: &tenant,
        instance: instance.as_ref(),
        url: &url,
        host: &host,
        hooks: &hooks,
        kind: gets,
    };
    if let Some(same) = find_same(&plan, session).await? {
        bail!("{}", explain_same(&same, &plan));
    }
    let scope = AuditScope::new("receiver add", "receiver").of_tenant(&tenant);
    let scope = scope.of_instance(instance.as_ref());
    let (id, secret) = session.audit(scope, add_receiver(&plan, session)).await??;
    wait_until_known().await;
    let words: Vec<_> = hooks.iter().map(|hook| hook.as_str().to_owned()).collect();
    let (words, secret) = (describe_hooks(&words), secret.expose());
    let text = format!(
        "Receiver {id} at {host} gets the {what} of {whose} of tenant {tenant} (hooks: {words}), \
         from now on.\nThe secret of their signatures is shown only once:\n\n  {}\n\n\
         Next, test it: wapi-media receiver test {id} --tenant {tenant}\n\
         W-API sends what its hooks lead here: wapi-media webhook register, for each instance",
        &*secret
    );
    let json = json!({
        "receiver": id, "tenant": tenant, "instance": instance, "host": host, "hooks": hooks,
        "gets": gets.as_str(), "secret": &*secret,
    });
    session.flags.print(&json, text)?;
    Ok(Exit::Ok)
}
