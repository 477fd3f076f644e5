//! The table of what operators erased: who, when, why and how many; never what or whose.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_dynamo::{Item, to_item};
use serde_json::Value;

use aws::error::AwsError;

use crate::{Operator, record::shown};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// What was done: `media erase`.
    pub action: String,
    /// When it began, with nanoseconds, in UTC: so no two lines are the same.
    pub at: String,
    /// The ARN of whoever did it, as AWS knows them.
    pub who: String,
    /// Whose media.
    pub tenant: String,
    /// `chat`, `message` or `phone`: never which.
    pub scope: String,
    /// What the operator gave as reference, such as a ticket's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// `begun`, `complete`, or `incomplete` if something was left.
    pub outcome: String,
    /// How many of each thing were removed.
    #[serde(default)]
    pub removed: HashMap<String, u64>,
    /// Attributes that are missing, or have a form that this version does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_understood: Vec<String>,
}

impl AuditLine {
    /// Reads an item, whoever wrote it: what is not a text is shown as it is, what is missing is
    /// empty.
    fn of_item(item: &HashMap<String, AttributeValue>) -> Self {
        let text = |name: &str| match item.get(name).map(shown) {
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
    /// The ARN of whoever the credentials belong to.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn who(&self) -> Result<String, AwsError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let answer = self.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|error| AwsError::new(OPERATION, &error))?;
        let nobody = || AwsError::unexpected(OPERATION, "an answer without an ARN");
        answer.arn.ok_or_else(nobody)
    }

    /// Writes a line, or writes the same line again with its outcome.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn write_audit(&self, table: &str, line: &AuditLine) -> Result<(), AwsError> {
        const OPERATION: &str = "dynamodb:PutItem";
        let item: Item = to_item(line)
            .map_err(|_| AwsError::unexpected(OPERATION, "the item could not be built"))?;
        let put = self.clients.dynamodb.put_item().table_name(table);
        let put = put.set_item(Some(item.into())).send().await;
        put.map_err(|error| AwsError::new(OPERATION, &error))?;
        Ok(())
    }

    /// The lines of an action, the newest first, at most `most`.
    ///
    /// # Errors
    /// When AWS fails.
    pub async fn audit(
        &self,
        table: &str,
        action: &str,
        most: usize,
    ) -> Result<Vec<AuditLine>, AwsError> {
        const OPERATION: &str = "dynamodb:Query";
        let pages = self
            .clients
            .dynamodb
            .query()
            .table_name(table)
            .key_condition_expression("#action = :action")
            .expression_attribute_names("#action", "action")
            .expression_attribute_values(":action", AttributeValue::S(action.to_owned()))
            .scan_index_forward(false);
        let mut items = pages.into_paginator().items().send();
        let mut lines = Vec::new();
        while lines.len() < most
            && let Some(item) = items.next().await
        {
            let item = item.map_err(|error| AwsError::new(OPERATION, &error))?;
            lines.push(AuditLine::of_item(&item));
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_another_version_wrote_is_shown_as_it_is() {
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
        let line = AuditLine::of_item(&item);
        assert_eq!((line.at.as_str(), line.who.as_str()), ("1787438879", "null"));
        assert_eq!((line.tenant.as_str(), line.reference), ("", None));
        assert_eq!(line.removed, HashMap::from([("versions".to_owned(), 3)]));
        let odd = ["at", "who", "tenant", "scope", "outcome", "removed"];
        assert_eq!(line.not_understood, odd);
    }
}
