//! `wapi-media media orders` and `wapi-media media verify`: which orders to erase there are, and
//! whether anything is left of what one of them covers.

use anyhow::{Context, bail};
use aws::orders::{Order, OrderDemand};
use clap::{ArgGroup, Args};
use media::{
    ids::{InstanceId, TenantId},
    order::{OrderKind, OrderScope},
};
use operator::audit::{COMPLETE, INCOMPLETE};
use serde_json::{Value, json};

use super::{
    count::{EraseCount, EraseResult, describe_unclear, describe_undecided},
    remove::await_other_looks,
    scope::{EraseScope, OwnerOptions, SubjectOptions},
};
use crate::{exit::Exit, person::describe_doubtful, screen, session::Session};

/// The name of a verification in the audit table.
pub(in super::super) const VERIFY_ACTION: &str = "media verify";

/// The order whose proof is made again.
#[derive(Args)]
#[command(group(ArgGroup::new("what").multiple(true).args(["chat", "phone", "message"])))]
pub(crate) struct Verify {
    /// The id of the order, as `media erase` and `media orders` print it.
    order: String,
    /// The tenant of the order.
    #[arg(long)]
    tenant: TenantId,
    /// A chat of the order. It is only known to whoever gave the order, and must be given again.
    /// May be given several times, also beside --phone: a person has several folders.
    #[arg(long)]
    chat: Vec<String>,
    /// The phone number of the order.
    #[arg(long)]
    phone: Option<String>,
    /// The message of the order.
    #[arg(long)]
    message: Option<String>,
}

impl Verify {
    /// Searches again for everything that the order covers, and changes nothing.
    pub(crate) async fn run_verify(self, session: &Session) -> anyhow::Result<Exit> {
        let (scope, unnamed) = self.find_scope(session).await?;
        let audited = scope.audit_scope(VERIFY_ACTION);
        let mut line = session.begin_audit(audited, Some(self.order.clone())).await?;
        let hidden = await_other_looks(session).await?;
        let (left, odd) = scope.count_all(session).await?;
        let left = left.or_more(&scope.search_again(session).await?.0);
        let is_left = !left.is_nothing() || left.is_doubtful();
        let people = scope.count_people(session).await?.left;
        let is_clean = !is_left && hidden == 0 && odd.count() == 0 && people == 0;
        let undecided = scope.count_doubtful(session).await?;
        let is_proven = is_clean && unnamed == 0 && undecided == 0;
        line.outcome = if is_proven { COMPLETE } else { INCOMPLETE }.to_owned();
        session.end_audit(&line).await?;
        let json = json!({
            "order": self.order, "left": left, "people_left": people,
            "undecided": undecided, "parked_and_hidden": hidden, "folders_not_named": unnamed, "proven": is_proven,
            "audit": line.at,
        });
        let result = EraseResult { removed: EraseCount::default(), left, hidden, is_proven };
        let mut said = result.describe_proof()
            + &describe_unclear(&scope.tenant, &scope.owner_option(), &left);
        said += &(describe_doubtful(&scope.doubtful) + &describe_undecided(undecided));
        if !left.is_nothing() {
            said += "\nWhat was sent after the order counts, too: media find shows when it was \
                sent. A second order covers it.";
        }
        if people > 0 {
            said +=
                &format!("\n{people} pairs of LID and phone number are in the table of people.");
        }
        if unnamed > 0 {
            said += &format!(
                "\nThe order covers {unnamed} more folders, which were not searched. Name them as \
                 well, each with --chat: media erase printed them."
            );
        }
        session.flags.print(&json, said)?;
        let exit = odd.print_notes();
        Ok(if is_proven { exit } else { Exit::Findings })
    }

    /// The scope of the order, and how many of its folders nobody has named. The order has only a
    /// keyed hash of each chat or message, with which what was given is compared.
    async fn find_scope(&self, session: &Session) -> anyhow::Result<(EraseScope, usize)> {
        let orders = session.orders()?;
        let mut items = orders.list(&self.tenant).await?;
        items.retain(|one| one.id == self.order && is_erasure(one));
        let first = items.first().with_context(|| {
            let (tenant, order) = (&self.tenant, &self.order);
            format!(
                "tenant {tenant} has no order {order}. \
                 See: wapi-media media orders --tenant {tenant}"
            )
        })?;
        let scope = first.scope_word();
        let is_whole = ["instance", "tenant"].contains(&scope);
        let is_given = self.phone.is_some() || self.message.is_some() || !self.chat.is_empty();
        if is_given == is_whole {
            bail!(
                "order {} is about a {scope}: {}",
                self.order,
                match is_whole {
                    true => "give neither a chat nor a message",
                    false => "give it again with --phone, --chat or --message",
                }
            );
        }
        let owner = OwnerOptions {
            tenant: Some(self.tenant.clone()),
            instance: InstanceId::parse(first.instance_word()).ok(),
        };
        let subject = SubjectOptions {
            chat: self.chat.first().filter(|_| self.phone.is_none()).cloned(),
            phone: self.phone.clone(),
            message: self.message.clone(),
            all: is_whole,
        };
        let mut scope = EraseScope::resolve(&owner, &subject, session).await?;
        if let OrderDemand::Erase { before, .. } = first.demand {
            scope.until = before;
        }
        for chat in &self.chat {
            scope.add_chat(chat)?;
        }
        let key = orders.find_key(&self.tenant).await?.context("the tenant has no orders")?;
        let is_of_order = |sort_key: String| items.iter().any(|one| one.sort_key == sort_key);
        let mut given = scope.subjects().into_iter();
        if !given.any(|one| is_of_order(one.sort_key(OrderKind::Erase, &key))) {
            bail!("order {} is not about what was given", self.order);
        }
        // An order about a person who is a sender covers what the person sent to groups.
        scope.has_groups = items.iter().any(|one| one.scope_word() == OrderScope::Sender.as_str());
        scope.widen(session).await?;
        let named: Vec<_> =
            scope.subjects().iter().map(|one| one.sort_key(OrderKind::Erase, &key)).collect();
        let unnamed = items.iter().filter(|item| !named.contains(&item.sort_key)).count();
        Ok((scope, unnamed))
    }
}

fn is_erasure(order: &Order) -> bool {
    matches!(order.demand, OrderDemand::Erase { .. })
}

/// Prints the orders to erase of a tenant.
pub(crate) async fn list_orders(tenant: &TenantId, session: &Session) -> anyhow::Result<Exit> {
    let orders = session.orders()?.list(tenant).await?;
    let header = ["order", "of a", "instance", "covers until", "given", "reference", "by"];
    let mut table = screen::new_table(header);
    let mut found = Vec::new();
    for order in orders.iter().filter(|order| is_erasure(order)) {
        let (until, json) = describe_demand(order);
        table.add_row([
            order.id.clone(),
            order.scope_word().to_owned(),
            order.instance_word().to_owned(),
            until,
            screen::format_time_if_known(order.made_at),
            order.reference.clone().unwrap_or_default(),
            order.by.clone().unwrap_or_default(),
        ]);
        found.push(json);
    }
    let text = match found.is_empty() {
        true => format!("Tenant {tenant} has no orders to erase."),
        false => table.to_string(),
    };
    session.flags.print(&Value::from(found), text)?;
    Ok(Exit::Ok)
}

fn describe_demand(order: &Order) -> (String, Value) {
    let OrderDemand::Erase { before, from_now_on } = order.demand else {
        return (String::new(), Value::Null);
    };
    let until = match from_now_on {
        true => "what comes later, too".to_owned(),
        false => screen::format_time(before),
    };
    let json = json!({
        "order": order.id, "scope": order.scope_word(), "instance": order.instance_word(),
        "before": before, "from_now_on": from_now_on, "made_at": order.made_at,
        "reference": order.reference, "by": order.by,
    });
    (until, json)
}
