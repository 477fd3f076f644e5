//! What a redrive or a drop did, and why some of it failed.

use media::parked::ParkedJob;
use parking::{DropSummary, Failures, RedriveSummary};
use serde_json::{Value, json};

use super::display::{count_classes, to_json};
use crate::{exit::Exit, screen};

/// What to do about jobs that a run works on. A lease ends at most eleven minutes after it began.
const IN_USE: &str = "stay parked, because a run has them: run this again after eleven minutes";

/// The error that the first of these failed with.
fn first_error(failures: &Failures) -> String {
    failures.first.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
}

/// Prints to standard error that something beside the work itself failed, and why.
pub(crate) fn print_failures(what: &str, failures: &Failures) {
    if failures.count > 0 {
        let told = format!("{} {what}. The first error: {}", failures.count, first_error(failures));
        screen::print_error(&told);
    }
}

/// Prints the messages of the parked queue that a look could not treat.
pub(crate) fn print_look_failures(failures: &Failures) {
    print_failures(
        "parked messages could not be compared with their records or released; they stay parked",
        failures,
    );
}

/// The text about a redrive: what was sent, and for the rest why not and what becomes of it.
pub(super) fn describe_redriven(redriven: &RedriveSummary) -> String {
    let RedriveSummary { sent, stored_already, left_to_watch, in_use, failures, .. } = redriven;
    let mut text = format!(
        "{sent} sent again, {stored_already} only removed because they are stored already or erased."
    );
    if *in_use > 0 {
        text += &format!("\n{in_use} {IN_USE}.");
    }
    if *left_to_watch > 0 {
        text += &format!(
            "\n{left_to_watch} were not taken by SQS. They are not parked any more: the watch \
             function sends them, within three hours at most."
        );
    }
    let others = failures.count.saturating_sub(*left_to_watch);
    if others > 0 {
        text += &format!("\n{others} failed. Nothing is lost: run this again.");
    }
    if failures.count > 0 {
        text += &format!("\nThe first error: {}.", first_error(failures));
    }
    text
}

/// The text about a drop.
pub(super) fn describe_dropped(dropped: &DropSummary, holds: &[String]) -> String {
    let DropSummary { dropped, in_use, held, failures, .. } = dropped;
    let mut text = format!("{dropped} dropped.");
    if *held > 0 {
        text += &format!("\n{held} stay parked, because they are held: {}.", holds.join(", "));
    }
    if *in_use > 0 {
        text += &format!("\n{in_use} {IN_USE}.");
    }
    if failures.count > 0 {
        let error = first_error(failures);
        text += &format!(
            "\n{} failed and stay parked: run this again. The first error: {error}.",
            failures.count
        );
    }
    text
}

/// The exit code of a redrive or a drop.
pub(super) fn choose_exit(in_use: usize, failures: &Failures) -> Exit {
    if in_use + failures.count == 0 { Exit::Ok } else { Exit::Aws }
}

/// The JSON of a redrive; `meant` are the jobs that matched before.
pub(super) fn redrive_json(redriven: &RedriveSummary, meant: &[ParkedJob]) -> Value {
    json!({
        "admitted": redriven.admitted,
        "classes": count_classes(meant),
        "jobs": meant.iter().map(to_json).collect::<Vec<_>>(),
        "sent": redriven.sent,
        "stored_already": redriven.stored_already,
        "failed": redriven.in_use + redriven.failures.count,
        "in_use": redriven.in_use,
        "left_to_watch": redriven.left_to_watch,
        "first_error": redriven.failures.first.as_ref().map(ToString::to_string),
    })
}

/// The JSON of a drop.
pub(super) fn drop_json(dropped: &DropSummary, holds: &[String]) -> Value {
    json!({
        "admitted": dropped.admitted,
        "dropped": dropped.dropped,
        "failed": dropped.in_use + dropped.failures.count,
        "in_use": dropped.in_use,
        "held": dropped.held,
        "holds": holds,
        "first_error": dropped.failures.first.as_ref().map(ToString::to_string),
    })
}

#[cfg(test)]
mod tests {
    use aws::error::AwsError;
    use parking::{Failures, RedriveSummary};

    use super::{describe_redriven, redrive_json};

    /// Four jobs, each with another end. Only what is parked is said to stay parked.
    #[test]
    fn a_redrive_says_why_jobs_failed() {
        let first = Some(AwsError {
            operation: "sqs:SendMessage",
            code: "AccessDenied".to_owned(),
            status: Some(403),
        });
        let failures = Failures { count: 3, first };
        let redriven = RedriveSummary {
            admitted: 6,
            sent: 2,
            in_use: 1,
            left_to_watch: 2,
            failures,
            ..RedriveSummary::default()
        };
        let told = describe_redriven(&redriven);
        let lines: Vec<_> = told.lines().collect();
        for (n, begin) in [
            "2 sent again, 0 only removed",
            "1 stay parked, because a run has them",
            "2 were not taken by SQS. They are not parked any more",
            "1 failed. Nothing is lost",
            "The first error: sqs:SendMessage failed: AccessDenied (HTTP 403)",
        ]
        .into_iter()
        .enumerate()
        {
            assert!(lines.get(n).is_some_and(|line| line.starts_with(begin)), "{begin}: {told}");
        }
        let json = redrive_json(&redriven, &[]);
        assert_eq!((&json["failed"], &json["in_use"]), (&4.into(), &1.into()));
        assert_eq!(json["first_error"], "sqs:SendMessage failed: AccessDenied (HTTP 403)");
    }
}
