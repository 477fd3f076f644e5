//! Adds, changes and removes receivers, for operators.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kms::primitives::Blob;
use data_encoding::BASE64;
use media::{
    ids::{InstanceId, TenantId},
    receiver::{ReceiverEndpoint, ReceiverId},
};

use super::{
    receiver::{
        CREATED_AT, HOOKS, HOST, KIND, ReceivedKind, Receiver, SEALED, SORT_KEY, TENANT, sort_key,
    },
    table::{Receivers, encryption_context},
};
use crate::{
    dynamodb::{Attributes, number_value, string_value},
    error::AwsError,
    ledger::WriteOutcome,
};

/// A receiver to be added.
#[derive(Debug)]
pub struct NewReceiver<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The only instance; `None`: all of the tenant's.
    pub instance: Option<&'a InstanceId>,
    /// The new id.
    pub id: &'a ReceiverId,
    /// The host of the URL.
    pub host: &'a str,
    /// The words of the hooks; empty: all.
    pub hooks: &'a [String],
    /// What it gets.
    pub kind: ReceivedKind,
    /// URL and secret.
    pub endpoint: &'a ReceiverEndpoint,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

impl Receivers {
    /// Adds a receiver. URL and secret are encrypted for it alone.
    ///
    /// # Errors
    /// [`AwsError`] when an AWS call fails.
    pub async fn add(&self, new: &NewReceiver<'_>, token_key: &str) -> Result<(), AwsError> {
        let sealed = self.seal((new.tenant, new.id), new.endpoint, token_key).await?;
        let mut item = Attributes::from([
            (TENANT.to_owned(), string_value(new.tenant.as_str())),
            (SORT_KEY.to_owned(), string_value(sort_key(new.instance, new.id))),
            (HOST.to_owned(), string_value(new.host)),
            (KIND.to_owned(), string_value(new.kind.as_str())),
            (SEALED.to_owned(), string_value(sealed)),
            (CREATED_AT.to_owned(), number_value(new.now)),
        ]);
        if !new.hooks.is_empty() {
            item.insert(HOOKS.to_owned(), AttributeValue::Ss(new.hooks.to_vec()));
        }
        let put = self.clients.dynamodb.put_item().table_name(&self.table);
        let put = put.set_item(Some(item)).condition_expression("attribute_not_exists(tenant)");
        put.send().await.map_err(AwsError::in_operation("dynamodb:PutItem"))?;
        self.forget(new.tenant);
        Ok(())
    }

    /// Replaces URL and secrets. `Overtaken`: another command changed them since they were read.
    ///
    /// # Errors
    /// [`AwsError`] when an AWS call fails.
    pub async fn replace_endpoint(
        &self,
        receiver: &Receiver,
        endpoint: &ReceiverEndpoint,
        token_key: &str,
    ) -> Result<WriteOutcome, AwsError> {
        let key = (&receiver.tenant, &receiver.id);
        let sealed = self.seal(key, endpoint, token_key).await?;
        let update = self.update(receiver).update_expression("SET sealed = :new");
        let update = update.expression_attribute_values(":new", string_value(sealed));
        let was = string_value(BASE64.encode(&receiver.sealed));
        let update = update.expression_attribute_values(":was", was);
        self.send(receiver, update.condition_expression("sealed = :was")).await
    }

    /// Chooses what a receiver gets. `Overtaken`: it was removed.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn set_kind(
        &self,
        receiver: &Receiver,
        kind: ReceivedKind,
    ) -> Result<WriteOutcome, AwsError> {
        let update = self.update(receiver).update_expression("SET what = :kind");
        let update = update.expression_attribute_values(":kind", string_value(kind.as_str()));
        self.send(receiver, update.condition_expression("attribute_exists(tenant)")).await
    }

    /// Ends a pause, and forgets that the receiver failed or asked to be left alone. `Overtaken`:
    /// it was removed.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn resume(&self, receiver: &Receiver) -> Result<WriteOutcome, AwsError> {
        const RESUME: &str = "REMOVE paused_at, pause_reason, failing_since, \
             probe_at, asked_until";
        let update = self.update(receiver).update_expression(RESUME);
        self.send(receiver, update.condition_expression("attribute_exists(tenant)")).await
    }

    /// Removes a receiver.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn remove(&self, receiver: &Receiver) -> Result<(), AwsError> {
        let delete = self.clients.dynamodb.delete_item().table_name(&self.table);
        delete
            .key(TENANT, string_value(receiver.tenant.as_str()))
            .key(SORT_KEY, string_value(receiver.sort_key()))
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        self.forget(&receiver.tenant);
        Ok(())
    }

    /// Encrypts URL and secrets for this receiver only, as base64.
    async fn seal(
        &self,
        (tenant, id): (&TenantId, &ReceiverId),
        endpoint: &ReceiverEndpoint,
        token_key: &str,
    ) -> Result<String, AwsError> {
        const OPERATION: &str = "kms:Encrypt";
        let plain = endpoint.to_json();
        let plain = plain.ok_or_else(|| AwsError::unexpected(OPERATION, "no JSON"))?;
        let encrypt = self.clients.kms.encrypt().key_id(token_key);
        let encrypted = encrypt
            .plaintext(Blob::new(plain.as_slice()))
            .set_encryption_context(Some(encryption_context(tenant, id)))
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION))?;
        let sealed = encrypted.ciphertext_blob.map(Blob::into_inner);
        let sealed = sealed.ok_or_else(|| AwsError::unexpected(OPERATION, "no ciphertext"))?;
        Ok(BASE64.encode(&sealed))
    }
}
