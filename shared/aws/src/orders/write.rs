//! What an operator does with orders: gives them, lists them, releases holds.

use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_sdk_kms::primitives::Blob;
use data_encoding::BASE64;
use media::{
    ids::{InstanceId, TenantId},
    order::{OrderKey, OrderKind, OrderSubject},
};

use super::{
    order::{BEFORE, FROM_NOW_ON, ID, Order},
    table::{FORMER, HOLDS, INSTANCES_ITEM, KEY_ITEM, Orders, SEALED_KEY, encryption_context},
};
use crate::{
    dynamodb::{get_item, get_string, number_value, string_value},
    error::AwsError,
};

const UPDATE_ITEM: &str = "dynamodb:UpdateItem";

/// How long a hold that has ended stays in the table, in seconds.
const KEPT_AFTER_END: i64 = 400 * 24 * 60 * 60;

/// An order to erase.
#[derive(Debug)]
pub struct NewErasure<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// What is erased. The first one's item decides the order's id.
    pub subjects: &'a [OrderSubject],
    /// What is known since this time or longer is erased, in seconds since 1970.
    pub before: i64,
    /// Whether what comes later is not stored either.
    pub from_now_on: bool,
    /// The operator's reference.
    pub reference: Option<&'a str>,
    /// The ARN of the operator.
    pub by: &'a str,
    /// A short random id, used if the first subject has no order yet.
    pub id: &'a str,
}

/// A hold.
#[derive(Debug)]
pub struct NewHold<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// What is held.
    pub subject: &'a OrderSubject,
    /// Why. It names no person.
    pub reason: &'a str,
    /// When it ends, in seconds since 1970. `None`: when it is released.
    pub until: Option<i64>,
    /// The ARN of the operator.
    pub by: &'a str,
    /// A short random id.
    pub id: &'a str,
    /// The current time, in seconds since 1970.
    pub now: i64,
}

impl Orders {
    /// The key of the tenant's orders, which is made of `random` bytes if the tenant has none.
    ///
    /// # Errors
    /// [`AwsError`] when DynamoDB or KMS fails.
    pub async fn create_key(
        &self,
        tenant: &TenantId,
        token_key: &str,
        random: [u8; OrderKey::BYTES],
    ) -> Result<Arc<OrderKey>, AwsError> {
        const OPERATION: &str = "kms:Encrypt";
        const PUT_ITEM: &str = "dynamodb:PutItem";
        if let Some(key) = self.find_key(tenant).await? {
            return Ok(key);
        }
        let encrypt = self.clients.kms.encrypt().key_id(token_key).plaintext(Blob::new(random));
        let encrypt = encrypt.set_encryption_context(Some(encryption_context(tenant)));
        let sealed = encrypt.send().await.map_err(AwsError::in_operation(OPERATION))?;
        let sealed = sealed.ciphertext_blob.map(Blob::into_inner);
        let sealed = sealed.ok_or_else(|| AwsError::unexpected(OPERATION, "no ciphertext"))?;
        let put = self.clients.dynamodb.put_item().table_name(&self.table);
        let put = put
            .item("tenant", string_value(tenant.as_str()))
            .item("order", string_value(KEY_ITEM))
            .item(SEALED_KEY, string_value(BASE64.encode(&sealed)))
            .condition_expression("attribute_not_exists(sealed_key)")
            .send()
            .await;
        match put.map_err(AwsError::in_operation(PUT_ITEM)) {
            Ok(_) => {}
            // Another operator was faster: that key is the tenant's.
            Err(error) if error.is_failed_condition() => {}
            Err(error) => return Err(error),
        }
        let key = self.find_key(tenant).await?;
        key.ok_or_else(|| AwsError::unexpected(PUT_ITEM, "the tenant's key is not there"))
    }

    /// Gives an order to erase, and returns its id. An order about the same subject that is there
    /// already covers what came since, and keeps its id.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails. Some of the subjects may then be ordered.
    pub async fn put_erasure(
        &self,
        key: &OrderKey,
        new: &NewErasure<'_>,
    ) -> Result<String, AwsError> {
        let mut id: Option<String> = None;
        for subject in new.subjects {
            let sort_key = subject.sort_key(OrderKind::Erase, key);
            let own = id.clone().unwrap_or_else(|| new.id.to_owned());
            let written = self.put_erasure_item(&sort_key, &own, new).await?;
            id.get_or_insert(written);
        }
        Ok(id.unwrap_or_default())
    }

    async fn put_erasure_item(
        &self,
        sort_key: &str,
        id: &str,
        new: &NewErasure<'_>,
    ) -> Result<String, AwsError> {
        let flag = match new.from_now_on {
            true => ":flag",
            false => "if_not_exists(from_now_on, :flag)",
        };
        let mut update = format!(
            "SET #before = :before, from_now_on = {flag}, id = if_not_exists(id, :id), \
             made_at = if_not_exists(made_at, :before), #by = :by"
        );
        if new.reference.is_some() {
            update += ", #reference = :reference";
        }
        let request = self.clients.dynamodb.update_item().table_name(&self.table);
        let mut request = request
            .key("tenant", string_value(new.tenant.as_str()))
            .key("order", string_value(sort_key))
            .update_expression(update)
            // A clock that is behind does not take back what an order covers.
            .condition_expression("attribute_not_exists(#before) OR #before <= :before")
            .expression_attribute_names("#before", BEFORE)
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":before", number_value(new.before))
            .expression_attribute_values(":flag", AttributeValue::Bool(new.from_now_on))
            .expression_attribute_values(":id", string_value(id))
            .expression_attribute_values(":by", string_value(new.by))
            .return_values(ReturnValue::AllNew);
        if let Some(reference) = new.reference {
            request = request
                .expression_attribute_names("#reference", "reference")
                .expression_attribute_values(":reference", string_value(reference));
        }
        let written = request.send().await.map_err(AwsError::in_operation(UPDATE_ITEM));
        let written = written.map_err(|error| match error.is_failed_condition() {
            true => AwsError::unexpected(UPDATE_ITEM, "a newer order is there: is the clock late?"),
            false => error,
        })?;
        let item = written.attributes.unwrap_or_default();
        debug_assert!(item.contains_key(FROM_NOW_ON), "the item that was written");
        Ok(get_string(&item, ID).unwrap_or(id).to_owned())
    }

    /// Gives a hold. Several may be about the same: each lasts until it ends or is released.
    ///
    /// # Errors
    /// [`AwsError`] when `PutItem` fails.
    pub async fn put_hold(&self, key: &OrderKey, new: &NewHold<'_>) -> Result<(), AwsError> {
        let subject_key = new.subject.sort_key(OrderKind::Hold, key);
        let put = self.clients.dynamodb.put_item().table_name(&self.table);
        let mut put = put
            .item("tenant", string_value(new.tenant.as_str()))
            .item("order", string_value(format!("{subject_key}#{}", new.id)))
            .item(ID, string_value(new.id))
            .item("reason", string_value(new.reason))
            .item("made_at", number_value(new.now))
            .item("by", string_value(new.by));
        if let Some(until) = new.until {
            put = put
                .item("until", number_value(until))
                .item("forget_at", number_value(until.saturating_add(KEPT_AFTER_END)));
        }
        put.send().await.map_err(AwsError::in_operation("dynamodb:PutItem"))?;
        Ok(())
    }

    /// Releases a hold.
    ///
    /// # Errors
    /// [`AwsError`] when `DeleteItem` fails.
    pub async fn remove_hold(&self, tenant: &TenantId, hold: &Order) -> Result<(), AwsError> {
        let delete = self.clients.dynamodb.delete_item().table_name(&self.table);
        let deleted = delete
            .key("tenant", string_value(tenant.as_str()))
            .key("order", string_value(&*hold.sort_key))
            .condition_expression("begins_with(#order, :hold)")
            .expression_attribute_names("#order", "order")
            .expression_attribute_values(":hold", string_value(HOLDS))
            .send()
            .await;
        deleted.map_err(AwsError::in_operation("dynamodb:DeleteItem"))?;
        Ok(())
    }

    /// All orders of a tenant, in the order of their keys.
    ///
    /// # Errors
    /// [`AwsError`] when `Query` fails, or an order's time cannot be read.
    pub async fn list(&self, tenant: &TenantId) -> Result<Vec<Order>, AwsError> {
        const OPERATION: &str = "dynamodb:Query";
        let query = self.clients.dynamodb.query().table_name(&self.table).consistent_read(true);
        let mut items = query
            .key_condition_expression("tenant = :tenant")
            .expression_attribute_values(":tenant", string_value(tenant.as_str()))
            .into_paginator()
            .items()
            .send();
        let mut orders = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation(OPERATION))?;
            orders.extend(Order::from_item(OPERATION, &item)?);
        }
        Ok(orders)
    }

    /// Remembers an instance of the tenant that is about to be removed: its records stay, and an
    /// erasure must find them.
    ///
    /// # Errors
    /// [`AwsError`] when `UpdateItem` fails.
    pub async fn remember_instance(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
    ) -> Result<(), AwsError> {
        let update = self.clients.dynamodb.update_item().table_name(&self.table);
        let updated = update
            .key("tenant", string_value(tenant.as_str()))
            .key("order", string_value(INSTANCES_ITEM))
            .update_expression(format!("ADD {FORMER} :one"))
            .expression_attribute_values(":one", AttributeValue::Ss(vec![instance.to_string()]))
            .send()
            .await;
        updated.map_err(AwsError::in_operation(UPDATE_ITEM))?;
        Ok(())
    }

    /// The instances of the tenant that were removed.
    ///
    /// # Errors
    /// [`AwsError`] when `GetItem` fails.
    pub async fn former_instances(&self, tenant: &TenantId) -> Result<Vec<InstanceId>, AwsError> {
        let place = [("tenant", tenant.as_str()), ("order", INSTANCES_ITEM)];
        let item = get_item(&self.clients, &self.table, place).await?;
        let item = item.unwrap_or_default();
        let ids = item.get(FORMER).and_then(|ids| ids.as_ss().ok()).into_iter().flatten();
        Ok(ids.filter_map(|id| InstanceId::parse(id.clone()).ok()).collect())
    }
}
