//! Applies a tenant's present retention to the files and records that exist already.

use std::collections::BTreeSet;

use aws::{
    body_key::BodyKey,
    error::AwsError,
    ledger::{Erasable, KeptBody, Ledger, RecordEnd, WriteOutcome},
};
use aws_sdk_s3::types::ObjectVersion;
use media::{
    ids::{InstanceId, TenantId},
    policy::Retention,
    unread::UnreadBody,
};
use serde::Serialize;

use crate::{records::MediaRecords, tags::BucketTags};

/// A file younger than this, in seconds, keeps its tags: a malware scan may be about to add one,
/// which replacing all tags would remove.
const MIN_FILE_AGE: i64 = 60 * 60;

/// Whether something is only counted or changed as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetainMode {
    /// Only count.
    Count,
    /// Change what differs.
    Apply,
}

/// The retention to apply.
#[derive(Debug, Clone, Copy)]
pub struct RetainPlan {
    /// The class. `None`: what has a class loses it, and is kept without an end.
    pub retention: Option<Retention>,
    /// Whether to change anything.
    pub mode: RetainMode,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

/// Which end something is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndChoice {
    /// The plan's.
    Plan,
    /// None, because it is held.
    Held,
    /// It is not meant, and stays as it is.
    Left,
}

impl EndChoice {
    /// Counts one thing and returns the plan for it; `None` if it stays as it is.
    fn apply(self, plan: RetainPlan, count: &mut RetainCount) -> Option<RetainPlan> {
        let plan = match self {
            Self::Plan => plan,
            Self::Held => RetainPlan { retention: None, ..plan },
            Self::Left => return None,
        };
        count.seen += 1;
        count.held += u64::from(self == Self::Held);
        Some(plan)
    }
}

/// How many things of one sort had or were given the retention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RetainCount {
    /// Those that were looked at.
    pub seen: u64,
    /// Those that had another retention. Unless only counted, they have the right one now.
    pub changed: u64,
    /// Those that stay as they are for now: too young, or they changed at the same moment.
    pub left: u64,
    /// Those that are held, so that they have no end.
    pub held: u64,
}

impl RetainCount {
    /// Adds the counts of another page.
    pub fn add(&mut self, other: Self) {
        self.seen += other.seen;
        self.changed += other.changed;
        self.left += other.left;
        self.held += other.held;
    }
}

/// A page of a listing of versions.
#[derive(Debug, Default)]
pub struct RetainPage {
    /// What was found.
    pub count: RetainCount,
    /// Where the next page begins; `None` after the last.
    pub next: Option<VersionStart>,
}

/// Where a page of a listing of versions begins.
#[derive(Debug, Clone, Default)]
pub struct VersionStart {
    /// After this key.
    pub key: Option<String>,
    /// After this version of the key. `None`: after all of its versions.
    pub version: Option<String>,
}

impl BucketTags {
    /// Gives each version of a file on one page of the listing the tag of the retention that
    /// `choose` names for its key, and keeps its other tags. Noncurrent versions are versions as
    /// well; delete markers have no tags.
    ///
    /// # Errors
    /// When an S3 call or `choose` fails. What was done stays; the same page can be done again.
    pub async fn retain_page(
        &self,
        folder: &str,
        start: VersionStart,
        plan: RetainPlan,
        mut choose: impl AsyncFnMut(&str) -> Result<EndChoice, AwsError>,
    ) -> Result<RetainPage, AwsError> {
        let list = self.clients.s3.list_object_versions().bucket(&self.bucket).prefix(folder);
        let page = list
            .set_key_marker(start.key)
            .set_version_id_marker(start.version)
            .send()
            .await
            .map_err(AwsError::in_operation("s3:ListObjectVersions"))?;
        let mut count = RetainCount::default();
        for version in page.versions.unwrap_or_default() {
            let choice = choose(version.key.as_deref().unwrap_or_default()).await?;
            if let Some(plan) = choice.apply(plan, &mut count) {
                count.add(self.retain_version(&version, plan).await?);
            }
        }
        let next = page.next_key_marker.filter(|_| page.is_truncated.unwrap_or_default());
        let version = page.next_version_id_marker;
        let next = next.map(|key| VersionStart { key: Some(key), version });
        Ok(RetainPage { count, next })
    }

    async fn retain_version(
        &self,
        version: &ObjectVersion,
        plan: RetainPlan,
    ) -> Result<RetainCount, AwsError> {
        let mut count = RetainCount::default();
        let key = version.key.as_deref().unwrap_or_default();
        let id = version.version_id.as_deref();
        let Some(mut tags) = self.find_tags(key, id).await? else {
            return Ok(count);
        };
        let wanted = plan.retention.map(Retention::as_str);
        if tags.get(Retention::TAG).map(String::as_str) == wanted {
            return Ok(count);
        }
        let written_at = version.last_modified.map_or(0, |at| at.secs());
        if written_at > plan.now - MIN_FILE_AGE {
            count.left = 1;
            return Ok(count);
        }
        match wanted {
            Some(class) => tags.insert(Retention::TAG.to_owned(), class.to_owned()),
            None => tags.remove(Retention::TAG),
        };
        let is_changed = match plan.mode {
            RetainMode::Count => true,
            RetainMode::Apply => self.replace_tags((key, id), &tags).await?,
        };
        count.changed = u64::from(is_changed);
        Ok(count)
    }
}

impl MediaRecords {
    /// Gives each record of a tenant's instance the end that `choose` names for it, and the entry
    /// of a parked job with it; also each unread webhook. Page by page, so that memory does not
    /// grow with the instance.
    ///
    /// # Errors
    /// When a call of `DynamoDB` or `choose` fails. What was done stays, and is not done again.
    pub async fn retain_records(
        &self,
        ledger: &Ledger,
        (tenant, instance): (&TenantId, &InstanceId),
        plan: RetainPlan,
        mut choose: impl AsyncFnMut(&Erasable) -> Result<EndChoice, AwsError>,
    ) -> Result<RetainCount, AwsError> {
        let mut count = RetainCount::default();
        let wanted = RecordEnd::ATTRIBUTES.into_iter().chain(Erasable::ATTRIBUTES);
        let wanted: BTreeSet<_> = wanted.collect();
        for query in self.queries(instance, None) {
            let mut query = query;
            let mut names = Vec::new();
            for (n, attribute) in wanted.iter().enumerate() {
                let name = format!("#a{n}");
                query = query.expression_attribute_names(&name, *attribute);
                names.push(name);
            }
            query = query.projection_expression(names.join(", "));
            let mut items = query.into_paginator().items().send();
            while let Some(item) = items.next().await {
                let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
                let Some(record) = RecordEnd::from_item(&item, tenant) else {
                    continue;
                };
                let choice = choose(&Erasable::from_item(&item)).await?;
                let Some(plan) = choice.apply(plan, &mut count) else {
                    continue;
                };
                if record.agrees_with(plan.retention) {
                    continue;
                }
                let outcome = match plan.mode {
                    RetainMode::Count => WriteOutcome::Yes,
                    RetainMode::Apply => {
                        ledger.set_end(instance, &record, plan.retention, plan.now).await?
                    }
                };
                match outcome {
                    WriteOutcome::Yes => count.changed += 1,
                    WriteOutcome::Overtaken => count.left += 1,
                }
            }
        }
        count.add(retain_bodies(ledger, (tenant, instance), plan).await?);
        Ok(count)
    }
}

/// Gives each unread webhook of a tenant's instance the end that the retention means.
async fn retain_bodies(
    ledger: &Ledger,
    (tenant, instance): (&TenantId, &InstanceId),
    plan: RetainPlan,
) -> Result<RetainCount, AwsError> {
    let (mut count, mut changing) = (RetainCount::default(), Vec::new());
    let each = |key: BodyKey, kept: KeptBody| {
        let Ok(unread) = UnreadBody::parse(&kept.body) else {
            return;
        };
        if kept.tenant.as_ref() != Some(tenant) {
            return;
        }
        count.seen += 1;
        let end = plan.retention.map(|class| class.end_of(unread.accepted_at()).max(plan.now));
        if kept.forget_at != end {
            changing.push((key, kept, end));
        }
    };
    ledger.jobs.visit_bodies(BodyKey::partition_of(Some(instance)), each).await?;
    for (key, kept, end) in changing {
        let is_changed = match plan.mode {
            RetainMode::Count => true,
            RetainMode::Apply => ledger.jobs.set_body_end((&key, &kept), end).await?,
        };
        count.changed += u64::from(is_changed);
        count.left += u64::from(!is_changed);
    }
    Ok(count)
}
