//! What is parked, from the jobs table: every verb reads pages of an index, as long as its answer.

use aws::{error::AwsError, ledger::ParkedKey};
use media::parked::{Filter, ParkedJob};

use crate::look::Parking;

impl Parking {
    /// Shows every parked job, unread webhook and other message that matches the filter to `each`.
    /// Reads indexes only. What SQS parked by itself is among them after the next look. `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list(
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
        mut each: impl AsyncFnMut(&ParkedJob, &ParkedKey),
    ) -> Result<(), AwsError> {
        let mut start = None;
        loop {
            let page = self.ledger.jobs.list_parked(filter, now, start).await?;
            for (job, key) in &page.jobs {
                each(job, key).await;
            }
            start = page.next;
            if start.is_none() {
                return Ok(());
            }
        }
    }
}
