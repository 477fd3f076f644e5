//! Asks which order is about a job. Every read is strongly consistent: an order holds from the
//! moment in which it is written.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_sdk_kms::primitives::Blob;
use data_encoding::BASE64;
use media::{
    contact::Contact,
    ids::{InstanceId, TenantId},
    job::Job,
    message::MediaMessage,
    order::{OrderKey, OrderKind, OrderSubject},
    revocation::Revocation,
    unread::UnreadBody,
    unread_names::list_named_subjects,
};
use zeroize::Zeroizing;

use super::{
    order::Order,
    table::{HOLDS, KEY_ITEM, Orders, SEALED_KEY, encryption_context},
};
use crate::{
    dynamodb::{Attributes, get_item, get_string, string_value},
    error::AwsError,
};

/// How long a key is kept in memory.
const MAX_KEY_AGE: Duration = Duration::from_hours(1);

const BATCH_GET_ITEM: &str = "dynamodb:BatchGetItem";

/// How many keys DynamoDB takes in one request.
const MAX_KEYS: usize = 100;

/// How often keys that DynamoDB left unprocessed are asked for.
const MAX_BATCHES: u32 = 4;

/// The wait before keys that were left unprocessed are asked for again.
const BATCH_WAIT: Duration = Duration::from_millis(100);

impl Orders {
    /// The order to erase the job's media message, if there is one. A tenant without orders takes
    /// one read, another one read for each name of the media message.
    ///
    /// # Errors
    /// [`AwsError`] when DynamoDB or KMS does not answer: the job must be retried, not stored.
    pub async fn find_erasure(&self, job: &Job) -> Result<Option<Order>, AwsError> {
        self.find_covering(&job.tenant, job.order_subjects(), job.known_since()).await
    }

    /// The order to erase a media message that has no job. It was announced at `announced_at`, in
    /// seconds since 1970.
    ///
    /// # Errors
    /// As [`Self::find_erasure`].
    pub async fn find_message_erasure(
        &self,
        (tenant, instance): (&TenantId, &InstanceId),
        message: &MediaMessage,
        announced_at: i64,
    ) -> Result<Option<Order>, AwsError> {
        let subjects = message.order_subjects(instance);
        self.find_covering(tenant, subjects, message.known_since(announced_at)).await
    }

    /// The order to erase everything of an unread body's tenant or instance, if there is one. What
    /// else the body is about is not known.
    ///
    /// # Errors
    /// As [`Self::find_erasure`].
    pub async fn find_body_erasure(&self, body: &UnreadBody) -> Result<Option<Order>, AwsError> {
        let subjects = OrderSubject::list_all(body.instance(), [], []);
        self.find_covering(body.tenant(), subjects, body.accepted_at()).await
    }

    /// The order to erase for which an unread body is not kept, if there is one: about a chat, a
    /// person or a message that the body names in clear, and given after the body was accepted. For
    /// an order from now on alone, it is kept: other people's messages may be in it. So is every
    /// body of an instance of which something is held at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// As [`Self::find_erasure`], and when `Query` fails.
    pub async fn find_named_erasure(
        &self,
        body: &UnreadBody,
        now: i64,
    ) -> Result<Option<Order>, AwsError> {
        let tenant = body.tenant();
        let was_given = |order: &Order| order.was_given_since(body.accepted_at());
        let subjects = list_named_subjects(body.instance(), body.expose());
        let Some(order) = self.find_first(tenant, subjects, was_given).await? else {
            return Ok(None);
        };
        let is_held = self.holds_something(tenant, body.instance(), now).await?;
        Ok(Some(order).filter(|_| !is_held))
    }

    /// Whether a hold lasts at `now` that is about something of this instance, or of all.
    async fn holds_something(
        &self,
        tenant: &TenantId,
        instance: &InstanceId,
        now: i64,
    ) -> Result<bool, AwsError> {
        const QUERY: &str = "dynamodb:Query";
        let query = self.clients.dynamodb.query().table_name(&self.table).consistent_read(true);
        let mut items = query
            .key_condition_expression("tenant = :tenant AND begins_with(#order, :holds)")
            .expression_attribute_names("#order", "order")
            .expression_attribute_values(":tenant", string_value(tenant.as_str()))
            .expression_attribute_values(":holds", string_value(HOLDS))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item.map_err(AwsError::in_operation(QUERY))?;
            let hold = Order::from_item(QUERY, &item)?.filter(|hold| hold.holds(now));
            let is_its = |hold: &Order| ["*", instance.as_str()].contains(&hold.instance_word());
            if hold.as_ref().is_some_and(is_its) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The order to erase one of these subjects that was given since a webhook about them was
    /// accepted, at this time in seconds since 1970, if there is one. An order from now on alone
    /// does not count: it is about what is stored, and a receiver gets what comes later.
    ///
    /// # Errors
    /// As [`Self::find_erasure`].
    pub async fn find_delivery_erasure(
        &self,
        tenant: &TenantId,
        subjects: impl IntoIterator<Item = OrderSubject>,
        accepted_at: i64,
    ) -> Result<Option<Order>, AwsError> {
        self.find_first(tenant, subjects, |order| order.was_given_since(accepted_at)).await
    }

    /// The order to erase that covers what was announced of a contact at this time (seconds since
    /// 1970), if there is one: nothing of it may be written then.
    ///
    /// # Errors
    /// As [`Self::find_erasure`].
    pub async fn find_contact_erasure(
        &self,
        (tenant, instance): (&TenantId, &InstanceId),
        contact: &Contact,
        announced_at: i64,
    ) -> Result<Option<Order>, AwsError> {
        let subjects = OrderSubject::list_all(instance, contact.own_chats(), []);
        self.find_covering(tenant, subjects, announced_at).await
    }

    /// The order to erase that covers a message which was deleted by its sender, if there is one:
    /// nothing about it may be written then.
    ///
    /// # Errors
    /// As [`Self::find_erasure`].
    pub async fn find_revocation_erasure(
        &self,
        revocation: &Revocation,
    ) -> Result<Option<Order>, AwsError> {
        let message = revocation.message();
        let (chats, id) = (message.chats.iter().cloned(), message.message_id.clone());
        let subjects = OrderSubject::list_all(revocation.instance(), chats, [id]);
        self.find_covering(revocation.tenant(), subjects, revocation.accepted_at()).await
    }

    /// The order to erase one of these subjects that covers what is known since this time, in
    /// seconds since 1970.
    ///
    /// # Errors
    /// As [`Self::find_erasure`].
    pub async fn find_covering(
        &self,
        tenant: &TenantId,
        subjects: impl IntoIterator<Item = OrderSubject>,
        known_since: i64,
    ) -> Result<Option<Order>, AwsError> {
        self.find_first(tenant, subjects, |order| order.erases(known_since)).await
    }

    /// The first order to erase one of these subjects that is meant.
    async fn find_first(
        &self,
        tenant: &TenantId,
        subjects: impl IntoIterator<Item = OrderSubject>,
        is_meant: impl Fn(&Order) -> bool,
    ) -> Result<Option<Order>, AwsError> {
        let Some(key) = self.find_key(tenant).await? else {
            return Ok(None);
        };
        let sort_keys =
            subjects.into_iter().map(|subject| subject.sort_key(OrderKind::Erase, &key));
        let items = self.get_all(tenant, sort_keys).await?;
        let orders = items.iter().map(|item| Order::from_item(BATCH_GET_ITEM, item));
        let orders: Vec<_> = orders.collect::<Result<_, _>>()?;
        Ok(orders.into_iter().flatten().find(is_meant))
    }

    /// The key of the tenant's orders. `None`: the tenant has none.
    ///
    /// # Errors
    /// [`AwsError`] when DynamoDB or KMS does not answer.
    pub async fn find_key(&self, tenant: &TenantId) -> Result<Option<Arc<OrderKey>>, AwsError> {
        if let Some(key) = self.keys.get_younger_than(MAX_KEY_AGE, tenant) {
            return Ok(Some(key));
        }
        let place = [("tenant", tenant.as_str()), ("order", KEY_ITEM)];
        let Some(item) = get_item(&self.clients, &self.table, place).await? else {
            return Ok(None);
        };
        let key = Arc::new(self.open_key(tenant, &item).await?);
        self.keys.put(tenant.clone(), Arc::clone(&key));
        Ok(Some(key))
    }

    async fn open_key(&self, tenant: &TenantId, item: &Attributes) -> Result<OrderKey, AwsError> {
        const OPERATION: &str = "kms:Decrypt";
        let unreadable = || AwsError::unexpected(OPERATION, "a tenant's key cannot be read");
        let sealed = get_string(item, SEALED_KEY).unwrap_or_default();
        let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| unreadable())?;
        let decrypt = self.clients.kms.decrypt().ciphertext_blob(Blob::new(sealed));
        let decrypt = decrypt.set_encryption_context(Some(encryption_context(tenant)));
        let opened = decrypt.send().await.map_err(AwsError::in_operation(OPERATION))?;
        let plain = Zeroizing::new(opened.plaintext.map(Blob::into_inner).unwrap_or_default());
        OrderKey::from_bytes(&plain).map_err(|_| unreadable())
    }

    /// The items with these sort keys that there are.
    async fn get_all(
        &self,
        tenant: &TenantId,
        sort_keys: impl Iterator<Item = String>,
    ) -> Result<Vec<Attributes>, AwsError> {
        let keys = sort_keys.map(|sort_key| {
            [("tenant", tenant.as_str()), ("order", &*sort_key)]
                .map(|(name, text)| (name.to_owned(), string_value(text)))
                .into()
        });
        let (mut keys, mut found) = (keys.peekable(), Vec::new());
        while keys.peek().is_some() {
            found.extend(self.get_some(keys.by_ref().take(MAX_KEYS).collect()).await?);
        }
        Ok(found)
    }

    /// The items with these keys that there are; at most [`MAX_KEYS`].
    async fn get_some(
        &self,
        keys: Vec<HashMap<String, AttributeValue>>,
    ) -> Result<Vec<Attributes>, AwsError> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys));
        let mut wanted = wanted
            .consistent_read(true)
            .build()
            .map_err(|_| AwsError::unexpected(BATCH_GET_ITEM, "the request could not be built"))?;
        let mut found = Vec::new();
        for _ in 0..MAX_BATCHES {
            let request = self.clients.dynamodb.batch_get_item();
            let request = request.request_items(&self.table, wanted);
            let answer = request.send().await.map_err(AwsError::in_operation(BATCH_GET_ITEM))?;
            let of_table = answer.responses.and_then(|mut tables| tables.remove(&self.table));
            found.extend(of_table.unwrap_or_default());
            let rest = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
            match rest.filter(|rest| !rest.keys().is_empty()) {
                Some(rest) => wanted = rest,
                None => return Ok(found),
            }
            tokio::time::sleep(BATCH_WAIT).await;
        }
        Err(AwsError::unexpected(BATCH_GET_ITEM, "some keys were left unprocessed"))
    }
}
