//! Notes what becomes of a receiver: it fails, works again, is tried, is paused. Each note is one
//! conditional write that makes no receiver which was removed meanwhile.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use media::{ids::InstanceId, receiver::PauseReason};

use super::{
    receiver::{Receiver, SORT_KEY, TENANT},
    table::Receivers,
};
use crate::{
    dynamodb::{number_value, string_value},
    error::AwsError,
    ledger::WriteOutcome,
};

const OPERATION: &str = "dynamodb:UpdateItem";

impl Receivers {
    /// Notes that a receiver fails, since `now` unless it did before. `failure` is one word.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn note_failure(
        &self,
        receiver: &Receiver,
        failure: &str,
        now: i64,
    ) -> Result<(), AwsError> {
        const NOTE: &str = "SET failing_since = if_not_exists(failing_since, :now), \
             last_failure = :failure, last_failure_at = :now";
        let update = self.update(receiver).update_expression(NOTE);
        let update = update.expression_attribute_values(":failure", string_value(failure));
        let update = update.expression_attribute_values(":now", number_value(now));
        let sent = self.send(receiver, update.condition_expression("attribute_exists(tenant)"));
        sent.await.map(|_is_there| ())
    }

    /// Notes until when a receiver asked to be left alone, in seconds since 1970, for every
    /// process.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn leave_alone(&self, receiver: &Receiver, until: i64) -> Result<(), AwsError> {
        let update = self.update(receiver).update_expression("SET asked_until = :until");
        let update = update.expression_attribute_values(":until", number_value(until));
        const IS_LONGER: &str = "attribute_exists(tenant) AND \
             (attribute_not_exists(asked_until) OR asked_until < :until)";
        let sent = self.send(receiver, update.condition_expression(IS_LONGER));
        sent.await.map(|_is_there| ())
    }

    /// Notes that a receiver works again.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn note_success(&self, receiver: &Receiver) -> Result<(), AwsError> {
        let update = self.update(receiver).update_expression("REMOVE failing_since, probe_at");
        let sent = self.send(receiver, update.condition_expression("attribute_exists(tenant)"));
        sent.await.map(|_is_there| ())
    }

    /// Takes the right to try a receiver whose circuit is open. The next attempt may begin at
    /// `next_at`. `Overtaken`: another process has it, or the receiver works again.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn take_probe(
        &self,
        receiver: &Receiver,
        next_at: i64,
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        const IS_OPEN: &str = "attribute_exists(failing_since) AND \
             (attribute_not_exists(probe_at) OR probe_at <= :now)";
        let update = self.update(receiver).update_expression("SET probe_at = :next");
        let update = update.expression_attribute_values(":next", number_value(next_at));
        let update = update.expression_attribute_values(":now", number_value(now));
        self.send(receiver, update.condition_expression(IS_OPEN)).await
    }

    /// Pauses a receiver since `now`, because of a delivery of this instance. One that is paused
    /// already keeps its reason.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn pause(
        &self,
        receiver: &Receiver,
        (reason, instance): (PauseReason, Option<&InstanceId>),
        now: i64,
    ) -> Result<WriteOutcome, AwsError> {
        const IS_ACTIVE: &str = "attribute_exists(tenant) AND attribute_not_exists(paused_at)";
        let update = self.update(receiver);
        let update = match instance {
            Some(instance) => update
                .update_expression(
                    "SET paused_at = :now, pause_reason = :reason, paused_instance = :instance",
                )
                .expression_attribute_values(":instance", string_value(instance.as_str())),
            None => update.update_expression("SET paused_at = :now, pause_reason = :reason"),
        };
        let update = update.expression_attribute_values(":now", number_value(now));
        let update = update.expression_attribute_values(":reason", string_value(reason.as_str()));
        self.send(receiver, update.condition_expression(IS_ACTIVE)).await
    }

    pub(super) fn update(&self, receiver: &Receiver) -> UpdateItemFluentBuilder {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        update
            .key(TENANT, string_value(receiver.tenant.as_str()))
            .key(SORT_KEY, string_value(receiver.sort_key()))
    }

    /// Sends an update, and forgets what is remembered of the tenant.
    pub(super) async fn send(
        &self,
        receiver: &Receiver,
        update: UpdateItemFluentBuilder,
    ) -> Result<WriteOutcome, AwsError> {
        let sent = WriteOutcome::from_result(OPERATION, update.send().await);
        self.forget(&receiver.tenant);
        sent
    }
}
