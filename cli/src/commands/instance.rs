//! `wapi-media instance`: registers WhatsApp accounts, so that their webhooks are accepted, and
//! checks, pauses and removes them.

use anyhow::{Context, bail};
use aws::{
    instances::Instance,
    register::{NewInstance, RegisterError},
    webhook_access::wait_until_effective,
};
use boot::clock;
use clap::{Args, Subcommand};
use media::{
    ids::{InstanceId, TenantId},
    strategy::StrategyOrder,
};
use report::Lang;
use serde_json::{Value, json};

use crate::{
    audit::AuditScope,
    checks::{
        check::{self, Check, Verdict},
        instance::check_instance,
        token::accept_token,
    },
    examination::Examination,
    exit::Exit,
    odd_records::OddRecords,
    random::random_bytes,
    screen,
    session::Session,
};

/// The verbs of `wapi-media instance`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Registers an instance, and prints its webhook URL once.
    ///
    /// The instance's W-API token is read from standard input, or from a prompt on a terminal. It
    /// is checked with W-API, and encrypted before it is stored. Of the secret in the URL only a
    /// hash is stored.
    #[command(
        after_help = "Examples:\n  wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme\n  \
        wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme < token.txt"
    )]
    Add(Add),
    /// Changes an instance's own order of strategies. It applies within five minutes.
    #[command(after_help = "Examples:\n  wapi-media instance set LITE-AAAAAA-BBBBBB \
        --strategies cdn,wapi,wapi_alternate\n  \
        wapi-media instance set LITE-AAAAAA-BBBBBB --strategies default")]
    Set(Set),
    /// Lists the instances.
    List {
        /// Only this tenant's instances.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
    /// Shows an instance and its rules. Its token and secret are not shown.
    Show(InstanceArgument),
    /// Checks an instance: its token and connection in W-API, whether its hooks lead here, and
    /// when its last media message was sent.
    Check(InstanceArgument),
    /// Refuses an instance's webhooks from now on: they are answered 401, like those with a wrong
    /// secret.
    ///
    /// Jobs that are queued already are still done. Media that are announced while the instance is
    /// paused are not stored; W-API's log keeps their webhooks for 30 days.
    Pause(InstanceArgument),
    /// Accepts a paused instance's webhooks again.
    Resume(InstanceArgument),
    /// Removes an instance and its token. Its files and records stay; its queued jobs are parked.
    Remove(InstanceArgument),
}

/// The instance to register.
#[derive(Args)]
pub(crate) struct Add {
    /// The instance's id, as W-API shows it.
    instance: InstanceId,
    /// The tenant in whose folder its media files are stored.
    #[arg(long)]
    tenant: TenantId,
    /// The strategies that fetch this instance's media, in this order: some of `wapi`,
    /// `wapi_alternate`, `cdn`. A strategy that is left out is never used. With `default`, the
    /// tenant's order applies.
    #[arg(long, value_name = "ORDER", default_value = StrategyOrder::DEFAULT_WORD)]
    strategies: StrategyOrder,
    /// Do not check the token with W-API.
    #[arg(long)]
    unchecked: bool,
}

/// What to change of an instance.
#[derive(Args)]
pub(crate) struct Set {
    /// The instance's id.
    instance: InstanceId,
    /// The strategies that fetch this instance's media, in this order: some of `wapi`,
    /// `wapi_alternate`, `cdn`. A strategy that is left out is never used. With `default`, the
    /// tenant's order applies again.
    #[arg(long, value_name = "ORDER")]
    strategies: StrategyOrder,
}

/// The instance that a verb is about.
#[derive(Args)]
pub(crate) struct InstanceArgument {
    /// The instance's id.
    instance: InstanceId,
}

/// Runs a verb of `wapi-media instance`.
pub(crate) async fn run_instance(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Add(new) => add_instance(new, session).await,
        Verb::Set(change) => set_strategies(change, session).await,
        Verb::List { tenant } => list_instances(tenant.as_ref(), session).await,
        Verb::Show(one) => show_instance(&one.instance, session).await,
        Verb::Check(one) => check_one(&one.instance, session).await,
        Verb::Pause(one) => set_paused(&one.instance, session, true).await,
        Verb::Resume(one) => set_paused(&one.instance, session, false).await,
        Verb::Remove(one) => remove_instance(&one.instance, session).await,
    }
}

async fn add_instance(new: Add, session: &Session) -> anyhow::Result<Exit> {
    let Add { instance, tenant, strategies, unchecked } = new;
    session.find_tenant(&tenant).await?;
    if !session.flags.may_change(&format!("register instance {instance} of tenant {tenant}"))? {
        return Ok(Exit::Ok);
    }
    let token = screen::read_token(instance.as_str())?;
    if !unchecked {
        accept_token(&instance, &token, session).await?;
    }
    let new = NewInstance {
        id: &instance,
        tenant: &tenant,
        strategies: &strategies,
        token: &token,
        now: clock::now(),
    };
    let (register, random) = (session.register()?, random_bytes()?);
    let scope = AuditScope::new("instance add", "instance").of_tenant(&tenant);
    let scope = scope.of_instance(&instance);
    let secret = match session.audit(scope, register.add_instance(&new, random)).await? {
        Err(RegisterError::AlreadyThere) => {
            bail!("instance {instance} is already registered; nothing was changed")
        }
        added => added.with_context(|| format!("instance {instance} was not registered"))?,
    };
    wait_until_effective().await;
    let (base, secret) = (session.webhook_base()?, secret.expose());
    let url = format!("{base}/webhook/{instance}/{secret}");
    let text = format!(
        "Instance {instance} of tenant {tenant} is registered.\n\
         Its webhook URL is shown only once. \
         It is a secret: anyone who has it can announce media.\n\n  {url}\n\n\
         Next, register the URL in W-API: wapi-media webhook register {instance}"
    );
    let json = json!({ "tenant": tenant, "instance": instance, "webhook_url": url });
    session.flags.print(&json, text)?;
    Ok(Exit::Ok)
}

/// The strategies that are tried, and who chose their order.
fn strategy_words(instance: &Instance) -> String {
    let words = screen::join_words(instance.strategies().iter().map(|one| one.as_str()), "none");
    format!("{words} ({})", instance.order_source().as_str())
}

async fn set_strategies(change: Set, session: &Session) -> anyhow::Result<Exit> {
    let Set { instance: id, strategies: order } = change;
    let mut odd = OddRecords::default();
    session.require_registered(&id, &mut odd).await?;
    if !session.flags.may_change(&format!("set the strategies of instance {id}: {order}"))? {
        return Ok(Exit::Ok);
    }
    let scope = AuditScope::about_instance(("instance set", "strategies"), &id, session).await?;
    let register = session.register()?;
    session.audit(scope, register.set_strategies(&id, &order, clock::now())).await??;
    let text = if order.is_default() {
        format!("Instance {id} has its tenant's order of strategies, within five minutes.")
    } else {
        format!("Instance {id} has these strategies, within five minutes: {order}.")
    };
    session.flags.print(&json!({ "instance": id, "strategies": order.to_string() }), text)?;
    Ok(odd.print_notes())
}

fn to_json(instance: &Instance) -> Value {
    json!({
        "tenant": instance.tenant,
        "instance": instance.id,
        "strategies": instance.strategies(),
        "strategies_from": instance.order_source().as_str(),
        "policy": instance.policy,
        "created_at": instance.created_at,
        "paused_at": instance.paused_at,
        "old_secret_until": instance.old_secret_until,
    })
}

async fn list_instances(tenant: Option<&TenantId>, session: &Session) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    let instances = session.list_instances(tenant, &mut odd).await?;
    let mut table = screen::new_table(["tenant", "instance", "strategies", "registered", "state"]);
    for one in &instances {
        let state = one.paused_at.map_or_else(
            || "open".to_owned(),
            |since| format!("paused since {}", screen::format_time(since)),
        );
        table.add_row([
            one.tenant.to_string(),
            one.id.to_string(),
            strategy_words(one),
            screen::format_time(one.created_at),
            state,
        ]);
    }
    let text = if instances.is_empty() {
        "There is no instance yet. Add one: \
         wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme"
            .to_owned()
    } else {
        table.to_string()
    };
    session.flags.print(&instances.iter().map(to_json).collect(), text)?;
    Ok(odd.print_notes())
}

async fn show_instance(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    let instance = session.find_instance(id).await?;
    let mut table = screen::new_table(["", ""]);
    let until = |until| screen::format_time(until);
    for (name, what) in [
        ("tenant", instance.tenant.to_string()),
        ("instance", instance.id.to_string()),
        ("registered", screen::format_time(instance.created_at)),
        ("strategies used", strategy_words(&instance)),
        ("paused since", instance.paused_at.map_or_else(|| "not paused".to_owned(), until)),
        (
            "old secret valid until",
            instance.old_secret_until.map_or_else(|| "none".to_owned(), until),
        ),
    ]
    .into_iter()
    .chain(crate::policy::describe_rules(&instance.policy))
    {
        table.add_row([name, &what]);
    }
    session.flags.print(&to_json(&instance), table)?;
    Ok(Exit::Ok)
}

async fn check_one(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    let instance = session.find_instance(id).await?;
    let checks = check_instance(&instance, Examination::new(session, Lang::En)).await?;
    let json = json!({ "instance": id, "checks": checks });
    session.flags.print(&json, check::checks_table(&checks))?;
    let is_well = |check: &Check| matches!(check.verdict, Verdict::Ok);
    Ok(if checks.iter().all(is_well) { Exit::Ok } else { Exit::Findings })
}

async fn set_paused(id: &InstanceId, session: &Session, pauses: bool) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    session.require_registered(id, &mut odd).await?;
    let (change, done) = if pauses {
        ("pause", "paused: its webhooks are answered 401, within a minute everywhere")
    } else {
        ("resume", "open: its webhooks are accepted")
    };
    if !session.flags.may_change(&format!("{change} instance {id}"))? {
        return Ok(Exit::Ok);
    }
    let (register, now) = (session.register()?, clock::now());
    let since = pauses.then_some(now);
    let action = if pauses { "instance pause" } else { "instance resume" };
    let set = session.audit(
        AuditScope::about_instance((action, "instance"), id, session).await?,
        async {
            if pauses {
                return register.set_paused(id, now).await;
            }
            register.set_resumed(id, now).await?;
            wait_until_effective().await;
            Ok(())
        },
    );
    set.await??;
    let json = json!({ "instance": id, "paused_at": since });
    session.flags.print(&json, format!("Instance {id} is {done}."))?;
    Ok(odd.print_notes())
}

/// Notes the instance among the former ones of its tenant.
async fn remember_instance(id: &InstanceId, session: &Session) -> anyhow::Result<()> {
    let owners = session.list_owners(None, Some(id), &mut OddRecords::default()).await?;
    for (tenant, id) in owners {
        // A record that names no tenant was never used: no media message can be its.
        if let Ok(tenant) = TenantId::parse(tenant) {
            session.orders()?.remember_instance(&tenant, &id).await?;
        }
    }
    Ok(())
}

async fn remove_instance(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    // An instance whose record cannot be parsed can be removed, too.
    session.require_registered(id, &mut OddRecords::default()).await?;
    let change = format!(
        "remove instance {id} with its token; its queued jobs will be parked, its files stay"
    );
    if !session.flags.confirm(&change)? {
        return Ok(Exit::Ok);
    }
    let act = ("instance remove", "instance");
    let scope = AuditScope::about_instance(act, id, session).await?;
    let register = session.register()?;
    let removal = async {
        // First: an erasure of the tenant must find what stays of it.
        remember_instance(id, session).await?;
        anyhow::Ok(register.remove_instance(id).await?)
    };
    session.audit(scope, removal).await??;
    let text = format!(
        "Instance {id} is removed. \
         If W-API still has its webhook URL, those webhooks are answered 401."
    );
    session.flags.print(&json!({ "instance": id, "removed": true }), text)?;
    Ok(Exit::Ok)
}
