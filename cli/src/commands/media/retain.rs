//! `wapi-media media retain`: applies a tenant's present retention to what exists already.

use anyhow::Context;
use boot::clock;
use clap::Args;
use media::{ids::TenantId, object_key::ObjectKey, policy::Retention};
use operator::retention::{RetainCount, RetainMode, RetainPlan, VersionStart};
use serde_json::json;

use super::erase::scope::list_instances;
use crate::{audit::AuditScope, exit::Exit, screen, session::Session};

/// Whose files and records to change, and where to go on.
#[derive(Args)]
pub(crate) struct Retain {
    /// The tenant whose retention is applied to its files and records.
    #[arg(long)]
    tenant: TenantId,
    /// Go on after the file with this key, as an interrupted run printed it.
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
}

/// The counts of a run.
#[derive(Debug, Clone, Copy, Default)]
struct RetainSummary {
    files: RetainCount,
    records: RetainCount,
    /// Items of the table of people that got another end.
    people: u64,
}

impl Retain {
    /// Applies the retention, and prints the counts. With `--dry-run`, only counts.
    pub(crate) async fn run_retain(self, session: &Session) -> anyhow::Result<Exit> {
        let tenant = session.find_tenant(&self.tenant).await?;
        let retention = tenant.policy.retention;
        let mode = match session.flags.dry_run {
            true => RetainMode::Count,
            false => RetainMode::Apply,
        };
        let change = describe_change(&self.tenant, retention);
        let word = self.tenant.as_str();
        if mode == RetainMode::Apply && !session.flags.confirm_typed(&change, word)? {
            return Ok(Exit::Ok);
        }
        let plan = RetainPlan { retention, mode, now: clock::now() };
        let act = async {
            let files = self.retain_files(session, plan).await?;
            let records = self.retain_records(session, plan).await?;
            let people = self.retain_people(session, plan).await?;
            anyhow::Ok(RetainSummary { files, records, people })
        };
        let summary = match mode {
            RetainMode::Count => act.await?,
            RetainMode::Apply => {
                let scope = AuditScope::new("media retain", "tenant").of_tenant(&self.tenant);
                session.audit(scope, act).await??
            }
        };
        let RetainSummary { files, records, people } = summary;
        let json = json!({
            "tenant": self.tenant, "retention": retention, "dry_run": session.flags.dry_run,
            "files": files, "records": records, "people": people,
        });
        session.flags.print(&json, describe_summary(summary, mode))?;
        Ok(if files.left + records.left == 0 { Exit::Ok } else { Exit::Findings })
    }

    /// Retags the versions of all files of the tenant, page by page.
    async fn retain_files(
        &self,
        session: &Session,
        plan: RetainPlan,
    ) -> anyhow::Result<RetainCount> {
        let tags = session.tags()?;
        let folder = ObjectKey::tenant_prefix(&self.tenant);
        let mut start = VersionStart { key: self.after.clone(), version: None };
        let mut done = self.after.clone();
        let mut count = RetainCount::default();
        let bar = screen::new_spinner("files");
        loop {
            let begun_at = start.key.clone();
            let page = tags.retain_page(&folder, start, plan).await;
            let page = page.with_context(|| self.describe_rest(done.as_deref(), count))?;
            count.add(page.count);
            bar.set_message(format!("{} versions of files", count.seen));
            let Some(next) = page.next else {
                break;
            };
            // The next page may have more versions of the same key, so a new run begins before it.
            done = begun_at.filter(|key| Some(key) != next.key.as_ref()).or(done);
            start = next;
        }
        bar.finish_and_clear();
        Ok(count)
    }

    /// What an interrupted run has to say.
    fn describe_rest(&self, done: Option<&str>, count: RetainCount) -> String {
        let after = done.map(|key| format!(" --after '{key}'")).unwrap_or_default();
        format!(
            "{} versions of files were changed before this failed. \
             Go on: wapi-media media retain --tenant {}{after}",
            count.changed, self.tenant
        )
    }

    /// Changes the records of all instances that the tenant has or had.
    async fn retain_records(
        &self,
        session: &Session,
        plan: RetainPlan,
    ) -> anyhow::Result<RetainCount> {
        let (records, ledger) = (session.records()?, session.ledger()?);
        let instances = list_instances(&self.tenant, session).await?;
        let mut count = RetainCount::default();
        let bar = screen::new_bar("instances", instances.len() as u64);
        for instance in &instances {
            count.add(records.retain_records(&ledger, (&self.tenant, instance), plan).await?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(count)
    }

    /// Changes the ends of the pairs of LID and phone number in all instances that are not another
    /// tenant's by now.
    async fn retain_people(&self, session: &Session, plan: RetainPlan) -> anyhow::Result<u64> {
        let RetainPlan { retention, mode, now } = plan;
        let (people, register) = (session.people()?, session.register()?);
        let mut count = 0;
        for instance in &list_instances(&self.tenant, session).await? {
            let registered = register.get_instance(instance).await;
            if registered.is_ok_and(|found| found.is_some_and(|one| one.tenant != self.tenant)) {
                continue;
            }
            count += people.retain(instance, retention, now, mode == RetainMode::Count).await?;
        }
        Ok(count)
    }
}

fn describe_change(tenant: &TenantId, retention: Option<Retention>) -> String {
    match retention {
        Some(class) => format!(
            "apply the retention {} to all files and records of tenant {tenant}; those that are \
             older than {} days are removed within about two days, for good",
            class.as_str(),
            class.days()
        ),
        None => format!(
            "take the retention from all files and records of tenant {tenant}; they are then kept \
             without an end"
        ),
    }
}

fn describe_summary(summary: RetainSummary, mode: RetainMode) -> String {
    let RetainSummary { files, records, people } = summary;
    let verb = match mode {
        RetainMode::Count => "Would change",
        RetainMode::Apply => "Changed",
    };
    let mut text = format!(
        "{verb} {} of {} versions of files, {} of {} records, and {people} items of the table of \
         people.",
        files.changed, files.seen, records.changed, records.seen
    );
    if files.left > 0 {
        text += &format!(
            "\n{} versions are younger than an hour: run this again in an hour.",
            files.left
        );
    }
    if records.left > 0 {
        text += &format!("\n{} records changed at the same moment: run this again.", records.left);
    }
    text
}

#[cfg(test)]
mod tests {
    use media::{ids::TenantId, policy::Retention};
    use operator::retention::{RetainCount, RetainMode};

    use super::{RetainSummary, describe_change, describe_summary};

    /// A person who confirms it must know that files go, and within how many days.
    #[test]
    fn the_question_says_what_is_removed() {
        let tenant = TenantId::parse("acme".to_owned()).expect("a tenant");
        let said = describe_change(&tenant, Some(Retention::Days90));
        assert!(said.contains("older than 90 days are removed"), "{said}");
        assert!(describe_change(&tenant, None).contains("without an end"));
    }

    #[test]
    fn what_stays_for_now_is_said() {
        let count = |left| RetainCount { seen: 7, changed: 3, left };
        let said = |files, records| {
            let (files, records) = (count(files), count(records));
            let summary = RetainSummary { files, records, people: 4 };
            describe_summary(summary, RetainMode::Apply)
        };
        let all = "Changed 3 of 7 versions of files, 3 of 7 records, and 4 items of the table of \
            people.";
        assert_eq!(said(0, 0), all);
        assert!(said(2, 0).contains("2 versions are younger than an hour"));
        assert!(said(0, 1).contains("1 records changed at the same moment"));
    }
}
