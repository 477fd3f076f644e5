//! Parked jobs of the jobs table: every verb reads pages of an index, as long as its answer.

use aws::{entry_key::EntryKey, error::AwsError};
use media::{
    failure::FailureClass,
    parked::{Filter, ParkedJob},
};

use crate::look::{AfterLook, LookSummary, Parking};

impl Parking {
    /// Shows every parked job and webhook that matches the filter to `each`: the jobs from the jobs
    /// table, and what is only in the parked queue. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the table or the queue cannot be read.
    pub async fn list(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<LookSummary, AwsError> {
        let seen = self.list_queued(filter, now, &mut each).await?;
        self.list_entries(filter, now, each).await?;
        Ok(seen)
    }

    /// The part of [`Self::list`] that is only in the parked queue: receives all of it, unless the
    /// filter excludes that.
    ///
    /// # Errors
    /// [`AwsError`] when the queue cannot be read, also because it is not allowed.
    pub async fn list_queued(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<LookSummary, AwsError> {
        if !is_in_queue(filter) {
            return Ok(LookSummary::default());
        }
        self.visit(now, async |message, has_entry| {
            if !has_entry && filter.matches_job(&message.parked, now) {
                each(&message.parked);
            }
            AfterLook::Release
        })
        .await
    }

    /// The part of [`Self::list`] that the jobs table has: reads its indexes only.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_entries(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<(), AwsError> {
        self.visit_entries(filter, now, async |job, _| each(job)).await
    }

    /// Shows the entries that match the filter to `each`, page by page.
    pub(crate) async fn visit_entries(
        &self,
        filter: &Filter,
        now: i64,
        mut each: impl AsyncFnMut(&ParkedJob, &EntryKey),
    ) -> Result<(), AwsError> {
        let mut start = None;
        loop {
            let page = self.ledger.jobs.list_parked(filter, now, start).await?;
            for job in &page.jobs {
                if let Some(entry) = job.entry() {
                    let key = EntryKey { instance: entry.instance.clone(), key: entry.key.clone() };
                    each(job, &key).await;
                }
            }
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}

/// Whether what the filter selects may be only in the parked queue: webhooks that could not be
/// read, and messages that are not jobs, or not of their instance's tenant. Reading the queue means
/// to receive all of it.
pub(crate) fn is_in_queue(filter: &Filter) -> bool {
    matches!(filter.class, None | Some(FailureClass::Unread | FailureClass::Poison))
}
