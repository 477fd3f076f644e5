//! The audit table: who erased how much, when and why; never the ids or contents of erased media.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_dynamo::{Item, to_item};
use serde_json::Value;

use aws::{
    dynamodb::{Attributes, string_value},
    error::AwsError,
};

use crate::{Operator, record::to_json};

/// One line of the audit table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// The command: `media erase`.
    pub action: String,
    /// When the command began, in UTC, with nanoseconds: no two lines have the same time.
    pub at: String,
    /// The ARN of the caller.
    pub who: String,
    /// The tenant whose media were erased.
    pub tenant: String,
    /// `chat`, `message` or `phone`; never the id itself.
    pub scope: String,
    /// The operator's reference, such as a ticket number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `begun`, `complete`, or `incomplete` if something could not be erased.
    pub outcome: String,
    /// How many of each sort of thing were removed.
    #[serde(default)]
    pub removed: HashMap<String, u64>,
    /// Names of attributes that are missing, or have a form that this version does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_understood: Vec<String>,
}

impl AuditLine {
    /// Reads an item, which another version may have written: a value that is not a text is shown
    /// as JSON, a missing one is empty.
    fn from_item(item: &Attributes) -> Self {
        let text = |name: &str| match item.get(name).map(to_json) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        let removed = item.get("removed").and_then(|value| value.as_m().ok());
        let count = |(name, value): (&String, &AttributeValue)| {
            let count = value.as_n().ok()?.parse().ok()?;
            Some((name.clone(), count))
        };
        let counts: HashMap<_, _> = removed.into_iter().flatten().filter_map(count).collect();
        let is_text = |name: &&str| !item.get(*name).is_some_and(AttributeValue::is_s);
        let names = ["action", "at", "who", "tenant", "scope", "outcome"];
        let odd = names.into_iter().filter(is_text);
        let is_counted = removed.is_some_and(|removed| removed.len() == counts.len());
        let odd = odd.chain((!is_counted).then_some("removed"));
        Self {
            action: text("action"),
            at: text("at"),
            who: text("who"),
            tenant: text("tenant"),
            scope: text("scope"),
            reference: item.get("reference").map(|_| text("reference")),
            outcome: text("outcome"),
            removed: counts,
            not_understood: odd.map(str::to_owned).collect(),
        }
    }
}

impl Operator {
    /// The ARN of the identity that the credentials belong to.
    ///
    /// # Errors
    /// When `GetCallerIdentity` fails.
    pub async fn caller_arn(&self) -> Result<String, AwsError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let answer = self.sts.get_caller_identity().send().await;
        let answer = answer.map_err(AwsError::in_operation(OPERATION))?;
        answer.arn.ok_or_else(|| AwsError::unexpected(OPERATION, "a response without an ARN"))
    }

    /// Writes a line, or replaces the line of the same action and time, to add its outcome.
    ///
    /// # Errors
    /// When `PutItem` fails.
    pub async fn put_audit_line(&self, table: &str, line: &AuditLine) -> Result<(), AwsError> {
        const OPERATION: &str = "dynamodb:PutItem";
        let item: Item = to_item(line)
            .map_err(|_| AwsError::unexpected(OPERATION, "the item could not be built"))?;
        let put = self.clients.dynamodb.put_item().table_name(table);
        let put = put.set_item(Some(item.into())).send().await;
        put.map_err(AwsError::in_operation(OPERATION))?;
        Ok(())
    }

    /// The lines of an action, the newest first, at most `max`.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_audit_lines(
        &self,
        table: &str,
        action: &str,
        max: usize,
    ) -> Result<Vec<AuditLine>, AwsError> {
        const OPERATION: &str = "dynamodb:Query";
        let pages = self
            .clients
            .dynamodb
            .query()
            .table_name(table)
            .key_condition_expression("#action = :action")
            .expression_attribute_names("#action", "action")
            .expression_attribute_values(":action", string_value(action))
            .scan_index_forward(false);
        let mut items = pages.into_paginator().items().send();
        let mut lines = Vec::new();
        while lines.len() < max
            && let Some(item) = items.next().await
        {
            let item = item.map_err(AwsError::in_operation(OPERATION))?;
            lines.push(AuditLine::from_item(&item));
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_another_version_is_shown() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |n: &str| AttributeValue::N(n.to_owned());
        let counts = [("versions", number("3")), ("records", text("some"))];
        let counts = counts.map(|(name, value)| (name.to_owned(), value));
        let item = [
            ("action", text("media erase")),
            ("at", number("1787438879")),
            ("who", AttributeValue::Null(true)),
            ("removed", AttributeValue::M(counts.into())),
        ];
        let item = item.map(|(name, value)| (name.to_owned(), value)).into();
        let line = AuditLine::from_item(&item);
        assert_eq!((line.at.as_str(), line.who.as_str()), ("1787438879", "null"));
        assert_eq!((line.tenant.as_str(), line.reference), ("", None));
        assert_eq!(line.removed, HashMap::from([("versions".to_owned(), 3)]));
        let odd = ["at", "who", "tenant", "scope", "outcome", "removed"];
        assert_eq!(line.not_understood, odd);
    }
}
