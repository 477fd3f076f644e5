//! Receives every parked message once, and keeps the parked queue and the ledger in step.

use std::{collections::HashSet, sync::Arc, time::Duration};

use aws::{
    body_key::BodyKey,
    error::AwsError,
    instances::{Instance, InstanceError, Instances},
    ledger::{
        BodyState, EraseOutcome, JobState, Ledger, NoteOutcome, NoteTerms, ParkOutcome, ParkedBody,
    },
    orders::Orders,
    queues::{JobsQueue, ParkedMessage, ParkedQueue, Receipt},
};
use futures_util::future::join_all;
use media::{
    failure::FailureClass,
    ids::{InstanceId, TenantId},
    job::Job,
    parked::ParkedJob,
    policy::Retention,
    unread::UnreadBody,
};

use crate::failures::Failures;

/// For how long a received message is hidden. After a crash, it becomes visible again after this
/// time.
const VISIBILITY_TIMEOUT: Duration = Duration::from_mins(5);

/// The parked queue, with the jobs queue, the tables of media and jobs, and the instances, whose
/// rules say how long a record is kept.
#[derive(Debug)]
pub struct Parking {
    pub(crate) parked: ParkedQueue,
    pub(crate) jobs: JobsQueue,
    pub(crate) ledger: Ledger,
    instances: Instances,
    orders: Option<Orders>,
}

/// What a look through the parked queue found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookSummary {
    /// Parked messages.
    pub messages: usize,
    /// Records and entries that did not say `parked` before and say so now, mostly of what SQS
    /// parked.
    pub reconciled: usize,
    /// Messages that were deleted because their jobs are settled, or the jobs table has them and
    /// they are tried again.
    pub removed: usize,
    /// Messages that could not be compared with their records, or not be released, and what failed
    /// first. They stay parked; the next look tries again.
    pub failures: Failures,
}

/// What becomes of a message after it was looked at.
pub(crate) enum AfterLook {
    /// It stays parked, and is made visible again at the end.
    Release,
    /// It was deleted.
    Deleted,
}

impl Parking {
    /// Uses these queues and these tables.
    #[must_use]
    pub fn new(parked: ParkedQueue, jobs: JobsQueue, ledger: Ledger, instances: Instances) -> Self {
        Self { parked, jobs, ledger, instances, orders: None }
    }

    /// Obeys these orders as well: what one of them covers is deleted, not kept and not sent.
    #[must_use]
    pub fn with_orders(self, orders: Orders) -> Self {
        Self { orders: Some(orders), ..self }
    }

    /// Deletes the record and the entry of a job that an order to erase covers. `false`: no order
    /// does, or a run has the media message and obeys the order itself.
    pub(crate) async fn erase_if_ordered(&self, job: &Job, now: i64) -> Result<bool, AwsError> {
        let Some(orders) = &self.orders else {
            return Ok(false);
        };
        if orders.find_erasure(job).await?.is_none() {
            return Ok(false);
        }
        Ok(self.ledger.erase_job(job, now).await? == EraseOutcome::Erased)
    }

    /// When a note about a job of this tenant's instance is written, and for how long its record is
    /// kept. `now` is in seconds since 1970. There is no end if the instance has no registration
    /// that can be read, or belongs to another tenant now.
    ///
    /// # Errors
    /// [`AwsError`] when the instance's record cannot be asked for.
    pub(crate) async fn note_terms(
        &self,
        (tenant, instance): (&TenantId, &InstanceId),
        now: i64,
    ) -> Result<NoteTerms, AwsError> {
        let found = self.instances.find(instance).await;
        Ok(NoteTerms { now, retention: read_retention(found, tenant)? })
    }

    /// Shows every message of the parked queue to `each` once, and keeps it parked. Also writes the
    /// records and entries of what SQS parked by itself, after too many receives, and deletes the
    /// messages that are not parked any more. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when the queue cannot be read. No message is lost: those already received
    /// become visible again within five minutes.
    pub async fn look(
        &self,
        now: i64,
        mut each: impl FnMut(&ParkedJob),
    ) -> Result<LookSummary, AwsError> {
        self.visit(now, async |message, _| {
            each(&message.parked);
            AfterLook::Release
        })
        .await
    }

    /// Receives messages until a batch brings no new one, and shows each to `each`, with whether
    /// the jobs table has its job as well. Messages that stay are released only at the end:
    /// otherwise they would be received again and again.
    pub(crate) async fn visit(
        &self,
        now: i64,
        mut each: impl AsyncFnMut(&ParkedMessage, bool) -> AfterLook,
    ) -> Result<LookSummary, AwsError> {
        let mut summary = LookSummary::default();
        let (mut ids, mut deleted) = (HashSet::new(), HashSet::new());
        let mut staying: Vec<Receipt> = Vec::new();
        let outcome = loop {
            let batch = match self.parked.receive(VISIBILITY_TIMEOUT).await {
                Ok(batch) if batch.is_empty() => break Ok(()),
                Ok(batch) => batch,
                Err(error) => break Err(error),
            };
            let count = ids.len();
            let (new, known): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|message| ids.insert(message.sqs_message_id.clone()));
            let steps = join_all(new.iter().map(|message| self.keep_in_step(message, now))).await;
            for (message, step) in new.into_iter().zip(steps) {
                let step = step.unwrap_or_else(|error| {
                    summary.failures.add(error);
                    Step::Kept
                });
                if step == Step::Removed {
                    deleted.insert(message.sqs_message_id);
                    summary.removed += 1;
                    continue;
                }
                summary.messages += 1;
                summary.reconciled += usize::from(step == Step::Reconciled);
                let has_entry = matches!(step, Step::HasEntry | Step::Reconciled);
                if let AfterLook::Release = each(&message, has_entry).await {
                    staying.push(message.receipt);
                }
            }
            for copy in known {
                // SQS may keep a copy of a message that was deleted.
                let is_deleted = deleted.contains(&copy.sqs_message_id)
                    && self.parked.delete(&copy.receipt).await.is_ok();
                if !is_deleted {
                    staying.push(copy.receipt);
                }
            }
            if ids.len() == count {
                break Ok(());
            }
        };
        for receipt in &staying {
            if let Err(error) = self.parked.release(receipt).await {
                tracing::warn!(%error, "a parked message could not be released: hidden for minutes");
                summary.failures.add(error);
            }
        }
        outcome.map(|()| summary)
    }

    /// Compares a message with its job's record, and mends what differs. After a failure, the next
    /// look tries again.
    async fn keep_in_step(&self, message: &ParkedMessage, now: i64) -> Result<Step, AwsError> {
        let parked = &message.parked;
        let step = match parked.job() {
            Some(job) => self.compare_with_record(message, job, now).await,
            None => self.compare_with_entry(message, now).await,
        };
        if let Err(error) = &step {
            tracing::warn!(
                instance = parked.instance().map(InstanceId::as_str),
                message_id = parked.message_id(), %error,
                "a parked message could not be compared with what the tables say"
            );
        }
        step
    }

    async fn compare_with_record(
        &self,
        message: &ParkedMessage,
        job: &Job,
        now: i64,
    ) -> Result<Step, AwsError> {
        let parked = &message.parked;
        let state = self.ledger.read_job_state(job, now).await?;
        if !state.is_settled() && self.erase_if_ordered(job, now).await? {
            return self.remove(message).await;
        }
        match state {
            JobState::Foreign => self.compare_with_entry(message, now).await,
            // No run writes a record for another tenant than its instance's, and the look must not.
            JobState::Unrecorded if parked.class == FailureClass::Poison => {
                self.compare_with_entry(message, now).await
            }
            JobState::InWork => Ok(Step::HasEntry),
            JobState::Parked => match self.is_expired(job, now).await {
                Ok(true) => self.remove(message).await,
                Ok(false) | Err(_) => Ok(Step::HasEntry),
            },
            JobState::StoredOrErased | JobState::Skipped | JobState::Superseded => {
                self.remove(message).await
            }
            // A run parked it and then did not: the jobs table has the job, and it is tried again.
            JobState::Retrying if !parked.is_unrecorded => self.remove(message).await,
            state @ (JobState::Retrying | JobState::Unrecorded | JobState::EntryLost) => {
                if self.is_expired(job, now).await? {
                    return self.remove(message).await;
                }
                let terms = self.note_terms((&job.tenant, &job.instance), now).await?;
                let why = (parked.class, parked.reason.as_str());
                let written = (job, message.body.as_str());
                let noted = self.ledger.note_parked(written, why, state, terms).await?;
                Ok(match noted {
                    NoteOutcome::Written => Step::Reconciled,
                    NoteOutcome::AlreadyParked => Step::HasEntry,
                    NoteOutcome::Refused => Step::Kept,
                })
            }
        }
    }

    /// Compares a message that has no record with its entry: makes the entry of what SQS or an
    /// earlier version parked, and deletes the copy of what was read or dropped.
    async fn compare_with_entry(
        &self,
        message: &ParkedMessage,
        now: i64,
    ) -> Result<Step, AwsError> {
        let (table, key) = (&self.ledger.jobs, BodyKey::from_body(&message.body));
        match table.read_body_state(&key).await? {
            Some(BodyState::Settled) => return self.remove(message).await,
            Some(BodyState::Parked) => return Ok(Step::HasEntry),
            Some(BodyState::Retrying) if !message.parked.is_moved_by_sqs => {
                return Ok(Step::HasEntry);
            }
            Some(BodyState::Retrying) | None => {}
        }
        if self.is_body_named(&message.body, now).await? {
            return self.remove(message).await;
        }
        let terms = match (message.parked.tenant(), message.parked.instance()) {
            (Some(tenant), Some(instance)) => self.note_terms((tenant, instance), now).await?,
            _ => NoteTerms { now, retention: None },
        };
        let parked = &message.parked;
        let why = (parked.class, parked.reason.as_str());
        let kept = ParkedBody::new((&key, &message.body), &parked.content, why, terms);
        match table.park_body(&kept).await? {
            ParkOutcome::Parked => Ok(Step::Reconciled),
            ParkOutcome::Settled => self.remove(message).await,
        }
    }

    /// Whether an order to erase covers an unread webhook: of its whole tenant or instance. Whom
    /// else it is about cannot be read.
    pub(crate) async fn is_body_ordered(&self, body: &str) -> Result<bool, AwsError> {
        match (&self.orders, UnreadBody::parse(body)) {
            (Some(orders), Ok(unread)) => Ok(orders.find_body_erasure(&unread).await?.is_some()),
            (Some(_) | None, _) => Ok(false),
        }
    }

    /// As [`Self::is_body_ordered`], but also of whom and what the webhook names in clear: it would
    /// be kept from now on, and the command has searched already.
    async fn is_body_named(&self, body: &str, now: i64) -> Result<bool, AwsError> {
        match (&self.orders, UnreadBody::parse(body)) {
            (Some(orders), Ok(unread)) => {
                Ok(orders.find_named_erasure(&unread, now).await?.is_some())
            }
            (Some(_) | None, _) => Ok(false),
        }
    }

    /// Whether the tenant's retention has ended for the job: nothing would be stored any more, and
    /// its record ends or has ended.
    async fn is_expired(&self, job: &Job, now: i64) -> Result<bool, AwsError> {
        let is_over = |retention: Option<Retention>| {
            retention.is_some_and(|class| class.unstored_end(job, now) <= now)
        };
        let terms = self.note_terms((&job.tenant, &job.instance), now).await?;
        if !is_over(terms.retention) {
            return Ok(false);
        }
        // What is removed cannot be brought back, so the rule must hold now and not minutes ago.
        let current = self.instances.find_current(&job.instance).await;
        Ok(is_over(read_retention(current, &job.tenant)?))
    }

    async fn remove(&self, message: &ParkedMessage) -> Result<Step, AwsError> {
        self.parked.delete(&message.receipt).await?;
        Ok(Step::Removed)
    }
}

/// The retention of the tenant, if the instance that was found is its.
fn read_retention(
    found: Result<Option<Arc<Instance>>, InstanceError>,
    tenant: &TenantId,
) -> Result<Option<Retention>, AwsError> {
    match found {
        Ok(found) => {
            let its = found.filter(|one| one.tenant == *tenant);
            Ok(its.and_then(|one| one.policy.retention))
        }
        Err(InstanceError::Aws(error)) => Err(error),
        Err(InstanceError::Malformed(_)) => Ok(None),
    }
}

/// What the comparison of a parked message with its record led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// What the tables say of it is not known.
    Kept,
    /// The jobs table has it as well.
    HasEntry,
    /// The tables were written and say `parked` now.
    Reconciled,
    /// The message was deleted.
    Removed,
}
