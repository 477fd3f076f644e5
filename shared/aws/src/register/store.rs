//! The register's tables and key, and the writes that tenants and instances share.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError, types::TransactWriteItem,
};
use aws_sdk_kms::primitives::Blob;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
};

use super::{error::RegisterError, fields::is_missing};
use crate::{
    clients::Clients,
    dynamodb::{Attributes, string_value},
    error::AwsError,
    instances::encryption_context,
};

/// How often a change is tried again after another command changed the same records.
pub(super) const MAX_TRIES: usize = 5;

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transaction {
    /// Everything was written.
    Written,
    /// Nothing was written: a condition failed, or another write was at work.
    Refused {
        /// The position of the first write that was refused.
        first: usize,
    },
}

/// The names of the tables and of the key that make up the register.
#[derive(Debug, Clone)]
pub struct RegisterTables {
    /// The table of instances.
    pub instances_table: String,
    /// The table of tenants.
    pub tenants_table: String,
    /// The KMS key that encrypts tokens.
    pub token_key: String,
}

/// Reads and writes the register. Caches nothing.
#[derive(Debug)]
pub struct Register {
    pub(super) clients: Clients,
    pub(super) tables: RegisterTables,
}

impl Register {
    /// Uses these tables and this key.
    #[must_use]
    pub fn new(clients: &Clients, tables: RegisterTables) -> Self {
        Self { clients: clients.clone(), tables }
    }

    /// The `PutItem` of a new record: fails with [`RegisterError::AlreadyThere`] if the table has a
    /// record with the same key.
    pub(super) async fn put_new(
        &self,
        table: &str,
        key_name: &str,
        item: Attributes,
    ) -> Result<(), RegisterError> {
        let put = self.clients.dynamodb.put_item();
        put.table_name(table)
            .set_item(Some(item))
            .condition_expression(is_missing(key_name))
            .send()
            .await
            .map_err(RegisterError::in_write("dynamodb:PutItem", RegisterError::AlreadyThere))?;
        Ok(())
    }

    /// Writes all or nothing.
    pub(super) async fn write_together(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Transaction, RegisterError> {
        let write = self.clients.dynamodb.transact_write_items();
        let Err(error) = write.set_transact_items(Some(writes)).send().await else {
            return Ok(Transaction::Written);
        };
        let failure = AwsError::new("dynamodb:TransactWriteItems", &error);
        let TransactWriteItemsError::TransactionCanceledException(cancelled) =
            error.into_service_error()
        else {
            return Err(failure.into());
        };
        let reasons = cancelled.cancellation_reasons.unwrap_or_default();
        let codes = reasons.iter().map(|reason| reason.code.as_deref().unwrap_or_default());
        let mut refused = codes.enumerate().filter(|(_, code)| !matches!(*code, "" | "None"));
        match refused.next() {
            Some((first, "ConditionalCheckFailed" | "TransactionConflict")) => {
                Ok(Transaction::Refused { first })
            }
            Some(_) | None => Err(failure.into()),
        }
    }

    /// Deletes a record, if there is one.
    pub(super) async fn delete(
        &self,
        table: &str,
        (key_name, id): (&str, &str),
    ) -> Result<(), RegisterError> {
        let delete = self.clients.dynamodb.delete_item();
        delete
            .table_name(table)
            .key(key_name, string_value(id))
            .send()
            .await
            .map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        Ok(())
    }

    /// Reads all records of a table.
    pub(super) async fn scan(&self, table: &str) -> Result<Vec<Attributes>, RegisterError> {
        let pages = self.clients.dynamodb.scan().table_name(table);
        let items = pages.consistent_read(true).into_paginator().items().send();
        let items = items.collect::<Result<Vec<_>, _>>().await;
        Ok(items.map_err(AwsError::in_operation("dynamodb:Scan"))?)
    }

    /// Encrypts a W-API token for this tenant and instance only.
    pub(super) async fn encrypt_token(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
        token: &Secret,
    ) -> Result<Vec<u8>, RegisterError> {
        const OPERATION: &str = "kms:Encrypt";
        let encrypted = self
            .clients
            .kms
            .encrypt()
            .key_id(&self.tables.token_key)
            .plaintext(Blob::new(token.expose()))
            .set_encryption_context(Some(encryption_context(tenant, instance)))
            .send()
            .await
            .map_err(AwsError::in_operation(OPERATION))?;
        let sealed = encrypted.ciphertext_blob.map(Blob::into_inner);
        Ok(sealed.ok_or_else(|| AwsError::unexpected(OPERATION, "no ciphertext"))?)
    }
}
