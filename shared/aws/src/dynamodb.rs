//! What all tables share: attribute values, items, and the read of one item by its key.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};
use serde::de::DeserializeOwned;

use crate::{clients::Clients, error::AwsError};

/// An item, or the key of one: its attributes by name, as `DynamoDB` returns them.
pub type Attributes = HashMap<String, AttributeValue>;

/// A text as an attribute value (type `S`).
pub fn string_value(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number as an attribute value (type `N`).
#[must_use]
pub fn number_value(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The text of an attribute. `None` if the item has no such attribute, or it is not a text.
#[must_use]
pub fn get_string<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number in an attribute. `None` if the item has no such attribute, or it is not a number of
/// this type.
#[must_use]
pub fn get_number<T: FromStr>(item: &Attributes, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Reads the item with this key, strongly consistent. `key` has the names and texts of the table's
/// key attributes.
///
/// # Errors
/// [`AwsError`] when `GetItem` fails.
pub async fn get_item<const N: usize>(
    clients: &Clients,
    table: &str,
    key: [(&str, &str); N],
) -> Result<Option<Attributes>, AwsError> {
    let request = clients.dynamodb.get_item().table_name(table).consistent_read(true);
    let request = key
        .into_iter()
        .fold(request, |request, (name, text)| request.key(name, string_value(text)));
    let output = request.send().await.map_err(AwsError::in_operation("dynamodb:GetItem"))?;
    Ok(output.item)
}

/// How many items a query finds, page by page, until at least `max` are found; and whether there
/// are more. `DynamoDB` counts them, and returns no item.
///
/// # Errors
/// [`AwsError`] when `Query` fails.
pub async fn count_items(query: QueryFluentBuilder, max: u64) -> Result<(u64, bool), AwsError> {
    let (mut count, mut start) = (0, None);
    loop {
        let page = query.clone().select(Select::Count).set_exclusive_start_key(start);
        let page = page.send().await.map_err(AwsError::in_operation("dynamodb:Query"))?;
        count += u64::try_from(page.count).unwrap_or_default();
        start = page.last_evaluated_key;
        if start.is_none() || count >= max {
            return Ok((count, start.is_some()));
        }
    }
}

/// Takes a list out of an item. Entries that this build cannot read, as those of a newer version,
/// are left out.
pub(crate) fn take_readable<T: DeserializeOwned>(item: &mut Attributes, name: &str) -> Vec<T> {
    let Some(AttributeValue::L(entries)) = item.remove(name) else {
        return Vec::new();
    };
    entries.into_iter().filter_map(|one| serde_dynamo::from_attribute_value(one).ok()).collect()
}
