//! Erases parked jobs, and parked webhook bodies that could not be read.

use aws::{error::AwsError, queues::ParkedMessage};
use media::{
    job::{Job, NotAJob, QueueBody},
    unread::{Search, UnreadBody},
};

use crate::{
    failures::Failures,
    look::{AfterLook, Parking},
};

/// Numbers of parked messages, by what they contain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// Jobs.
    pub jobs: usize,
    /// Webhook bodies that could not be read.
    pub bodies: usize,
}

/// The result of erasing parked messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EraseSummary {
    /// Messages to erase.
    pub meant: MessageCounts,
    /// Messages that were deleted.
    pub removed: MessageCounts,
    /// Messages that stay parked because an AWS call failed, or could not be compared with their
    /// records, and what failed first.
    pub failures: Failures,
    /// Unread bodies that may or may not have to be erased. They stay parked.
    pub unclear: usize,
    /// Messages of a kind that this version does not know, and whose text suggests that they have
    /// to be erased. They stay parked.
    pub unreadable: usize,
}

/// Whether a parked message has to be erased.
enum EraseMatch {
    Job,
    Body,
    Unclear,
    Unreadable,
    No,
}

impl Parking {
    /// Counts the parked jobs and bodies that match. This may write the records of jobs that SQS
    /// parked by itself. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn count_erasable(
        &self,
        is_job: impl Fn(&Job, &str) -> bool,
        in_body: impl Fn(&UnreadBody) -> Search,
        in_text: impl Fn(&str) -> Search,
        now: i64,
    ) -> Result<EraseSummary, AwsError> {
        let mut summary = EraseSummary::default();
        let seen = self.visit(now, async |message, has_entry| {
            summary.count(match_message(message, &is_job, &in_body, &in_text), has_entry);
            AfterLook::Release
        });
        let seen = seen.await?;
        summary.failures.merge(seen.failures);
        Ok(summary)
    }

    /// Deletes the parked jobs and bodies that match. This may write the records of jobs that SQS
    /// parked by itself, so erase records after this. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the parked queue cannot be read.
    pub async fn erase(
        &self,
        is_job: impl Fn(&Job, &str) -> bool,
        in_body: impl Fn(&UnreadBody) -> Search,
        in_text: impl Fn(&str) -> Search,
        now: i64,
    ) -> Result<EraseSummary, AwsError> {
        let mut summary = EraseSummary::default();
        let seen = self.visit(now, async |message, has_entry| {
            let matched = match_message(message, &is_job, &in_body, &in_text);
            let Some(counts) = summary.count(matched, has_entry) else {
                return AfterLook::Release;
            };
            match self.parked.delete(&message.receipt).await {
                Ok(()) => {
                    summary.removed.add(counts);
                    AfterLook::Deleted
                }
                Err(error) => {
                    summary.failures.add(error);
                    AfterLook::Release
                }
            }
        });
        let seen = seen.await?;
        summary.failures.merge(seen.failures);
        Ok(summary)
    }
}

impl EraseSummary {
    /// Counts a message, and returns what is to be deleted with it; `None` if it stays parked. What
    /// is no job is counted where its entry is, if it has one.
    fn count(&mut self, matched: EraseMatch, has_entry: bool) -> Option<MessageCounts> {
        let counts = match matched {
            EraseMatch::Body if has_entry => MessageCounts::default(),
            EraseMatch::Unclear | EraseMatch::Unreadable if has_entry => return None,
            EraseMatch::Job => MessageCounts { jobs: 1, bodies: 0 },
            EraseMatch::Body => MessageCounts { jobs: 0, bodies: 1 },
            EraseMatch::Unclear => {
                self.unclear += 1;
                return None;
            }
            EraseMatch::Unreadable => {
                self.unreadable += 1;
                return None;
            }
            EraseMatch::No => return None,
        };
        self.meant.add(counts);
        Some(counts)
    }
}

impl MessageCounts {
    fn add(&mut self, other: Self) {
        self.jobs += other.jobs;
        self.bodies += other.bodies;
    }
}

fn match_message(
    message: &ParkedMessage,
    is_job: impl Fn(&Job, &str) -> bool,
    in_body: impl Fn(&UnreadBody) -> Search,
    in_text: impl Fn(&str) -> Search,
) -> EraseMatch {
    match QueueBody::parse(&message.body) {
        Ok(QueueBody::Job(job)) if is_job(&job, &message.body) => EraseMatch::Job,
        Ok(QueueBody::Job(_)) => EraseMatch::No,
        Ok(QueueBody::Unread(body)) => match in_body(&body) {
            Search::Found => EraseMatch::Body,
            Search::Absent => EraseMatch::No,
            Search::Unclear => EraseMatch::Unclear,
        },
        Err(NotAJob) => match in_text(&message.body) {
            Search::Found | Search::Unclear => EraseMatch::Unreadable,
            Search::Absent => EraseMatch::No,
        },
    }
}
