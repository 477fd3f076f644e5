//! The table of what operators erased: who, when, why and how many; never what or whose.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_dynamo::{Item, to_item};

use aws::error::AwsError;

use crate::Operator;

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
            let unread = |_| AwsError::unexpected(OPERATION, "a line that makes no sense");
            lines.push(serde_dynamo::from_item(item).map_err(unread)?);
        }
        Ok(lines)
    }
}
