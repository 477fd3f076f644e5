//! `wapi-media tenant`: tenants (customers) and the rules for their media.

use anyhow::{Context, bail};
use aws::{
    receivers::wait_until_known,
    register::{RegisterError, RegisterListing, Tenant},
};
use boot::clock;
use clap::{Args, Subcommand};
use media::{
    ids::{InstanceId, TenantId},
    policy::Policy,
};
use serde_json::{Value, json};

use crate::{
    audit::AuditScope,
    exit::Exit,
    odd_records::OddRecords,
    policy::{PolicyOptions, describe_rules},
    screen,
    session::Session,
};

/// The verbs of `wapi-media tenant`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Adds a tenant: its folder in the bucket, and the rules for what is stored there.
    #[command(after_help = "Examples:\n  wapi-media tenant add acme\n  \
        wapi-media tenant add acme --kinds image,document --retention 1y")]
    Add(TenantRules),
    /// Lists the tenants with their rules.
    List,
    /// Shows a tenant, its rules and its instances.
    Show(TenantArgument),
    /// Changes a tenant's rules. They apply to media announced from now on, within five minutes.
    #[command(after_help = "Example:\n  wapi-media tenant set acme --chats all --max-size 100MB")]
    Set(TenantRules),
    /// Removes a tenant that has no instances. Its files and records stay.
    Remove(TenantArgument),
}

/// A tenant and its rules.
#[derive(Args)]
pub(crate) struct TenantRules {
    /// The tenant's id, which is also its folder's name: at most 48 of a-z, 0-9, '-' and '_',
    /// beginning with a letter or digit.
    tenant: TenantId,
    #[command(flatten)]
    policy: PolicyOptions,
}

/// The tenant that a verb is about.
#[derive(Args)]
pub(crate) struct TenantArgument {
    /// The tenant's id.
    tenant: TenantId,
}

/// Runs a verb of `wapi-media tenant`.
pub(crate) async fn run_tenant(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Add(set) => add_tenant(set, session).await,
        Verb::List => list_tenants(session).await,
        Verb::Show(one) => show_tenant(&one.tenant, session).await,
        Verb::Set(change) => set_rules(change, session).await,
        Verb::Remove(one) => remove_tenant(&one.tenant, session).await,
    }
}

async fn add_tenant(
    TenantRules { tenant, policy }: TenantRules,
    session: &Session,
) -> anyhow::Result<Exit> {
    if !session.flags.may_change(&format!("add tenant {tenant}"))? {
        return Ok(Exit::Ok);
    }
    let new = Tenant {
        id: tenant,
        policy: policy.apply_to(Policy::for_new_tenant()),
        created_at: clock::now(),
    };
    let scope = AuditScope::new("tenant add", "tenant").of_tenant(&new.id);
    let register = session.register()?;
    match session.audit(scope, register.add_tenant(&new)).await? {
        Err(RegisterError::AlreadyThere) => bail!(
            "tenant {id} exists already; nothing was changed. \
             To change its rules: wapi-media tenant set {id}",
            id = new.id
        ),
        added => added?,
    }
    let text = format!(
        "Tenant {id} is added. Next, register an instance: \
         wapi-media instance add INSTANCE --tenant {id}",
        id = new.id
    );
    session.flags.print(&json!(new), text)?;
    Ok(Exit::Ok)
}

async fn list_tenants(session: &Session) -> anyhow::Result<Exit> {
    let mut odd = OddRecords::default();
    let RegisterListing { known: tenants, unread: others } =
        session.register()?.list_tenants().await?;
    for other in others {
        odd.add_note(format!("tenant {}: its own record", other.id));
    }
    let instances = session.list_owners(None, None, &mut odd).await?;
    let mut table = screen::new_table([
        "tenant",
        "instances",
        "kinds",
        "chats",
        "direction",
        "largest file",
        "view once",
        "retention",
        "strategies",
        "group media",
        "revoked",
        "links",
    ]);
    let mut found = Vec::new();
    for tenant in &tenants {
        let is_its = |(owner, _): &&(String, InstanceId)| owner == tenant.id.as_str();
        let its = instances.iter().filter(is_its).count();
        let rules = describe_rules(&tenant.policy).map(|(_, what)| what);
        let row = [tenant.id.to_string(), its.to_string()];
        table.add_row(row.into_iter().chain(rules));
        found.push(json!({ "tenant": tenant.id, "instances": its, "policy": tenant.policy }));
    }
    let text = if tenants.is_empty() {
        "There is no tenant yet. Add one: wapi-media tenant add acme".to_owned()
    } else {
        table.to_string()
    };
    session.flags.print(&Value::from(found), text)?;
    Ok(odd.print_notes())
}

async fn show_tenant(id: &TenantId, session: &Session) -> anyhow::Result<Exit> {
    let tenant = session.find_tenant(id).await?;
    let mut odd = OddRecords::default();
    let instances = session.list_instances(Some(id), &mut odd).await?;
    let mut table = screen::new_table(["", ""]);
    table.add_row(["tenant", id.as_str()]);
    table.add_row(["added", &screen::format_time(tenant.created_at)]);
    for (name, what) in describe_rules(&tenant.policy) {
        table.add_row([name, &what]);
    }
    let ids: Vec<_> = instances.iter().map(|one| one.id.as_str()).collect();
    table.add_row(["instances", &screen::join_words(ids.iter().copied(), "none")]);
    let json = json!({
        "tenant": id, "policy": tenant.policy, "created_at": tenant.created_at, "instances": ids,
    });
    // `tenant set` writes the tenant and its instances in several transactions, and may have been
    // interrupted between two of them.
    let behind = instances.iter().filter(|one| one.policy != tenant.policy);
    let behind: Vec<_> = behind.map(|one| one.id.as_str()).collect();
    if behind.is_empty() {
        session.flags.print(&json, table)?;
        return Ok(odd.print_notes());
    }
    let behind = behind.join(", ");
    let text = format!(
        "{table}\nNot all instances have these rules yet ({behind}). \
         Set them again: wapi-media tenant set {id}"
    );
    session.flags.print(&json, text)?;
    odd.print_notes();
    Ok(Exit::Findings)
}

async fn set_rules(
    TenantRules { tenant: id, policy }: TenantRules,
    session: &Session,
) -> anyhow::Result<Exit> {
    let tenant = session.find_tenant(&id).await?;
    let tenant_retention = tenant.policy.retention;
    let policy = policy.apply_to(tenant.policy);
    let said = describe_rules(&policy).map(|(name, what)| format!("{name}: {what}"));
    if !session.flags.may_change(&format!("set these rules of tenant {id}: {}", said.join("; ")))? {
        return Ok(Exit::Ok);
    }
    let (register, scope) = (session.register()?, AuditScope::new("tenant set", "rules"));
    session.audit(scope.of_tenant(&id), register.set_policy(&id, &policy)).await??;
    let text = describe_new_rules(&id, &said, policy.retention != tenant_retention);
    session.flags.print(&json!({ "tenant": id, "policy": policy }), text)?;
    Ok(Exit::Ok)
}

/// What a change of the rules does, and what it does not.
fn describe_new_rules(id: &TenantId, rules: &[String], is_retention_changed: bool) -> String {
    let rules = rules.join("; ");
    let mut text =
        format!("Tenant {id} has these rules now; they apply within five minutes: {rules}.");
    if is_retention_changed {
        text += &format!(
            "\nWhat is stored or parked already keeps the retention that it has. To see and to \
             change it: wapi-media media retain --tenant {id} --dry-run"
        );
    }
    text
}

async fn remove_tenant(id: &TenantId, session: &Session) -> anyhow::Result<Exit> {
    session.find_tenant(id).await?;
    let register = session.register()?;
    let mut odd = OddRecords::default();
    let its = session.list_owners(Some(id), None, &mut odd).await?;
    let its: Vec<_> = its.iter().map(|(_, id)| id.as_str()).collect();
    if let Some(first) = its.first() {
        bail!(
            "tenant {id} has instances ({}). Remove them first: wapi-media instance remove {first}",
            its.join(", ")
        );
    }
    let change = format!(
        "remove tenant {id} with its receivers; its files and the records of its media stay"
    );
    if !session.flags.confirm(&change)? {
        return Ok(Exit::Ok);
    }
    let scope = AuditScope::new("tenant remove", "tenant").of_tenant(id);
    let removal = async {
        register.remove_tenant(id).await?;
        remove_receivers(id, session).await
    };
    let removed = session.audit(scope, removal).await?;
    removed.with_context(|| {
        format!("tenant {id} was not removed; an instance may have been added meanwhile")
    })?;
    session
        .flags
        .print(&json!({ "tenant": id, "removed": true }), format!("Tenant {id} is removed."))?;
    Ok(Exit::Ok)
}

/// Removes the receivers of a tenant that has no instance any more, and what waits for them.
async fn remove_receivers(id: &TenantId, session: &Session) -> anyhow::Result<()> {
    let (receivers, ledger) = (session.receivers()?, session.ledger()?);
    let removed = receivers.list(id).await?;
    for receiver in &removed {
        receivers.remove(receiver).await?;
    }
    if !removed.is_empty() {
        // Until then, functions that remember them may still write what waits for them.
        wait_until_known().await;
    }
    for receiver in &removed {
        ledger.jobs.remove_all_resting(&receiver.id).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use media::ids::TenantId;

    use super::describe_new_rules;

    /// A new class is not applied to what is there already: whoever sets it must know.
    #[test]
    fn a_new_retention_says_what_it_leaves() {
        let (tenant, rules) = (TenantId::parse("acme").expect("an id"), ["kinds: all".to_owned()]);
        let said = describe_new_rules(&tenant, &rules, true);
        assert!(said.contains("within five minutes: kinds: all."), "{said}");
        assert!(said.contains("keeps the retention that it has"), "{said}");
        assert!(said.ends_with("wapi-media media retain --tenant acme --dry-run"), "{said}");
        assert!(!describe_new_rules(&tenant, &rules, false).contains("retain"));
    }
}
