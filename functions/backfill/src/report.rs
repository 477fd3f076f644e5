//! The log line of one instance's pass: how much was read, what was found, and how it ended.

use aws::{error::AwsError, instances::InstanceError, queues::SendError};
use fetch::account::AccountError;
use media::ids::{InstanceId, TenantId};

/// What a pass read, found and sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Pages of the log.
    pub(crate) pages: u32,
    /// Webhooks on these pages.
    pub(crate) read: usize,
    /// Media messages without a record that came while the instance was registered here.
    pub(crate) found: usize,
    /// Media messages without a record that came before the instance was registered here.
    pub(crate) earlier: usize,
    /// Media messages without a record that an order to erase covers.
    pub(crate) erased: usize,
    /// Jobs that were sent for `found` and `earlier`.
    pub(crate) sent: usize,
    /// Webhooks that could not be read in full, and were kept for the first time.
    pub(crate) unread: usize,
    /// Webhooks that name another instance, or are too large to be kept.
    pub(crate) refused: usize,
    /// Entries of the log in which no webhook was found.
    pub(crate) not_understood: usize,
}

/// How a pass ended.
#[derive(Debug)]
pub(crate) enum PassEnd {
    /// The log was read back to the mark.
    Finished,
    /// The limit of pages or of time was reached; the next run goes on.
    Unfinished,
    /// The log could not be read on.
    Stopped(Stop),
}

/// Why a pass could not read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// W-API answered 429.
    #[error("{0}")]
    Throttled(AccountError),
    /// W-API has no log for this instance: the plan may not include it.
    #[error("{0}")]
    NoLog(AccountError),
    /// W-API did not answer, refused the call, or its answer is not a page.
    #[error("{0}")]
    Unreadable(AccountError),
    /// More than 1,000 jobs wait, so that no log is read.
    #[error("the log is not read while more than 1,000 jobs wait in the queue")]
    Postponed,
    /// Not one entry of the log was understood.
    #[error("no entry of W-API's log was understood")]
    NotUnderstood,
    /// A call to AWS failed. The function fails then, after the other instances.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The instance's record or its token could not be read.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// A job could not be queued.
    #[error(transparent)]
    Queue(#[from] SendError),
    /// The pass panicked.
    #[error("the pass panicked")]
    Panicked,
}

impl Stop {
    /// Sorts what W-API answered.
    pub(crate) fn from_answer(error: AccountError) -> Self {
        match error.status() {
            Some(429) => Self::Throttled(error),
            Some(402 | 404 | 405 | 410 | 501) => Self::NoLog(error),
            Some(_) | None => Self::Unreadable(error),
        }
    }

    /// Whether W-API's log is what cannot be read. Otherwise the cause is on this side, and the
    /// function's own failure says so.
    pub(crate) fn is_of_log(&self) -> bool {
        match self {
            Self::Throttled(_)
            | Self::NoLog(_)
            | Self::Unreadable(_)
            | Self::Postponed
            | Self::NotUnderstood => true,
            Self::Aws(_) | Self::Instance(_) | Self::Queue(_) | Self::Panicked => false,
        }
    }
}

impl PassEnd {
    /// The word in the log.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Unfinished => "unfinished",
            Self::Stopped(Stop::Throttled(_)) => "throttled",
            Self::Stopped(Stop::NoLog(_)) => "no_log",
            Self::Stopped(Stop::Unreadable(_) | Stop::NotUnderstood) => "unreadable",
            Self::Stopped(Stop::Postponed) => "postponed",
            Self::Stopped(Stop::Aws(_) | Stop::Instance(_) | Stop::Queue(_) | Stop::Panicked) => {
                "failed"
            }
        }
    }
}

/// One instance's pass.
#[derive(Debug)]
pub(crate) struct PassReport {
    /// `None` if the instance's record could not be read.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) counts: Counts,
    /// The time of the latest webhook in the log, in seconds since 1970, if the pass has seen it.
    pub(crate) newest: Option<i64>,
    pub(crate) end: PassEnd,
    /// Whether the log was found to begin with its oldest entry.
    pub(crate) is_oldest_first: bool,
    /// Whether the log could not be read for a day, so that an alarm is due.
    pub(crate) is_unreadable_for_a_day: bool,
}

impl PassReport {
    /// A pass that ended before a page was requested.
    pub(crate) fn from_stop(stop: Stop) -> Self {
        Self {
            tenant: None,
            counts: Counts::default(),
            newest: None,
            end: PassEnd::Stopped(stop),
            is_oldest_first: false,
            is_unreadable_for_a_day: false,
        }
    }

    /// Whether W-API answered, so that it can be asked for something else.
    pub(crate) fn is_answered(&self) -> bool {
        match self.end {
            PassEnd::Finished | PassEnd::Unfinished | PassEnd::Stopped(Stop::NoLog(_)) => true,
            PassEnd::Stopped(_) => false,
        }
    }

    /// Whether this side failed, not W-API.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(&self.end, PassEnd::Stopped(stop) if !stop.is_of_log())
    }

    /// Writes the pass's log line.
    pub(crate) fn log(&self, instance: &InstanceId) {
        let counts = &self.counts;
        let reason = match &self.end {
            PassEnd::Stopped(stop) => Some(stop.to_string()),
            PassEnd::Finished | PassEnd::Unfinished => None,
        };
        let (outcome, reason) = (self.end.outcome(), reason.as_deref());
        macro_rules! log_pass {
            ($level:ident) => {
                tracing::$level!(
                    tenant = self.tenant.as_ref().map(TenantId::as_str),
                    %instance,
                    outcome,
                    reason,
                    pages = counts.pages,
                    read = counts.read,
                    found = counts.found,
                    earlier = counts.earlier,
                    erased = counts.erased,
                    sent = counts.sent,
                    unread = counts.unread,
                    refused = counts.refused,
                    not_understood = counts.not_understood,
                    oldest_first = self.is_oldest_first,
                    unreadable_for_a_day = u8::from(self.is_unreadable_for_a_day),
                    "backfill"
                )
            };
        }
        match &self.end {
            PassEnd::Finished | PassEnd::Unfinished | PassEnd::Stopped(Stop::NoLog(_)) => {
                log_pass!(info);
            }
            PassEnd::Stopped(stop) if stop.is_of_log() => log_pass!(warn),
            PassEnd::Stopped(_) => log_pass!(error),
        }
    }
}
