//! What `template.yaml` must say for the code to be right, and what its readers were promised.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail as tests do, and an unknown kind of YAML value is one that does not count"
)]

use std::collections::{BTreeMap, BTreeSet};

use media::policy::Retention;
use serde_yaml_ng::{Mapping, Value};

fn template() -> Value {
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

fn section<'t>(template: &'t Value, name: &str) -> &'t Mapping {
    template[name].as_mapping().expect(name)
}

fn resource<'t>(template: &'t Value, name: &str) -> &'t Value {
    let resource = &template["Resources"][name];
    assert!(resource.is_mapping(), "no resource {name}");
    resource
}

fn properties<'t>(template: &'t Value, name: &str) -> &'t Value {
    &resource(template, name)["Properties"]
}

fn of_type<'t>(template: &'t Value, kind: &str) -> Vec<(&'t str, &'t Value)> {
    section(template, "Resources")
        .iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
        .map(|(name, resource)| (name.as_str().expect("a name"), resource))
        .collect()
}

fn strings(value: &Value) -> Vec<String> {
    match untagged(value) {
        Value::String(one) => vec![one.clone()],
        Value::Sequence(many) => many.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// Every string anywhere below.
fn all_strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Sequence(items) => items.iter().for_each(|item| all_strings(item, found)),
        Value::Mapping(map) => map.iter().for_each(|(key, value)| {
            all_strings(key, found);
            all_strings(value, found);
        }),
        Value::Tagged(tagged) => all_strings(&tagged.value, found),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The actions that a policy allows, by statement id. Statements under a condition are named by their own id too.
fn actions(policy: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let statements = policy["PolicyDocument"]["Statement"]
        .as_sequence()
        .expect("statements");
    statements
        .iter()
        .map(|statement| match statement {
            Value::Tagged(condition) => &condition.value[1],
            plain => plain,
        })
        .map(|statement| {
            assert_eq!(statement["Effect"].as_str(), Some("Allow"));
            let id = statement["Sid"]
                .as_str()
                .expect("a statement id")
                .to_owned();
            (id, strings(&statement["Action"]).into_iter().collect())
        })
        .collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_job_stays_hidden_for_six_timeouts_of_the_download_function() {
    let template = template();
    let hidden = properties(&template, "JobsQueue")["VisibilityTimeout"].as_u64();
    let timeout = properties(&template, "DownloadFunction")["Timeout"].as_u64();
    let (hidden, timeout) = (hidden.expect("seconds"), timeout.expect("seconds"));
    assert!(hidden >= 6 * timeout, "{hidden} < 6 × {timeout}");
}

#[test]
fn one_failed_job_does_not_bring_its_batch_back() {
    let template = template();
    let trigger = &properties(&template, "DownloadFunction")["Events"]["Jobs"]["Properties"];
    assert_eq!(
        strings(&trigger["FunctionResponseTypes"]),
        ["ReportBatchItemFailures"]
    );
}

#[test]
fn concurrency_is_limited_at_the_trigger_and_never_reserved() {
    let template = template();
    let download = properties(&template, "DownloadFunction");
    let scaling = &download["Events"]["Jobs"]["Properties"]["ScalingConfig"];
    assert_eq!(
        strings(&scaling["MaximumConcurrency"]),
        ["MaximumConcurrency"]
    );
    for (name, function) in of_type(&template, "AWS::Serverless::Function") {
        let reserved = &function["Properties"]["ReservedConcurrentExecutions"];
        assert!(reserved.is_null(), "{name} reserves concurrency");
    }
}

#[test]
fn jobs_are_kept_for_seven_days_and_parked_ones_for_fourteen() {
    let template = template();
    let days = |queue: &str| {
        let seconds = properties(&template, queue)["MessageRetentionPeriod"].as_u64();
        seconds.expect("seconds") / 86_400
    };
    assert_eq!((days("JobsQueue"), days("ParkedQueue")), (7, 14));
}

/// A queue that takes less refuses unread bodies that the webhook function has not refused.
#[test]
fn both_queues_take_what_the_largest_unread_body_needs() {
    let template = template();
    let needed = media::unread::MAX_BODY_BYTES.div_ceil(3) * 4 + 8 * 1024;
    for queue in ["JobsQueue", "ParkedQueue"] {
        let most = properties(&template, queue)["MaximumMessageSize"].as_u64();
        assert_eq!(most, Some(1024 * 1024), "{queue}");
        assert!(most.is_some_and(|most| most >= needed as u64), "{needed}");
    }
}

#[test]
fn only_the_jobs_queue_ends_in_the_parked_queue() {
    let template = template();
    let redrive = &properties(&template, "JobsQueue")["RedrivePolicy"];
    assert_eq!(
        strings(&redrive["deadLetterTargetArn"]),
        ["ParkedQueue.Arn"]
    );
    assert_eq!(redrive["maxReceiveCount"].as_u64(), Some(140));
    let allow = &properties(&template, "ParkedQueue")["RedriveAllowPolicy"];
    assert_eq!(allow["redrivePermission"].as_str(), Some("byQueue"));
    let jobs = strings(&properties(&template, "JobsQueue")["QueueName"]).remove(0);
    let sources = strings(&allow["sourceQueueArns"]);
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(
        sources[0].ends_with(&format!(":{jobs}")),
        "{sources:?} is not {jobs}"
    );
}

#[test]
fn no_parameter_is_a_secret() {
    let template = template();
    for (name, parameter) in section(&template, "Parameters") {
        let name = name.as_str().expect("a name");
        assert!(parameter["NoEcho"].is_null(), "{name} hides its value");
        let lower = name.to_lowercase();
        for word in ["secret", "token", "password"] {
            assert!(!lower.contains(word), "{name} asks for a secret");
        }
    }
}

#[test]
fn every_parameter_explains_itself_and_stands_in_one_group() {
    let template = template();
    let interface = &template["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_sequence().expect("groups");
    let mut grouped: Vec<String> = groups
        .iter()
        .flat_map(|group| strings(&group["Parameters"]))
        .collect();
    grouped.sort();
    let mut declared = Vec::new();
    for (name, parameter) in section(&template, "Parameters") {
        let name = name.as_str().expect("a name");
        assert!(
            parameter["Description"].is_string(),
            "{name} has no description"
        );
        assert!(
            parameter["ConstraintDescription"].is_string(),
            "{name} does not say what it takes"
        );
        assert!(!parameter["Default"].is_null(), "{name} has no default");
        let constrained = ["AllowedPattern", "AllowedValues", "MinValue"];
        assert!(
            constrained.iter().any(|key| !parameter[key].is_null()),
            "{name} takes anything"
        );
        let label = &interface["ParameterLabels"][name]["default"];
        assert!(label.is_string(), "{name} has no label");
        declared.push(name.to_owned());
    }
    declared.sort();
    assert_eq!(grouped, declared);
}

#[test]
fn every_output_says_the_next_command() {
    let template = template();
    for (name, output) in section(&template, "Outputs") {
        let description = output["Description"].as_str().expect("a description");
        assert!(
            description.to_lowercase().contains("next"),
            "{name:?}: {description}"
        );
        let command = ["aws ", "wapi-media ", "sam "];
        assert!(
            command.iter().any(|word| description.contains(word)),
            "{name:?}: {description}"
        );
    }
}

#[test]
fn the_access_log_carries_neither_path_nor_query() {
    let template = template();
    let format = &properties(&template, "ApiStage")["AccessLogSettings"]["Format"];
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
fn the_webhook_function_may_do_this_and_nothing_else() {
    let expected = BTreeMap::from([
        ("ReadInstances".to_owned(), set(["dynamodb:GetItem"])),
        ("QueueJobs".to_owned(), set(["sqs:SendMessage"])),
        (
            "WriteLogs".to_owned(),
            set(["logs:CreateLogStream", "logs:PutLogEvents"]),
        ),
        (
            "UseOwnKey".to_owned(),
            set(["kms:Decrypt", "kms:GenerateDataKey"]),
        ),
    ]);
    assert_eq!(actions(properties(&template(), "WebhookPolicy")), expected);
}

#[test]
fn the_download_function_may_do_this_and_nothing_else() {
    let take = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ];
    let store = [
        "s3:AbortMultipartUpload",
        "s3:PutObject",
        "s3:PutObjectTagging",
    ];
    let expected = BTreeMap::from([
        ("TakeJobs".to_owned(), set(take)),
        ("QueueJobs".to_owned(), set(["sqs:SendMessage"])),
        ("ParkJobs".to_owned(), set(["sqs:SendMessage"])),
        ("ReadInstances".to_owned(), set(["dynamodb:GetItem"])),
        ("OpenTokens".to_owned(), set(["kms:Decrypt"])),
        ("KeepRecords".to_owned(), set(["dynamodb:UpdateItem"])),
        ("StoreMedia".to_owned(), set(store)),
        (
            "WriteLogs".to_owned(),
            set(["logs:CreateLogStream", "logs:PutLogEvents"]),
        ),
        (
            "UseOwnKey".to_owned(),
            set(["kms:Decrypt", "kms:GenerateDataKey"]),
        ),
    ]);
    assert_eq!(actions(properties(&template(), "DownloadPolicy")), expected);
}

#[test]
fn the_watch_function_may_do_this_and_nothing_else() {
    let expected = BTreeMap::from([
        (
            "LookAtParkedJobs".to_owned(),
            set(["sqs:ChangeMessageVisibility", "sqs:ReceiveMessage"]),
        ),
        ("CountMedia".to_owned(), set(["dynamodb:Query"])),
        ("WriteRecords".to_owned(), set(["dynamodb:UpdateItem"])),
        (
            "WriteLogs".to_owned(),
            set(["logs:CreateLogStream", "logs:PutLogEvents"]),
        ),
        (
            "UseOwnKey".to_owned(),
            set(["kms:Decrypt", "kms:GenerateDataKey"]),
        ),
    ]);
    assert_eq!(actions(properties(&template(), "WatchPolicy")), expected);
}

#[test]
fn no_role_may_touch_every_resource_or_use_a_policy_of_others() {
    let template = template();
    for (name, policy) in of_type(&template, "AWS::IAM::ManagedPolicy") {
        let statements = &policy["Properties"]["PolicyDocument"]["Statement"];
        for statement in statements.as_sequence().expect("statements") {
            let resources = strings(&statement["Resource"]);
            assert!(!resources.iter().any(|resource| resource == "*"), "{name}");
        }
    }
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        let properties = &role["Properties"];
        assert!(
            properties["ManagedPolicyArns"].is_null(),
            "{name} borrows a policy"
        );
        assert!(
            properties["Policies"].is_null(),
            "{name} has an inline policy"
        );
    }
    for (name, function) in of_type(&template, "AWS::Serverless::Function") {
        assert!(
            function["Properties"]["Policies"].is_null(),
            "{name} lets SAM write its policy"
        );
    }
}

#[test]
fn what_is_stored_outlives_the_stack() {
    let template = template();
    for name in [
        "MediaBucket",
        "InstancesTable",
        "TenantsTable",
        "MediaTable",
        "AuditTable",
        "TokenKey",
    ] {
        let resource = resource(&template, name);
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(resource[policy].as_str(), Some("Retain"), "{name} {policy}");
        }
    }
}

#[test]
fn all_tables_are_on_demand_and_can_be_restored() {
    let template = template();
    let tables = of_type(&template, "AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 4);
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(
            properties["BillingMode"].as_str(),
            Some("PAY_PER_REQUEST"),
            "{name}"
        );
        let restore = &properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(restore.as_bool(), Some(true), "{name}");
    }
}

#[test]
fn the_mark_of_an_erased_medium_goes_by_itself() {
    let template = template();
    let time_to_live = &properties(&template, "MediaTable")["TimeToLiveSpecification"];
    assert_eq!(time_to_live["AttributeName"].as_str(), Some("forget_at"));
    assert_eq!(time_to_live["Enabled"].as_bool(), Some(true));
}

#[test]
fn the_bucket_is_closed_versioned_and_forgets_broken_uploads() {
    let template = template();
    let bucket = properties(&template, "MediaBucket");
    let block = bucket["PublicAccessBlockConfiguration"]
        .as_mapping()
        .expect("a block");
    assert!(block.len() == 4 && block.values().all(|value| value.as_bool() == Some(true)));
    assert_eq!(
        bucket["VersioningConfiguration"]["Status"].as_str(),
        Some("Enabled")
    );
    let owner = &bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"];
    assert_eq!(owner.as_str(), Some("BucketOwnerEnforced"));
    let rules = bucket["LifecycleConfiguration"]["Rules"]
        .as_sequence()
        .expect("rules");
    let days =
        |rule: &Value| rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].as_u64();
    assert!(rules.iter().any(|rule| days(rule) == Some(1)));
    // Files expire only by a class that the tenant has chosen.
    let expiring = rules
        .iter()
        .filter(|rule| !rule["ExpirationInDays"].is_null());
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
fn requests_without_tls_are_denied_unless_a_parameter_says_otherwise() {
    let template = template();
    assert_eq!(
        template["Parameters"]["RequireTls"]["Default"].as_str(),
        Some("true")
    );
    for (name, on, action, resources) in [
        (
            "MediaBucketPolicy",
            "Bucket",
            "s3:*",
            &["MediaBucket.Arn", "${MediaBucket.Arn}/*"][..],
        ),
        (
            "QueuesPolicy",
            "Queues",
            "sqs:*",
            &["JobsQueue.Arn", "ParkedQueue.Arn"],
        ),
        ("AlarmTopicPolicy", "Topics", "sns:Publish", &["AlarmTopic"]),
    ] {
        assert_eq!(
            resource(&template, name)["Condition"].as_str(),
            Some("RequiresTls")
        );
        let policy = properties(&template, name);
        assert!(!strings(&policy[on]).is_empty(), "{name} is of nothing");
        let statements = policy["PolicyDocument"]["Statement"]
            .as_sequence()
            .expect("statements");
        let denial = statements
            .iter()
            .find(|one| one["Effect"].as_str() == Some("Deny"));
        let denial = denial.unwrap_or_else(|| unreachable!("{name} denies nothing"));
        assert_eq!(denial["Principal"].as_str(), Some("*"), "{name}");
        assert_eq!(strings(&denial["Action"]), [action], "{name}");
        assert_eq!(strings(&denial["Resource"]), resources, "{name}");
        let secure = &denial["Condition"]["Bool"]["aws:SecureTransport"];
        assert_eq!(secure.as_bool(), Some(false), "{name}");
    }
}

#[test]
fn two_stacks_fit_in_one_account() {
    let template = template();
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
    for (name, resource) in section(&template, "Resources") {
        for key in names {
            let given = strings(&resource["Properties"][key]);
            // A metric filter names a log group of this template by its logical id.
            let own = given.iter().all(|given| {
                given.contains("${AWS::StackName}")
                    || section(&template, "Resources").contains_key(given.as_str())
            });
            assert!(own, "{name:?} has the fixed {key} {given:?}");
        }
    }
}

#[test]
fn every_alarm_acts_and_says_what_to_do() {
    let template = template();
    let alarms = of_type(&template, "AWS::CloudWatch::Alarm");
    assert!(!alarms.is_empty());
    for (name, alarm) in alarms {
        let properties = &alarm["Properties"];
        assert_eq!(
            strings(&properties["AlarmActions"]),
            ["AlarmTopic"],
            "{name}"
        );
        assert!(
            properties["AlarmDescription"].is_string(),
            "{name} says nothing"
        );
        assert_eq!(
            properties["TreatMissingData"].as_str(),
            Some("notBreaching"),
            "{name}"
        );
    }
    let parked = properties(&template, "ParkedQueueNotEmptyAlarm");
    assert_eq!(parked["Threshold"].as_u64(), Some(0));
    assert_eq!(
        parked["ComparisonOperator"].as_str(),
        Some("GreaterThanThreshold")
    );
}

#[test]
fn every_log_group_ends_after_a_literal_number_of_days() {
    let template = template();
    let groups = of_type(&template, "AWS::Logs::LogGroup");
    assert_eq!(groups.len(), 4);
    for (name, group) in groups {
        assert!(group["Properties"]["RetentionInDays"].is_u64(), "{name}");
    }
}

#[test]
fn functions_get_the_environment_that_they_read() {
    let template = template();
    let names = |function: &str| -> BTreeSet<String> {
        let variables = &properties(&template, function)["Environment"]["Variables"];
        let variables = variables.as_mapping().expect("variables");
        variables.keys().flat_map(strings).collect()
    };
    let webhook = ["INSTANCES_TABLE", "JOBS_QUEUE_URL", "LOG_LEVEL"];
    assert_eq!(names("WebhookFunction"), set(webhook));
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
    assert_eq!(names("DownloadFunction"), set(download));
    let watch = [
        "JOBS_QUEUE_URL",
        "LOG_LEVEL",
        "MEDIA_TABLE",
        "PARKED_QUEUE_URL",
    ];
    assert_eq!(names("WatchFunction"), set(watch));
}

#[test]
fn functions_are_compiled_by_cargo_lambda_for_the_chosen_processor() {
    let template = template();
    let functions = of_type(&template, "AWS::Serverless::Function");
    assert_eq!(functions.len(), 3);
    for (name, function) in functions {
        assert_eq!(
            function["Metadata"]["BuildMethod"].as_str(),
            Some("rust-cargolambda"),
            "{name}"
        );
        assert!(
            function["Metadata"]["BuildProperties"]["Binary"].is_string(),
            "{name}"
        );
    }
    let globals = &template["Globals"]["Function"];
    assert_eq!(strings(&globals["Architectures"]), ["Architecture"]);
    assert_eq!(globals["Runtime"].as_str(), Some("provided.al2023"));
    assert_eq!(
        template["Parameters"]["Architecture"]["Default"].as_str(),
        Some("arm64")
    );
}

#[test]
fn the_template_has_only_what_cloudformation_reads_in_any_partition() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let text = std::fs::read_to_string(path).expect("template.yaml");
    for line in text.lines() {
        let line = line.trim();
        assert!(
            !line.starts_with("<<:") && !line.contains(": *"),
            "an alias: {line}"
        );
    }
    let mut found = Vec::new();
    all_strings(&template(), &mut found);
    for text in found {
        assert!(
            !text.contains("arn:aws:") || text.contains("arn:aws:kms:REGION"),
            "a fixed partition: {text}"
        );
    }
}

/// What the ledger queries must be there, by its name and with its keys.
#[test]
fn the_media_table_has_the_two_indexes_by_time() {
    let template = template();
    let indexes = &properties(&template, "MediaTable")["GlobalSecondaryIndexes"];
    let indexes = indexes.as_sequence().expect("indexes");
    let keys = |index: &Value| {
        let keys = index["KeySchema"].as_sequence().expect("keys").iter();
        let names = keys.flat_map(|key| strings(&key["AttributeName"]));
        names.collect::<Vec<_>>()
    };
    let found = indexes
        .iter()
        .map(|index| (strings(&index["IndexName"]).concat(), keys(index)));
    let text = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("by_state".to_owned(), text(["state", "recoverable_until"])),
            ("by_instance".to_owned(), text(["instance", "moment"])),
        ]
    );
}

/// Each reason for which a webhook is refused is counted, and raises an alarm.
#[test]
fn a_flood_is_throttled_and_both_its_sides_raise_alarms() {
    let template = template();
    let limits = &properties(&template, "ApiStage")["DefaultRouteSettings"];
    assert_eq!(
        strings(&limits["ThrottlingRateLimit"]),
        ["WebhookRateLimit"]
    );
    assert_eq!(
        strings(&limits["ThrottlingBurstLimit"]),
        ["WebhookBurstLimit"]
    );
    for (metric, log, pattern, alarm) in [
        (
            "RefusedMetric",
            "WebhookLogGroup",
            "$.reason = \"unauthorized\"",
            "WebhookRefusedAlarm",
        ),
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
        (
            "UnreadMetric",
            "WebhookLogGroup",
            "$.outcome = \"unread\"",
            "WebhookUnreadAlarm",
        ),
        (
            "NotUnderstoodMetric",
            "WebhookLogGroup",
            "$.not_understood > 0",
            "WebhookUnreadAlarm",
        ),
        (
            "RateLimitedMetric",
            "ApiLogGroup",
            "$.status = \"429\"",
            "WebhookRateLimitedAlarm",
        ),
    ] {
        let filter = properties(&template, metric);
        assert_eq!(strings(&filter["LogGroupName"]), [log]);
        let found = filter["FilterPattern"].as_str().expect("a pattern");
        assert!(found.contains(pattern), "{found}");
        let name = &filter["MetricTransformations"][0]["MetricName"];
        assert_eq!(name, &properties(&template, alarm)["MetricName"], "{alarm}");
    }
    let format = properties(&template, "ApiStage")["AccessLogSettings"]["Format"].as_str();
    let format = format.expect("a format");
    assert!(format.contains(r#""status":"$context.status""#), "{format}");
}

/// A file that WhatsApp's own clients would refuse is kept, so somebody must hear of it.
#[test]
fn a_hash_that_the_mac_contradicts_is_counted_and_raises_an_alarm() {
    let template = template();
    let metric = properties(&template, "HashContradictedMetric");
    assert_eq!(strings(&metric["LogGroupName"]), ["DownloadLogGroup"]);
    let pattern = metric["FilterPattern"].as_str().expect("a pattern");
    let word = media::record::Integrity::MacAgainstSha256;
    let wanted = format!("{{ $.outcome = \"stored\" && $.integrity = \"{word}\" }}");
    assert_eq!(pattern, wanted);
    let alarm = properties(&template, "HashContradictedAlarm");
    let name = &metric["MetricTransformations"][0]["MetricName"];
    assert_eq!(name, &alarm["MetricName"]);
    assert_eq!(alarm["Threshold"].as_u64(), Some(1));
}

/// The watch function runs by the clock, and what it counts raises an alarm.
#[test]
fn what_expires_soon_is_counted_every_hour_and_raises_an_alarm() {
    let template = template();
    let rule = properties(&template, "WatchSchedule");
    assert_eq!(rule["ScheduleExpression"].as_str(), Some("rate(1 hour)"));
    assert_eq!(strings(&rule["Targets"][0]["Arn"]), ["WatchFunction.Arn"]);
    let metric = properties(&template, "ExpiringMetric");
    assert_eq!(
        metric["FilterPattern"].as_str(),
        Some("{ $.expiring >= 0 }")
    );
    let alarm = properties(&template, "ExpiringAlarm");
    assert_eq!(alarm["MetricName"].as_str(), Some("Expiring"));
    assert_eq!(alarm["Threshold"].as_u64(), Some(0));
}
