//! An `UpdateItem` read as `DynamoDB` reads it: every placeholder in its place, and its rules kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Seen;

/// What an update does, in attributes' own names.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The item's key.
    pub key: Value,
    /// What is set whatever was there.
    pub sets: BTreeMap<String, Value>,
    /// What is set only where nothing was.
    pub sets_once: BTreeMap<String, Value>,
    /// What is removed.
    pub removes: BTreeSet<String>,
    /// When it is done at all: names and values bare.
    pub condition: Option<String>,
}

impl Update {
    /// Reads a request, and fails where `DynamoDB` would refuse it: a placeholder that stands for nothing or
    /// is not used, or an attribute that is changed twice.
    #[must_use]
    pub fn of(seen: &Seen) -> Self {
        let body = seen.json();
        let mut placeholders = Placeholders::of(&body);
        let expression = body["UpdateExpression"].as_str().expect("an expression");
        let (set, remove) = match expression.strip_prefix("REMOVE ") {
            Some(remove) => ("", remove),
            None => {
                let (set, remove) = expression
                    .split_once(" REMOVE ")
                    .unwrap_or((expression, ""));
                (set.strip_prefix("SET ").expect("SET"), remove)
            }
        };
        let mut update = Self {
            key: body["Key"].clone(),
            sets: BTreeMap::new(),
            sets_once: BTreeMap::new(),
            removes: BTreeSet::new(),
            condition: None,
        };
        for clause in clauses(set) {
            update.add(clause, &mut placeholders);
        }
        for name in clauses(remove) {
            let name = placeholders.name(name);
            assert!(!update.changes(&name), "{name} is changed twice");
            update.removes.insert(name);
        }
        let condition = body["ConditionExpression"].as_str();
        update.condition = condition.map(|text| placeholders.resolve(text));
        placeholders.assert_all_used();
        update
    }

    fn add(&mut self, clause: &str, placeholders: &mut Placeholders) {
        let (target, value) = clause.split_once(" = ").expect("an assignment");
        let name = placeholders.name(target);
        assert!(!self.changes(&name), "{name} is changed twice");
        let once = value
            .strip_prefix("if_not_exists(")
            .and_then(|rest| rest.strip_suffix(')'));
        let Some(once) = once else {
            let value = placeholders.value(value);
            self.sets.insert(name, value);
            return;
        };
        let (guard, value) = once.split_once(", ").expect("a path and a value");
        assert_eq!(placeholders.name(guard), name, "another attribute decides");
        let value = placeholders.value(value);
        self.sets_once.insert(name, value);
    }

    fn changes(&self, name: &str) -> bool {
        self.sets.contains_key(name)
            || self.sets_once.contains_key(name)
            || self.removes.contains(name)
    }
}

/// Splits at the commas that are not inside a function's brackets.
fn clauses(text: &str) -> Vec<&str> {
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
    fn of(body: &'a Value) -> Self {
        Self {
            body,
            used: BTreeSet::new(),
        }
    }

    /// An attribute's name, behind a placeholder or bare.
    fn name(&mut self, text: &str) -> String {
        if !text.starts_with('#') {
            return text.to_owned();
        }
        self.used.insert(text.to_owned());
        let name = self.body["ExpressionAttributeNames"][text].as_str();
        name.unwrap_or_else(|| panic!("{text} stands for nothing"))
            .to_owned()
    }

    fn value(&mut self, text: &str) -> Value {
        self.used.insert(text.to_owned());
        let value = &self.body["ExpressionAttributeValues"][text];
        assert!(!value.is_null(), "{text} stands for nothing");
        value.clone()
    }

    /// A condition with every placeholder in its place.
    fn resolve(&mut self, text: &str) -> String {
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
                '#' => resolved += &self.name(word),
                ':' => resolved += &scalar(&self.value(word)),
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

/// A text or a number, without its type.
fn scalar(value: &Value) -> String {
    let text = value["S"].as_str().or(value["N"].as_str());
    text.expect("a text or a number").to_owned()
}
