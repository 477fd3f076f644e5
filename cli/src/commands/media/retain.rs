//! `wapi-media media retain`: applies a tenant's present retention to what exists already.

use aws::{ledger::Erasable, orders::Order};
use clap::Args;
use media::{
    ids::{InstanceId, TenantId},
    policy::Retention,
};
use operator::retention::{EndChoice, RetainMode};
use serde_json::json;

use crate::{
    audit::AuditScope,
    ends::{EndSummary, EndWalk, describe_left},
    exit::Exit,
    holds::TenantHolds,
    session::Session,
};

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
        let walk = EndWalk::new(session, &self.tenant, retention, mode);
        let act = async {
            let mut holds = TenantHolds::read(&self.tenant, session).await?;
            let choose = |hold: Option<Order>| match hold {
                Some(_) => EndChoice::Held,
                None => EndChoice::Plan,
            };
            let of_file = async |key: &str| Ok(choose(holds.find_of_file(key).await?));
            let files = walk.change_files(self.after.as_deref(), of_file).await?;
            let of_record = async |instance: &InstanceId, record: &Erasable| {
                Ok(choose(holds.find_of_record(instance, record).await?))
            };
            let records = walk.change_records(of_record).await?;
            anyhow::Ok((EndSummary { files, records }, walk.change_people().await?))
        };
        let (summary, people) = match mode {
            RetainMode::Count => act.await?,
            RetainMode::Apply => {
                let scope = AuditScope::new("media retain", "tenant").of_tenant(&self.tenant);
                session.audit(scope, act).await??
            }
        };
        let json = json!({
            "tenant": self.tenant, "retention": retention, "dry_run": session.flags.dry_run,
            "files": summary.files, "records": summary.records, "people": people,
        });
        session.flags.print(&json, describe_summary(summary, people, mode))?;
        Ok(if summary.left() == 0 { Exit::Ok } else { Exit::Findings })
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

fn describe_summary(summary: EndSummary, people: u64, mode: RetainMode) -> String {
    let EndSummary { files, records } = summary;
    let verb = match mode {
        RetainMode::Count => "Would change",
        RetainMode::Apply => "Changed",
    };
    let mut text = format!(
        "{verb} {} of {} versions of files, {} of {} records, and {people} items of the table of \
         people.",
        files.changed, files.seen, records.changed, records.seen
    );
    if files.held + records.held > 0 {
        text += &format!(
            "\n{} versions and {} records are held, and have no end while the hold lasts.",
            files.held, records.held
        );
    }
    text + &describe_left(summary)
}

#[cfg(test)]
mod tests {
    use media::{ids::TenantId, policy::Retention};
    use operator::retention::{RetainCount, RetainMode};

    use super::{EndSummary, describe_change, describe_summary};

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
        let count = |left| RetainCount { seen: 7, changed: 3, left, held: 0 };
        let said = |files, records| {
            let summary = EndSummary { files: count(files), records: count(records) };
            describe_summary(summary, 4, RetainMode::Apply)
        };
        let all = "Changed 3 of 7 versions of files, 3 of 7 records, and 4 items of the table of \
            people.";
        assert_eq!(said(0, 0), all);
        assert!(said(2, 0).contains("2 versions are younger than an hour"));
        assert!(said(0, 1).contains("1 records changed at the same moment"));
        let files = RetainCount { held: 2, ..count(0) };
        let said = describe_summary(EndSummary { files, records: count(0) }, 4, RetainMode::Apply);
        assert!(
            said.ends_with(
                "2 versions and 0 records are held, and have no end while the hold lasts."
            )
        );
    }
}
