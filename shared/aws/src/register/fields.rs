//! What stands in the register's tables, and the updates of it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use media::policy::Policy;
use serde::Serialize;

use super::{RegisterError, Tenant};
use crate::error::AwsError;

pub(super) fn tenant_of(item: HashMap<String, AttributeValue>) -> Result<Tenant, RegisterError> {
    let malformed = RegisterError::Malformed("an attribute of a tenant is missing or wrong");
    serde_dynamo::from_item(item).map_err(|_| malformed)
}

pub(super) fn item_of(
    fields: &impl Serialize,
) -> Result<HashMap<String, AttributeValue>, RegisterError> {
    let failed = AwsError::unexpected("dynamodb:PutItem", "the item could not be built");
    Ok(serde_dynamo::to_item(fields).map_err(|_| failed)?)
}

pub(super) fn value_of(value: &impl Serialize) -> Result<AttributeValue, RegisterError> {
    let failed = AwsError::unexpected("dynamodb:UpdateItem", "the value could not be built");
    Ok(serde_dynamo::to_attribute_value(value).map_err(|_| failed)?)
}

/// Writes a policy into a record that is there.
pub(super) fn policy_update(
    table: &str,
    (name, id): (&str, &str),
    policy: &Policy,
) -> Result<TransactWriteItem, RegisterError> {
    let update = Update::builder()
        .table_name(table)
        .key(name, AttributeValue::S(id.to_owned()))
        .condition_expression(format!("attribute_exists({name})"))
        .update_expression("SET #policy = :policy")
        .expression_attribute_names("#policy", "policy")
        .expression_attribute_values(":policy", value_of(policy)?)
        .build()
        .map_err(|_| {
            AwsError::unexpected("dynamodb:TransactWriteItems", "it could not be built")
        })?;
    Ok(TransactWriteItem::builder().update(update).build())
}
