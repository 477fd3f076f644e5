//! The attributes of the register's records, and the conditions of its writes.

use aws_sdk_dynamodb::types::{
    AttributeValue, Put, TransactWriteItem, Update, builders::UpdateBuilder,
};
use media::policy::Policy;
use serde::Serialize;

use super::error::RegisterError;
use crate::{
    dynamodb::{Attributes, get_number, number_value, string_value},
    error::AwsError,
};

/// The attribute of a tenant's record that counts the instances ever added: a change that lists
/// the tenant's instances fails if one was added meanwhile. Records of earlier versions lack it.
const INSTANCES_ADDED: &str = "instances_added";

/// The condition of a write that must create the record.
pub(super) fn is_missing(key_name: &str) -> String {
    format!("attribute_not_exists({key_name})")
}

/// The condition of a write that must not create the record.
pub(super) fn is_present(key_name: &str) -> String {
    format!("attribute_exists({key_name})")
}

/// All fields as the attributes of an item.
pub(super) fn to_item(fields: &impl Serialize) -> Result<Attributes, RegisterError> {
    let failed = AwsError::unexpected("dynamodb:PutItem", "the item could not be built");
    Ok(serde_dynamo::to_item(fields).map_err(|_| failed)?)
}

/// One value as an attribute value.
pub(super) fn to_value(value: &impl Serialize) -> Result<AttributeValue, RegisterError> {
    let failed = AwsError::unexpected("dynamodb:UpdateItem", "the value could not be built");
    Ok(serde_dynamo::to_attribute_value(value).map_err(|_| failed)?)
}

/// The condition that no instance was added to a tenant since its record was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoAddition(Option<i64>);

impl NoAddition {
    /// `item` is the tenant's record.
    pub(super) fn since(item: &Attributes) -> Self {
        Self(get_number(item, INSTANCES_ADDED))
    }

    /// The expression, with the value `:added` if it has one.
    pub(super) fn to_condition(self) -> (String, Option<AttributeValue>) {
        let present = is_present("tenant");
        match self.0 {
            Some(count) => {
                (format!("{present} AND {INSTANCES_ADDED} = :added"), Some(number_value(count)))
            }
            None => (format!("{present} AND {}", is_missing(INSTANCES_ADDED)), None),
        }
    }
}

/// The part of a transaction that sets the policy of an existing instance.
pub(super) fn policy_update(
    table: &str,
    (key_name, id): (&str, &str),
    policy: &Policy,
) -> Result<TransactWriteItem, RegisterError> {
    let update = Update::builder().condition_expression(is_present(key_name));
    finish_policy_update(update, table, (key_name, id), policy)
}

/// The part of a transaction that sets the policy of a tenant to which no instance was added.
pub(super) fn tenant_policy_update(
    table: &str,
    tenant: &str,
    policy: &Policy,
    unchanged: NoAddition,
) -> Result<TransactWriteItem, RegisterError> {
    let (condition, value) = unchanged.to_condition();
    let mut update = Update::builder().condition_expression(condition);
    if let Some(value) = value {
        update = update.expression_attribute_values(":added", value);
    }
    finish_policy_update(update, table, ("tenant", tenant), policy)
}

fn finish_policy_update(
    update: UpdateBuilder,
    table: &str,
    (key_name, id): (&str, &str),
    policy: &Policy,
) -> Result<TransactWriteItem, RegisterError> {
    let update = update
        .table_name(table)
        .key(key_name, string_value(id))
        .update_expression("SET #policy = :policy")
        .expression_attribute_names("#policy", "policy")
        .expression_attribute_values(":policy", to_value(policy)?)
        .build()
        .map_err(|_| not_built())?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// The part of a transaction that creates a record.
pub(super) fn new_item_write(
    table: &str,
    key_name: &str,
    item: Attributes,
) -> Result<TransactWriteItem, RegisterError> {
    let put = Put::builder().table_name(table).set_item(Some(item));
    let put = put.condition_expression(is_missing(key_name)).build().map_err(|_| not_built())?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The part of a transaction that counts a new instance of a tenant whose policy is still `policy`.
pub(super) fn addition_write(
    table: &str,
    tenant: &str,
    policy: Option<AttributeValue>,
) -> Result<TransactWriteItem, RegisterError> {
    let policy = policy.ok_or(RegisterError::Malformed("a tenant has no policy"))?;
    let update = Update::builder()
        .table_name(table)
        .key("tenant", string_value(tenant))
        .condition_expression(format!("{} AND #policy = :policy", is_present("tenant")))
        .update_expression(format!("ADD {INSTANCES_ADDED} :one"))
        .expression_attribute_names("#policy", "policy")
        .expression_attribute_values(":policy", policy)
        .expression_attribute_values(":one", number_value(1))
        .build()
        .map_err(|_| not_built())?;
    Ok(TransactWriteItem::builder().update(update).build())
}

fn not_built() -> AwsError {
    AwsError::unexpected("dynamodb:TransactWriteItems", "the write could not be built")
}
