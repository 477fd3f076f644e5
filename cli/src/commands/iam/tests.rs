//! The policies that are printed, as whole documents.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use operator::stack::Stack;
use serde_json::{Value, json};

use super::{ArnScope, GRANTS, Role, build_policy};

/// What each call needs; nothing for those that only functions make, or that need no
/// permission.
const NEEDS: [(&str, &[&str]); 44] = [
    ("cloudformation:DescribeStacks", &["cloudformation:DescribeStacks"]),
    ("cloudwatch:DescribeAlarms", &["cloudwatch:DescribeAlarms"]),
    ("dynamodb:BatchGetItem", &["dynamodb:BatchGetItem"]),
    ("dynamodb:DeleteItem", &["dynamodb:DeleteItem"]),
    ("dynamodb:DescribeTable", &["dynamodb:DescribeTable"]),
    ("dynamodb:ExecuteStatement", &["dynamodb:PartiQLInsert"]),
    ("dynamodb:GetItem", &["dynamodb:GetItem"]),
    ("dynamodb:PutItem", &["dynamodb:PutItem"]),
    ("dynamodb:Query", &["dynamodb:Query"]),
    ("dynamodb:Scan", &["dynamodb:Scan"]),
    (
        "dynamodb:TransactWriteItems",
        &["dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    ),
    ("dynamodb:UpdateItem", &["dynamodb:UpdateItem"]),
    // Only the events function does.
    ("events:PutEvents", &[]),
    ("kms:Decrypt", &["kms:Decrypt"]),
    ("kms:Encrypt", &["kms:Encrypt"]),
    ("lambda:GetFunctionConfiguration", &["lambda:GetFunctionConfiguration"]),
    ("lambda:ListEventSourceMappings", &["lambda:ListEventSourceMappings"]),
    ("logs:FilterLogEvents", &["logs:FilterLogEvents"]),
    ("s3:AbortMultipartUpload", &["s3:AbortMultipartUpload"]),
    ("s3:CompleteMultipartUpload", &[]),
    ("s3:CopyObject", &["s3:PutObject"]),
    ("s3:CreateMultipartUpload", &[]),
    ("s3:DeleteObject", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
    ("s3:DeleteObjects", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
    ("s3:GetObject", &["s3:GetObject"]),
    ("s3:GetObjectLockConfiguration", &["s3:GetBucketObjectLockConfiguration"]),
    ("s3:GetObjectTagging", &["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]),
    ("s3:HeadBucket", &[]),
    ("s3:HeadObject", &["s3:GetObject"]),
    ("s3:ListMultipartUploads", &["s3:ListBucketMultipartUploads"]),
    ("s3:ListObjectVersions", &["s3:ListBucketVersions"]),
    ("s3:ListObjectsV2", &["s3:ListBucket"]),
    ("s3:PutObject", &[]),
    ("s3:PutObjectTagging", &["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]),
    ("s3:UploadPart", &[]),
    ("sns:ListSubscriptionsByTopic", &["sns:ListSubscriptionsByTopic"]),
    ("sqs:ChangeMessageVisibility", &["sqs:ChangeMessageVisibility"]),
    ("sqs:DeleteMessage", &["sqs:DeleteMessage"]),
    ("sqs:GetQueueAttributes", &["sqs:GetQueueAttributes"]),
    ("sqs:ReceiveMessage", &["sqs:ReceiveMessage"]),
    ("sqs:SendMessage", &["sqs:SendMessage"]),
    ("sqs:SendMessageBatch", &[]),
    ("sqs:StartMessageMoveTask", &["sqs:StartMessageMoveTask"]),
    ("sts:GetCallerIdentity", &[]),
];

/// Every call that the code names in its errors: `"service:Operation"`.
fn calls(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            calls(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        found.extend(text.split('"').filter(|text| is_call(text)).map(str::to_owned));
    }
}

fn is_call(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, operation)| {
        let is_word = |c: char| c.is_ascii_alphanumeric();
        !service.is_empty()
            && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && operation.starts_with(|c: char| c.is_ascii_uppercase())
            && operation.chars().all(is_word)
    })
}

#[test]
fn the_admin_policy_allows_exactly_our_calls() {
    let mut called = BTreeSet::new();
    for room in ["aws", "operator"] {
        let sources = format!("../shared/{room}/src");
        calls(&Path::new(env!("CARGO_MANIFEST_DIR")).join(sources), &mut called);
    }
    let needs: BTreeMap<_, _> = NEEDS.into_iter().collect();
    let known: BTreeSet<_> = needs.keys().map(|call| (*call).to_owned()).collect();
    assert_eq!(called, known);
    let needed: BTreeSet<_> = needs.values().flat_map(|actions| actions.iter()).collect();
    let allowed: BTreeSet<_> = GRANTS.iter().flat_map(|grant| grant.actions).collect();
    assert_eq!(allowed, needed);
}

const KEY: &str = "arn:aws:kms:sa-east-1:123456789012:key/own";

/// A deployed stack, whose outputs have their own names as values.
fn stack(own_key: &str) -> Stack {
    stack_without("", own_key)
}

/// As above, without this output.
fn stack_without(left_out: &str, own_key: &str) -> Stack {
    let template = fs::read_to_string("../template.yaml").expect("the template");
    let outputs = template.lines().skip_while(|line| *line != "Outputs:").skip(1);
    let names = outputs.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let names = names.filter(|name| *name != left_out);
    let outputs: BTreeMap<_, _> =
        names.map(|name| (name.to_owned(), format!("the-{name}"))).collect();
    let parameters = [("EncryptionKeyArn".to_owned(), own_key.to_owned())];
    Stack::from_parts("wapi-media", outputs, parameters)
}

/// The statements of the policy that is printed.
fn statements(role: Role, own_key: &str) -> Vec<Value> {
    let place = ArnScope::from_arn("arn:aws:iam::123456789012:user/one", "sa-east-1");
    let policy = build_policy(role, &place.expect("a place"), &stack(own_key));
    let policy = policy.expect("a policy");
    policy["Statement"].as_array().expect("statements").clone()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text")).collect()
}

/// The whole document is walked, as it is printed, not the table that it is made from.
#[test]
fn read_only_neither_opens_nor_hides_nor_changes_anything() {
    let reading = ["Get", "BatchGet", "List", "Describe", "Scan", "Query", "Filter"];
    for own_key in ["", KEY] {
        for statement in statements(Role::ReadOnly, own_key) {
            for action in texts(&statement["Action"]) {
                let (service, verb) = action.split_once(':').expect("an action");
                let is_of_key = action == "kms:Decrypt" && own_key == KEY;
                let is_reading = reading.iter().any(|word| verb.starts_with(word));
                assert!(is_of_key || is_reading || only_adds_lines(&statement), "{statement}");
                // The tags of a file are its retention and the verdict of the malware scan.
                let of_files = [
                    "ListBucket",
                    "GetObjectTagging",
                    "GetObjectVersionTagging",
                    "GetBucketObjectLockConfiguration",
                ];
                let is_copy = service == "s3" && only_adds_look_copies(&statement);
                assert!(service != "s3" || of_files.contains(&verb) || is_copy, "{statement}");
                assert!(service != "sqs" || verb == "GetQueueAttributes", "{statement}");
            }
            let resources = texts(&statement["Resource"]);
            let has_bodies = resources.iter().any(|one| one.ends_with("table/the-JobsTable"));
            assert!(!has_bodies, "the jobs table itself has bodies: {statement}");
        }
    }
}

/// What no policy may have, with and without a key of the customer.
#[test]
fn no_policy_has_more_than_it_may() {
    for (role, own_key) in
        [(Role::ReadOnly, ""), (Role::ReadOnly, KEY), (Role::Admin, ""), (Role::Admin, KEY)]
    {
        let statements = statements(role, own_key);
        for statement in &statements {
            let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
            assert!(actions.iter().all(|action| !action.contains('*')), "{statement}");
            let is_of_kms = actions.iter().any(|action| action.starts_with("kms:"));
            assert!(!is_of_kms || is_bound(statement), "no conditions: {statement}");
            let is_audit = resources.iter().any(|one| one.contains("AuditTable"));
            let may = ["dynamodb:Query", "dynamodb:PartiQLInsert"];
            assert!(!is_audit || actions.iter().all(|one| may.contains(one)), "{statement}");
            let is_of_copies = resources.iter().any(|one| one.contains("the-AuditBucket"));
            let adds_copies = only_adds_copies(statement) || only_adds_look_copies(statement);
            assert!(!is_of_copies || adds_copies, "{statement}");
            let is_everything = resources.contains(&"*");
            let lists = actions == ["lambda:ListEventSourceMappings"];
            assert!(!is_everything || lists, "{statement}");
        }
        let uses = |key: &str| statements.iter().any(|one| one.to_string().contains(key));
        assert_eq!(uses(KEY), !own_key.is_empty(), "{role:?}");
    }
}

/// Whether a statement allows adding lines about looks or their copies, and nothing else.
fn only_adds_lines(statement: &Value) -> bool {
    let table = "arn:aws:dynamodb:sa-east-1:123456789012:table/the-AuditTable";
    let condition = &statement["Condition"]["StringLike"];
    let named = &condition["kms:EncryptionContext:aws:dynamodb:tableName"];
    let keys = &statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"];
    let looks = ["media find", "media ls", "media scans", "media show", "people show"];
    match texts(&statement["Action"])[..] {
        ["dynamodb:PartiQLInsert"] => {
            texts(&statement["Resource"]) == [table] && *keys == json!(looks)
        }
        ["kms:GenerateDataKey"] => *named == json!(["the-AuditTable"]),
        _ => only_adds_look_copies(statement),
    }
}

/// Whether a statement allows adding copies of lines about looks, and nothing else.
fn only_adds_look_copies(statement: &Value) -> bool {
    let names = ["media-find", "media-ls", "media-scans", "media-show", "people-show"];
    let copies =
        names.map(|name| format!("arn:aws:s3:::the-AuditBucket/wapi-media/*-{name}-*.json"));
    texts(&statement["Action"]) == ["s3:PutObject"]
        && texts(&statement["Resource"]) == copies
        && statement["Condition"]["Null"]["s3:if-none-match"] == "false"
}

/// Whether a statement about the copies of audit lines allows adding one to this stack's folder and
/// no more, or reading how the bucket is locked.
fn only_adds_copies(statement: &Value) -> bool {
    let resources = texts(&statement["Resource"]);
    match texts(&statement["Action"])[..] {
        ["s3:PutObject"] => {
            resources == ["arn:aws:s3:::the-AuditBucket/wapi-media/*"]
                && statement["Condition"]["Null"]["s3:if-none-match"] == "false"
        }
        ["s3:GetBucketObjectLockConfiguration"] => resources == ["arn:aws:s3:::the-AuditBucket"],
        _ => false,
    }
}

/// A stack without a bucket for copies has no statement about one.
#[test]
fn what_the_stack_has_not_is_in_no_policy() {
    let place = ArnScope::from_arn("arn:aws:iam::123456789012:user/one", "sa-east-1");
    let place = place.expect("a place");
    let named = |stack: &Stack| {
        let policy = build_policy(Role::Admin, &place, stack).expect("a policy").to_string();
        ["CopyAuditLines", "ReadAuditLock"].map(|sid| policy.contains(sid))
    };
    assert_eq!(named(&stack_without("AuditBucket", "")), [false; 2]);
    assert_eq!(named(&stack("")), [true; 2]);
}

/// Whether a statement about a key names what the key may be used for: the whole context of a
/// token, or a service and the part of the stack that the service names in the context.
fn is_bound(statement: &Value) -> bool {
    let condition = &statement["Condition"];
    let named: Vec<_> = condition["StringLike"].as_object().into_iter().flatten().collect();
    let (is_of_token, through) = (
        texts(&statement["Resource"]).iter().any(|one| one.ends_with("the-TokenKeyId")),
        condition["StringEquals"]["kms:ViaService"].as_str(),
    );
    if is_of_token {
        let keys = &condition["ForAllValues:StringEquals"]["kms:EncryptionContextKeys"];
        let names: BTreeSet<_> = named.iter().map(|(name, _)| name.as_str()).collect();
        let both = ["kms:EncryptionContext:instance", "kms:EncryptionContext:tenant"];
        return names == BTreeSet::from(both)
            && named.iter().all(|(_, value)| *value == "?*")
            && texts(keys) == ["tenant", "instance"];
    }
    let service = through.and_then(|through| through.strip_suffix(".sa-east-1.amazonaws.com"));
    let is_part = |(name, values): &(&String, &Value)| {
        let of_service =
            service.is_some_and(|service| name.contains(&format!("Context:aws:{service}:")));
        of_service && texts(values).iter().all(|value| value.contains("the-"))
    };
    named.len() == 1 && named.iter().all(is_part)
}

#[test]
fn the_callers_arn_has_partition_and_account() {
    let place =
        ArnScope::from_arn("arn:aws:sts::123456789012:assumed-role/Admin/someone", "sa-east-1");
    let arn = place.map(|place| place.format_arn("sqs", "wapi-media-parked"));
    assert_eq!(arn.as_deref(), Some("arn:aws:sqs:sa-east-1:123456789012:wapi-media-parked"));
    assert!(ArnScope::from_arn("nobody", "sa-east-1").is_none());
}
