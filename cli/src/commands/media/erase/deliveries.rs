//! Webhooks that rest for receivers, and the bodies of large ones: of a whole tenant or instance,
//! they are erased as well. Those of one person end by themselves.

use std::collections::BTreeSet;

use media::{delivery::BodyKey, ids::InstanceId};
use operator::erase::{EraseMode, FilesCount};

use super::scope::EraseScope;
use crate::session::Session;

/// What was removed of them.
#[derive(Debug, Default)]
pub(super) struct RemovedDeliveries {
    /// Deliveries and bodies.
    pub(super) count: u64,
    /// Bodies that S3 refused to remove.
    pub(super) failed: u64,
}

impl EraseScope {
    /// How many there are; 0 unless everything is erased.
    pub(super) async fn count_deliveries(&self, session: &Session) -> anyhow::Result<u64> {
        let mut count = 0;
        if !self.is_all() {
            return Ok(count);
        }
        let jobs = session.ledger()?.jobs;
        for receiver in session.receivers()?.list(&self.tenant).await? {
            let is_meant = |id: &str| self.instances.iter().any(|one| one.as_str() == id);
            count += jobs.count_all_resting(&receiver.id, is_meant).await?;
        }
        for instance in &self.instances {
            count += count_items(self.erase_bodies(instance, EraseMode::Count, session).await?);
        }
        Ok(count)
    }

    /// Removes them, if everything is erased.
    pub(super) async fn remove_deliveries(
        &self,
        session: &Session,
    ) -> anyhow::Result<RemovedDeliveries> {
        let mut removed = RemovedDeliveries::default();
        if !self.is_all() {
            return Ok(removed);
        }
        let jobs = session.ledger()?.jobs;
        for receiver in session.receivers()?.list(&self.tenant).await? {
            for instance in &self.instances {
                removed.count += jobs.remove_all_resting(&receiver.id, Some(instance)).await?;
            }
        }
        for instance in &self.instances {
            let bodies = self.erase_bodies(instance, EraseMode::Remove, session).await?;
            removed.count += count_items(bodies);
            removed.failed += bodies.failed;
        }
        Ok(removed)
    }

    /// The proof's own search: everything in the tenant's folder and in the partitions of its
    /// receivers that is not of an instance which was left out.
    pub(super) async fn search_deliveries(
        &self,
        instances: &BTreeSet<InstanceId>,
        session: &Session,
    ) -> anyhow::Result<u64> {
        let mut count = 0;
        if !self.is_all() {
            return Ok(count);
        }
        let is_meant =
            |id: &str| self.only.is_none() || instances.iter().any(|one| one.as_str() == id);
        let jobs = session.ledger()?.jobs;
        for receiver in session.receivers()?.list(&self.tenant).await? {
            count += jobs.count_all_resting(&receiver.id, is_meant).await?;
        }
        let (bucket, whole) =
            (session.stack.output("DeliveriesBucket")?, format!("{}/", self.tenant));
        let each = |key: &str, _| {
            let instance = key.split('/').nth(1).unwrap_or_default();
            count += u64::from(is_meant(instance));
        };
        session.operator.visit_files(bucket, &whole, each).await?;
        Ok(count)
    }

    async fn erase_bodies(
        &self,
        instance: &InstanceId,
        mode: EraseMode,
        session: &Session,
    ) -> anyhow::Result<FilesCount> {
        let bucket = session.stack.output("DeliveriesBucket")?;
        let folder = BodyKey::instance_prefix(&self.tenant, instance);
        Ok(session.operator.erase_files(bucket, &folder, |_| true, mode).await?)
    }
}

fn count_items(bodies: FilesCount) -> u64 {
    bodies.versions + bodies.delete_markers + bodies.uploads
}
