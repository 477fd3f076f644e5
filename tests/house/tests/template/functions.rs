//! The functions: their environment and how they are built; names and partitions.

use std::collections::BTreeSet;

use house::{parse_template, read_text};
use serde_yaml_ng::Value;

use crate::{name_set, resource_properties, resources_of_type, string_list, template_section};

/// Collects every string in the value, at any depth.
fn collect_strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Sequence(items) => items.iter().for_each(|item| collect_strings(item, found)),
        Value::Mapping(map) => map.iter().for_each(|(key, value)| {
            collect_strings(key, found);
            collect_strings(value, found);
        }),
        Value::Tagged(tagged) => collect_strings(&tagged.value, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn two_stacks_fit_in_one_account() {
    let template = parse_template();
    let names = [
        "BucketName",
        "TableName",
        "QueueName",
        "FunctionName",
        "RoleName",
        "ManagedPolicyName",
        "TopicName",
        "AlarmName",
        "DashboardName",
        "LogGroupName",
        "AliasName",
    ];
    for (name, resource) in template_section(&template, "Resources") {
        for key in names {
            let given = string_list(&resource["Properties"][key]);
            // A metric filter names a log group of this template by its logical id.
            let own = given.iter().all(|given| {
                given.contains("${AWS::StackName}")
                    || template_section(&template, "Resources").contains_key(given.as_str())
            });
            assert!(own, "{name:?} has the fixed {key} {given:?}");
        }
    }
}

/// The names of the variables that a function gets.
fn environment_of(template: &Value, function: &str) -> BTreeSet<String> {
    let variable_names = |properties: &Value| -> BTreeSet<String> {
        let variables = properties["Environment"]["Variables"].as_mapping().expect("variables");
        variables.keys().flat_map(string_list).collect()
    };
    let common = variable_names(&template["Globals"]["Function"]);
    &variable_names(resource_properties(template, function)) | &common
}

#[test]
fn functions_get_the_environment_they_read() {
    let template = parse_template();
    let names = |function: &str| environment_of(&template, function);
    let webhook = [
        "ASK_LIDS",
        "DELIVERIES_BUCKET",
        "DELIVERIES_QUEUE_URL",
        "INSTANCES_TABLE",
        "JOBS_QUEUE_URL",
        "JOBS_TABLE",
        "LOG_LEVEL",
        "MARKS_TABLE",
        "ORDERS_TABLE",
        "PEOPLE_TABLE",
        "RECEIVERS_TABLE",
    ];
    assert_eq!(names("WebhookFunction"), name_set(webhook));
    let download = [
        "CDN_BASE_URLS",
        "COUNTERS_TABLE",
        "INSTANCES_TABLE",
        "JOBS_QUEUE_URL",
        "JOBS_TABLE",
        "LOG_LEVEL",
        "MEDIA_BUCKET",
        "MEDIA_TABLE",
        "MULTIPART_CHECKSUM",
        "ORDERS_TABLE",
        "PARKED_QUEUE_URL",
        "UTC_OFFSET",
        "WAPI_BASE_URL",
    ];
    assert_eq!(names("DownloadFunction"), name_set(download));
    let watch = [
        "DELIVERIES_QUEUE_URL",
        "INSTANCES_TABLE",
        "JOBS_QUEUE_URL",
        "JOBS_TABLE",
        "LOG_LEVEL",
        "MEDIA_TABLE",
        "ORDERS_TABLE",
        "PARKED_QUEUE_URL",
        "RECEIVERS_TABLE",
    ];
    assert_eq!(names("WatchFunction"), name_set(watch));
    let backfill = [
        "INSTANCES_TABLE",
        "JOBS_QUEUE_URL",
        "LOG_LEVEL",
        "MARKS_TABLE",
        "MEDIA_TABLE",
        "ORDERS_TABLE",
        "PEOPLE_TABLE",
        "WAPI_BASE_URL",
    ];
    assert_eq!(names("BackfillFunction"), name_set(backfill));
}

#[test]
fn the_links_function_gets_its_environment() {
    let links = [
        "LINKS_TABLE",
        "LOG_LEVEL",
        "MALWARE_SCAN",
        "MEDIA_BUCKET",
        "MEDIA_TABLE",
        "TENANTS_TABLE",
    ];
    assert_eq!(environment_of(&parse_template(), "LinksFunction"), name_set(links));
}

#[test]
fn the_deliver_function_gets_what_it_reads() {
    let deliver = [
        "DELIVERIES_BUCKET",
        "DELIVERIES_QUEUE_URL",
        "JOBS_TABLE",
        "LOG_LEVEL",
        "ORDERS_TABLE",
        "RECEIVERS_TABLE",
        "WAPI_BASE_URL",
        "WEBHOOK_BASE_URL",
    ];
    assert_eq!(environment_of(&parse_template(), "DeliverFunction"), name_set(deliver));
}

#[test]
fn the_events_function_gets_what_it_reads() {
    let events = [
        "DELIVERIES_QUEUE_URL",
        "EVENT_BUS",
        "JOBS_TABLE",
        "LINKS_TABLE",
        "LOG_LEVEL",
        "MEDIA_BUCKET",
        "MEDIA_TABLE",
        "RECEIVERS_TABLE",
        "TENANTS_TABLE",
        "WEBHOOK_BASE_URL",
    ];
    assert_eq!(environment_of(&parse_template(), "EventsFunction"), name_set(events));
}

#[test]
fn functions_are_built_by_cargo_lambda() {
    let template = parse_template();
    let functions = resources_of_type(&template, "AWS::Serverless::Function");
    assert_eq!(functions.len(), 7);
    for (name, function) in functions {
        assert_eq!(
            function["Metadata"]["BuildMethod"].as_str(),
            Some("rust-cargolambda"),
            "{name}"
        );
        assert!(function["Metadata"]["BuildProperties"]["Binary"].is_string(), "{name}");
    }
    let globals = &template["Globals"]["Function"];
    assert_eq!(string_list(&globals["Architectures"]), ["Architecture"]);
    assert_eq!(globals["Runtime"].as_str(), Some("provided.al2023"));
    assert_eq!(template["Parameters"]["Architecture"]["Default"].as_str(), Some("arm64"));
}

#[test]
fn the_template_works_in_any_partition() {
    for line in read_text("template.yaml").lines() {
        let line = line.trim();
        assert!(!line.starts_with("<<:") && !line.contains(": *"), "an alias: {line}");
    }
    let mut found = Vec::new();
    collect_strings(&parse_template(), &mut found);
    for text in found {
        assert!(
            !text.contains("arn:aws:") || text.contains("arn:aws:kms:REGION"),
            "a fixed partition: {text}"
        );
    }
}
