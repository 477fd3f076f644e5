//! Logs, metrics and alarms.

use house::parse_template;

use crate::{resource_properties, resources_of_type, string_list};

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
fn every_alarm_notifies_and_names_a_remedy() {
    let template = parse_template();
    let alarms = resources_of_type(&template, "AWS::CloudWatch::Alarm");
    assert!(!alarms.is_empty());
    for (name, alarm) in alarms {
        let properties = &alarm["Properties"];
        assert_eq!(string_list(&properties["AlarmActions"]), ["AlarmTopic"], "{name}");
        assert!(properties["AlarmDescription"].is_string(), "{name} has no description");
        let silent = ["WatchSilentAlarm", "DueJobsSilentAlarm", "BackfillSilentAlarm"];
        let missing = if silent.contains(&name) { "breaching" } else { "notBreaching" };
        assert_eq!(properties["TreatMissingData"].as_str(), Some(missing), "{name}");
    }
}

/// A person who reads the e-mail at night needs no page to begin.
#[test]
fn every_alarm_names_its_first_command() {
    let template = parse_template();
    for (name, alarm) in resources_of_type(&template, "AWS::CloudWatch::Alarm") {
        let description = alarm["Properties"]["AlarmDescription"].as_str().expect("a description");
        let is_named = ["`wapi-media ", "`aws "].iter().any(|start| description.contains(start));
        assert!(is_named, "{name}: {description}");
    }
}

/// An alarm on how many messages are parked stays on for the two weeks that one of them is kept.
#[test]
fn no_alarm_counts_what_stays_parked() {
    let template = parse_template();
    for (name, alarm) in resources_of_type(&template, "AWS::CloudWatch::Alarm") {
        let dimensions = &alarm["Properties"]["Dimensions"];
        for dimension in dimensions.as_sequence().into_iter().flatten() {
            assert_ne!(string_list(&dimension["Value"]), ["ParkedQueue.QueueName"], "{name}");
        }
    }
}

/// SQS keeps at most 120,000 messages of a standard queue in flight.
#[test]
fn half_the_quota_in_flight_raises_an_alarm() {
    let template = parse_template();
    let alarm = resource_properties(&template, "InFlightAlarm");
    assert_eq!(alarm["MetricName"].as_str(), Some("ApproximateNumberOfMessagesNotVisible"));
    assert_eq!(string_list(&alarm["Dimensions"][0]["Value"]), ["JobsQueue.QueueName"]);
    assert_eq!(alarm["ComparisonOperator"].as_str(), Some("GreaterThanThreshold"));
    assert_eq!(alarm["Threshold"].as_u64(), Some(120_000 / 2));
}

/// Each pass of the watch function writes one line, which one filter counts, whatever the line
/// says: an alarm is on when the line is missing for this long.
#[test]
fn a_silent_watch_function_raises_an_alarm() {
    let template = parse_template();
    for (name, metric, field, silent) in [
        ("WatchSilentAlarm", "ExpiringMetric", "expiring", 2 * 60 * 60),
        ("DueJobsSilentAlarm", "DueLagMetric", "lag_seconds", 15 * 60),
    ] {
        let alarm = resource_properties(&template, name);
        let filter = resource_properties(&template, metric);
        let pattern = format!("{{ $.{field} >= 0 }}");
        assert_eq!(filter["FilterPattern"].as_str(), Some(pattern.as_str()));
        assert_eq!(filter["MetricTransformations"][0]["MetricName"], alarm["MetricName"]);
        assert_eq!(alarm["Statistic"].as_str(), Some("SampleCount"), "{name}");
        assert_eq!(alarm["ComparisonOperator"].as_str(), Some("LessThanThreshold"));
        assert_eq!(alarm["Threshold"].as_u64(), Some(1));
        let seconds = alarm["Period"].as_u64().zip(alarm["EvaluationPeriods"].as_u64());
        assert_eq!(seconds.map(|(period, count)| period * count), Some(silent));
    }
}

/// The watch function sends the jobs that are due every minute.
#[test]
fn due_jobs_are_sent_every_minute() {
    let template = parse_template();
    let rule = resource_properties(&template, "DueSchedule");
    assert_eq!(rule["ScheduleExpression"].as_str(), Some("rate(1 minute)"));
    let target = &rule["Targets"][0];
    assert_eq!(string_list(&target["Arn"]), ["WatchFunction.Arn"]);
    // A test of the function reads the same text.
    assert_eq!(target["Input"].as_str(), Some(r#"{"pass": "due"}"#));
}

/// The function derives the twelfth of the instances from the time, so a run must not come near the
/// beginning of its five minutes.
#[test]
fn the_backfill_runs_unless_it_is_switched_off() {
    let template = parse_template();
    let rule = resource_properties(&template, "BackfillSchedule");
    assert_eq!(rule["ScheduleExpression"].as_str(), Some("cron(2/5 * * * ? *)"));
    assert_eq!(string_list(&rule["Targets"][0]["Arn"]), ["BackfillFunction.Arn"]);
    assert_eq!(string_list(&rule["State"]), ["BackfillsByItself", "ENABLED", "DISABLED"]);
    assert_eq!(template["Parameters"]["AutomaticBackfill"]["Default"].as_str(), Some("on"));
    let silent = &template["Resources"]["BackfillSilentAlarm"];
    assert_eq!(silent["Condition"].as_str(), Some("BackfillsByItself"));
    let alarm = &silent["Properties"];
    assert_eq!(alarm["MetricName"].as_str(), Some("Invocations"));
    assert_eq!(string_list(&alarm["Dimensions"][0]["Value"]), ["BackfillFunction"]);
    assert_eq!(alarm["ComparisonOperator"].as_str(), Some("LessThanThreshold"));
    let timeout = resource_properties(&template, "BackfillFunction")["Timeout"].as_u64();
    assert!(timeout.is_some_and(|seconds| seconds < 5 * 60), "two runs would overlap");
}

#[test]
fn every_log_group_has_a_literal_retention() {
    let template = parse_template();
    let groups = resources_of_type(&template, "AWS::Logs::LogGroup");
    assert_eq!(groups.len(), 8);
    for (name, group) in groups {
        assert!(group["Properties"]["RetentionInDays"].is_u64(), "{name}");
    }
}

/// API Gateway adds every other log group to the account's one resource policy for logs. It has at
/// most 5,120 characters, so that an account with many stacks could not deploy another one.
#[test]
fn the_access_log_needs_no_resource_policy() {
    let template = parse_template();
    let name = string_list(&resource_properties(&template, "ApiLogGroup")["LogGroupName"]);
    assert_eq!(name, ["/aws/vendedlogs/apis/${AWS::StackName}-webhooks"]);
    let logged = &resource_properties(&template, "ApiStage")["AccessLogSettings"];
    assert_eq!(string_list(&logged["DestinationArn"]), ["ApiLogGroup.Arn"]);
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
