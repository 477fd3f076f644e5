//! `wapi-media instance`: registers accounts, so that their webhooks are accepted, and looks after
//! them.

use anyhow::{Context, bail};
use aws::{
    instances::Instance,
    register::{NewInstance, RegisterError},
};
use boot::clock;
use clap::{Args, Subcommand};
use media::{
    ids::{InstanceId, TenantId},
    strategy::Strategy,
};
use report::Lang;
use serde_json::{Value, json};

use crate::{
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
    Show(InstanceArgument),
    /// Asks W-API about an instance: is it connected, is its token right, do its hooks lead here;
    /// and when its last media came.
    Check(InstanceArgument),
    /// Refuses an instance's webhooks from now on; they are answered like those with a wrong
    /// secret.
    ///
    /// What is queued already is still stored. What is announced meanwhile is not: W-API's own
    /// webhook log holds it for 30 days.
    Pause(InstanceArgument),
    /// Takes a paused instance's webhooks again.
    Resume(InstanceArgument),
    /// Removes an instance with its token. Its files and the records of its media stay; jobs that
    /// are queued are parked.
    Remove(InstanceArgument),
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
    #[arg(long, value_delimiter = ',', default_value = "wapi,wapi_alternate,cdn")]
    strategies: Vec<Strategy>,
    /// Register it although W-API refuses the token.
    #[arg(long)]
    unchecked: bool,
}

/// One instance.
#[derive(Args)]
pub(crate) struct InstanceArgument {
    /// The instance's id.
    instance: InstanceId,
}

/// Runs one verb.
pub(crate) async fn run_instance(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Add(new) => add_instance(new, session).await,
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
    let policy = session.find_tenant(&tenant).await?.policy;
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
        policy: &policy,
        token: &token,
        now: clock::now(),
    };
    let added = session.register()?.add_instance(&new, random_bytes()?).await;
    let secret = match added {
        Err(RegisterError::AlreadyThere) => {
            bail!("instance {instance} is registered already; nothing was changed")
        }
        added => added.with_context(|| format!("instance {instance} was not registered"))?,
    };
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

fn strategy_words(instance: &Instance) -> String {
    screen::join_words(instance.strategies.iter().map(|one| one.as_str()), "none")
}

fn to_json(instance: &Instance) -> Value {
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
        "There is no instance yet. Add one: wapi-media instance add LITE-AAAAAA-BBBBBB --tenant acme".to_owned()
    } else {
        table.to_string()
    };
    session.flags.print(&instances.iter().map(to_json).collect(), text)?;
    Ok(odd.print_and_exit())
}

async fn show_instance(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    let instance = session.find_instance(id).await?;
    let mut table = screen::new_table(["", ""]);
    let until = |until| screen::format_time(until);
    for (name, what) in [
        ("tenant", instance.tenant.to_string()),
        ("instance", instance.id.to_string()),
        ("registered", screen::format_time(instance.created_at)),
        ("strategies", strategy_words(&instance)),
        ("paused since", instance.paused_at.map_or_else(|| "not paused".to_owned(), until)),
        (
            "old secret valid until",
            instance.old_secret_until.map_or_else(|| "there is none".to_owned(), until),
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
        ("pause", "paused: its webhooks are answered 401, within five minutes everywhere")
    } else {
        ("resume", "open: its webhooks are accepted")
    };
    if !session.flags.may_change(&format!("{change} instance {id}"))? {
        return Ok(Exit::Ok);
    }
    let since = pauses.then(clock::now);
    session.register()?.set_paused(id, since).await?;
    let json = json!({ "instance": id, "paused_at": since });
    session.flags.print(&json, format!("Instance {id} is {done}."))?;
    Ok(odd.print_and_exit())
}

async fn remove_instance(id: &InstanceId, session: &Session) -> anyhow::Result<Exit> {
    // Also what is not understood can be removed.
    session.require_registered(id, &mut OddRecords::default()).await?;
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
