//! `wapi-media media erase`: gives an order to erase a chat, a message or everything, removes it
//! from all that the stack keeps, and proves it by searching again.

mod bodies;
mod count;
mod deliveries;
mod groups;
mod holds;
mod leftovers;
mod named;
mod pairs;
mod proof;
mod remove;
pub(crate) mod scope;
mod search;

use std::time::{Duration, Instant};

use aws::orders::{NewErasure, Order, Orders};
use boot::clock;
use clap::{ArgGroup, Args};
use data_encoding::BASE32_NOPAD;
use media::{message::Chat, policy::GroupMedia};
use operator::audit::{COMPLETE, INCOMPLETE};
use serde_json::json;

pub(super) use self::proof::{VERIFY_ACTION, Verify, list_orders};
use self::{
    count::{EraseCount, EraseResult, describe_unclear, describe_undecided},
    groups::{GroupCounts, describe_among},
    holds::find_hold,
    remove::await_other_looks,
    scope::{EraseScope, OwnerOptions, SubjectOptions},
};
use crate::{
    exit::Exit, odd_records::OddRecords, person::describe_doubtful, policy::parse_group_media,
    random::random_bytes, screen, session::Session,
};

/// The name of this action in the audit table.
pub(super) const ACTION: &str = "media erase";

/// The wait between the order and the search. A run that asked for orders just before has claimed
/// its record by then, so that the search finds it in work.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// How long to wait for runs that fetch what is erased: a run and its lease last eleven minutes.
const MAX_LEASE_WAIT: Duration = Duration::from_mins(12);

/// The wait between two searches while runs fetch what is erased.
const LEASE_PAUSE: Duration = Duration::from_secs(15);

/// What to erase, of one tenant or one instance.
#[derive(Args)]
#[command(
    group(ArgGroup::new("whose").required(true).multiple(true).args(["tenant", "instance"])),
    group(ArgGroup::new("what").required(true).args(["chat", "phone", "message", "all"])),
)]
pub(crate) struct Erase {
    #[command(flatten)]
    owner: OwnerOptions,
    #[command(flatten)]
    subject: SubjectOptions,
    /// Do not store what comes later either. No command takes this back.
    #[arg(long)]
    and_from_now_on: bool,
    /// Of a person: whether to erase what this person sent to groups, channels and stories as well:
    /// keep or erase. Without it, the tenant's rule decides (tenant set --group-media).
    #[arg(
        long,
        value_name = "WHAT",
        value_parser = parse_group_media,
        conflicts_with_all = ["message", "all"]
    )]
    group_media: Option<GroupMedia>,
}

/// The result of removing and searching again.
struct Removal {
    removed: EraseCount,
    left: EraseCount,
    odd: OddRecords,
    /// Parked jobs that another command uses.
    hidden: u64,
}

impl Erase {
    /// Counts what there is, asks for confirmation, gives the order, erases, and searches again.
    pub(crate) async fn run_erase(self, session: &Session) -> anyhow::Result<Exit> {
        let mut scope = EraseScope::resolve(&self.owner, &self.subject, session).await?;
        // The questions say which folders are a person's, and so does a dry run.
        let mut line =
            session.begin_audit(scope.audit_scope(ACTION), session.flags.reference.clone()).await?;
        let (before, groups, hold) = match self.confirm_erasure(&mut scope, session).await {
            Ok(Some(confirmed)) => confirmed,
            other => {
                "not erased".clone_into(&mut line.outcome);
                session.end_audit(&line).await?;
                return other.map(|_| Exit::Ok);
            }
        };
        if let Some(hold) = hold {
            "refused".clone_into(&mut line.outcome);
            session.end_audit(&line).await?;
            anyhow::bail!("nothing was erased: {}", holds::describe(&hold, &scope));
        }
        let orders = session.orders()?;
        scope.until = clock::now();
        let order = self.give_order(&scope, &line.who, &orders, session).await?;
        let removal = remove_and_search(&mut scope, session).await?;
        let Removal { removed, left, odd, hidden } = removal;
        let is_left = !left.is_nothing() || left.is_doubtful();
        let is_clean = !is_left && hidden == 0 && removed.files.failed == 0 && odd.count() == 0;
        let undecided = scope.count_doubtful(session).await?;
        let is_clean = is_clean && undecided == 0;
        // Only when nothing else is left: the next run finds the person's other names by them.
        let forgotten = if is_clean { scope.forget_people(session).await? } else { 0 };
        let people = scope.count_people(session).await?;
        let is_proven = is_clean && people.left == 0;
        line.outcome = if is_proven { COMPLETE } else { INCOMPLETE }.to_owned();
        line.removed = removed.to_audit_counts();
        session.end_audit(&line).await?;
        let json = json!({
            "found": before, "order": order, "removed": removed, "left": left,
            "groups": groups, "groups_erased": scope.has_groups, "people_removed": forgotten,
            "people_left": people.left, "people_of_other_tenants": people.of_other_tenants,
            "folders": scope.chats.iter().map(Chat::as_str).collect::<Vec<_>>(),
            "left_out": scope.doubtful.iter().map(Chat::as_str).collect::<Vec<_>>(),
            "undecided": undecided, "parked_and_hidden": hidden, "proven": is_proven, "audit": line.at,
        });
        let result = EraseResult { removed, left, hidden, is_proven };
        let said = result.describe(&order, &scope)
            + &describe_unclear(&scope.tenant, &scope.owner_option(), &left);
        let said = said
            + &describe_doubtful(&scope.doubtful)
            + &describe_undecided(undecided)
            + &scope.describe_names(people.of_other_tenants);
        session.flags.print(&json, said)?;
        let exit = odd.print_notes();
        Ok(if is_proven { exit } else { Exit::Findings })
    }

    /// Counts what there is, and asks; `None` if it is not to be erased. What is held is not asked
    /// about.
    async fn confirm_erasure(
        &self,
        scope: &mut EraseScope,
        session: &Session,
    ) -> anyhow::Result<Option<(EraseCount, GroupCounts, Option<Order>)>> {
        let (records, groups) = scope.widen_with_groups(self.group_media, session).await?;
        let mut hold = find_hold(scope, &records, session).await?;
        let (before, _) = scope.count_all(session).await?;
        let change = self.describe_change(scope, &before, &groups);
        if hold.is_none() || session.flags.dry_run {
            if !session.flags.confirm_typed(&change, &scope.typed)? {
                return Ok(None);
            }
            // Somebody may have added one while the question was open.
            hold = find_hold(scope, &records, session).await?;
        }
        Ok(Some((before, groups, hold)))
    }

    fn describe_change(
        &self,
        scope: &EraseScope,
        before: &EraseCount,
        groups: &GroupCounts,
    ) -> String {
        let of_groups = match (scope.is_of_person(), scope.has_groups) {
            (false, _) => String::new(),
            (true, true) => format!("; {}", describe_among(groups)),
            (true, false) => "; what this person sent to groups stays".to_owned(),
        };
        let later = if self.and_from_now_on { ", and store nothing of it from now on" } else { "" };
        format!(
            "erase {} permanently{later}: {}{of_groups}{}",
            scope.describe(),
            before.describe_counts(),
            describe_unclear(&scope.tenant, &scope.owner_option(), before)
        )
    }

    /// Writes the order, which everything that stores or queues media obeys from then on, and
    /// returns its id.
    async fn give_order(
        &self,
        scope: &EraseScope,
        by: &str,
        orders: &Orders,
        session: &Session,
    ) -> anyhow::Result<String> {
        let token_key = session.stack.output("TokenKeyId")?;
        let key = orders.create_key(&scope.tenant, token_key, random_bytes()?).await?;
        let new = NewErasure {
            tenant: &scope.tenant,
            subjects: &scope.subjects(),
            before: scope.until,
            from_now_on: self.and_from_now_on,
            reference: session.flags.reference.as_deref(),
            by,
            id: &new_order_id()?,
        };
        let id = orders.put_erasure(&key, &new).await?;
        tokio::time::sleep(SETTLE_TIME).await;
        Ok(id)
    }
}

/// Removes what there is, and again while runs fetch some of it; then searches for all of it.
async fn remove_and_search(scope: &mut EraseScope, session: &Session) -> anyhow::Result<Removal> {
    let mut removed = scope.remove_all(session).await?;
    let begun = Instant::now();
    let bar = screen::new_spinner("waiting for runs that fetch what is erased");
    let mut is_again = false;
    loop {
        let hidden = await_other_looks(session).await?;
        let (left, odd) = scope.count_all(session).await?;
        let is_in_work = left.busy > 0 && begun.elapsed() < MAX_LEASE_WAIT;
        if !is_in_work && (left.is_nothing() || is_again) {
            let (mut again, leftovers) = scope.search_again(session).await?;
            if !leftovers.is_empty() {
                leftovers.remove(&mut removed, session).await?;
                again = scope.search_again(session).await?.0;
            }
            bar.finish_and_clear();
            return Ok(Removal { removed, left: left.or_more(&again), odd, hidden });
        }
        if is_in_work {
            tokio::time::sleep(LEASE_PAUSE).await;
        }
        is_again = !is_in_work;
        removed.add(&scope.remove_all(session).await?);
    }
}

/// A short id for people: eight letters and digits.
pub(crate) fn new_order_id() -> anyhow::Result<String> {
    Ok(BASE32_NOPAD.encode(&random_bytes::<5>()?).to_ascii_lowercase())
}
