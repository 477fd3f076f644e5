//! Parked jobs in the jobs table: lists them, and writes what an operator decides about them.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use media::{
    failure::FailureClass,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    job::{Job, QueuedJob},
    parked::{Content, EntrySummary, Filter, ParkedJob, UnknownSummary},
    unread::UnreadSummary,
};

use super::{
    condition::Condition,
    entry::{BY_CLASS, BY_TENANT, Due, DuePlace, EntryState, set_due, state_class},
    notes::{JobState, NoteTerms, decision_time},
    outcome::WriteOutcome,
    table::{DECIDED_AT, FORGET_AT, JobsTable, Ledger, QUEUED_UNTIL},
    transaction::TransactionOutcome,
    update::Update,
};
use crate::{
    body_key::BodyKey,
    dynamodb::{Attributes, get_item, get_number, get_string, number_value, string_value},
    entry_key::EntryKey,
    error::AwsError,
};

/// The word of a parked entry's state.
const PARKED: &str = "parked";

/// A page of parked jobs.
#[derive(Debug, Default)]
pub struct ParkedPage {
    /// The jobs and other messages that match the filter, each with its key.
    pub jobs: Vec<(ParkedJob, ParkedKey)>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<PageStart>,
}

/// The key of a parked entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParkedKey {
    /// A job's, and its record's.
    Job(EntryKey),
    /// That of an unread webhook, or of a message that is no job of its instance's tenant.
    Body(BodyKey),
}

/// Where a page of parked jobs begins.
#[derive(Debug, Clone)]
pub struct PageStart {
    /// The position among the classes that are listed.
    class: usize,
    key: Option<Attributes>,
}

/// What a redrive did with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedriveOutcome {
    /// The entry says `retrying`, and its body is to be sent: by the caller, or else by the watch
    /// function.
    Decided {
        /// The body of the queue message. It may contain a media key.
        body: String,
        /// The tenant.
        tenant: TenantId,
    },
    /// Nothing remains to be fetched: the entry is deleted.
    Settled,
    /// A run has the media message, or the entry is not parked any more.
    Busy,
}

/// What a parked entry holds.
#[derive(Debug, Clone)]
pub struct EntryBody {
    /// The body of the queue message. It may contain a media key.
    pub body: String,
    /// The job; `None` if it is not one that this version understands.
    pub job: Option<Job>,
}

impl JobsTable {
    /// Lists a page of parked jobs that match the filter; within a class, the one that expires
    /// first comes first. Reads an index: by tenant if the filter names one, otherwise by class.
    /// Jobs of classes that this version does not know are not listed.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_parked(
        &self,
        filter: &Filter,
        now: i64,
        start: Option<PageStart>,
    ) -> Result<ParkedPage, AwsError> {
        let classes = filter.class.map_or_else(|| FailureClass::ALL.to_vec(), |class| vec![class]);
        let PageStart { class: nth, key } = start.unwrap_or(PageStart { class: 0, key: None });
        let Some(class) = classes.get(nth) else {
            return Ok(ParkedPage::default());
        };
        let page = self
            .query_parked(filter.tenant.as_ref(), *class)
            .set_exclusive_start_key(key)
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:Query"))?;
        let items = page.items.unwrap_or_default();
        let jobs = items.iter().filter_map(|item| read_parked(item, *class));
        let next = match page.last_evaluated_key {
            Some(key) => Some(PageStart { class: nth, key: Some(key) }),
            None => (nth + 1 < classes.len()).then_some(PageStart { class: nth + 1, key: None }),
        };
        let jobs = jobs.filter(|(job, _)| filter.matches_job(job, now)).collect();
        Ok(ParkedPage { jobs, next })
    }

    fn query_parked(&self, tenant: Option<&TenantId>, class: FailureClass) -> QueryFluentBuilder {
        let query = self.clients.dynamodb.query().table_name(&self.name);
        let partition = string_value(state_class(PARKED, class.as_str()));
        let query = query.expression_attribute_values(":class", partition);
        match tenant {
            Some(tenant) => query
                .index_name(BY_TENANT)
                .key_condition_expression("tenant = :tenant AND state_class = :class")
                .expression_attribute_values(":tenant", string_value(tenant.as_str())),
            None => query.index_name(BY_CLASS).key_condition_expression("state_class = :class"),
        }
    }
}

/// Reads an item of an index. `None` if it has no instance or tenant that can be parsed.
fn read_parked(item: &Attributes, class: FailureClass) -> Option<(ParkedJob, ParkedKey)> {
    let text = |name: &str| get_string(item, name);
    let (partition, sort_key) = (text("instance")?, text("message_id")?);
    let (content, key) = match BodyKey::from_item(partition, sort_key) {
        Some(key) => (read_body(item, class, &key), ParkedKey::Body(key)),
        None => {
            let entry = read_job(item)?;
            let key = EntryKey { instance: entry.instance.clone(), key: entry.key.clone() };
            (Content::Entry(Box::new(entry)), ParkedKey::Job(key))
        }
    };
    let job = ParkedJob {
        content,
        class,
        unknown_class: None,
        reason: text("reason").unwrap_or_default().to_owned(),
        receives: None,
        parked_at: get_number(item, "updated_at").unwrap_or_default(),
        is_moved_by_sqs: false,
        is_unrecorded: false,
    };
    Some((job, key))
}

fn read_job(item: &Attributes) -> Option<EntrySummary> {
    let text = |name: &str| get_string(item, name);
    Some(EntrySummary {
        tenant: TenantId::parse(text("tenant")?).ok()?,
        instance: InstanceId::parse(text("instance")?).ok()?,
        key: RecordKey::from_record(text("message_id")?),
        kind: text("kind").and_then(|kind| kind.parse().ok()),
        recoverable_until: get_number(item, "recoverable_until").unwrap_or_default(),
    })
}

/// What an index says of a message that is kept parked. The reason of an unread webhook begins with
/// its word.
fn read_body(item: &Attributes, class: FailureClass, key: &BodyKey) -> Content {
    let tenant = get_string(item, "tenant").and_then(|id| TenantId::parse(id).ok());
    let (instance, until) = (key.instance().cloned(), get_number(item, "recoverable_until"));
    match (class, tenant, instance) {
        (FailureClass::Unread, Some(tenant), Some(instance)) => {
            let reason = get_string(item, "reason").unwrap_or_default();
            let why = reason.split_once(':').map_or(reason, |(why, _)| why).to_owned();
            let until = until.unwrap_or_default();
            let size_bytes = key.size_bytes();
            Content::Unread(UnreadSummary::from_entry((tenant, instance), until, why, size_bytes))
        }
        (_, tenant, instance) => Content::Unknown(UnknownSummary { tenant, instance, until }),
    }
}

impl Ledger {
    /// Decides that a parked job is tried again: its entry says `retrying` and is due at
    /// `queued_until` unless the queue delivers the job before. Its time for retries starts anew,
    /// and older copies of it do nothing any more. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` or `TransactWriteItems` fails.
    pub async fn redrive_parked(
        &self,
        entry: &EntryKey,
        queued_until: i64,
        now: i64,
    ) -> Result<RedriveOutcome, AwsError> {
        let Some(item) = self.get_parked(entry).await? else {
            return Ok(RedriveOutcome::Busy);
        };
        let text = |name: &str| get_string(&item, name).unwrap_or_default();
        let Ok(tenant) = TenantId::parse(text("tenant")) else {
            return Ok(RedriveOutcome::Busy);
        };
        let job = QueuedJob::parse(text("body")).map(QueuedJob::into_job).ok();
        let decided_at = job.as_ref().map_or(now, |job| decision_time(job, now));
        let renewed =
            job.clone().and_then(|job| QueuedJob::for_redrive(job, decided_at).to_json().ok());
        let body = renewed.unwrap_or_else(|| text("body").to_owned());
        let due = Due { place: DuePlace::Queue, at: queued_until };
        let state = EntryState::Retrying(due).as_str();
        let entry_update = Update::default()
            .set("state", string_value(state))
            .set("state_class", string_value(state_class(state, text("class"))))
            .set("body", string_value(&*body))
            .set("updated_at", number_value(now));
        let entry_update = set_due(entry_update, &entry.instance, Some(due)).remove(FORGET_AT);
        let record_update = Update::default()
            .set("state", string_value(state))
            .set("updated_at", number_value(now))
            .set(DECIDED_AT, number_value(decided_at))
            .set(QUEUED_UNTIL, number_value(queued_until))
            .remove(FORGET_AT)
            .remove_lease();
        let parked = || Condition::has_state(Some(string_value(PARKED)));
        let EntryKey { instance, key } = entry;
        let writes = vec![
            record_update.into_write(
                &self.table,
                instance,
                key,
                parked().and(Condition::not_leased(now)),
            )?,
            entry_update.into_write(&self.jobs.name, instance, key, parked())?,
        ];
        match (self.transact(writes).await?, job) {
            (TransactionOutcome::Written, _) => Ok(RedriveOutcome::Decided { body, tenant }),
            (TransactionOutcome::Refused { .. }, Some(job)) => {
                if self.read_job_state(&job, now).await? != JobState::StoredOrErased {
                    return Ok(RedriveOutcome::Busy);
                }
                self.jobs.delete_entry(entry, text("body")).await?;
                Ok(RedriveOutcome::Settled)
            }
            (TransactionOutcome::Refused { .. }, None) => Ok(RedriveOutcome::Busy),
        }
    }

    /// Drops a parked job: its record says `skipped`, until the retention ends it, and its entry is
    /// deleted. An entry whose body is not a job of this version is deleted alone.
    /// [`WriteOutcome::Overtaken`]: a run has the media message, or the entry is not parked any
    /// more.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem`, `DeleteItem` or `TransactWriteItems` fails.
    pub async fn drop_parked(
        &self,
        entry: &EntryKey,
        terms: NoteTerms,
    ) -> Result<WriteOutcome, AwsError> {
        let Some(item) = self.get_parked(entry).await? else {
            return Ok(WriteOutcome::Overtaken);
        };
        let text = |name: &str| get_string(&item, name).unwrap_or_default();
        let Ok(job) = QueuedJob::parse(text("body")).map(QueuedJob::into_job) else {
            self.jobs.delete_entry(entry, text("body")).await?;
            return Ok(WriteOutcome::Yes);
        };
        let class = text("class").parse().unwrap_or(FailureClass::Transient);
        let reason = format!("dropped by an operator; it was parked because: {}", text("reason"));
        let written = self.note_dropped(&job, class, &reason, terms).await?;
        if written == WriteOutcome::Overtaken
            && self.read_job_state(&job, terms.now).await? == JobState::StoredOrErased
        {
            self.jobs.delete_entry(entry, text("body")).await?;
            return Ok(WriteOutcome::Yes);
        }
        Ok(written)
    }

    /// The body of a parked entry, and the job in it; `None` if it is not parked any more.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn find_entry_body(&self, entry: &EntryKey) -> Result<Option<EntryBody>, AwsError> {
        let item = self.get_parked(entry).await?;
        Ok(item.map(|item| {
            let body = get_string(&item, "body").unwrap_or_default().to_owned();
            let job = QueuedJob::parse(&body).map(QueuedJob::into_job).ok();
            EntryBody { body, job }
        }))
    }

    /// The whole entry, if it is parked.
    async fn get_parked(&self, entry: &EntryKey) -> Result<Option<Attributes>, AwsError> {
        let key = [("instance", entry.instance.as_str()), ("message_id", entry.key.as_str())];
        let item = get_item(&self.clients, &self.jobs.name, key).await?;
        Ok(item.filter(|item| get_string(item, "state") == Some(PARKED)))
    }
}
