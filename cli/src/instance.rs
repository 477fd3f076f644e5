//! `wapi-media instance`: registers accounts, so that their webhooks are accepted, and looks after
//! them.

use anyhow::{Context, bail};
use aws::{
    instances::Instance,
    register::{NewInstance, RegisterError},
    webhook_access::wait_until_effective,
};
use boot::clock;
use clap::{Args, Subcommand};
use fetch::account::AccountError;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    strategy::Strategy,
};
use report::Lang;
use serde_json::{Value, json};

use crate::{
    check::{self, Check, Verdict},
    exit::Exit,
    odd_records::OddRecords,
    probe::random,
    screen,
    session::{Session, as_instance},
};

/// What can be done with instances.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Registers an instance and prints, once, the webhook URL to register in W-API.
    ///
    /// The instance's W-API token is read from standard input, or asked for on a terminal; W-API is
    /// asked whether it is right, and it is encrypted before it is stored. Of the URL's secret only
    /// a hash is stored.
    #[command(
        after_help = "Examples:\n  wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme\n  \
        wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme < token.txt"
    )]
    Add(Add),
    /// Shows all instances.
    List {
        /// Of this tenant only.
        #[arg(long)]
        tenant: Option<TenantId>,
    },
    /// Shows what is registered of an instance. Its token and secret are not shown.
    Show(One),
    /// Asks W-API about an instance: is it connected, is its token right, do its hooks lead here;
    /// and when its last media came.
    Check(One),
    /// Refuses an instance's webhooks from now on; they are answered like those with a wrong
    /// secret.
    ///
    /// What is queued already is still stored. What is announced meanwhile is not: W-API's own
    /// webhook log holds it for 30 days.
    Pause(One),
    /// Takes a paused instance's webhooks again.
    Resume(One),
    /// Removes an instance with its token. Its files and the records of its media stay; jobs that
    /// are queued are parked.
    Remove(One),
}

/// A new instance.
#[derive(Args)]
pub(crate) struct Add {
    /// The instance's id, as W-API shows it.
    instance: InstanceId,
    /// The tenant whose folder its media go to.
    #[arg(long)]
    tenant: TenantId,
    /// The order in which media are fetched.
    #[arg(long, value_delimiter = ',', default_value = Strategy::DEFAULT_TEXT)]
    strategies: Vec<Strategy>,
    /// Register it although W-API refuses the token.
    #[arg(long)]
    unchecked: bool,
}

/// One instance.
#[derive(Args)]
pub(crate) struct One {
    /// The instance's id.
    instance: InstanceId,
}

/// Runs one verb.
pub(crate) async fn run(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Add(new) => add(new, session).await,
        Verb::List { tenant } => list(tenant.as_ref(), session).await,
        Verb::Show(one) => show(&one.instance, session).await,
        Verb::Check(one) => check(&one.instance, session).await,
        Verb::Pause(one) => pause(&one.instance, session, true).await,
        Verb::Resume(one) => pause(&one.instance, session, false).await,
        Verb::Remove(one) => remove(&one.instance, session).await,
    }
}

async fn add(new: Add, session: &Session) -> anyhow::Result<Exit> {
    let Add { instance, tenant, strategies, unchecked } = new;
    let policy = session.tenant(&tenant).await?.policy;
    if !session.flags.may(&format!("register instance {instance} of tenant {tenant}"))? {
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
        policy: &policy,
        token: &token,
        now: clock::now(),
    };
    let added = session.register()?.add_instance(&new, random()?).await;
    let secret = match added {
        Err(RegisterError::AlreadyThere) => {
            bail!("instance {instance} is registered already; nothing was changed")
        }
        added => added.with_context(|| format!("instance {instance} was not registered"))?,
    };
    wait_until_effective().await;
    let (base, secret) = (session.webhook_base()?, secret.expose());
    let url = format!("{base}/webhook/{instance}/{secret}");
    let text = format!(
        "Instance {instance} of tenant {tenant} is registered.\n\
         Its webhook URL, shown this once (whoever has it can announce media):\n\n  {url}\n\n\
         Next, let W-API send its events there: wapi-media webhook register {instance}"
    );
    let json = json!({ "tenant": tenant, "instance": instance, "webhook_url": url });
    session.flags.print(&json, text)?;
    Ok(Exit::Ok)
}

/// Fails if W-API refuses the token. If it does not answer, the token is believed, with a warning.
pub(crate) async fn accept_token(
    instance: &InstanceId,
    token: &Secret,
    session: &Session,
) -> anyhow::Result<()> {
    let asked = session.wapi()?.fetch_status(as_instance(instance, token)).await;
    match asked {
        Ok(status) if status.connected => {}
        Ok(_) => {
            eprintln!("warning: W-API accepts the token, and says that {instance} is not connected")
        }
        Err(error) if error.is_unauthorized() => {
            return Err(error)
                .context(format!("the token is not one of {instance}; nothing was changed"));
        }
        Err(
            error @ (AccountError::Refused { .. }
            | AccountError::NoAnswer { .. }
            | AccountError::Unreadable { .. }),
        ) => {
            eprintln!("warning: the token could not be checked: {error}");
        }
    }
    Ok(())
}

fn strategies(instance: &Instance) -> String {
    screen::words(instance.strategies.iter().map(|one| one.as_str()), "none")
}

fn object(instance: &Instance) -> Value {
    json!({
        "tenant": instance.tenant,
        "instance": instance.id,
        "strategies": instance.strategies,
        "policy": instance.policy,
        "created_at": instance.created_at,
        "paused_at": instance.paused_at,
        "old_secret_until": instance.old_secret_until,
    })
}

async fn list(tenant: Option<&TenantId>, session: &Session) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    let instances = session.instances(tenant, &mut odd).await?;
    let mut table = screen::table(["tenant", "instance", "strategies", "registered", "state"]);
    for one in &instances {
        let state = one.paused_at.map_or_else(
            || "open".to_owned(),
            |since| format!("paused since {}", screen::time(since)),
        );
        table.add_row([
            one.tenant.to_string(),
            one.id.to_string(),
            strategies(one),
            screen::time(one.created_at),
            state,
        ]);
    }
    let text = if instances.is_empty() {
        "There is no instance yet. Add one: wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme".to_owned()
    } else {
        table.to_string()
    };
    session.flags.print(&instances.iter().map(object).collect(), text)?;
    Ok(odd.exit())
}

async fn show(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    let instance = session.instance(id).await?;
    let mut table = screen::table(["", ""]);
    let until = |until| screen::time(until);
    for (name, what) in [
        ("tenant", instance.tenant.to_string()),
        ("instance", instance.id.to_string()),
        ("registered", screen::time(instance.created_at)),
        ("strategies", strategies(&instance)),
        ("paused since", instance.paused_at.map_or_else(|| "not paused".to_owned(), until)),
        (
            "old secret valid until",
            instance.old_secret_until.map_or_else(|| "there is none".to_owned(), until),
        ),
    ]
    .into_iter()
    .chain(crate::policy::rules(&instance.policy))
    {
        table.add_row([name, &what]);
    }
    session.flags.print(&object(&instance), table)?;
    Ok(Exit::Ok)
}

async fn check(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    let instance = session.instance(id).await?;
    let checks = check::instance(&instance, Lang::En, session).await?;
    let json = json!({ "instance": id, "checks": checks });
    session.flags.print(&json, check::table(&checks))?;
    let is_well = |check: &Check| matches!(check.verdict, Verdict::Ok);
    Ok(if checks.iter().all(is_well) { Exit::Ok } else { Exit::Findings })
}

async fn pause(id: &InstanceId, session: &Session, pauses: bool) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    session.must_know(id, &mut odd).await?;
    let (change, done) = if pauses {
        ("pause", "paused: its webhooks are answered 401, within five minutes everywhere")
    } else {
        ("resume", "open: its webhooks are accepted")
    };
    if !session.flags.may(&format!("{change} instance {id}"))? {
        return Ok(Exit::Ok);
    }
    let since = pauses.then(clock::now);
    session.register()?.set_paused(id, since).await?;
    if !pauses {
        wait_until_effective().await;
    }
    let json = json!({ "instance": id, "paused_at": since });
    session.flags.print(&json, format!("Instance {id} is {done}."))?;
    Ok(odd.exit())
}

async fn remove(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    // Also what is not understood can be removed.
    session.must_know(id, &mut OddRecords::default()).await?;
    let change = format!(
        "remove instance {id} with its token; its queued jobs will be parked, its files stay"
    );
    if !session.flags.confirm(&change)? {
        return Ok(Exit::Ok);
    }
    session.register()?.remove_instance(id).await?;
    let text = format!(
        "Instance {id} is removed. If W-API still has its webhook URL, those webhooks are answered 401."
    );
    session.flags.print(&json!({ "instance": id, "removed": true }), text)?;
    Ok(Exit::Ok)
}
