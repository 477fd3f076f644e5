//! What `template.yaml` must contain for the code to work, and what the pages promise about it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "test helpers fail as tests do; YAML values of other kinds are ignored"
)]

use std::collections::{BTreeMap, BTreeSet};

use media::policy::Retention;
use serde_yaml_ng::{Mapping, Value};

fn parse_template() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let text = std::fs::read_to_string(path).expect("template.yaml");
    serde_yaml_ng::from_str(&text).expect("YAML")
}

/// A value without CloudFormation's tag: `!Ref X` becomes `X`.
fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => untagged(&tagged.value),
        other => other,
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

fn name_set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_job_is_hidden_for_six_function_timeouts() {
    let template = parse_template();
    let hidden = resource_properties(&template, "JobsQueue")["VisibilityTimeout"].as_u64();
    let timeout = resource_properties(&template, "DownloadFunction")["Timeout"].as_u64();
    let (hidden, timeout) = (hidden.expect("seconds"), timeout.expect("seconds"));
    assert!(hidden >= 6 * timeout, "{hidden} < 6 × {timeout}");
}

#[test]
fn a_failed_job_does_not_retry_its_batch() {
    let template = parse_template();
    let trigger =
        &resource_properties(&template, "DownloadFunction")["Events"]["Jobs"]["Properties"];
    assert_eq!(string_list(&trigger["FunctionResponseTypes"]), ["ReportBatchItemFailures"]);
}

#[test]
fn concurrency_is_limited_only_at_the_trigger() {
    let template = parse_template();
    let download = resource_properties(&template, "DownloadFunction");
    let scaling = &download["Events"]["Jobs"]["Properties"]["ScalingConfig"];
    assert_eq!(string_list(&scaling["MaximumConcurrency"]), ["MaximumConcurrency"]);
    for (name, function) in resources_of_type(&template, "AWS::Serverless::Function") {
        let reserved = &function["Properties"]["ReservedConcurrentExecutions"];
        assert!(reserved.is_null(), "{name} reserves concurrency");
    }
}

#[test]
fn jobs_rest_seven_days_and_parked_ones_fourteen() {
    let template = parse_template();
    let days = |queue: &str| {
        let seconds = resource_properties(&template, queue)["MessageRetentionPeriod"].as_u64();
        seconds.expect("seconds") / 86_400
    };
    assert_eq!((days("JobsQueue"), days("ParkedQueue")), (7, 14));
}

/// A queue that takes less refuses unread bodies that the webhook function has not refused.
#[test]
fn both_queues_take_what_the_largest_unread_body_needs() {
    let template = parse_template();
    let needed = media::unread::MAX_BODY_BYTES.div_ceil(3) * 4 + 8 * 1024;
    for queue in ["JobsQueue", "ParkedQueue"] {
        let most = resource_properties(&template, queue)["MaximumMessageSize"].as_u64();
        assert_eq!(most, Some(1024 * 1024), "{queue}");
        assert!(most.is_some_and(|most| most >= needed as u64), "{needed}");
    }
}

#[test]
fn only_the_jobs_queue_redrives_to_parked() {
    let template = parse_template();
    let redrive = &resource_properties(&template, "JobsQueue")["RedrivePolicy"];
    assert_eq!(string_list(&redrive["deadLetterTargetArn"]), ["ParkedQueue.Arn"]);
    assert_eq!(redrive["maxReceiveCount"].as_u64(), Some(140));
    let allow = &resource_properties(&template, "ParkedQueue")["RedriveAllowPolicy"];
    assert_eq!(allow["redrivePermission"].as_str(), Some("byQueue"));
    let jobs = string_list(&resource_properties(&template, "JobsQueue")["QueueName"]).remove(0);
    let sources = string_list(&allow["sourceQueueArns"]);
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources[0].ends_with(&format!(":{jobs}")), "{sources:?} is not {jobs}");
}

#[test]
fn no_parameter_is_a_secret() {
    let template = parse_template();
    for (name, parameter) in template_section(&template, "Parameters") {
        let name = name.as_str().expect("a name");
        assert!(parameter["NoEcho"].is_null(), "{name} hides its value");
        let lower = name.to_lowercase();
        for word in ["secret", "token", "password"] {
            assert!(!lower.contains(word), "{name} asks for a secret");
        }
    }
}

#[test]
fn every_parameter_is_described_and_grouped() {
    let template = parse_template();
    let interface = &template["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_sequence().expect("groups");
    let mut grouped: Vec<String> =
        groups.iter().flat_map(|group| string_list(&group["Parameters"])).collect();
    grouped.sort();
    let mut declared = Vec::new();
    for (name, parameter) in template_section(&template, "Parameters") {
        let name = name.as_str().expect("a name");
        assert!(parameter["Description"].is_string(), "{name} has no description");
        assert!(
            parameter["ConstraintDescription"].is_string(),
            "{name} does not describe its values"
        );
        assert!(!parameter["Default"].is_null(), "{name} has no default");
        let constrained = ["AllowedPattern", "AllowedValues", "MinValue"];
        assert!(constrained.iter().any(|key| !parameter[key].is_null()), "{name} takes anything");
        let label = &interface["ParameterLabels"][name]["default"];
        assert!(label.is_string(), "{name} has no label");
        declared.push(name.to_owned());
    }
    declared.sort();
    assert_eq!(grouped, declared);
}

#[test]
fn every_output_names_the_next_command() {
    let template = parse_template();
    for (name, output) in template_section(&template, "Outputs") {
        let description = output["Description"].as_str().expect("a description");
        assert!(description.to_lowercase().contains("next"), "{name:?}: {description}");
        let command = ["aws ", "wapi-media ", "sam "];
        assert!(command.iter().any(|word| description.contains(word)), "{name:?}: {description}");
    }
}

#[test]
fn the_access_log_has_no_path_or_query() {
    let template = parse_template();
    let format = &resource_properties(&template, "ApiStage")["AccessLogSettings"]["Format"];
    let format = format.as_str().expect("a format");
    let logged: serde_json::Value = serde_json::from_str(format).expect("JSON");
    let allowed = [
        "$context.requestId",
        "$context.requestTime",
        "$context.routeKey",
        "$context.status",
        "$context.responseLength",
        "$context.responseLatency",
        "$context.integrationStatus",
        "$context.integrationLatency",
    ];
    for (field, variable) in logged.as_object().expect("an object") {
        let variable = variable.as_str().expect("a variable");
        assert!(allowed.contains(&variable), "{field} logs {variable}");
    }
}

#[test]
fn the_webhook_role_has_exactly_these_rights() {
    let expected = BTreeMap::from([
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        ("QueueJobs".to_owned(), name_set(["sqs:SendMessage"])),
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
    let store = ["s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectTagging"];
    let expected = BTreeMap::from([
        ("TakeJobs".to_owned(), name_set(take)),
        ("QueueJobs".to_owned(), name_set(["sqs:SendMessage"])),
        ("ParkJobs".to_owned(), name_set(["sqs:SendMessage"])),
        ("ReadInstances".to_owned(), name_set(["dynamodb:GetItem"])),
        ("OpenTokens".to_owned(), name_set(["kms:Decrypt"])),
        ("KeepRecords".to_owned(), name_set(["dynamodb:UpdateItem"])),
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
            name_set(["sqs:ChangeMessageVisibility", "sqs:ReceiveMessage"]),
        ),
        ("CountMedia".to_owned(), name_set(["dynamodb:Query"])),
        ("WriteRecords".to_owned(), name_set(["dynamodb:UpdateItem"])),
        ("WriteLogs".to_owned(), name_set(["logs:CreateLogStream", "logs:PutLogEvents"])),
        ("UseOwnKey".to_owned(), name_set(["kms:Decrypt", "kms:GenerateDataKey"])),
    ]);
    assert_eq!(allowed_actions(resource_properties(&parse_template(), "WatchPolicy")), expected);
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

#[test]
fn stored_files_outlive_the_stack() {
    let template = parse_template();
    for name in
        ["MediaBucket", "InstancesTable", "TenantsTable", "MediaTable", "AuditTable", "TokenKey"]
    {
        let resource = find_resource(&template, name);
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(resource[policy].as_str(), Some("Retain"), "{name} {policy}");
        }
    }
}

#[test]
fn tables_are_on_demand_and_restorable() {
    let template = parse_template();
    let tables = resources_of_type(&template, "AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 4);
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(properties["BillingMode"].as_str(), Some("PAY_PER_REQUEST"), "{name}");
        let restore = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(restore.as_bool(), Some(true), "{name}");
    }
}

#[test]
fn an_erase_mark_expires() {
    let template = parse_template();
    let time_to_live = &resource_properties(&template, "MediaTable")["TimeToLiveSpecification"];
    assert_eq!(time_to_live["AttributeName"].as_str(), Some("forget_at"));
    assert_eq!(time_to_live["Enabled"].as_bool(), Some(true));
}

#[test]
fn the_bucket_is_private_versioned_and_swept() {
    let template = parse_template();
    let bucket = resource_properties(&template, "MediaBucket");
    let block = bucket["PublicAccessBlockConfiguration"].as_mapping().expect("a block");
    assert!(block.len() == 4 && block.values().all(|value| value.as_bool() == Some(true)));
    assert_eq!(bucket["VersioningConfiguration"]["Status"].as_str(), Some("Enabled"));
    let owner = &bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"];
    assert_eq!(owner.as_str(), Some("BucketOwnerEnforced"));
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_sequence().expect("rules");
    let days =
        |rule: &Value| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].as_u64();
    assert!(rules.iter().any(|rule| days(rule) == Some(1)));
    // Files expire only through a retention class that the tenant chose.
    let expiring = rules.iter().filter(|rule| !rule["ExpirationInDays"].is_null());
    let expiring: Vec<_> = expiring
        .map(|rule| {
            let tags = rule["TagFilters"].as_sequence().expect("tags");
            let tag = tags.first().filter(|_| tags.len() == 1).expect("one tag");
            assert_eq!(tag["Key"].as_str(), Some(Retention::TAG));
            assert_eq!(rule["Status"].as_str(), Some("Enabled"));
            let class = tag["Value"].as_str().map(str::to_owned);
            (class, rule["ExpirationInDays"].as_u64())
        })
        .collect();
    let classes = Retention::ALL.map(|class| {
        let name = class.as_str().to_owned();
        (Some(name), Some(u64::from(class.days())))
    });
    assert_eq!(expiring, classes);
}

#[test]
fn requests_without_tls_are_denied_by_default() {
    let template = parse_template();
    assert_eq!(template["Parameters"]["RequireTls"]["Default"].as_str(), Some("true"));
    for (name, on, action, resources) in [
        ("MediaBucketPolicy", "Bucket", "s3:*", &["MediaBucket.Arn", "${MediaBucket.Arn}/*"][..]),
        ("QueuesPolicy", "Queues", "sqs:*", &["JobsQueue.Arn", "ParkedQueue.Arn"]),
        ("AlarmTopicPolicy", "Topics", "sns:Publish", &["AlarmTopic"]),
    ] {
        assert_eq!(find_resource(&template, name)["Condition"].as_str(), Some("RequiresTls"));
        let policy = resource_properties(&template, name);
        assert!(!string_list(&policy[on]).is_empty(), "{name} applies to nothing");
        let statements = policy["PolicyDocument"]["Statement"].as_sequence().expect("statements");
        let denial = statements.iter().find(|one| one["Effect"].as_str() == Some("Deny"));
        let denial = denial.unwrap_or_else(|| unreachable!("{name} denies nothing"));
        assert_eq!(denial["Principal"].as_str(), Some("*"), "{name}");
        assert_eq!(string_list(&denial["Action"]), [action], "{name}");
        assert_eq!(string_list(&denial["Resource"]), resources, "{name}");
        let secure = &denial["Condition"]["Bool"]["aws:SecureTransport"];
        assert_eq!(secure.as_bool(), Some(false), "{name}");
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

#[test]
fn every_alarm_notifies_and_names_a_remedy() {
    let template = parse_template();
    let alarms = resources_of_type(&template, "AWS::CloudWatch::Alarm");
    assert!(!alarms.is_empty());
    for (name, alarm) in alarms {
        let properties = &alarm["Properties"];
        assert_eq!(string_list(&properties["AlarmActions"]), ["AlarmTopic"], "{name}");
        assert!(properties["AlarmDescription"].is_string(), "{name} has no description");
        assert_eq!(properties["TreatMissingData"].as_str(), Some("notBreaching"), "{name}");
    }
    let parked = resource_properties(&template, "ParkedQueueNotEmptyAlarm");
    assert_eq!(parked["Threshold"].as_u64(), Some(0));
    assert_eq!(parked["ComparisonOperator"].as_str(), Some("GreaterThanThreshold"));
}

#[test]
fn every_log_group_has_a_literal_retention() {
    let template = parse_template();
    let groups = resources_of_type(&template, "AWS::Logs::LogGroup");
    assert_eq!(groups.len(), 4);
    for (name, group) in groups {
        assert!(group["Properties"]["RetentionInDays"].is_u64(), "{name}");
    }
}

#[test]
fn functions_get_the_environment_they_read() {
    let template = parse_template();
    let variable_names = |properties: &Value| -> BTreeSet<String> {
        let variables = properties["Environment"]["Variables"].as_mapping().expect("variables");
        variables.keys().flat_map(string_list).collect()
    };
    let common = variable_names(&template["Globals"]["Function"]);
    let names = |function: &str| -> BTreeSet<String> {
        &variable_names(resource_properties(&template, function)) | &common
    };
    let webhook = ["INSTANCES_TABLE", "JOBS_QUEUE_URL", "LOG_LEVEL"];
    assert_eq!(names("WebhookFunction"), name_set(webhook));
    let download = [
        "CDN_BASE_URLS",
        "INSTANCES_TABLE",
        "JOBS_QUEUE_URL",
        "LOG_LEVEL",
        "MEDIA_BUCKET",
        "MEDIA_TABLE",
        "MULTIPART_CHECKSUM",
        "PARKED_QUEUE_URL",
        "UTC_OFFSET",
        "WAPI_BASE_URL",
    ];
    assert_eq!(names("DownloadFunction"), name_set(download));
    let watch = ["JOBS_QUEUE_URL", "LOG_LEVEL", "MEDIA_TABLE", "PARKED_QUEUE_URL"];
    assert_eq!(names("WatchFunction"), name_set(watch));
}

#[test]
fn functions_are_built_by_cargo_lambda() {
    let template = parse_template();
    let functions = resources_of_type(&template, "AWS::Serverless::Function");
    assert_eq!(functions.len(), 3);
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
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let text = std::fs::read_to_string(path).expect("template.yaml");
    for line in text.lines() {
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

/// The indexes that the ledger queries must exist under their names and with their keys.
#[test]
fn the_media_table_has_the_two_indexes_by_time() {
    let template = parse_template();
    let indexes = &resource_properties(&template, "MediaTable")["GlobalSecondaryIndexes"];
    let indexes = indexes.as_sequence().expect("indexes");
    let keys = |index: &Value| {
        let keys = index["KeySchema"].as_sequence().expect("keys").iter();
        let names = keys.flat_map(|key| string_list(&key["AttributeName"]));
        names.collect::<Vec<_>>()
    };
    let found =
        indexes.iter().map(|index| (string_list(&index["IndexName"]).concat(), keys(index)));
    let text = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("by_state".to_owned(), text(["state", "recoverable_until"])),
            ("by_instance".to_owned(), text(["instance", "moment"])),
        ]
    );
}

/// Each kind of refused webhook is counted and has an alarm.
#[test]
fn throttled_and_refused_webhooks_raise_alarms() {
    let template = parse_template();
    let limits = &resource_properties(&template, "ApiStage")["DefaultRouteSettings"];
    assert_eq!(string_list(&limits["ThrottlingRateLimit"]), ["WebhookRateLimit"]);
    assert_eq!(string_list(&limits["ThrottlingBurstLimit"]), ["WebhookBurstLimit"]);
    for (metric, log, pattern, alarm) in [
        ("RefusedMetric", "WebhookLogGroup", "$.reason = \"unauthorized\"", "WebhookRefusedAlarm"),
        (
            "MisdirectedMetric",
            "WebhookLogGroup",
            "$.reason = \"instance_mismatch\"",
            "WebhookMisdirectedAlarm",
        ),
        (
            "UnreadMetric",
            "WebhookLogGroup",
            "$.reason != \"unauthorized\" && $.reason != \"instance_mismatch\"",
            "WebhookUnreadAlarm",
        ),
        ("UnreadMetric", "WebhookLogGroup", "$.outcome = \"unread\"", "WebhookUnreadAlarm"),
        ("NotUnderstoodMetric", "WebhookLogGroup", "$.not_understood > 0", "WebhookUnreadAlarm"),
        ("RateLimitedMetric", "ApiLogGroup", "$.status = \"429\"", "WebhookRateLimitedAlarm"),
    ] {
        let filter = resource_properties(&template, metric);
        assert_eq!(string_list(&filter["LogGroupName"]), [log]);
        let found = filter["FilterPattern"].as_str().expect("a pattern");
        assert!(found.contains(pattern), "{found}");
        let name = &filter["MetricTransformations"][0]["MetricName"];
        let alarm = resource_properties(&template, alarm);
        assert_eq!(name, &alarm["MetricName"], "{pattern}");
    }
    let format = resource_properties(&template, "ApiStage")["AccessLogSettings"]["Format"].as_str();
    let format = format.expect("a format");
    assert!(format.contains(r#""status":"$context.status""#), "{format}");
}

/// A file whose hash is wrong is kept although WhatsApp's own clients would refuse it, so an
/// operator must learn of it.
#[test]
fn a_hash_mismatch_raises_an_alarm() {
    let template = parse_template();
    let metric = resource_properties(&template, "HashContradictedMetric");
    assert_eq!(string_list(&metric["LogGroupName"]), ["DownloadLogGroup"]);
    let pattern = metric["FilterPattern"].as_str().expect("a pattern");
    let word = media::record::Integrity::MacAgainstSha256;
    let wanted = format!("{{ $.outcome = \"stored\" && $.integrity = \"{word}\" }}");
    assert_eq!(pattern, wanted);
    let alarm = resource_properties(&template, "HashContradictedAlarm");
    let name = &metric["MetricTransformations"][0]["MetricName"];
    assert_eq!(name, &alarm["MetricName"]);
    assert_eq!(alarm["Threshold"].as_u64(), Some(1));
}

/// The watch function runs every hour, and its count has an alarm.
#[test]
fn media_that_expire_soon_raise_an_alarm() {
    let template = parse_template();
    let rule = resource_properties(&template, "WatchSchedule");
    assert_eq!(rule["ScheduleExpression"].as_str(), Some("rate(1 hour)"));
    assert_eq!(string_list(&rule["Targets"][0]["Arn"]), ["WatchFunction.Arn"]);
    let metric = resource_properties(&template, "ExpiringMetric");
    assert_eq!(metric["FilterPattern"].as_str(), Some("{ $.expiring >= 0 }"));
    let alarm = resource_properties(&template, "ExpiringAlarm");
    assert_eq!(alarm["MetricName"].as_str(), Some("Expiring"));
    assert_eq!(alarm["Threshold"].as_u64(), Some(0));
}
