//! The IAM permissions of each function.

use std::collections::{BTreeMap, BTreeSet};

use house::parse_template;
use serde_yaml_ng::Value;

use crate::{name_set, resource_properties, resources_of_type, string_list};

/// The actions that a policy allows, by statement id. Statements under a condition have their own
/// id too.
fn allowed_actions(policy: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
    statements
        .iter()
        .map(|statement| match statement {
            Value::Tagged(condition) => &condition.value[1],
            plain => plain,
        })
        .map(|statement| {
            assert_eq!(statement["Effect"].as_str(), Some("Allow"));
            let id = statement["Sid"].as_str().expect("a statement id").to_owned();
            (id, string_list(&statement["Action"]).into_iter().collect())
        })
        .collect()
}

#[test]
fn the_webhook_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        ("QueueJobs".to_owned(), name_set(["sqs:SendMessage"])),
        ("KeepJobs".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "WebhookPolicy")), expected);
}

#[test]
fn the_download_role_has_exactly_these_rights() {
    let take = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ];
    let store =
        ["s3:AbortMultipartUpload", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"];
    let expected = BTreeMap::from([
        ("TakeJobs".to_owned(), name_set(take)),
        ("QueueJobs".to_owned(), name_set(["sqs:SendMessage"])),
        ("ParkJobs".to_owned(), name_set(["sqs:SendMessage"])),
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        ("OpenTokens".to_owned(), name_set(["kms:Decrypt"])),
        ("KeepRecords".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("KeepJobs".to_owned(), name_set(["dynamodb:DeleteItem", "dynamodb:UpdateItem"])),
        ("StoreMedia".to_owned(), name_set(store)),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "DownloadPolicy")), expected);
}

#[test]
fn the_watch_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        (
            "LookAtParkedJobs".to_owned(),
            name_set(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]),
        ),
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        ("SendDueJobs".to_owned(), name_set(["sqs:GetQueueAttributes", "sqs:SendMessage"])),
        ("FindJobs".to_owned(), name_set(["dynamodb:Query"])),
        ("KeepJobs".to_owned(), name_set(["dynamodb:GetItem", "dynamodb:UpdateItem"])),
        ("WriteRecords".to_owned(), name_set(["dynamodb:GetItem", "dynamodb:UpdateItem"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "WatchPolicy")), expected);
}

/// It can write neither an instance's record, which has secrets, nor a media record.
#[test]
fn the_backfill_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem", "dynamodb:Scan"])),
        ("OpenTokens".to_owned(), name_set(["kms:Decrypt"])),
        ("ReadRecords".to_owned(), name_set(["dynamodb:GetItem"])),
        ("KeepMarks".to_owned(), name_set(["dynamodb:GetItem", "dynamodb:UpdateItem"])),
        ("QueueJobs".to_owned(), name_set(["sqs:GetQueueAttributes", "sqs:SendMessage"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "BackfillPolicy")), expected);
}

#[test]
fn no_role_has_wildcards_or_foreign_policies() {
    let template = parse_template();
    for (name, policy) in resources_of_type(&template, "AWS::IAM::ManagedPolicy") {
        let statements = &policy["Properties"]["PolicyDocument"]["Statement"];
        for statement in statements.as_sequence().expect("statements") {
            let resources = string_list(&statement["Resource"]);
            assert!(!resources.iter().any(|resource| resource == "*"), "{name}");
        }
    }
    for (name, role) in resources_of_type(&template, "AWS::IAM::Role") {
        let properties = &role["Properties"];
        assert!(properties["ManagedPolicyArns"].is_null(), "{name} uses a managed policy");
        assert!(properties["Policies"].is_null(), "{name} has an inline policy");
    }
    for (name, function) in resources_of_type(&template, "AWS::Serverless::Function") {
        assert!(function["Properties"]["Policies"].is_null(), "{name} lets SAM write its policy");
    }
}
