//! `wapi-media media export`: copies a chat to a folder or a ZIP archive, with an index.

mod copy;
pub(crate) mod index;
mod target;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::Context;
use boot::clock;
use clap::{ArgGroup, Args};
use indicatif::DecimalBytes;
use media::{
    ids::{InstanceId, TenantId},
    message::Chat,
};
use operator::records::MediaRecord;
use serde_json::json;

use self::{
    copy::{Copier, ExportLayout, ExportSummary},
    index::{FOR_PEOPLE, FOR_PROGRAMS},
    target::ExportTarget,
};
use super::find::{list_by_sender, list_recorded};
use crate::{
    audit::AuditScope,
    exit::Exit,
    interrupt::until_interrupted,
    odd_records::OddRecords,
    owners::list_searched,
    person::{PersonChats, describe_doubtful, describe_folders, parse_folder, parse_phone},
    screen,
    session::Session,
};

/// Which chat to export, and where to.
#[derive(Args)]
#[command(
    group(ArgGroup::new("whose").required(true).multiple(true).args(["tenant", "instance"])),
    group(ArgGroup::new("what").required(true).args(["chat", "phone"])),
)]
pub(crate) struct Export {
    /// Only this instance; without it, every instance that the tenant has or had.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// The tenant whose media are exported; without it, the one to which the instance belongs now.
    /// Needed for an instance that was removed.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The chat whose folder has this name, such as group-120363000000000001.
    #[arg(long)]
    chat: Option<String>,
    /// The chat with this phone number: digits, with the country code; - reads it from standard
    /// input. Includes the folder of each LID that a webhook named beside it, as the table of
    /// people or a record knows: this reads every record of the instance.
    #[arg(long)]
    phone: Option<String>,
    /// Of --phone: also what this person sent to groups, channels and stories. The index names the
    /// chat and the sender of each. No index of the table knows senders, so this reads every record
    /// of the instance.
    #[arg(long, requires = "phone")]
    groups: bool,
    /// Only media sent within this time; without it, all.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// A folder that does not exist yet, or a new file whose name ends in .zip.
    #[arg(long, short)]
    output: PathBuf,
    /// Complete an export in a folder that exists: files that are as recorded are kept.
    #[arg(long)]
    resume: bool,
}

/// The records of an export, the oldest first.
#[derive(Default)]
struct Selection {
    records: Vec<MediaRecord>,
    /// How many records of the chat belong to other tenants, and are left out.
    of_others: usize,
    /// The folders that were searched.
    chats: BTreeSet<Chat>,
    /// LIDs of which it cannot be told whose they are.
    doubtful: BTreeSet<Chat>,
}

/// What was copied.
struct Exported {
    summary: ExportSummary,
    /// How many records there were.
    count: usize,
    of_others: usize,
    chats: BTreeSet<Chat>,
    doubtful: BTreeSet<Chat>,
}

impl Export {
    /// Copies the chat, and prints the counts.
    pub(crate) async fn run_export(self, session: &Session) -> anyhow::Result<Exit> {
        let mut odd = OddRecords::default();
        let tenant = self.find_owner(session, &mut odd).await?;
        let what = if self.phone.is_some() { "phone" } else { "chat" };
        let scope = AuditScope::new("media export", what).of_instance(self.instance.as_ref());
        let scope = scope.of_tenant(TenantId::parse(tenant.clone()).ok().as_ref());
        // How many media there are of a person is said before they are copied, and by a dry run.
        let export = self.select_and_copy(&tenant, &mut odd, session);
        let Some(exported) = session.audit_unless(scope, "not exported", export).await? else {
            return Ok(Exit::Ok);
        };
        let Exported { summary, count, of_others, chats, doubtful } = exported;
        let ExportSummary { files, bytes, kept, changed, absent, unsettled } = summary;
        let json = json!({
            "path": self.output, "tenant": tenant, "media": count, "files": files, "bytes": bytes,
            "kept": kept, "not_as_recorded": changed, "absent": absent, "unsettled": unsettled,
            "of_other_tenants": of_others, "groups": self.groups,
            "folders": chats.iter().map(Chat::as_str).collect::<Vec<_>>(),
        });
        let text = self.describe_summary(summary, &chats, (count, of_others))
            + &describe_doubtful(&doubtful);
        session.flags.print(&json, text)?;
        let exit = odd.print_notes();
        Ok(if changed + absent + unsettled == 0 { exit } else { Exit::Findings })
    }

    /// Selects the records and copies their files; `None` after a dry run.
    async fn select_and_copy(
        &self,
        tenant: &str,
        odd: &mut OddRecords,
        session: &Session,
    ) -> anyhow::Result<Option<Exported>> {
        let selection = self.select_all(tenant, odd, session).await?;
        let Selection { records, of_others, chats, doubtful } = selection;
        let records = odd.inspect_all(records);
        let (count, output) = (records.len(), self.output.display());
        let whose = self.instance.as_ref().map_or(tenant, InstanceId::as_str);
        if !session.flags.may_change(&format!("export {count} media of {whose} to {output}"))? {
            return Ok(None);
        }
        let target = ExportTarget::open(&self.output, self.resume)?;
        let layout = match self.instance {
            Some(_) => ExportLayout::OneInstance,
            None => ExportLayout::ManyInstances,
        };
        let copier = Copier::new(session, session.utc_offset()?, target, layout)?;
        let summary = until_interrupted(Box::pin(copier.copy_all(&records))).await?;
        Ok(Some(Exported { summary, count, of_others, chats, doubtful }))
    }

    fn describe_summary(
        &self,
        summary: ExportSummary,
        chats: &BTreeSet<Chat>,
        (count, of_others): (usize, usize),
    ) -> String {
        let ExportSummary { files, bytes, kept, changed, absent, unsettled } = summary;
        let size = DecimalBytes(bytes);
        let mut text = format!(
            "{}: {files} files ({size}) of {count} media, {FOR_PEOPLE} and {FOR_PROGRAMS}.",
            self.output.display()
        );
        let mut note = |count: u64, said: &str| {
            if count > 0 {
                text += &format!("\n{count} {said}");
            }
        };
        note(kept, "of the files were here already.");
        note(changed, "files are NOT as recorded: they changed after they were stored.");
        note(absent, "files that are recorded as stored could not be copied; the index says why.");
        note(unsettled, "media are not stored: they are retried or parked; the index says why.");
        note(of_others as u64, "media of the chat belong to another tenant, and were left out.");
        if self.phone.is_some() {
            text += &describe_folders(chats);
        }
        if self.phone.is_some() && !self.groups {
            text += "\nWhat this person sent to groups, channels and stories is left out: --groups \
                     exports it as well.";
        }
        text
    }

    /// The tenant whose media are exported.
    async fn find_owner(&self, session: &Session, odd: &mut OddRecords) -> anyhow::Result<String> {
        if let Some(tenant) = &self.tenant {
            return Ok(tenant.to_string());
        }
        let id = self.instance.as_ref().context("one of --tenant and --instance is needed")?;
        let owners = session.list_owners(None, Some(id), odd).await?;
        let found = owners.into_iter().map(|(tenant, _)| tenant).find(|tenant| tenant != "-");
        found.with_context(|| {
            format!(
                "instance {id} is not registered, or its tenant cannot be read. See: wapi-media \
                 instance list; or name the tenant with --tenant"
            )
        })
    }

    /// The tenant's records of the chat, or of the person's chats, in each instance.
    async fn select_all(
        &self,
        tenant: &str,
        odd: &mut OddRecords,
        session: &Session,
    ) -> anyhow::Result<Selection> {
        let instances = match &self.instance {
            Some(only) => BTreeSet::from([only.clone()]),
            None => list_searched(self.tenant.as_ref(), None, odd, session).await?,
        };
        let mut all = Selection::default();
        for instance in instances {
            let person = self.find_chats((tenant, &instance), session).await?;
            let its = self.select_records((&instance, &person.chats), tenant, session).await?;
            all.records.extend(its.records);
            all.of_others += its.of_others;
            all.chats.extend(person.chats);
            all.doubtful.extend(person.doubtful);
        }
        all.records.sort_by_key(|record| record.moment);
        Ok(all)
    }

    /// The tenant's records of the chats. Records of the time when the instance belonged to another
    /// tenant are not this tenant's to have.
    async fn select_records(
        &self,
        (instance, chats): (&InstanceId, &[Chat]),
        tenant: &str,
        session: &Session,
    ) -> anyhow::Result<Selection> {
        let from = self.since.map_or(i64::MIN, |since| {
            let age = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            clock::now().saturating_sub(age)
        });
        let records = session.records()?;
        let mut listed = records.list_by_chat(instance, chats).await?;
        listed.retain(|one| one.moment.is_none_or(|moment| moment >= from));
        let all = listed.len();
        listed.retain(|one| one.tenant.as_deref() == Some(tenant));
        let of_others = all - listed.len();
        listed.reverse();
        let keys: Vec<_> = listed.iter().map(|one| one.key.as_str()).collect();
        let mut found = records.get_all(instance, &keys).await?;
        let mut of_others = of_others;
        if self.groups {
            let mut sent = list_by_sender(&records, instance, chats).await?;
            sent.retain(|one| one.moment.is_none_or(|moment| moment >= from) && !one.is_mark());
            of_others += sent.iter().filter(|one| one.tenant != tenant).count();
            found.extend(sent);
            found.sort_by_key(|record| record.moment.unwrap_or(i64::MIN));
        }
        found.retain(|record| record.tenant == tenant && !record.is_mark());
        records.note_revocations(&mut found).await?;
        Ok(Selection { records: found, of_others, ..Selection::default() })
    }

    /// The folders that are exported: the chat's, or every one of the person's.
    async fn find_chats(
        &self,
        (tenant, instance): (&str, &InstanceId),
        session: &Session,
    ) -> anyhow::Result<PersonChats> {
        if let Some(chat) = &self.chat {
            return Ok(PersonChats { chats: vec![parse_folder(chat)?], ..PersonChats::default() });
        }
        let phone = screen::read_phone(self.phone.as_deref().unwrap_or_default())?;
        let spellings = parse_phone(&phone)?;
        let tenant = TenantId::parse(tenant.to_owned()).ok();
        let recorded = list_recorded(&session.records()?, instance, tenant.as_ref()).await?;
        let people = session.people()?;
        Ok(PersonChats::find_with(&people, instance, &spellings, &recorded).await?)
    }
}
