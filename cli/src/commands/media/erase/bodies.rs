//! Unread webhooks, and messages that are no job of their instance's tenant, in the jobs table:
//! found and removed by what they contain.

use std::cell::Cell;

use aws::body_key::BodyKey;
use boot::clock;
use media::{
    ids::InstanceId,
    job::{NotAJob, QueueBody},
    unread::{Search, UnreadBody},
};

use super::scope::EraseScope;
use crate::{holds::TenantHolds, session::Session};

/// What body entries have of what is erased.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundBodies {
    /// The entries to erase.
    pub(super) meant: Vec<BodyKey>,
    /// Unread webhooks that a hold keeps: they may contain what is held as well.
    pub(super) held: Cell<u64>,
    /// Unread webhooks that cannot be searched, for example compressed ones.
    pub(super) unclear: u64,
    /// Messages of a kind that this version does not know, and whose text suggests that they have
    /// to be erased.
    pub(super) unreadable: u64,
}

impl FoundBodies {
    fn add(&mut self, key: BodyKey, body: &str, (scope, holds): (&EraseScope, &TenantHolds)) {
        let found = match QueueBody::parse(body) {
            Ok(QueueBody::Unread(unread)) => scope.search_unheld(&unread, holds, &self.held),
            Ok(QueueBody::Job(job)) if scope.covers_job(&job) => Search::Found,
            Ok(QueueBody::Job(_)) => Search::Absent,
            Err(NotAJob) => {
                let is_absent = scope.search_bytes(body.as_bytes()) == Search::Absent;
                self.unreadable += u64::from(!is_absent);
                return;
            }
        };
        match found {
            Search::Found => self.meant.push(key),
            Search::Unclear => self.unclear += 1,
            Search::Absent => {}
        }
    }
}

impl EraseScope {
    /// The bodies that the jobs table keeps of an instance, or of those that name none.
    pub(super) async fn find_bodies(
        &self,
        instance: Option<&InstanceId>,
        holds: &TenantHolds,
        session: &Session,
    ) -> anyhow::Result<FoundBodies> {
        let mut found = FoundBodies::default();
        let (ledger, partition) = (session.ledger()?, BodyKey::partition_of(instance));
        let each = |key, kept: aws::ledger::KeptBody| found.add(key, &kept.body, (self, holds));
        ledger.jobs.visit_bodies(partition, each).await?;
        Ok(found)
    }

    /// Removes the bodies of an instance, and returns how many there were.
    pub(super) async fn remove_bodies(
        &self,
        instance: &InstanceId,
        holds: &TenantHolds,
        session: &Session,
    ) -> anyhow::Result<u64> {
        let (ledger, mut removed) = (session.ledger()?, 0);
        for key in self.find_bodies(Some(instance), holds, session).await?.meant {
            removed += u64::from(ledger.jobs.settle_body(&key, clock::now()).await?);
        }
        Ok(removed)
    }

    /// As [`Self::search_body`], but for what a hold keeps, which is counted.
    pub(super) fn search_unheld(
        &self,
        body: &UnreadBody,
        holds: &TenantHolds,
        held: &Cell<u64>,
    ) -> Search {
        let found = self.search_body(body);
        if found != Search::Found || !holds.may_hold_bodies(body.instance()) {
            return found;
        }
        held.set(held.get() + 1);
        Search::Absent
    }
}
