//! `wapi-media media relink`: moves media that are stored in the folder of a LID to the folder of
//! the person's phone number, once webhooks have named it.

mod count;
mod one_record;
mod person;

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use aws::people::PeopleTable;
use clap::{ArgGroup, Args};
use media::{
    ids::{InstanceId, TenantId},
    message::Chat,
};
use serde_json::json;

use self::{
    count::RelinkCount,
    one_record::{Move, Mover},
    person::Person,
};
use crate::{
    audit::AuditScope,
    exit::Exit,
    odd_records::OddRecords,
    owners::list_searched,
    person::{PersonChats, parse_phone},
    screen,
    session::Session,
};

/// The name of this action in the audit table.
const ACTION: &str = "media relink";

/// How many records are read at a time.
const PAGE: usize = 100;

/// Whose media to move.
#[derive(Args)]
#[command(
    group(ArgGroup::new("whose").required(true).multiple(true).args(["tenant", "instance"])),
    group(ArgGroup::new("whom").args(["phone", "lid"])),
)]
pub(crate) struct Relink {
    /// The tenant whose media are moved; without it, the one to which the instance belongs now.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Only this instance; without it, every instance that the tenant has or had.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Only the person with this phone number: digits, with the country code; - reads it from
    /// standard input.
    #[arg(long)]
    phone: Option<String>,
    /// Only the person with this LID: its digits.
    #[arg(long)]
    lid: Option<String>,
}

impl Relink {
    /// Counts what is in folders of LIDs, and moves it. With `--dry-run`, only counts.
    pub(crate) async fn run_relink(self, session: &Session) -> anyhow::Result<Exit> {
        let tenant = self.find_tenant(session).await?;
        let mut odd = OddRecords::default();
        let word = if self.phone.is_some() || self.lid.is_some() { "chat" } else { "tenant" };
        let scope = AuditScope::new(ACTION, word).of_tenant(&tenant);
        let scope = scope.of_instance(self.instance.as_ref());
        // How many media there are of a person is said before they are moved, and by a dry run.
        let relink = self.count_and_move(&tenant, &mut odd, session);
        let moved = session.audit_unless(scope, "not moved", relink).await?;
        let exit = odd.print_notes();
        let Some(count) = moved else {
            return Ok(exit);
        };
        session.flags.print(&json!(count), count.describe())?;
        Ok(if count.is_whole() { exit } else { Exit::Findings })
    }

    /// Counts, asks and moves; `None` after a dry run or a "no".
    async fn count_and_move(
        &self,
        tenant: &TenantId,
        odd: &mut OddRecords,
        session: &Session,
    ) -> anyhow::Result<Option<RelinkCount>> {
        let (people, unclear) = self.find_people(tenant, odd, session).await?;
        let found = count_records(tenant, &people, session).await?;
        let change = format!(
            "move the media files of {found} records of tenant {tenant} from folders of LIDs to \
             those of their phone numbers"
        );
        if session.flags.dry_run {
            let count = RelinkCount::of_unclear(unclear);
            let json = json!({ "dry_run": true, "would": change, "found": found,
                "unclear": unclear });
            session.flags.print(&json, format!("Would {change}.{}", count.describe_left()))?;
            return Ok(None);
        }
        if found > 0 && !session.flags.confirm(&change)? {
            return Ok(None);
        }
        let mut count = move_all(tenant, &people, session).await?;
        count.unclear = unclear;
        Ok(Some(count))
    }

    async fn find_tenant(&self, session: &Session) -> anyhow::Result<TenantId> {
        match (&self.tenant, &self.instance) {
            (Some(tenant), _) => Ok(tenant.clone()),
            (None, Some(id)) => Ok(session.find_instance(id).await?.tenant),
            (None, None) => bail!("one of --tenant and --instance is needed"),
        }
    }

    /// The persons whose LID belongs to one number, and how many LIDs belong to several.
    async fn find_people(
        &self,
        tenant: &TenantId,
        odd: &mut OddRecords,
        session: &Session,
    ) -> anyhow::Result<(Vec<Person>, u64)> {
        let phone = self.phone.as_deref().map(screen::read_phone).transpose()?;
        let table = session.people()?;
        let (mut people, mut unclear) = (Vec::new(), 0);
        let instances = list_searched(Some(tenant), self.instance.as_ref(), odd, session).await?;
        for instance in instances {
            for lid in self.find_lids(&table, &instance, phone.as_deref()).await? {
                match table.find_phone((tenant, &instance), &lid).await? {
                    Some(phone) => people.push(Person { instance: instance.clone(), lid, phone }),
                    None => unclear += 1,
                }
            }
        }
        Ok((people, unclear))
    }

    /// The LIDs that are meant and that webhooks have named beside a number.
    async fn find_lids(
        &self,
        table: &PeopleTable,
        instance: &InstanceId,
        phone: Option<&str>,
    ) -> anyhow::Result<BTreeSet<String>> {
        let pairs = match (phone, &self.lid) {
            (Some(phone), _) => {
                let person = PersonChats::find(table, instance, &parse_phone(phone)?).await?;
                person.pairs
            }
            (None, Some(lid)) => {
                let digits = lid.strip_prefix("lid-").unwrap_or(lid);
                let folder = Chat::from_lid(digits).context("a LID is given as its digits")?;
                PersonChats::find(table, instance, &[folder]).await?.pairs
            }
            (None, None) => table.list_all(instance).await?,
        };
        Ok(pairs.into_iter().filter_map(|pair| pair.lid).collect())
    }
}

/// How many records name a folder of one of these LIDs.
async fn count_records(
    tenant: &TenantId,
    people: &[Person],
    session: &Session,
) -> anyhow::Result<usize> {
    let mut count = 0;
    for person in people {
        count += list_keys(tenant, person, session).await?.len();
    }
    Ok(count)
}

/// The keys of the tenant's records that name the folder of the person's LID.
async fn list_keys(
    tenant: &TenantId,
    person: &Person,
    session: &Session,
) -> anyhow::Result<Vec<String>> {
    let folder: Vec<_> = Chat::from_lid(&person.lid).into_iter().collect();
    let mut listed = session.records()?.list_by_chat(&person.instance, &folder).await?;
    listed.retain(|one| one.tenant.as_deref() == Some(tenant.as_str()));
    Ok(listed.into_iter().map(|one| one.key).collect())
}

async fn move_all(
    tenant: &TenantId,
    people: &[Person],
    session: &Session,
) -> anyhow::Result<RelinkCount> {
    let (records, mut count) = (session.records()?, RelinkCount::default());
    let bar = screen::new_bar("persons relinked", people.len() as u64);
    for person in people {
        let keys = list_keys(tenant, person, session).await?;
        if !keys.is_empty() {
            let mover = Mover::new(tenant, person, session).await?;
            for keys in keys.chunks(PAGE) {
                let keys: Vec<_> = keys.iter().map(String::as_str).collect();
                for record in records.get_all(&person.instance, &keys).await? {
                    // What is not stored is stored later, and has nothing to move yet.
                    if let Some(one) = Move::plan(&record, tenant, person) {
                        count.add(mover.move_file(&record, &one).await?);
                    }
                }
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(count)
}
