//! The audit table: who revealed, changed or erased what, when and why; never a phone number, a
//! name, or the id of a message.
//!
//! Lines are only ever inserted: the beginning of an act is one item, its end another. `PartiQL`'s
//! `INSERT` fails if there is an item with the key, and IAM knows it as an action of its own. So a
//! policy that allows only it can neither overwrite nor remove a line.

use std::collections::HashMap;

use serde_dynamo::{Item, to_item};

use aws::{
    clients::Clients,
    dynamodb::{Attributes, string_value},
    error::AwsError,
};

pub use crate::audit_line::{ANY_TENANT, AuditLine, BEGUN, COMPLETE, INCOMPLETE};
use crate::{Operator, audit_copies::AuditCopies};

/// What the key of an end has after the key of its beginning.
const END: &str = "~end";

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
}

/// The time of the lines to list, as texts of UTC such as `2026-11-26`.
#[derive(Debug, Clone, Copy)]
pub struct LineSpan<'a> {
    /// Lines since this time.
    pub since: &'a str,
    /// Lines before this time. `None`: also the newest.
    pub before: Option<&'a str>,
}

/// Adds lines to the audit table, and reads them.
#[derive(Debug)]
pub struct AuditTable {
    clients: Clients,
    name: String,
    copies: Option<AuditCopies>,
}

impl AuditTable {
    /// Uses the table with this name. Each line that is added is first written to `copies`, if
    /// there are any.
    #[must_use]
    pub fn new(clients: &Clients, name: String, copies: Option<AuditCopies>) -> Self {
        Self { clients: clients.clone(), name, copies }
    }

    /// Adds a line: the beginning of an act, or, with another outcome than [`BEGUN`], its end. No
    /// line is ever replaced, and none is without its copy.
    ///
    /// # Errors
    /// When `PutObject` or `ExecuteStatement` fails, also because the bucket or the table has this
    /// line already.
    pub async fn put_line(&self, line: &AuditLine) -> Result<(), AwsError> {
        const OPERATION: &str = "dynamodb:ExecuteStatement";
        if let Some(copies) = &self.copies {
            copies.put_copy(line).await?;
        }
        let is_begun = line.outcome == BEGUN;
        let at = if is_begun { line.at.clone() } else { format!("{}{END}", line.at) };
        let keyed = AuditLine { at, ..line.clone() };
        let item: Item = to_item(&keyed)
            .map_err(|_| AwsError::unexpected(OPERATION, "the item could not be built"))?;
        let item: Attributes = item.into();
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (name, value) in item {
            names.push(format!("'{name}': ?"));
            values.push(value);
        }
        let statement = format!("INSERT INTO \"{}\" VALUE {{{}}}", self.name, names.join(", "));
        let insert = self.clients.dynamodb.execute_statement().statement(statement);
        let inserted = insert.set_parameters(Some(values)).send().await;
        inserted.map_err(AwsError::in_operation(OPERATION))?;
        Ok(())
    }

    /// The lines of an action in this time that `is_meant` accepts, the newest first. Reads page
    /// after page until `max` are found. A line has the outcome of its end, if there is one from
    /// the same caller.
    ///
    /// # Errors
    /// When `Query` fails.
    pub async fn list_lines(
        &self,
        (action, span): (&str, LineSpan<'_>),
        is_meant: impl Fn(&AuditLine) -> bool,
        max: usize,
    ) -> Result<Vec<AuditLine>, AwsError> {
        const OPERATION: &str = "dynamodb:Query";
        let during = match span.before {
            Some(_) => "#at BETWEEN :since AND :before",
            None => "#at >= :since",
        };
        let mut pages = self
            .clients
            .dynamodb
            .query()
            .table_name(&self.name)
            .key_condition_expression(format!("#action = :action AND {during}"))
            .expression_attribute_names("#action", "action")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":action", string_value(action))
            .expression_attribute_values(":since", string_value(span.since))
            .scan_index_forward(false);
        if let Some(before) = span.before {
            pages = pages.expression_attribute_values(":before", string_value(before));
        }
        let mut items = pages.into_paginator().items().send();
        let (mut lines, mut ends) = (Vec::new(), HashMap::new());
        while lines.len() < max
            && let Some(item) = items.next().await
        {
            let item = item.map_err(AwsError::in_operation(OPERATION))?;
            let line = AuditLine::from_item(&item);
            // The end of an act has the greater key, so that it comes before its beginning.
            match line.at.strip_suffix(END).map(str::to_owned) {
                Some(at) => _ = ends.insert(at, line),
                // `BETWEEN` includes both ends.
                None if span.before == Some(&*line.at) => {}
                None => {
                    let end = ends.remove(&line.at);
                    lines.extend(Some(line.with_end(end)).filter(&is_meant));
                }
            }
        }
        Ok(lines)
    }
}
