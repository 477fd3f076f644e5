//! A line of the audit table, and how an item is read as one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use aws::dynamodb::Attributes;

use crate::record::to_json;

/// The outcome of an act that has begun.
pub const BEGUN: &str = "begun";

/// The outcome of an act that was done whole.
pub const COMPLETE: &str = "complete";

/// The outcome of an act of which something could not be done.
pub const INCOMPLETE: &str = "incomplete";

/// The tenant of a line about all tenants, or about one that the command did not know.
pub const ANY_TENANT: &str = "*";

/// One line of the audit table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// The command, such as `media erase`.
    pub action: String,
    /// When the command began, in UTC, with nanoseconds: no two lines of an action have the same
    /// time.
    pub at: String,
    /// The ARN of the caller.
    pub who: String,
    /// The tenant whose media or settings it was about, or [`ANY_TENANT`].
    pub tenant: String,
    /// The instance, if it was about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What it was about, such as `chat` or `token`; never the id or the text itself.
    pub scope: String,
    /// The operator's reference, such as a ticket number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// [`BEGUN`], [`COMPLETE`] or [`INCOMPLETE`].
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
    pub(crate) fn from_item(item: &Attributes) -> Self {
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
            instance: item.get("instance").map(|_| text("instance")),
            scope: text("scope"),
            reference: item.get("reference").map(|_| text("reference")),
            outcome: text("outcome"),
            removed: counts,
            not_understood: odd.map(str::to_owned).collect(),
        }
    }
}

impl AuditLine {
    /// The line with what its end says of the outcome. An end that somebody else wrote is no end.
    pub(crate) fn with_end(self, end: Option<Self>) -> Self {
        match end.filter(|end| end.who == self.who) {
            Some(end) => Self { outcome: end.outcome, removed: end.removed, ..self },
            None => self,
        }
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

    /// Whoever may add lines can write the end of their own: it hides nothing of the beginning.
    #[test]
    fn an_end_changes_only_the_outcome() {
        let begun = AuditLine {
            action: "media find".to_owned(),
            at: "2026-11-28T12:00:00Z".to_owned(),
            who: "arn:invented".to_owned(),
            tenant: "acme".to_owned(),
            instance: Some("LITE-AAAAAA-000001".to_owned()),
            scope: "chat".to_owned(),
            reference: Some("TICKET-12".to_owned()),
            outcome: BEGUN.to_owned(),
            ..AuditLine::default()
        };
        let forged = AuditLine {
            who: begun.who.clone(),
            tenant: "another".to_owned(),
            outcome: COMPLETE.to_owned(),
            ..AuditLine::default()
        };
        let line = begun.clone().with_end(Some(forged.clone()));
        let named = |line: &AuditLine| {
            let texts = [&line.action, &line.at, &line.who, &line.tenant, &line.scope];
            (texts.map(String::clone), line.instance.clone(), line.reference.clone())
        };
        assert_eq!((named(&line), line.outcome.as_str()), (named(&begun), COMPLETE));
        let of_others = AuditLine { who: "arn:somebody".to_owned(), ..forged };
        assert_eq!(begun.with_end(Some(of_others)).outcome, BEGUN);
    }
}
