//! What `template.yaml` must contain for the code to work, and what the pages promise about it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "test helpers fail as tests do; YAML values of other kinds are ignored"
)]

mod alarms;
mod expressions;
mod functions;
mod malware;
mod parameters;
mod queues;
mod raised;
mod roles;
mod storage;

use std::collections::BTreeSet;

use serde_yaml_ng::{Mapping, Value};

/// A value without CloudFormation's tag: `!Ref X` becomes `X`.
fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => untagged(&tagged.value),
        other => other,
    }
}

/// What a list has of an `!If` when its condition holds.
fn if_wanted(item: &Value) -> &Value {
    match item {
        Value::Tagged(tagged) => &tagged.value[1],
        item => item,
    }
}

fn template_section<'t>(template: &'t Value, name: &str) -> &'t Mapping {
    template[name].as_mapping().expect(name)
}

fn find_resource<'t>(template: &'t Value, name: &str) -> &'t Value {
    let resource = &template["Resources"][name];
    assert!(resource.is_mapping(), "no resource {name}");
    resource
}

fn resource_properties<'t>(template: &'t Value, name: &str) -> &'t Value {
    &find_resource(template, name)["Properties"]
}

fn resources_of_type<'t>(template: &'t Value, kind: &str) -> Vec<(&'t str, &'t Value)> {
    template_section(template, "Resources")
        .iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
        .map(|(name, resource)| (name.as_str().expect("a name"), resource))
        .collect()
}

fn string_list(value: &Value) -> Vec<String> {
    match untagged(value) {
        Value::String(one) => vec![one.clone()],
        Value::Sequence(many) => many.iter().flat_map(string_list).collect(),
        _ => Vec::new(),
    }
}

fn name_set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}
