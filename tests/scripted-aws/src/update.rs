//! An `UpdateItem` request, read by `DynamoDB`'s rules, with its placeholders resolved.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::RecordedRequest;

/// The effect of an update, by attribute name.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The name of the table.
    pub table: String,
    /// The item's key.
    pub key: Value,
    /// Attributes that are always set.
    pub sets: BTreeMap<String, Value>,
    /// Attributes that are set only if they do not exist.
    pub sets_once: BTreeMap<String, Value>,
    /// Attributes that are added to, and the number that is added.
    pub adds: BTreeMap<String, Value>,
    /// Attributes that are removed.
    pub removes: BTreeSet<String>,
    /// The condition, with names and values in place of placeholders.
    pub condition: Option<String>,
}

impl Update {
    /// Reads a request. Fails where `DynamoDB` would refuse it: an undefined or unused
    /// placeholder, or an attribute that is changed twice.
    #[must_use]
    pub fn from_request(seen: &RecordedRequest) -> Self {
        Self::from_body(&seen.json())
    }

    /// [`Self::from_request`], for the body of a request, or for one update of a transaction.
    #[must_use]
    pub fn from_body(body: &Value) -> Self {
        let mut placeholders = Placeholders::new(body);
        let expression = body["UpdateExpression"].as_str().expect("an expression");
        let (expression, add) = expression.split_once(" ADD ").unwrap_or((expression, ""));
        let (set, remove) = match expression.strip_prefix("REMOVE ") {
            Some(remove) => ("", remove),
            None => {
                let (set, remove) = expression.split_once(" REMOVE ").unwrap_or((expression, ""));
                (set.strip_prefix("SET ").expect("SET"), remove)
            }
        };
        let mut update = Self {
            table: body["TableName"].as_str().unwrap_or_default().to_owned(),
            key: body["Key"].clone(),
            sets: BTreeMap::new(),
            sets_once: BTreeMap::new(),
            adds: BTreeMap::new(),
            removes: BTreeSet::new(),
            condition: None,
        };
        for clause in split_clauses(set) {
            update.add_clause(clause, &mut placeholders);
        }
        for name in split_clauses(remove) {
            let name = placeholders.attribute_name(name);
            assert!(!update.is_changed(&name), "{name} is changed twice");
            update.removes.insert(name);
        }
        for clause in split_clauses(add) {
            let (name, value) = clause.split_once(' ').expect("a path and a value");
            let name = placeholders.attribute_name(name);
            assert!(!update.is_changed(&name), "{name} is changed twice");
            let value = placeholders.attribute_value(value);
            update.adds.insert(name, value);
        }
        let condition = body["ConditionExpression"].as_str();
        update.condition = condition.map(|text| placeholders.resolve_condition(text));
        placeholders.assert_all_used();
        update
    }

    fn add_clause(&mut self, clause: &str, placeholders: &mut Placeholders) {
        let (target, value) = clause.split_once(" = ").expect("an assignment");
        let name = placeholders.attribute_name(target);
        assert!(!self.is_changed(&name), "{name} is changed twice");
        let once = value.strip_prefix("if_not_exists(").and_then(|rest| rest.strip_suffix(')'));
        let Some(once) = once else {
            let value = placeholders.attribute_value(value);
            self.sets.insert(name, value);
            return;
        };
        let (guard, value) = once.split_once(", ").expect("a path and a value");
        assert_eq!(placeholders.attribute_name(guard), name, "another attribute decides");
        let value = placeholders.attribute_value(value);
        self.sets_once.insert(name, value);
    }

    fn is_changed(&self, name: &str) -> bool {
        self.sets.contains_key(name)
            || self.sets_once.contains_key(name)
            || self.adds.contains_key(name)
            || self.removes.contains(name)
    }
}

/// Splits at commas that are not inside a function's parentheses.
fn split_clauses(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let split = move |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    let parts = text.split(split).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

/// The names and values of a request, and which of them were used.
struct Placeholders<'a> {
    body: &'a Value,
    used: BTreeSet<String>,
}

impl<'a> Placeholders<'a> {
    fn new(body: &'a Value) -> Self {
        Self { body, used: BTreeSet::new() }
    }

    /// The attribute's name, given by a placeholder or directly.
    fn attribute_name(&mut self, text: &str) -> String {
        if !text.starts_with('#') {
            return text.to_owned();
        }
        self.used.insert(text.to_owned());
        let name = self.body["ExpressionAttributeNames"][text].as_str();
        name.unwrap_or_else(|| panic!("{text} stands for nothing")).to_owned()
    }

    fn attribute_value(&mut self, text: &str) -> Value {
        self.used.insert(text.to_owned());
        let value = &self.body["ExpressionAttributeValues"][text];
        assert!(!value.is_null(), "{text} stands for nothing");
        value.clone()
    }

    /// A condition with its placeholders resolved.
    fn resolve_condition(&mut self, text: &str) -> String {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || "_#:".contains(c);
        let mut resolved = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = if is_of_word(first) {
                rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (word, after) = rest.split_at(end);
            match first {
                '#' => resolved += &self.attribute_name(word),
                ':' => resolved += &scalar_text(&self.attribute_value(word)),
                _ => resolved += word,
            }
            rest = after;
        }
        resolved
    }

    fn assert_all_used(&self) {
        let declared = ["ExpressionAttributeNames", "ExpressionAttributeValues"]
            .into_iter()
            .filter_map(|map| self.body[map].as_object())
            .flat_map(|map| map.keys().cloned());
        assert_eq!(self.used, declared.collect(), "placeholders");
    }
}

/// A string's or a number's text, without its type.
fn scalar_text(value: &Value) -> String {
    let text = value["S"].as_str().or(value["N"].as_str());
    text.expect("a text or a number").to_owned()
}
