//! The attributes of the register's records, and the conditions of its writes.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use media::policy::Policy;
use serde::Serialize;

use super::error::RegisterError;
use crate::{
    dynamodb::{Attributes, string_value},
    error::AwsError,
};

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

/// The part of a transaction that sets the policy of an existing record.
pub(super) fn policy_update(
    table: &str,
    (key_name, id): (&str, &str),
    policy: &Policy,
) -> Result<TransactWriteItem, RegisterError> {
    let update = Update::builder()
        .table_name(table)
        .key(key_name, string_value(id))
        .condition_expression(is_present(key_name))
        .update_expression("SET #policy = :policy")
        .expression_attribute_names("#policy", "policy")
        .expression_attribute_values(":policy", to_value(policy)?)
        .build()
        .map_err(|_| {
            AwsError::unexpected("dynamodb:TransactWriteItems", "the update could not be built")
        })?;
    Ok(TransactWriteItem::builder().update(update).build())
}
