//! `wapi-media media revoked`: media whose sender deleted the message for everyone.

use std::collections::BTreeSet;

use anyhow::bail;
use aws::ledger::{Erasable, MARKED_FOR, RevocationItem, WriteOutcome};
use boot::clock;
use clap::Args;
use media::{
    ids::{InstanceId, TenantId},
    policy::Revoked,
};
use operator::erase::{ErasableNames, EraseMode, FilesCount};
use serde_json::json;

use super::erase::scope::list_instances;
use crate::{audit::AuditScope, exit::Exit, holds::TenantHolds, screen, session::Session};

/// Whose media to list.
#[derive(Args)]
pub(crate) struct ListRevoked {
    /// The tenant.
    #[arg(long)]
    tenant: TenantId,
    /// Erase those that are stored, unless a hold covers them. The tenant's rule has to be erase.
    #[arg(long)]
    apply: bool,
}

/// A media message whose sender deleted it.
struct RevokedMedia {
    instance: InstanceId,
    revoked_at: i64,
    record: Erasable,
    /// The hold that covers it.
    hold: Option<String>,
}

/// What was erased.
#[derive(Default)]
struct Erased {
    records: u64,
    files: FilesCount,
    /// Media that a run works on at the moment.
    busy: u64,
}

impl ListRevoked {
    /// Lists them; with `--apply`, erases what no hold covers.
    pub(super) async fn run_revoked(self, session: &Session) -> anyhow::Result<Exit> {
        let rule = session.find_tenant(&self.tenant).await?.policy.revoked;
        if !self.apply {
            let scope = AuditScope::new("media revoked", "list").of_tenant(&self.tenant);
            let list = async { print_list(&self.find_all(session).await?, rule, session) };
            return session.audit(scope, list).await?;
        }
        let found = self.find_all(session).await?;
        if rule != Revoked::Erase {
            bail!(
                "tenant {tenant} has the rule `revoked {}`: nothing is erased for it. \
                 To change it: wapi-media tenant set {tenant} --revoked erase",
                rule.as_str(),
                tenant = self.tenant
            );
        }
        let free: Vec<_> = found.iter().filter(|one| one.hold.is_none()).collect();
        let held = found.len() - free.len();
        let change = format!(
            "erase {} media of {} whose senders deleted them; {held} are held and stay",
            free.len(),
            self.tenant
        );
        if !session.flags.confirm_typed(&change, self.tenant.as_str())? {
            return Ok(Exit::Ok);
        }
        // Meanwhile something may have been held, moved or erased.
        let confirmed: BTreeSet<_> = free.iter().map(|one| one.record.key.clone()).collect();
        let mut meant = self.find_all(session).await?;
        meant.retain(|one| one.hold.is_none() && confirmed.contains(&one.record.key));
        let scope = AuditScope::new("media revoked", "tenant").of_tenant(&self.tenant);
        let erased = session.audit(scope, erase_all(&meant, session)).await??;
        let json = json!({
            "erased": erased.records, "files": erased.files, "held": held, "busy": erased.busy,
        });
        let mut text = format!(
            "Erased {} media with {} versions of files. {held} are held.",
            erased.records, erased.files.versions
        );
        if erased.busy > 0 {
            text += &format!("\n{} are in work: run this again in eleven minutes.", erased.busy);
        }
        session.flags.print(&json, text)?;
        let is_done = erased.busy == 0 && erased.files.failed == 0;
        Ok(if is_done { Exit::Ok } else { Exit::Findings })
    }

    /// The media of the tenant that have a record, and whose sender deleted them.
    async fn find_all(&self, session: &Session) -> anyhow::Result<Vec<RevokedMedia>> {
        let records = session.records()?;
        let bar = screen::new_counter("instances searched");
        let mut found = Vec::new();
        for instance in list_instances(&self.tenant, session).await? {
            let mut seen = BTreeSet::new();
            let items = records.list_revocations(&instance, None).await?;
            for item in items.iter().filter(|item| item.tenant == self.tenant.as_str()) {
                let names = ErasableNames::default();
                let id = Some(&item.message_id);
                let its = records.list_erasable(&self.tenant, &instance, names, id).await?.meant;
                for record in its.into_iter().filter(|record| is_of(item, record)) {
                    if seen.insert(record.key.clone()) {
                        let (instance, revoked_at) = (instance.clone(), item.revoked_at);
                        found.push(RevokedMedia { instance, revoked_at, record, hold: None });
                    }
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut holds = TenantHolds::read(&self.tenant, session).await?;
        for one in &mut found {
            let hold = holds.find_of_record(&one.instance, &one.record).await?;
            one.hold = hold.map(|hold| hold.id);
        }
        Ok(found)
    }
}

fn is_of(item: &RevocationItem, record: &Erasable) -> bool {
    record.as_revoked().is_some_and(|media| item.is_of(&media))
}

/// Removes the file of each, and then its record: a mark takes its place. The file is found by the
/// record alone.
async fn erase_all(found: &[RevokedMedia], session: &Session) -> anyhow::Result<Erased> {
    let (operator, bucket) = (&session.operator, session.stack.output("MediaBucket")?);
    let (ledger, links, now) = (session.ledger()?, session.links()?, clock::now());
    let bar = screen::new_bar("media erased", found.len() as u64);
    let mut erased = Erased::default();
    for RevokedMedia { instance, record, .. } in found {
        for key in record.object_keys() {
            let files = operator.erase_files(bucket, key, |one| one == key, EraseMode::Remove);
            erased.files.add(files.await?);
        }
        links.remove_all(&record.links).await?;
        match ledger.erase(instance, record, now.saturating_add(MARKED_FOR), now).await? {
            WriteOutcome::Yes => erased.records += 1,
            WriteOutcome::Overtaken => erased.busy += 1,
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(erased)
}

fn print_list(found: &[RevokedMedia], rule: Revoked, session: &Session) -> anyhow::Result<Exit> {
    let mut table = screen::new_table(["deleted", "instance", "message", "chat", "file", "held"]);
    let mut values = Vec::new();
    for one in found {
        let record = &one.record;
        let message = record.message_ids().next().map(String::from).unwrap_or_default();
        let file = record.object_key.clone().unwrap_or_default();
        table.add_row([
            screen::format_time(one.revoked_at),
            one.instance.to_string(),
            message.clone(),
            record.chat.clone().unwrap_or_default(),
            file,
            one.hold.clone().unwrap_or_default(),
        ]);
        values.push(json!({
            "instance": one.instance, "message_id": message, "key": record.key,
            "chat": record.chat, "object_key": record.object_key, "revoked_at": one.revoked_at,
            "hold": one.hold,
        }));
    }
    let text = match (found.is_empty(), rule) {
        (true, Revoked::Keep) => {
            "The tenant's rule is `revoked keep`: nothing is noted about deleted messages."
                .to_owned()
        }
        (true, Revoked::Flag | Revoked::Erase) => "No media of deleted messages.".to_owned(),
        (false, _) => table.to_string(),
    };
    session.flags.print(&json!(values), text)?;
    Ok(Exit::Ok)
}
