//! What the code, the template and the pages must say alike.

use std::time::Duration;

use house::{parse_template, read_text, source_files};

/// If SQS gave up first, it would park a job without a reason. With full jitter no number of
/// receives is certain: `shared/media/tests/ends.rs` simulates 20,000 jobs with this limit, and
/// this test checks that the template has the same.
#[test]
fn the_queue_outlasts_the_schedule_of_every_job() {
    let template = parse_template();
    let queue = &template["Resources"]["JobsQueue"]["Properties"];
    let number = |value: &serde_yaml_ng::Value| value.as_u64().expect("a number");
    let most = number(&queue["RedrivePolicy"]["maxReceiveCount"]);
    assert_eq!(most, 140, "MAX_RECEIVES in ends.rs differs");
    let (life, mut elapsed) = (Duration::from_hours(6 * 24), Duration::ZERO);
    let usual = (1_u32..).find(|receive| {
        elapsed += media::schedule::retry_wait(*receive, 0.5, None);
        elapsed > life
    });
    assert!(
        usual.is_some_and(|usual| most * 2 >= u64::from(usual) * 3),
        "{most} receives, and a usual job takes {usual:?}"
    );
    let retention = number(&queue["MessageRetentionPeriod"]);
    assert_eq!(retention, Duration::from_hours(7 * 24).as_secs());
    let crashing = most * number(&queue["VisibilityTimeout"]);
    assert!(crashing < retention, "a job that crashes every time needs {crashing} s to be parked");
}

/// It makes a verified instance without a secret: only what was read from W-API's log with the
/// instance's token may become jobs in this way.
#[test]
fn only_the_backfill_verifies_without_a_secret() {
    let sources = source_files(&["shared", "functions", "cli"], "rs");
    let users = sources.iter().filter(|(_, text)| text.contains("for_own_log"));
    let users: Vec<_> = users.map(|(path, _)| path.as_str()).collect();
    assert_eq!(users, ["functions/backfill/src/lib.rs", "shared/media/src/access.rs"]);
}

/// The classes are defined in one place; docs/failures.md must have their texts, in the same order.
#[test]
fn the_page_has_the_codes_failure_classes() {
    use media::failure::FailureClass;
    let page = read_text("docs/failures.md");
    let classes = FailureClass::ALL
        .map(|class| format!("| `{class}` | {} | {} |\n", class.cause(), class.consequence()));
    let remedies = FailureClass::ALL.map(|class| format!("| `{class}` | {} |\n", class.remedy()));
    for table in [classes.concat(), remedies.concat()] {
        assert!(page.contains(&table), "docs/failures.md does not have\n{table}");
    }
    let portuguese = read_text("docs/pt-BR/failures.md");
    for class in FailureClass::ALL {
        let rows = portuguese.matches(&format!("\n| `{class}` | ")).count();
        assert_eq!(rows, 2, "rows of {class} in docs/pt-BR/failures.md");
    }
}
