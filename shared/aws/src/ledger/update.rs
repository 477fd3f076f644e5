//! An `UpdateItem` under construction: what it sets and removes, every name and value behind a
//! placeholder.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue,
};
use media::{identity::RecordKey, ids::InstanceId};
use serde::Serialize;
use serde_dynamo::{Item, to_item};

use super::Attributes;
use crate::{clients::Clients, error::AwsError};

/// Placeholders are numbered, so that no attribute's name can be a word reserved by `DynamoDB`.
#[derive(Debug, Default)]
pub(super) struct Update {
    names: Vec<String>,
    values: Vec<AttributeValue>,
    sets: Vec<String>,
    removes: Vec<String>,
}

impl Update {
    /// Sets every field of `fields`.
    pub(super) fn of(operation: &'static str, fields: &impl Serialize) -> Result<Self, AwsError> {
        let item: Item = to_item(fields)
            .map_err(|_| AwsError::unexpected(operation, "the item could not be built"))?;
        let set = |update: Self, (name, value): (String, AttributeValue)| update.set(&name, value);
        Ok(Attributes::from(item).into_iter().fold(Self::default(), set))
    }

    pub(super) fn set(mut self, name: &str, value: AttributeValue) -> Self {
        let (name, value) = (self.name(name), self.value(value));
        self.sets.push(format!("{name} = {value}"));
        self
    }

    /// Sets it only where there is none.
    pub(super) fn set_once(mut self, name: &str, text: &str) -> Self {
        let value = self.value(super::text(text));
        let name = self.name(name);
        self.sets.push(format!("{name} = if_not_exists({name}, {value})"));
        self
    }

    pub(super) fn remove(mut self, name: &str) -> Self {
        let name = self.name(name);
        self.removes.push(name);
        self
    }

    fn name(&mut self, name: &str) -> String {
        self.names.push(name.to_owned());
        format!("#n{}", self.names.len())
    }

    fn value(&mut self, value: AttributeValue) -> String {
        self.values.push(value);
        format!(":v{}", self.values.len())
    }

    /// The request for one medium, still without a condition.
    pub(super) fn request(
        self,
        clients: &Clients,
        table: &str,
        instance: &InstanceId,
        key: &RecordKey,
    ) -> UpdateItemFluentBuilder {
        let clause = |verb: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{verb} {} ", parts.join(", ")),
        };
        let expression = clause("SET", &self.sets) + &clause("REMOVE", &self.removes);
        let mut request = clients
            .dynamodb
            .update_item()
            .table_name(table)
            .key("instance", AttributeValue::S(instance.to_string()))
            .key("message_id", AttributeValue::S(key.as_str().to_owned()))
            .update_expression(expression.trim_end());
        for (n, name) in (1..).zip(self.names) {
            request = request.expression_attribute_names(format!("#n{n}"), name);
        }
        for (n, value) in (1..).zip(self.values) {
            request = request.expression_attribute_values(format!(":v{n}"), value);
        }
        request
    }
}
