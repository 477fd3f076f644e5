//! Which alarms go on after which log lines: the lines of `log_lines.jsonl` are counted by the
//! metric filters of the template, and its alarms judge the counts.
//!
//! The functions wrote these lines; a few values are changed where no test run had them.

use std::collections::{BTreeMap, BTreeSet};

use house::{parse_template, read_text, source_files};
use media::failure::FailureClass;
use serde_json::Value as Json;
use serde_yaml_ng::Value;

use crate::{
    expressions::{compute_math, matches_pattern},
    resources_of_type, string_list,
};

/// A log line, and the log group to which it is written.
struct Sample {
    log: String,
    line: Json,
}

/// The lines of a healthy stack.
const HEALTHY: [&str; 23] = [
    "queued",
    "queued-unknown-event",
    "queued-unknown-wrapper",
    "ignored",
    "ignored-unknown-event",
    "stored",
    "duplicate",
    "skipped",
    "in-progress",
    "link-opened",
    "unread-body-read",
    "watch",
    "due",
    "backfill",
    "backfill-first-pass",
    "backfill-throttled",
    "backfill-run",
    "delivery",
    "delivery-retried",
    "delivery-resting",
    "due-deliveries",
    "deliveries-wait",
    "api-200",
];

fn read_samples() -> BTreeMap<String, Sample> {
    let text = read_text("tests/house/tests/template/log_lines.jsonl");
    let samples = text.lines().map(|line| {
        let mut sample: Json = serde_json::from_str(line).expect("JSON");
        let text = |field: &str| sample[field].as_str().expect(field).to_owned();
        let (name, log) = (text("name"), text("log"));
        (name, Sample { log, line: sample["line"].take() })
    });
    samples.collect()
}

/// A text, a number, or the default of the parameter to which it refers.
fn number_of(template: &Value, value: &Value) -> f64 {
    let text = string_list(value).pop();
    let default = text.map(|name| template["Parameters"][name.as_str()]["Default"].clone());
    let number = default.as_ref().unwrap_or(value);
    let parsed = number.as_str().and_then(|text| text.parse().ok());
    number.as_f64().or(parsed).expect("a number")
}

/// What the metric filters add to each metric when each line is written that often.
fn count_metrics(template: &Value, lines: &[(&Sample, usize)]) -> BTreeMap<String, Vec<f64>> {
    let mut metrics = BTreeMap::<String, Vec<f64>>::new();
    for (_, filter) in resources_of_type(template, "AWS::Logs::MetricFilter") {
        let filter = &filter["Properties"];
        let log = string_list(&filter["LogGroupName"]).concat();
        let pattern = filter["FilterPattern"].as_str().expect("a pattern");
        let change = &filter["MetricTransformations"][0];
        let (name, value) = (change["MetricName"].as_str(), change["MetricValue"].as_str());
        let (name, value) = (name.expect("a name"), value.expect("a value"));
        for (sample, times) in lines {
            if sample.log != log || !matches_pattern(pattern, &sample.line) {
                continue;
            }
            let added = match value.strip_prefix("$.") {
                Some(field) => sample.line[field].as_f64().expect("a number"),
                None => value.parse().expect("a number"),
            };
            metrics.entry(name.to_owned()).or_default().extend(vec![added; *times]);
        }
    }
    metrics
}

/// The value that an alarm judges. `None`: there is no data.
fn value_of(alarm: &Value, metrics: &BTreeMap<String, Vec<f64>>) -> Option<f64> {
    let points = |name: &Value| metrics.get(name.as_str()?);
    let Some(queries) = alarm["Metrics"].as_sequence() else {
        let points = points(&alarm["MetricName"])?.iter().copied();
        return match alarm["Statistic"].as_str() {
            Some("Sum") => Some(points.sum()),
            Some("Maximum") => points.reduce(f64::max),
            other => unreachable!("the statistic {other:?}"),
        };
    };
    let summed = queries.iter().filter_map(|query| {
        let points = points(&query["MetricStat"]["Metric"]["MetricName"])?;
        Some((query["Id"].as_str()?.to_owned(), points.iter().sum()))
    });
    let expression = queries.iter().find_map(|query| query["Expression"].as_str());
    compute_math(expression.expect("an expression"), &summed.collect())
}

/// The names of the alarms on metrics from log lines. Those that are on while a line is missing
/// have a test of their own.
fn alarms_on_lines(template: &Value) -> BTreeMap<&str, &Value> {
    let alarms = resources_of_type(template, "AWS::CloudWatch::Alarm").into_iter();
    // What GuardDuty counts is no log line.
    let alarms = alarms.filter(|(_, alarm)| alarm["Condition"].as_str() != Some("ScansForMalware"));
    let alarms = alarms.map(|(name, alarm)| (name, &alarm["Properties"]));
    let is_ours = |alarm: &Value| {
        let namespace = string_list(&alarm["Namespace"]).concat();
        let is_on_absence = alarm["TreatMissingData"].as_str() == Some("breaching");
        (namespace.starts_with("wapi-media/") || alarm["Metrics"].is_sequence()) && !is_on_absence
    };
    alarms.filter(|(_, alarm)| is_ours(alarm)).collect()
}

/// The alarms that are on when each of these lines is written that often in every period.
fn raised_by(lines: &[(&Sample, usize)]) -> BTreeSet<String> {
    let template = parse_template();
    let metrics = count_metrics(&template, lines);
    let is_on = |alarm: &Value| {
        let Some(value) = value_of(alarm, &metrics) else {
            return false;
        };
        let threshold = number_of(&template, &alarm["Threshold"]);
        match alarm["ComparisonOperator"].as_str() {
            Some("GreaterThanThreshold") => value > threshold,
            Some("GreaterThanOrEqualToThreshold") => value >= threshold,
            other => unreachable!("the comparison {other:?}"),
        }
    };
    let alarms = alarms_on_lines(&template).into_iter();
    alarms.filter(|(_, alarm)| is_on(alarm)).map(|(name, _)| name.to_owned()).collect()
}

/// A scenario: lines with how often each is written, and the alarms that must then be on.
type Scenario = (&'static [(&'static str, usize)], &'static [&'static str]);

const SCENARIOS: &[Scenario] = &[
    (&[("queued", 1)], &["NothingStoredAlarm"]),
    (&[("queued", 3), ("stored", 1)], &[]),
    (&[("queued", 3), ("skipped", 2)], &["NothingStoredAlarm"]),
    (&[("queued", 3), ("skipped", 2), ("duplicate", 1)], &[]),
    (&[("retrying", 9)], &[]),
    (&[("retrying", 10)], &["OnlyRetriesAlarm"]),
    (&[("retrying", 10), ("stored", 1)], &[]),
    (&[("retrying-unauthorized", 1)], &["UnauthorizedAlarm"]),
    (&[("stored-after-401", 1)], &["UnauthorizedAlarm"]),
    (&[("stored-sha256-mismatch", 1)], &["HashContradictedAlarm"]),
    (&[("parked-transient", 1)], &["ParkedToRepairAlarm"]),
    (&[("parked-instance", 1)], &["ParkedToRepairAlarm"]),
    (&[("parked-poison", 1)], &["ParkedToRepairAlarm"]),
    (&[("parked-refused", 1)], &["ParkedToRepairAlarm"]),
    (&[("parked-unread", 1)], &["ParkedToRepairAlarm"]),
    (&[("watch-reconciled", 1)], &["ParkedToRepairAlarm"]),
    (&[("parked-expired", 9)], &[]),
    (&[("parked-expired", 10)], &["ParkedToResendAlarm"]),
    (&[("parked-corrupt", 10)], &["ParkedToResendAlarm"]),
    (&[("watch-expiring", 1)], &["ExpiringAlarm"]),
    (&[("backfill-found", 1)], &["FoundByBackfillAlarm"]),
    (&[("backfill-unreadable", 1)], &["LogUnreadableAlarm"]),
    (&[("refused-unauthorized", 49)], &[]),
    (&[("refused-unauthorized", 50)], &["WebhookRefusedAlarm"]),
    (&[("refused-instance_mismatch", 1)], &["WebhookMisdirectedAlarm"]),
    (&[("refused-bad_body", 1)], &["WebhookUnreadAlarm"]),
    (&[("refused-too_large", 1)], &["WebhookUnreadAlarm"]),
    (&[("refused-unread_too_large", 1)], &["WebhookUnreadAlarm"]),
    (&[("unread-bad_body", 1)], &["WebhookUnreadAlarm"]),
    (&[("unread-no_webhook", 1)], &["WebhookUnreadAlarm"]),
    (&[("unread-several_webhooks", 1)], &["WebhookUnreadAlarm"]),
    (&[("unread-too_many_media", 1)], &["WebhookUnreadAlarm"]),
    (&[("unread-not_understood", 1)], &["WebhookUnreadAlarm"]),
    (&[("queued-in-part", 1), ("stored", 1)], &["WebhookUnreadAlarm"]),
    (&[("unavailable", 1)], &["WebhookUnavailableAlarm"]),
    (&[("queued-kept", 1), ("stored", 1)], &["QueueRefusedAlarm"]),
    (&[("watch-orphans", 1)], &["JobsLostAlarm"]),
    (&[("due-late", 1)], &["DueJobsLateAlarm"]),
    (&[("due-failed", 1)], &["DueJobsFailedAlarm"]),
    (&[("delivery-paused", 1)], &[]),
    (&[("delivery-expired", 1)], &["DeliveriesLostAlarm"]),
    (&[("delivery-gone", 1)], &["DeliveriesLostAlarm"]),
    (&[("delivery-erased", 1)], &[]),
    (&[("delivery-unavailable", 1)], &["DeliveriesUnavailableAlarm"]),
    (&[("ignored-not-passed-on", 1)], &["DeliveriesLostAlarm"]),
    (&[("due-deliveries-old", 1)], &["DeliveriesWaitAlarm"]),
    (&[("due-deliveries-paused", 1)], &["ReceiverPausedAlarm"]),
    (&[("api-429", 1)], &["WebhookRateLimitedAlarm"]),
];

/// Exactly those: a line that raises a second alarm sends a second e-mail.
#[test]
fn each_log_line_raises_its_alarms() {
    let samples = read_samples();
    let (mut raised, mut used) = (BTreeSet::new(), BTreeSet::from(HEALTHY));
    for (lines, expected) in SCENARIOS {
        let written: Vec<_> = lines.iter().map(|(name, times)| (&samples[*name], *times)).collect();
        let on = raised_by(&written);
        assert_eq!(on.iter().map(String::as_str).collect::<Vec<_>>(), *expected, "{lines:?}");
        raised.extend(on);
        used.extend(lines.iter().map(|(name, _)| *name));
    }
    let template = parse_template();
    let named = alarms_on_lines(&template).into_keys().map(str::to_owned);
    assert_eq!(raised, named.collect(), "alarms that no scenario raises");
    assert_eq!(used, samples.keys().map(String::as_str).collect(), "lines without a scenario");
}

#[test]
fn a_healthy_stack_raises_no_alarm() {
    let samples = read_samples();
    for times in [1, 1000] {
        let written: Vec<_> = HEALTHY.iter().map(|name| (&samples[*name], times)).collect();
        assert_eq!(raised_by(&written), BTreeSet::new(), "{times} of each");
    }
}

/// Also one that has no line in `log_lines.jsonl`.
#[test]
fn every_refusal_and_class_raises_an_alarm() {
    let mut samples = read_samples();
    let sources = ["functions/webhook/src/answer.rs", "shared/wapi/src/webhook/body.rs"];
    let sources = sources.map(read_text).concat();
    let words = sources.split('"').skip(1).step_by(2);
    let is_word = |word: &&str| {
        word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let words: BTreeSet<_> = words.filter(is_word).collect();
    assert!(words.len() > 5, "{words:?}");
    let mut refused = samples.remove("refused-bad_body").expect("a refusal");
    for word in words {
        refused.line["reason"] = word.into();
        assert_ne!(raised_by(&[(&refused, 1)]), BTreeSet::new(), "{word}");
    }
    for class in FailureClass::ALL {
        let parked = &samples[&format!("parked-{}", class.as_str())];
        assert_eq!(parked.line["class"], class.as_str());
        assert_ne!(raised_by(&[(parked, 10)]), BTreeSet::new(), "{class}");
    }
}

/// Also a metric that only the dashboard shows.
#[test]
fn every_metric_counts_a_sample_line() {
    let (template, samples) = (parse_template(), read_samples());
    for (name, filter) in resources_of_type(&template, "AWS::Logs::MetricFilter") {
        let filter = &filter["Properties"];
        let log = string_list(&filter["LogGroupName"]).concat();
        let pattern = filter["FilterPattern"].as_str().expect("a pattern");
        let mut lines = samples.values().filter(|sample| sample.log == log);
        assert!(lines.any(|sample| matches_pattern(pattern, &sample.line)), "{name}: {pattern}");
    }
}

#[test]
fn the_samples_of_the_page_raise_their_alarms() {
    let page = read_text("docs/logging.md");
    let lines = page.lines().filter(|line| line.starts_with("{\"level\""));
    let raised = lines.map(|line| {
        let line: Json = serde_json::from_str(line).expect(line);
        let log = match line["message"].as_str() {
            Some("webhook") => "WebhookLogGroup",
            Some("watch" | "due jobs") => "WatchLogGroup",
            Some("backfill") => "BackfillLogGroup",
            _ => "DownloadLogGroup",
        };
        raised_by(&[(&Sample { log: log.to_owned(), line }, 1)])
    });
    let expected: [&[&str]; 4] = [
        &[],
        &["WebhookMisdirectedAlarm"],
        &["ExpiringAlarm", "ParkedToRepairAlarm"],
        &["FoundByBackfillAlarm"],
    ];
    let expected = expected.map(|names| names.iter().copied().map(str::to_owned).collect());
    assert_eq!(raised.collect::<Vec<BTreeSet<_>>>(), expected);
}

/// A field that no source names any more is one that the functions no longer write.
#[test]
fn the_sample_lines_have_fields_of_today() {
    let sources: String = source_files(&["functions"], "rs").into_values().collect();
    let known = sources + &read_text("template.yaml");
    for (name, sample) in read_samples() {
        for field in sample.line.as_object().expect("an object").keys() {
            let is_of_the_logger =
                ["timestamp", "level", "message", "span"].contains(&field.as_str());
            assert!(is_of_the_logger || known.contains(field.as_str()), "{name}: {field}");
        }
    }
}
