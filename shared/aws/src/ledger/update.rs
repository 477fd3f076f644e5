//! Builds an `UpdateItem` request: what it sets and removes, every name and value behind a
//! placeholder.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue,
};
use media::{identity::RecordKey, ids::InstanceId};
use serde::Serialize;
use serde_dynamo::{Item, to_item};

use crate::{
    clients::Clients,
    dynamodb::{Attributes, string_value},
    error::AwsError,
};

/// Placeholders are numbered, so that no attribute's name can be a word reserved by `DynamoDB`.
#[derive(Debug, Default)]
pub(super) struct Update {
    names: Vec<String>,
    values: Vec<AttributeValue>,
    sets: Vec<String>,
    removes: Vec<String>,
}

impl Update {
    /// Sets every field of `fields`. `operation` is named in the error.
    pub(super) fn from_fields(
        operation: &'static str,
        fields: &impl Serialize,
    ) -> Result<Self, AwsError> {
        let item: Item = to_item(fields)
            .map_err(|_| AwsError::unexpected(operation, "the item could not be built"))?;
        let set = |update: Self, (name, value): (String, AttributeValue)| update.set(&name, value);
        Ok(Attributes::from(item).into_iter().fold(Self::default(), set))
    }

    pub(super) fn set(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.bind_name(name), self.bind_value(value));
        self.sets.push(format!("{name} = {value}"));
        self
    }

    /// Sets the attribute if the record has none of this name yet.
    pub(super) fn set_once(mut self, name: &str, text: &str) -> Self {
        let value = self.bind_value(string_value(text));
        let name = self.bind_name(name);
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
        self
    }

    pub(super) fn remove(mut self, name: &str) -> Self {
        let name = self.bind_name(name);
        self.removes.push(name);
        self
    }

    /// Sets the attribute, or removes it without a value.
    pub(super) fn set_or_remove(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    pub(super) fn set_flag(self, name: &str) -> Self {
        self.set(name, AttributeValue::Bool(true))
    }

    /// Ends the lease.
    pub(super) fn remove_lease(self) -> Self {
        self.remove("lease_owner").remove("lease_until")
    }

    fn bind_name(&mut self, name: &str) -> String {
        self.names.push(name.to_owned());
        format!("#n{}", self.names.len())
    }

    fn bind_value(&mut self, value: AttributeValue) -> String {
        self.values.push(value);
        format!(":v{}", self.values.len())
    }

    /// The request for one record, still without a condition.
    pub(super) fn request(
        self,
        clients: &Clients,
        table: &str,
        instance: &InstanceId,
        key: &RecordKey,
    ) -> UpdateItemFluentBuilder {
        let (expression, names, values) = self.into_parts();
        let mut request = clients
            .dynamodb
            .update_item()
            .table_name(table)
            .key("instance", string_value(instance.as_str()))
            .key("message_id", string_value(key.as_str()))
            .update_expression(expression);
        for (placeholder, name) in names {
            request = request.expression_attribute_names(placeholder, name);
        }
        for (placeholder, value) in values {
            request = request.expression_attribute_values(placeholder, value);
        }
        request
    }

    /// The expression, with the names and the values of its placeholders.
    #[expect(clippy::type_complexity, reason = "three parts that are taken apart at once")]
    pub(super) fn into_parts(
        self,
    ) -> (String, Vec<(String, String)>, Vec<(String, AttributeValue)>) {
        let clause = |verb: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{verb} {} ", parts.join(", ")),
        };
        let expression = clause("SET", &self.sets) + &clause("REMOVE", &self.removes);
        let names = (1..).zip(self.names).map(|(n, name)| (format!("#n{n}"), name));
        let values = (1..).zip(self.values).map(|(n, value)| (format!(":v{n}"), value));
        (expression.trim_end().to_owned(), names.collect(), values.collect())
    }
}
