//! Gives the files and records of a tenant the end that its retention means, and none to what is
//! held: neither S3's lifecycle nor DynamoDB's time to live knows holds.

use anyhow::Context;
use aws::{error::AwsError, ledger::Erasable};
use boot::clock;
use media::{
    ids::{InstanceId, TenantId},
    object_key::ObjectKey,
    policy::Retention,
};
use operator::retention::{EndChoice, RetainCount, RetainMode, RetainPlan, VersionStart};

use crate::{commands::media::erase::scope::list_instances, screen, session::Session};

/// A walk through the files and the records of a tenant that gives them their ends.
pub(crate) struct EndWalk<'a> {
    session: &'a Session,
    tenant: &'a TenantId,
    plan: RetainPlan,
}

/// What a walk counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EndSummary {
    pub(crate) files: RetainCount,
    pub(crate) records: RetainCount,
}

impl EndSummary {
    /// How many things stay as they are for now.
    pub(crate) fn left(&self) -> u64 {
        self.files.left + self.records.left
    }
}

impl<'a> EndWalk<'a> {
    /// Gives what is meant this retention, or only counts it.
    pub(crate) fn new(
        session: &'a Session,
        tenant: &'a TenantId,
        retention: Option<Retention>,
        mode: RetainMode,
    ) -> Self {
        Self { session, tenant, plan: RetainPlan { retention, mode, now: clock::now() } }
    }

    /// Retags the versions of the tenant's files whose keys `choose` means, page by page, from the
    /// key `after` on.
    pub(crate) async fn change_files(
        &self,
        after: Option<&str>,
        mut choose: impl AsyncFnMut(&str) -> Result<EndChoice, AwsError>,
    ) -> anyhow::Result<RetainCount> {
        let tags = self.session.tags()?;
        let folder = ObjectKey::tenant_prefix(self.tenant);
        let after = after.map(str::to_owned);
        let mut start = VersionStart { key: after.clone(), version: None };
        let (mut done, mut count) = (after, RetainCount::default());
        let bar = screen::new_spinner("files");
        loop {
            let begun_at = start.key.clone();
            let page = tags.retain_page(&folder, start, self.plan, &mut choose).await;
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

    /// Changes the records that `choose` means, in all instances that the tenant has or had.
    pub(crate) async fn change_records(
        &self,
        mut choose: impl AsyncFnMut(&InstanceId, &Erasable) -> Result<EndChoice, AwsError>,
    ) -> anyhow::Result<RetainCount> {
        let (records, ledger) = (self.session.records()?, self.session.ledger()?);
        let instances = list_instances(self.tenant, self.session).await?;
        let mut count = RetainCount::default();
        let bar = screen::new_bar("instances", instances.len() as u64);
        for instance in &instances {
            let of_record = async |record: &Erasable| choose(instance, record).await;
            let place = (self.tenant, instance);
            count.add(records.retain_records(&ledger, place, self.plan, of_record).await?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(count)
    }
}

impl EndWalk<'_> {
    /// Changes the ends of the pairs of LID and phone number in all instances that are not another
    /// tenant's by now. Returns how many items had another end.
    pub(crate) async fn change_people(&self) -> anyhow::Result<u64> {
        let RetainPlan { retention, mode, now } = self.plan;
        let (people, register) = (self.session.people()?, self.session.register()?);
        let mut count = 0;
        for instance in &list_instances(self.tenant, self.session).await? {
            let registered = register.get_instance(instance).await;
            if registered.is_ok_and(|found| found.is_some_and(|one| one.tenant != *self.tenant)) {
                continue;
            }
            count += people.retain(instance, retention, now, mode == RetainMode::Count).await?;
        }
        Ok(count)
    }
}

/// What stays as it is for now, and what to do about it; empty if nothing does.
pub(crate) fn describe_left(summary: EndSummary) -> String {
    let EndSummary { files, records } = summary;
    let mut text = String::new();
    if files.left > 0 {
        text += &format!(
            "\n{} versions are younger than an hour: run media retain in an hour.",
            files.left
        );
    }
    if records.left > 0 {
        text +=
            &format!("\n{} records changed at the same moment: run media retain.", records.left);
    }
    text
}
