//! Removes parked jobs of what a person has erased: nothing of them is kept.

use aws::error::AwsError;
use media::job::Job;

use crate::{Look, Parking};

/// What erasing parked jobs came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Jobs that are meant.
    pub meant: usize,
    /// Removed.
    pub removed: usize,
    /// Still parked: AWS failed on the way.
    pub failed: usize,
    /// Messages that are no jobs: nobody can say whose they are.
    pub unreadable: usize,
}

impl Parking {
    /// Counts the parked jobs that are meant, or removes them. What SQS parked by itself may get its record
    /// on the way, so records are to be erased after this. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn erase(
        &self,
        is_meant: impl Fn(&Job) -> bool,
        is_dry_run: bool,
        now: i64,
    ) -> Result<Erased, AwsError> {
        let mut erased = Erased::default();
        let counts = &mut erased;
        self.visit(now, async |taken| {
            let Some(job) = &taken.parked.job else {
                counts.unreadable += 1;
                return Look::PutBack;
            };
            if !is_meant(job) {
                return Look::PutBack;
            }
            counts.meant += 1;
            if is_dry_run {
                return Look::PutBack;
            }
            match self.parked.remove(&taken.receipt).await {
                Ok(()) => {
                    counts.removed += 1;
                    Look::Removed
                }
                Err(error) => {
                    tracing::warn!(%error, "a job stays parked");
                    counts.failed += 1;
                    Look::PutBack
                }
            }
        })
        .await?;
        Ok(erased)
    }
}
