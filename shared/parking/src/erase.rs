//! Removes parked jobs and unread bodies of what a person has erased: nothing of them is kept.

use aws::{error::AwsError, queues::ParkedMessage};
use media::{
    job::{Job, NotAJob, QueueBody},
    unread::{Search, UnreadBody},
};

use crate::{Look, Parking};

/// Counts of parked messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sorts {
    /// Jobs.
    pub jobs: usize,
    /// Webhooks' bodies that could not be read.
    pub bodies: usize,
}

/// What erasing parked messages came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EraseSummary {
    /// Those that are meant.
    pub meant: Sorts,
    /// Those that are parked no longer.
    pub removed: Sorts,
    /// Still parked: AWS failed on the way.
    pub failed: usize,
    /// Unread bodies of which nobody can say whether they are meant. They are left alone.
    pub unclear: usize,
    /// Messages of a kind that this version does not know, and that may be meant by their text.
    /// They are left alone.
    pub unreadable: usize,
}

/// Whether a parked message is to be erased.
enum EraseMatch {
    Job,
    Body,
    Unclear,
    Unreadable,
    No,
}

impl Parking {
    /// Counts the parked jobs and bodies that are meant, or removes them. What SQS parked by itself
    /// may get its record on the way, so records are to be erased after this. `now` is in seconds
    /// since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn erase(
        &self,
        is_job: impl Fn(&Job) -> bool,
        in_body: impl Fn(&UnreadBody) -> Search,
        in_text: impl Fn(&str) -> Search,
        is_dry_run: bool,
        now: i64,
    ) -> Result<EraseSummary, AwsError> {
        let mut erased = EraseSummary::default();
        let counts = &mut erased;
        self.visit(now, async |taken| {
            let one = match meant(taken, &is_job, &in_body, &in_text) {
                EraseMatch::Job => Sorts { jobs: 1, bodies: 0 },
                EraseMatch::Body => Sorts { jobs: 0, bodies: 1 },
                EraseMatch::Unclear => {
                    counts.unclear += 1;
                    return Look::Release;
                }
                EraseMatch::Unreadable => {
                    counts.unreadable += 1;
                    return Look::Release;
                }
                EraseMatch::No => return Look::Release,
            };
            counts.meant.add(one);
            if is_dry_run {
                return Look::Release;
            }
            match self.parked.remove(&taken.receipt).await {
                Ok(()) => {
                    counts.removed.add(one);
                    Look::Removed
                }
                Err(error) => {
                    tracing::warn!(%error, "a parked message stays parked");
                    counts.failed += 1;
                    Look::Release
                }
            }
        })
        .await?;
        Ok(erased)
    }
}

impl Sorts {
    fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.bodies += other.bodies;
    }
}

fn meant(
    taken: &ParkedMessage,
    is_job: impl Fn(&Job) -> bool,
    in_body: impl Fn(&UnreadBody) -> Search,
    in_text: impl Fn(&str) -> Search,
) -> EraseMatch {
    match QueueBody::parse(&taken.body) {
        Ok(QueueBody::Job(job)) if is_job(&job) => EraseMatch::Job,
        Ok(QueueBody::Job(_)) => EraseMatch::No,
        Ok(QueueBody::Unread(body)) => match in_body(&body) {
            Search::Found => EraseMatch::Body,
            Search::Absent => EraseMatch::No,
            Search::Unclear => EraseMatch::Unclear,
        },
        Err(NotAJob) => match in_text(&taken.body) {
            Search::Found | Search::Unclear => EraseMatch::Unreadable,
            Search::Absent => EraseMatch::No,
        },
    }
}
