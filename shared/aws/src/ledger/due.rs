//! Sends what is due: finds the job entries whose time has come, takes each once, and gives it back
//! if it could not be sent.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use media::{
    failure::FailureClass,
    identity::RecordKey,
    ids::{InstanceId, TenantId},
    job::{Job, QueuedJob},
};

use super::{
    body::KeptBody,
    condition::Condition,
    entry::{BY_DUE, Due, DuePlace, EntryFacts, EntryState, entry_update, set_due, state_class},
    outcome::WriteOutcome,
    table::JobsTable,
    update::Update,
};
use crate::{
    body_key::BodyKey,
    dynamodb::{Attributes, get_number, get_string, number_value, string_value},
    entry_key::EntryKey,
    error::AwsError,
};

const UPDATE_ITEM: &str = "dynamodb:UpdateItem";

/// A job entry whose time has come, as the index by due time has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueKey {
    /// The entry.
    pub entry: EntryKey,
    /// The due time in the index, which may be older than the entry's, in seconds since 1970.
    pub due_at: i64,
}

/// A job to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct DueEntry {
    /// Which entry it is from.
    pub from: DueKey,
    /// The tenant.
    pub tenant: TenantId,
    /// The body of the queue message. It may contain a media key.
    pub body: String,
}

/// Leaves out the body, which is confidential.
impl std::fmt::Debug for DueEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DueEntry").field("from", &self.from).finish_non_exhaustive()
    }
}

impl JobsTable {
    /// Lists up to `limit` entries of one partition that are due at `now`, the longest overdue
    /// first. The index lags behind the table by a moment.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn list_due(
        &self,
        place: DuePlace,
        shard: u8,
        now: i64,
        limit: i32,
    ) -> Result<Vec<DueKey>, AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.name);
        let page = query
            .index_name(BY_DUE)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", string_value(place.shard_key(shard)))
            .expression_attribute_values(":now", number_value(now))
            .limit(limit)
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:Query"))?;
        Ok(page.items.unwrap_or_default().iter().filter_map(DueKey::from_item).collect())
    }

    /// Takes a due entry in order to send it: from now on its job is in the queue, and due again at
    /// `queued_until`. `None` if the entry changed since it was listed, or is gone. `taker` is a
    /// text that no other take has: if an answer is lost, the SDK's repetition still takes it.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails, or the entry has no job that can be sent.
    pub async fn take_due(
        &self,
        due: &DueKey,
        queued_until: i64,
        taker: &str,
    ) -> Result<Option<DueEntry>, AwsError> {
        let next = Due { place: DuePlace::Queue, at: queued_until };
        let EntryKey { instance, key } = &due.entry;
        let update = set_due(Update::default(), instance, Some(next));
        let update = update.set("taken_by", string_value(taker));
        let request = update.request(&self.clients, &self.name, instance, key);
        let taken = Condition::due_at_or_taken_by(due.due_at, taker)
            .add_to(request)
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(AwsError::in_operation(UPDATE_ITEM));
        match taken {
            Ok(output) => {
                let item = output.attributes.unwrap_or_default();
                let entry = match BodyKey::from_entry(&due.entry) {
                    Some(key) => DueEntry::from_body(due, self.complete_body(&key, &item).await?),
                    None => DueEntry::from_item(due, &item),
                };
                let problem = "an entry without a tenant or a body";
                entry.map(Some).ok_or_else(|| AwsError::unexpected(UPDATE_ITEM, problem))
            }
            Err(error) if error.is_failed_condition() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives back an entry that was taken and could not be sent: it is due again at `due_at`. If
    /// this fails, too, it is due when it would count as lost by the queue.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn give_back_due(
        &self,
        due: &DueKey,
        queued_until: i64,
        due_at: i64,
    ) -> Result<WriteOutcome, AwsError> {
        let request = self.due_update(due, Due { place: DuePlace::Table, at: due_at });
        let given = Condition::due_at(queued_until).add_to(request).send().await;
        WriteOutcome::from_result(UPDATE_ITEM, given)
    }

    /// Keeps a job that the queue did not take, due at once. If the job has an entry already, that
    /// one stays: its job is tried again, or waits for a person.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn keep_job(&self, job: &Job, body: &str, now: i64) -> Result<(), AwsError> {
        const REASON: &str = "the jobs queue did not take it";
        let identity = job.message.identity();
        for key in identity.record_keys() {
            let facts = EntryFacts::from_job(job, FailureClass::Transient, REASON, now);
            let state = EntryState::Retrying(Due { place: DuePlace::Table, at: now });
            let update = entry_update(&job.instance, &facts, body, state)?;
            let request = update.request(&self.clients, &self.name, &job.instance, &key);
            let kept = Condition::no_entry()
                .add_to(request)
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
                .send()
                .await;
            let Err(sdk_error) = kept else {
                return Ok(());
            };
            let error = AwsError::new(UPDATE_ITEM, &sdk_error);
            let UpdateItemError::ConditionalCheckFailedException(refusal) =
                sdk_error.into_service_error()
            else {
                return Err(error);
            };
            // The entry of another media message, which differs in its chat alone: the next key.
            let is_other = refusal.item.is_some_and(|item| is_of_another(&item, job));
            if !is_other {
                return Ok(());
            }
        }
        Err(AwsError::unexpected(UPDATE_ITEM, "other media messages have every key"))
    }

    /// Shows the key and the body of every job entry of an instance to `each`, strongly consistent.
    /// Only unsettled jobs have entries. Unread webhooks are left out: see
    /// [`Self::visit_bodies`](super::JobsTable::visit_bodies).
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails.
    pub async fn visit_entries(
        &self,
        instance: &InstanceId,
        mut each: impl FnMut(RecordKey, &str),
    ) -> Result<(), AwsError> {
        let query = self.clients.dynamodb.query().table_name(&self.name).consistent_read(true);
        let mut items = query
            .key_condition_expression("instance = :instance")
            .expression_attribute_values(":instance", string_value(instance.as_str()))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation("dynamodb:Query"))?;
            let key = get_string(&item, "message_id").unwrap_or_default();
            if BodyKey::is_of_body(key) {
                continue;
            }
            each(RecordKey::from_record(key), get_string(&item, "body").unwrap_or_default());
        }
        Ok(())
    }

    /// Deletes an entry whose job turned out to be settled, if it still has this body: another job
    /// may have the key by now.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn delete_entry(&self, entry: &EntryKey, body: &str) -> Result<(), AwsError> {
        let delete = self.clients.dynamodb.delete_item().table_name(&self.name);
        let deleted = delete
            .key("instance", string_value(entry.instance.as_str()))
            .key("message_id", string_value(entry.key.as_str()))
            .condition_expression("body = :body")
            .expression_attribute_values(":body", string_value(body))
            .send()
            .await;
        WriteOutcome::from_result("dynamodb:DeleteItem", deleted).map(|_| ())
    }

    /// Parks an entry whose body is not a job that this version understands. Its record is left as
    /// it is.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn park_entry(
        &self,
        entry: &EntryKey,
        class: FailureClass,
        reason: &str,
    ) -> Result<WriteOutcome, AwsError> {
        let state = EntryState::Parked.as_str();
        let update = Update::default()
            .set("state", string_value(state))
            .set("class", string_value(class.as_str()))
            .set("reason", string_value(reason))
            .set("state_class", string_value(state_class(state, class.as_str())));
        let EntryKey { instance, key } = entry;
        let update = set_due(update, instance, None);
        let request = update.request(&self.clients, &self.name, instance, key);
        let parked = Condition::entry_exists().add_to(request).send().await;
        WriteOutcome::from_result(UPDATE_ITEM, parked)
    }

    fn due_update(&self, due: &DueKey, next: Due) -> UpdateItemFluentBuilder {
        let EntryKey { instance, key } = &due.entry;
        let update = set_due(Update::default(), instance, Some(next));
        update.request(&self.clients, &self.name, instance, key)
    }
}

/// Whether an entry's job is another media message. What cannot be parsed counts as the same.
fn is_of_another(item: &Attributes, job: &Job) -> bool {
    let body = get_string(item, "body").unwrap_or_default();
    let other = QueuedJob::parse(body).map(QueuedJob::into_job);
    other.is_ok_and(|other| other.message.identity() != job.message.identity())
}

impl DueKey {
    fn from_item(item: &Attributes) -> Option<Self> {
        let instance = InstanceId::parse(get_string(item, "instance")?).ok()?;
        let key = RecordKey::from_record(get_string(item, "message_id")?);
        Some(Self { entry: EntryKey { instance, key }, due_at: get_number(item, "due_at")? })
    }
}

impl DueEntry {
    fn from_body(due: &DueKey, kept: Option<KeptBody>) -> Option<Self> {
        let KeptBody { body, tenant, .. } = kept?;
        Some(Self { from: due.clone(), tenant: tenant?, body })
    }

    fn from_item(due: &DueKey, item: &Attributes) -> Option<Self> {
        Some(Self {
            from: due.clone(),
            tenant: TenantId::parse(get_string(item, "tenant")?).ok()?,
            body: get_string(item, "body")?.to_owned(),
        })
    }
}
