//! Webhooks and media events that rest for receivers, and the bodies of large webhooks: counted and
//! removed by what an order to erase would say of them.

use std::collections::{BTreeMap, BTreeSet};

use aws::{delivery_bodies::DeliveryBodies, ledger::RestingKey};
use media::{
    delivery::{BodyKey, Delivery},
    ids::InstanceId,
    unread::Search,
};
use operator::erase::{EraseMode, FileItem, FilesCount};
use wapi::webhook::list_understood;

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

/// What was found of them.
#[derive(Debug, Default)]
pub(super) struct FoundDeliveries {
    /// Deliveries and bodies.
    pub(super) count: u64,
    /// Those that could not be searched.
    pub(super) unclear: u64,
}

/// What a search found, and how many could not be searched.
struct Hits<T> {
    meant: Vec<T>,
    unclear: u64,
}

impl<T> Default for Hits<T> {
    fn default() -> Self {
        Self { meant: Vec::new(), unclear: 0 }
    }
}

impl<T> Hits<T> {
    fn add(&mut self, one: T, found: Search) {
        match found {
            Search::Found => self.meant.push(one),
            Search::Unclear => self.unclear += 1,
            Search::Absent => {}
        }
    }
}

/// Whether the body of an instance's delivery is meant.
type Judge<'a> = &'a dyn Fn(&InstanceId, &[u8]) -> Search;

impl EraseScope {
    /// How many there are that were accepted until the order.
    pub(super) async fn count_deliveries(
        &self,
        session: &Session,
    ) -> anyhow::Result<FoundDeliveries> {
        let judge = |instance: &InstanceId, body: &[u8]| self.covers_body(instance, body);
        self.count_in(&self.instances, Some(&self.instances), &judge, session).await
    }

    /// Removes those that were accepted until the order.
    pub(super) async fn remove_deliveries(
        &self,
        session: &Session,
    ) -> anyhow::Result<RemovedDeliveries> {
        let judge = |instance: &InstanceId, body: &[u8]| self.covers_body(instance, body);
        let mut removed = RemovedDeliveries::default();
        let jobs = session.ledger()?.jobs;
        for key in self.find_resting(Some(&self.instances), &judge, session).await?.meant {
            jobs.remove_resting(&key).await?;
            removed.count += 1;
        }
        for instance in &self.instances {
            let found = self.find_bodies_in_bucket(instance, &judge, session).await?.meant;
            let (count, failed) =
                self.erase_bodies(instance, found, EraseMode::Remove, session).await?;
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
    ) -> anyhow::Result<FoundDeliveries> {
        let judge = |instance: &InstanceId, body: &[u8]| match list_understood(instance, body) {
            // What tells of an erasure is covered by no order, and left by none.
            Some(subjects) if subjects.is_empty() => Search::Absent,
            subjects => self.search_names(body, subjects.is_some()),
        };
        let only: Vec<_> = instances.iter().cloned().collect();
        let mut folders = instances.clone();
        if self.only.is_none() {
            folders.extend(self.list_body_folders(session).await?);
        }
        let folders: Vec<_> = folders.into_iter().collect();
        let among = self.only.as_ref().map(|_| only.as_slice());
        self.count_in(&folders, among, &judge, session).await
    }

    /// Counts what rests, only of these instances if some are given, and the bodies in the folders
    /// of instances.
    async fn count_in(
        &self,
        folders: &[InstanceId],
        among: Option<&[InstanceId]>,
        judge: Judge<'_>,
        session: &Session,
    ) -> anyhow::Result<FoundDeliveries> {
        let resting = self.find_resting(among, judge, session).await?;
        let mut found =
            FoundDeliveries { count: resting.meant.len() as u64, unclear: resting.unclear };
        for instance in folders {
            let bodies = self.find_bodies_in_bucket(instance, judge, session).await?;
            found.unclear += bodies.unclear;
            let counted = self.erase_bodies(instance, bodies.meant, EraseMode::Count, session);
            found.count += counted.await?.0;
        }
        Ok(found)
    }

    /// Whether an order about the scope is one about this webhook or media event. Of one that is
    /// not understood, everything is searched.
    fn covers_body(&self, instance: &InstanceId, body: &[u8]) -> Search {
        if self.is_all() {
            return Search::Found;
        }
        let Some(of_body) = list_understood(instance, body) else {
            return self.search_bytes(body);
        };
        match self.subjects().iter().any(|subject| of_body.contains(subject)) {
            true => Search::Found,
            false => Search::Absent,
        }
    }

    /// The deliveries that rest for one of the tenant's receivers, were accepted until the order,
    /// and are meant; only of these instances, if some are given. Of one that this version does not
    /// understand, everything is searched.
    async fn find_resting(
        &self,
        instances: Option<&[InstanceId]>,
        judge: Judge<'_>,
        session: &Session,
    ) -> anyhow::Result<Hits<RestingKey>> {
        let (jobs, bucket) = (session.ledger()?.jobs, self.bodies(session)?);
        let (mut found, mut stored) = (Hits::default(), Vec::new());
        for receiver in session.receivers()?.list(&self.tenant).await? {
            let each = |key: RestingKey, instance: &str, text: &str| {
                let is_its = |one: &InstanceId| one.as_str() == instance;
                if key.accepted_at > self.until
                    || !instances.is_none_or(|all| all.iter().any(is_its))
                {
                    return;
                }
                let Ok(delivery) = Delivery::parse(text) else {
                    found.add(key, self.search_names(text.as_bytes(), false));
                    return;
                };
                match delivery.expose() {
                    Ok(body) => found.add(key, judge(&delivery.instance, body)),
                    Err(place) => stored.push((key, delivery.instance.clone(), place.clone())),
                }
            };
            jobs.visit_resting(&receiver.id, each).await?;
        }
        for (key, instance, place) in stored {
            // Without its body, nobody gets it: it ends by itself.
            let body = if self.is_all() { Some(Vec::new()) } else { bucket.get(&place).await? };
            found.add(key, body.map_or(Search::Absent, |body| judge(&instance, &body)));
        }
        Ok(found)
    }

    /// The keys of the bodies of large webhooks of an instance that were stored until the order,
    /// and are meant. Of everything, none is read.
    async fn find_bodies_in_bucket(
        &self,
        instance: &InstanceId,
        judge: Judge<'_>,
        session: &Session,
    ) -> anyhow::Result<Hits<String>> {
        let name = session.stack.output("DeliveriesBucket")?;
        let folder = BodyKey::instance_prefix(&self.tenant, instance);
        let mut keys = BTreeMap::<String, i64>::new();
        let each = |key: &str, item: FileItem| {
            let latest = keys.entry(key.to_owned()).or_default();
            if let FileItem::Version { written_at, .. } = item {
                *latest = (*latest).max(written_at);
            }
        };
        session.operator.visit_files(name, &folder, each).await?;
        let (bucket, mut found) = (self.bodies(session)?, Hits::default());
        for (key, _) in keys.into_iter().filter(|(_, written_at)| *written_at <= self.until) {
            if self.is_all() {
                found.add(key, Search::Found);
                continue;
            }
            // Of one that was deleted, only an old version is left, which no receiver can get.
            let body = bucket.get(&BodyKey::from_listing(&key)).await?;
            let judged = body.map_or(Search::Found, |body| judge(instance, &body));
            found.add(key, judged);
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
        keys: Vec<String>,
        mode: EraseMode,
        session: &Session,
    ) -> anyhow::Result<(u64, u64)> {
        if keys.is_empty() {
            return Ok((0, 0));
        }
        let bucket = session.stack.output("DeliveriesBucket")?;
        let folder = BodyKey::instance_prefix(&self.tenant, instance);
        let keys: BTreeSet<_> = keys.into_iter().collect();
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
