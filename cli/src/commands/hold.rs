//! `wapi-media hold`: keeps media from being erased, for example while a court needs them.

use anyhow::{Context, bail};
use aws::{
    ledger::Erasable,
    orders::{NewHold, Order, OrderDemand},
};
use boot::clock;
use clap::{ArgGroup, Args, Subcommand};
use media::ids::{InstanceId, TenantId};
use operator::{
    audit::{AuditLine, INCOMPLETE},
    retention::{EndChoice, RetainMode},
};
use serde_json::{Value, json};

use super::media::erase::{
    new_order_id,
    scope::{EraseScope, OwnerOptions, SubjectOptions},
};
use crate::{
    audit::AuditScope,
    ends::{EndSummary, EndWalk, describe_left},
    exit::Exit,
    holds::TenantHolds,
    random::random_bytes,
    screen,
    session::Session,
};

/// The name of these actions in the audit table.
pub(crate) const ACTION: &str = "hold";

/// The verbs of `wapi-media hold`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Holds a chat, a message or everything: media erase refuses to erase it.
    ///
    /// What is held does not end by the tenant's retention either. What is stored later in a held
    /// chat does, until media retain takes its end from it. A hold stores nothing that an order to
    /// erase covers already.
    #[command(after_help = "Example:\n  wapi-media hold add --tenant acme --phone 5500900000002 \
        --reason PROCESS-7 --until 2027-06-30")]
    Add(Add),
    /// Lists the holds of a tenant.
    List {
        /// The tenant.
        #[arg(long)]
        tenant: TenantId,
    },
    /// Releases a hold.
    Release {
        /// The id of the hold.
        hold: String,
        /// The tenant of the hold.
        #[arg(long)]
        tenant: TenantId,
    },
}

/// What to hold, of one tenant or one instance.
#[derive(Args)]
#[command(
    group(ArgGroup::new("whose").required(true).multiple(true).args(["tenant", "instance"])),
    group(ArgGroup::new("what").required(true).args(["chat", "phone", "message", "all"])),
)]
pub(crate) struct Add {
    #[command(flatten)]
    owner: OwnerOptions,
    #[command(flatten)]
    subject: SubjectOptions,
    /// Why, such as a process number. Give no name and no phone number: it is kept in clear.
    #[arg(long)]
    reason: String,
    /// The last day of the hold, in UTC, such as 2027-06-30. Without it, the hold ends when it is
    /// released.
    #[arg(long, value_name = "DAY", value_parser = parse_end_of_day)]
    until: Option<i64>,
}

/// Runs a verb of `wapi-media hold`.
pub(crate) async fn run_hold(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::Add(add) => add.run_add(session).await,
        Verb::List { tenant } => list_holds(&tenant, session).await,
        Verb::Release { hold, tenant } => release_hold(&hold, &tenant, session).await,
    }
}

/// The last second of a day such as 2027-06-30, in seconds since 1970.
fn parse_end_of_day(text: &str) -> Result<i64, String> {
    let wrong = || "a day is given as 2027-06-30".to_owned();
    let end = humantime::parse_rfc3339(&format!("{text}T23:59:59Z")).map_err(|_| wrong())?;
    let since_1970 = end.duration_since(std::time::UNIX_EPOCH).map_err(|_| wrong())?;
    i64::try_from(since_1970.as_secs()).map_err(|_| wrong())
}

impl Add {
    async fn run_add(self, session: &Session) -> anyhow::Result<Exit> {
        let mut scope = EraseScope::resolve(&self.owner, &self.subject, session).await?;
        // Names that only records know are held as well: a job or a webhook may have no other.
        scope.widen(session).await?;
        let change = format!("hold a {} of {}", scope.word, scope.tenant);
        if !session.flags.may_change(&change)? {
            return Ok(Exit::Ok);
        }
        let line = begin_audit(&scope.tenant, scope.word, &self.reason, session).await?;
        let (orders, token_key) = (session.orders()?, session.stack.output("TokenKeyId")?);
        let key = orders.create_key(&scope.tenant, token_key, random_bytes()?).await?;
        let id = new_order_id()?;
        for subject in &scope.subjects() {
            let new = NewHold {
                tenant: &scope.tenant,
                subject,
                reason: &self.reason,
                until: self.until,
                by: &line.who,
                id: &id,
                now: clock::now(),
            };
            orders.put_hold(&key, &new).await?;
        }
        let kept = keep_held(&scope.tenant, &id, session).await;
        end_audit(line, if kept.is_ok() { "added" } else { INCOMPLETE }, session).await?;
        let kept = kept.with_context(|| {
            format!(
                "hold {id} is added, but what it covers may still end by the tenant's retention. \
                 Run: wapi-media media retain --tenant {}",
                scope.tenant
            )
        })?;
        let text = format!(
            "Hold {id} is added: media erase and parked drop refuse what it covers. {} versions of \
             files and {} records have no end while it lasts.{}",
            kept.files.held,
            kept.records.held,
            describe_left(kept)
        );
        let json = json!({
            "hold": id, "until": self.until, "files": kept.files, "records": kept.records,
        });
        session.flags.print(&json, text)?;
        Ok(if kept.left() == 0 { Exit::Ok } else { Exit::Findings })
    }
}

async fn list_holds(tenant: &TenantId, session: &Session) -> anyhow::Result<Exit> {
    let orders = session.orders()?.list(tenant).await?;
    let header = ["hold", "of a", "instance", "reason", "until", "given", "by"];
    let mut table = screen::new_table(header);
    let mut found = Vec::new();
    for order in &orders {
        let OrderDemand::Hold { reason, until } = &order.demand else {
            continue;
        };
        table.add_row([
            order.id.clone(),
            order.scope_word().to_owned(),
            order.instance_word().to_owned(),
            reason.clone(),
            until.map_or_else(|| "released".to_owned(), screen::format_time),
            screen::format_time_if_known(order.made_at),
            order.by.clone().unwrap_or_default(),
        ]);
        found.push(json!({
            "hold": order.id, "scope": order.scope_word(), "instance": order.instance_word(),
            "reason": reason, "until": until, "made_at": order.made_at, "by": order.by,
            "holds": order.holds(clock::now()),
        }));
    }
    let text = match found.is_empty() {
        true => format!("Tenant {tenant} has no holds."),
        false => table.to_string(),
    };
    session.flags.print(&Value::from(found), text)?;
    Ok(Exit::Ok)
}

async fn release_hold(id: &str, tenant: &TenantId, session: &Session) -> anyhow::Result<Exit> {
    let orders = session.orders()?;
    let is_meant =
        |order: &Order| order.id == id && matches!(order.demand, OrderDemand::Hold { .. });
    let mut holds = orders.list(tenant).await?;
    holds.retain(is_meant);
    let first = holds.first().with_context(|| {
        format!("tenant {tenant} has no hold {id}. See: wapi-media hold list --tenant {tenant}")
    })?;
    if !session.flags.confirm(&format!("release hold {id} of tenant {tenant}"))? {
        return Ok(Exit::Ok);
    }
    let line = begin_audit(tenant, first.scope_word(), id, session).await?;
    let before = TenantHolds::read_all(tenant, session).await?.only(|hold| hold.id == id);
    for hold in &holds {
        orders.remove_hold(tenant, hold).await?;
    }
    let ended = end_released(tenant, before, session).await;
    end_audit(line, if ended.is_ok() { "released" } else { INCOMPLETE }, session).await?;
    let ended = ended.with_context(|| {
        format!(
            "hold {id} is released, but what it covered may still have no end. \
             Run: wapi-media media retain --tenant {tenant}"
        )
    })?;
    let text =
        format!("Hold {id} is released: what it covered can be erased.{}", describe_left(ended));
    let json = json!({
        "hold": id, "released": true, "files": ended.files, "records": ended.records,
    });
    session.flags.print(&json, text)?;
    Ok(if ended.left() == 0 { Exit::Ok } else { Exit::Findings })
}

/// Takes the end from the files and the records that a new hold covers.
async fn keep_held(tenant: &TenantId, id: &str, session: &Session) -> anyhow::Result<EndSummary> {
    let mut holds = TenantHolds::read(tenant, session).await?.only(|hold| hold.id == id);
    let choose = |hold: Option<Order>| match hold {
        Some(_) => EndChoice::Held,
        None => EndChoice::Left,
    };
    let walk = EndWalk::new(session, tenant, None, RetainMode::Apply);
    let of_file = async |key: &str| Ok(choose(holds.find_of_file(key).await?));
    let files = walk.change_files(None, of_file).await?;
    let of_record = async |instance: &InstanceId, record: &Erasable| {
        Ok(choose(holds.find_of_record(instance, record).await?))
    };
    Ok(EndSummary { files, records: walk.change_records(of_record).await? })
}

/// Gives the files and the records that only the `released` hold covered the end that the tenant's
/// retention means.
async fn end_released(
    tenant: &TenantId,
    mut released: TenantHolds,
    session: &Session,
) -> anyhow::Result<EndSummary> {
    let settings = session.register()?.get_tenant(tenant).await?;
    let Some(retention) = settings.and_then(|tenant| tenant.policy.retention) else {
        return Ok(EndSummary::default());
    };
    let mut others = TenantHolds::read(tenant, session).await?;
    let choose = |hold: Option<Order>, other: Option<Order>| match (hold, other) {
        (Some(_), None) => EndChoice::Plan,
        (None, _) | (_, Some(_)) => EndChoice::Left,
    };
    let walk = EndWalk::new(session, tenant, Some(retention), RetainMode::Apply);
    let of_file = async |key: &str| {
        Ok(choose(released.find_of_file(key).await?, others.find_of_file(key).await?))
    };
    let files = walk.change_files(None, of_file).await?;
    let of_record = async |instance: &InstanceId, record: &Erasable| {
        let hold = released.find_of_record(instance, record).await?;
        Ok(choose(hold, others.find_of_record(instance, record).await?))
    };
    Ok(EndSummary { files, records: walk.change_records(of_record).await? })
}

/// Writes who does what, before it is done.
async fn begin_audit(
    tenant: &TenantId,
    scope: &str,
    reference: &str,
    session: &Session,
) -> anyhow::Result<AuditLine> {
    if reference.trim().is_empty() {
        bail!("a hold has a reason");
    }
    let scope = AuditScope::new(ACTION, scope).of_tenant(tenant);
    session.begin_audit(scope, Some(reference.to_owned())).await
}

async fn end_audit(mut line: AuditLine, outcome: &str, session: &Session) -> anyhow::Result<()> {
    outcome.clone_into(&mut line.outcome);
    session.end_audit(&line).await
}

#[cfg(test)]
mod tests {
    use super::parse_end_of_day;

    #[test]
    fn a_hold_lasts_to_the_end_of_its_day() {
        assert_eq!(parse_end_of_day("2027-06-30"), Ok(1_814_399_999));
        for wrong in ["30/06/2027", "2027-06-31", "2027-06-30T00:00:00Z", "soon", ""] {
            assert!(parse_end_of_day(wrong).is_err(), "{wrong}");
        }
    }
}
