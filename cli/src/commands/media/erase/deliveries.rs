//! Webhooks and media events that rest for receivers, and the bodies of large webhooks: counted and
//! removed by what an order to erase would say of them.

use std::collections::BTreeSet;

use aws::{delivery_bodies::DeliveryBodies, ledger::RestingKey};
use media::{
    delivery::{BodyKey, Delivery},
    ids::InstanceId,
    unread::Search,
};
use operator::erase::{EraseMode, FilesCount};
use wapi::webhook::list_subjects;

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

/// Whether the body of an instance's delivery is meant.
type IsMeant<'a> = &'a dyn Fn(&InstanceId, &[u8]) -> bool;

impl EraseScope {
    /// How many there are that were accepted until the order.
    pub(super) async fn count_deliveries(&self, session: &Session) -> anyhow::Result<u64> {
        let covers = |instance: &InstanceId, body: &[u8]| self.covers_body(instance, body);
        let resting = self.find_resting(Some(&self.instances), &covers, session).await?;
        let mut count = resting.len() as u64;
        for instance in &self.instances {
            let bodies = self.find_bodies_in_bucket(instance, &covers, session).await?;
            count += self.erase_bodies(instance, &bodies, EraseMode::Count, session).await?.0;
        }
        Ok(count)
    }

    /// Removes those that were accepted until the order.
    pub(super) async fn remove_deliveries(
        &self,
        session: &Session,
    ) -> anyhow::Result<RemovedDeliveries> {
        let covers = |instance: &InstanceId, body: &[u8]| self.covers_body(instance, body);
        let mut removed = RemovedDeliveries::default();
        let jobs = session.ledger()?.jobs;
        for key in self.find_resting(Some(&self.instances), &covers, session).await? {
            jobs.remove_resting(&key).await?;
            removed.count += 1;
        }
        for instance in &self.instances {
            let found = self.find_bodies_in_bucket(instance, &covers, session).await?;
            let (count, failed) =
                self.erase_bodies(instance, &found, EraseMode::Remove, session).await?;
            removed.count += count;
            removed.failed += failed;
        }
        Ok(removed)
    }

    /// The proof's own search: what rests in the partitions of the tenant's receivers, and what is
    /// in its folder, of these instances. It judges each by the names of people in it, and not as
    /// an order would.
    pub(super) async fn search_deliveries(
        &self,
        instances: &BTreeSet<InstanceId>,
        session: &Session,
    ) -> anyhow::Result<u64> {
        let is_left = |_: &InstanceId, body: &[u8]| self.is_named_in(body);
        let mut folders = instances.clone();
        let only: Vec<_> = instances.iter().cloned().collect();
        if self.only.is_none() {
            folders.extend(self.list_body_folders(session).await?);
        }
        let among = self.only.as_ref().map(|_| only.as_slice());
        let mut count = self.find_resting(among, &is_left, session).await?.len() as u64;
        for instance in &folders {
            let bodies = self.find_bodies_in_bucket(instance, &is_left, session).await?;
            count += self.erase_bodies(instance, &bodies, EraseMode::Count, session).await?.0;
        }
        Ok(count)
    }

    /// Whether an order about the scope is one about this webhook or media event.
    fn covers_body(&self, instance: &InstanceId, body: &[u8]) -> bool {
        if self.is_all() {
            return true;
        }
        let of_body = list_subjects(instance, body);
        self.subjects().iter().any(|subject| of_body.contains(subject))
    }

    /// The deliveries that rest for one of the tenant's receivers, were accepted until the order,
    /// and are meant; only of these instances, if some are given. Of one that this version does not
    /// understand, everything is searched.
    async fn find_resting(
        &self,
        instances: Option<&[InstanceId]>,
        is_meant: IsMeant<'_>,
        session: &Session,
    ) -> anyhow::Result<Vec<RestingKey>> {
        let (jobs, bucket) = (session.ledger()?.jobs, self.bodies(session)?);
        let (mut found, mut stored) = (Vec::new(), Vec::new());
        for receiver in session.receivers()?.list(&self.tenant).await? {
            let each = |key: RestingKey, instance: &str, text: &str| {
                let is_its = |one: &InstanceId| one.as_str() == instance;
                if key.accepted_at > self.until
                    || !instances.is_none_or(|all| all.iter().any(is_its))
                {
                    return;
                }
                let Ok(delivery) = Delivery::parse(text) else {
                    if self.is_all() || self.search_bytes(text.as_bytes()) != Search::Absent {
                        found.push(key);
                    }
                    return;
                };
                match delivery.expose() {
                    Ok(body) if is_meant(&delivery.instance, body) => found.push(key),
                    Ok(_) => {}
                    Err(place) => stored.push((key, delivery.instance.clone(), place.clone())),
                }
            };
            jobs.visit_resting(&receiver.id, each).await?;
        }
        for (key, instance, place) in stored {
            // Without its body, nobody gets it: it ends by itself.
            let body = if self.is_all() { None } else { bucket.get(&place).await? };
            if self.is_all() || body.is_some_and(|body| is_meant(&instance, &body)) {
                found.push(key);
            }
        }
        Ok(found)
    }

    /// The keys of the bodies of large webhooks of an instance that were stored until the order,
    /// and are meant. Of everything, none is read.
    async fn find_bodies_in_bucket(
        &self,
        instance: &InstanceId,
        is_meant: IsMeant<'_>,
        session: &Session,
    ) -> anyhow::Result<BTreeSet<String>> {
        let name = session.stack.output("DeliveriesBucket")?;
        let folder = BodyKey::instance_prefix(&self.tenant, instance);
        let mut keys = BTreeSet::new();
        let each = |key: &str, _| {
            keys.insert(key.to_owned());
        };
        session.operator.visit_files(name, &folder, each).await?;
        if self.is_all() {
            return Ok(keys);
        }
        let (bucket, mut found) = (self.bodies(session)?, BTreeSet::new());
        for key in keys {
            let stored = bucket.get_with_time(&BodyKey::from_listing(&key)).await?;
            if stored.is_some_and(|(body, at)| at <= self.until && is_meant(instance, &body)) {
                found.insert(key);
            }
        }
        Ok(found)
    }

    /// The instances that have a folder of bodies.
    async fn list_body_folders(&self, session: &Session) -> anyhow::Result<Vec<InstanceId>> {
        let (bucket, whole) =
            (session.stack.output("DeliveriesBucket")?, format!("{}/", self.tenant));
        let mut found = BTreeSet::new();
        let each = |key: &str, _| {
            found.extend(key.split('/').nth(1).and_then(|one| InstanceId::parse(one).ok()));
        };
        session.operator.visit_files(bucket, &whole, each).await?;
        Ok(found.into_iter().collect())
    }

    /// Counts or removes these bodies; how many, and how many S3 refused to remove.
    async fn erase_bodies(
        &self,
        instance: &InstanceId,
        keys: &BTreeSet<String>,
        mode: EraseMode,
        session: &Session,
    ) -> anyhow::Result<(u64, u64)> {
        if keys.is_empty() {
            return Ok((0, 0));
        }
        let bucket = session.stack.output("DeliveriesBucket")?;
        let folder = BodyKey::instance_prefix(&self.tenant, instance);
        let is_meant = |key: &str| keys.contains(key);
        let FilesCount { versions, delete_markers, uploads, failed, .. } =
            session.operator.erase_files(bucket, &folder, is_meant, mode).await?;
        Ok((versions + delete_markers + uploads, failed))
    }

    fn bodies(&self, session: &Session) -> anyhow::Result<DeliveryBodies> {
        let bucket = session.stack.output("DeliveriesBucket")?.to_owned();
        Ok(DeliveryBodies::new(&session.operator.clients, bucket))
    }
}
