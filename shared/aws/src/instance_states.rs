//! What is known of an instance's connection to WhatsApp, beside its mark in the table of marks.
//! The table's stream makes events of it; nothing else reads it.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use media::ids::{InstanceId, TenantId};

use crate::{
    clients::Clients,
    dynamodb::{number_value, string_value},
    error::AwsError,
    ledger::WriteOutcome,
};

/// What the key of an item begins with; the id of the instance follows. A mark's key is the id
/// alone.
const KEY_PREFIX: &str = "state#";

/// The attribute that says whether the instance is connected.
pub(crate) const CONNECTION: &str = "connection";
/// The word of a connected instance.
pub(crate) const CONNECTED: &str = "connected";
/// The word of one that is not.
const DISCONNECTED: &str = "disconnected";
/// The attribute that says since when no webhook came, in seconds since 1970.
pub(crate) const SILENT_SINCE: &str = "silent_since";

/// The key of what is known of an instance.
pub(crate) fn state_key(instance: &InstanceId) -> String {
    format!("{KEY_PREFIX}{instance}")
}

/// The id of the instance whose state has this key. `None`: it is the key of a mark.
pub(crate) fn instance_of_key(key: &str) -> Option<&str> {
    key.strip_prefix(KEY_PREFIX)
}

/// Notes the states of instances. A state that is noted already is not written again.
#[derive(Debug)]
pub struct InstanceStates {
    clients: Clients,
    table: String,
}

impl InstanceStates {
    /// Uses the table of marks with this name.
    #[must_use]
    pub fn new(clients: &Clients, table: String) -> Self {
        Self { clients: clients.clone(), table }
    }

    /// Notes whether an instance is connected.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn note_connection(
        &self,
        (tenant, instance): (&TenantId, &InstanceId),
        is_connected: bool,
    ) -> Result<(), AwsError> {
        let word = if is_connected { CONNECTED } else { DISCONNECTED };
        let update = self
            .update(instance)
            .update_expression("SET #state = :state, tenant = :tenant")
            .condition_expression(
                "attribute_not_exists(#state) OR #state <> :state OR tenant <> :tenant",
            )
            .expression_attribute_names("#state", CONNECTION)
            .expression_attribute_values(":state", string_value(word))
            .expression_attribute_values(":tenant", string_value(tenant.as_str()));
        send(update).await
    }

    /// Notes that an instance has been silent since a time (seconds since 1970).
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn note_silence(
        &self,
        (tenant, instance): (&TenantId, &InstanceId),
        since: i64,
    ) -> Result<(), AwsError> {
        let update = self
            .update(instance)
            .update_expression("SET #since = :since, tenant = :tenant")
            .condition_expression("attribute_not_exists(#since)")
            .expression_attribute_names("#since", SILENT_SINCE)
            .expression_attribute_values(":since", number_value(since))
            .expression_attribute_values(":tenant", string_value(tenant.as_str()));
        send(update).await
    }

    /// Notes that an instance is not silent any more.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn end_silence(&self, instance: &InstanceId) -> Result<(), AwsError> {
        let update = self
            .update(instance)
            .update_expression("REMOVE #since")
            .condition_expression("attribute_exists(#since)")
            .expression_attribute_names("#since", SILENT_SINCE);
        send(update).await
    }

    fn update(&self, instance: &InstanceId) -> UpdateItemFluentBuilder {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        update.key("instance", string_value(state_key(instance)))
    }
}

async fn send(update: UpdateItemFluentBuilder) -> Result<(), AwsError> {
    const OPERATION: &str = "dynamodb:UpdateItem";
    WriteOutcome::from_result(OPERATION, update.send().await).map(|_written| ())
}
