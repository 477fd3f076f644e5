//! A log that cannot be read, and an AWS that fails.

use backfill::RunError;
use redaction::Recorder;
use scripted_aws::{Answer, Aws};
use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, LogShape, ManagementScenario};

use crate::{DAY, HOUR, NOW, World};

/// The field of the latest log line of a tenant, which no other test has.
pub(crate) fn logged_field(recorder: &Recorder, tenant: &str, field: &str) -> Value {
    let text = recorder.text();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_its = |line: &Value| line["message"] == "backfill" && line["tenant"] == tenant;
    let its: Vec<_> = lines.filter(is_its).collect();
    its.last().expect("a line")[field].clone()
}

/// One request, and the next pass is an hour later.
#[tokio::test]
async fn a_429_ends_the_pass() {
    let world = World::start().await;
    world.announce("lost", 2 * HOUR);
    world.origins.set_management(Some(ManagementScenario::Status(429)));
    world.run().await;
    assert_eq!(world.pages_read(), 1);
    let mark = world.mark();
    assert_eq!(
        (&mark["until"], &mark["failed_since"]["N"]),
        (&Value::Null, &NOW.to_string().into())
    );
    world.origins.set_management(None);
    world.run_at(NOW + HOUR).await;
    assert_eq!(world.sent_ids().len(), 1, "it became a delay");
    assert_eq!(world.mark()["failed_since"], Value::Null);
}

#[tokio::test]
async fn a_log_that_fails_for_a_day_is_reported() {
    let world = World::start().await;
    let recorder = Recorder::start();
    world.change_instance(&json!({ "tenant": { "S": "failing" } }));
    world.set_mark(json!({ "until": { "N": (NOW - HOUR).to_string() } }));
    for (status, since) in [(503, 0), (401, HOUR), (500, DAY - 1)] {
        world.origins.set_management(Some(ManagementScenario::Status(status)));
        world.run_at(NOW + since).await;
        assert_eq!(world.mark()["failed_since"]["N"], NOW.to_string(), "{status}");
    }
    world.run_at(NOW + DAY).await;
    assert_eq!(logged_field(&recorder, "failing", "unreadable_for_a_day"), 1);
    let mark = world.mark();
    assert_eq!(mark["until"]["N"], (NOW - HOUR).to_string(), "the mark has not moved");
    world.origins.set_management(None);
    world.run_at(NOW + DAY + HOUR).await;
    assert_eq!(world.mark()["failed_since"], Value::Null);
}

/// Too many jobs wait, hour after hour: the alarm for a log that is not read goes on.
#[tokio::test]
async fn a_backlog_of_a_day_is_reported() {
    let world = World::start().await;
    let recorder = Recorder::start();
    let until = |ago: i64| json!({ "until": { "N": (NOW - ago).to_string() }, "tenant": { "S": "postponed" } });
    world.tables().waiting = 1001;
    world.set_mark(until(DAY - 1));
    world.run().await;
    assert!(!recorder.text().contains("\"tenant\":\"postponed\""), "less than a day");
    world.set_mark(until(DAY));
    world.run().await;
    assert_eq!(logged_field(&recorder, "postponed", "unreadable_for_a_day"), 1);
    assert_eq!(logged_field(&recorder, "postponed", "outcome"), "postponed");
    assert_eq!((world.pages_read(), world.mark()), (0, until(DAY)));
}

/// A plan without a log is not a fault: the alarm would never end.
#[tokio::test]
async fn an_instance_without_a_log_is_no_failure() {
    let world = World::start().await;
    world.origins.set_management(Some(ManagementScenario::Status(404)));
    for now in [NOW, NOW + DAY, NOW + 9 * DAY] {
        world.run_at(now).await;
        assert_eq!(world.mark()["failed_since"], Value::Null);
    }
}

/// It was there before: this is reported, for a week.
#[tokio::test]
async fn a_log_that_vanishes_is_reported_for_a_week() {
    let world = World::start().await;
    let recorder = Recorder::start();
    world.change_instance(&json!({ "tenant": { "S": "vanishing" } }));
    world.run().await;
    world.origins.set_management(Some(ManagementScenario::Status(404)));
    world.run_at(NOW + HOUR).await;
    for (days, reported) in [(0, 0), (1, 1), (6, 1), (7, 0), (30, 0)] {
        world.run_at(NOW + HOUR + days * DAY + 1).await;
        let field = logged_field(&recorder, "vanishing", "unreadable_for_a_day");
        assert_eq!(field, reported, "after {days} days");
    }
}

/// Otherwise a change of W-API's format would look like a log without webhooks.
#[tokio::test]
async fn a_log_of_unknown_entries_is_unreadable() {
    let world = World::start().await;
    for number in 0..3 {
        let body = json!({ "riddle": number });
        world.origins.log_webhook(DEFAULT_INSTANCE, &body, None);
    }
    world.run().await;
    let mark = world.mark();
    assert_eq!(
        (&mark["until"], &mark["failed_since"]["N"]),
        (&Value::Null, &NOW.to_string().into())
    );
}

#[tokio::test]
async fn every_shape_of_the_log_is_read() {
    for shape in [LogShape::Logs, LogShape::Bare, LogShape::Data, LogShape::Nested] {
        let world = World::start().await;
        world.origins.set_log_shape(shape);
        let lost = world.announce("lost", 2 * HOUR);
        world.run().await;
        assert_eq!(world.sent_ids(), [lost.message_id], "{shape:?}");
    }
}

/// The function's error metric then raises an alarm. What could not be queued is found again.
#[tokio::test]
async fn a_refused_queue_fails_the_run_and_loses_nothing() {
    let world = World::start().await;
    world.announce("lost", 2 * HOUR);
    let tables = std::sync::Arc::clone(&world.tables);
    let aws = Aws::start(move |seen| match seen.operation() {
        "SendMessage" => Answer::json_error(400, "AccessDenied"),
        _ => tables.lock().expect("the tables").answer(seen),
    })
    .await;
    let refusing = World { aws, ..world };
    let failed = refusing.try_run_at(NOW).await.expect_err("nothing was queued");
    assert!(matches!(failed, RunError::Passes { failed: 1, passes: 1 }), "{failed}");
    let mark = refusing.mark();
    assert_eq!((&mark["until"], &mark["failed_since"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_failure_to_list_the_instances_fails_the_run() {
    let world = World::start().await;
    let tables = std::sync::Arc::clone(&world.tables);
    let aws = Aws::start(move |seen| match seen.operation() {
        "Scan" => Answer::json_error(400, "AccessDeniedException"),
        _ => tables.lock().expect("the tables").answer(seen),
    })
    .await;
    let refusing = World { aws, ..world };
    let run = refusing.backfill(200);
    let deadline = tokio::time::Instant::now() + crate::PLENTY;
    let failed = run.run(&backfill::RunScope::Due, NOW, deadline).await.expect_err("no list");
    assert!(matches!(&failed, RunError::Start(error) if error.operation == "dynamodb:Scan"));
}

/// The log names instance, counts and outcome, and nothing that is secret or personal.
#[tokio::test]
async fn the_log_line_has_no_secret_and_no_name() {
    let world = World::start().await;
    let recorder = Recorder::start();
    world.change_instance(&json!({ "tenant": { "S": "logged" } }));
    let lost = world.announce("in the log", 2 * HOUR);
    world.run().await;
    assert_eq!(logged_field(&recorder, "logged", "found"), 1);
    let text = recorder.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("backfill")).collect();
    assert!(lines.len() >= 2, "{lines:?}");
    for line in lines {
        for secret in [&lost.media_key, &lost.direct_path, &lost.chat, "\"old\""] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
