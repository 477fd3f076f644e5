//! Copies of audit lines in the bucket that the deployer gave: no line is without one.

use std::collections::BTreeMap;

use scripted_aws::{Answer, RecordedRequest};
use serde_json::Value;

use crate::{
    INSTANCE, TENANT, register,
    stack::{Fault, Stack},
};

/// The bucket, which gives nothing out and replaces nothing: the copies by key.
#[derive(Debug, Default)]
pub(crate) struct Copies(BTreeMap<String, Value>);

impl Copies {
    /// The answer to a request to this bucket; `None` for another one.
    pub(crate) fn answer(&mut self, seen: &RecordedRequest) -> Option<Answer> {
        let key = seen.path.strip_prefix("/audit-copies/")?.replace("%3A", ":");
        let is_new = seen.header("if-none-match") == Some("*") && !self.0.contains_key(&key);
        if seen.method != "PUT" || !is_new {
            return Some(Answer::s3_error(412, "PreconditionFailed"));
        }
        let copy = seen.text().lines().find_map(|line| serde_json::from_str(line).ok());
        self.0.insert(key, copy.expect("a copy is JSON"));
        Some(Answer::new(200, ""))
    }

    /// What each copy says: its time, action, caller and outcome.
    pub(crate) fn lines(&self) -> Vec<[String; 4]> {
        let text = |copy: &Value, name: &str| copy[name].as_str().unwrap_or_default().to_owned();
        let names = ["at", "action", "who", "outcome"];
        self.0.values().map(|copy| names.map(|name| text(copy, name))).collect()
    }
}

/// The lines of the table, as above.
fn table_lines(stack: &Stack) -> Vec<[String; 4]> {
    let text = |item: &Value, name: &str| {
        let text = item[name]["S"].as_str().unwrap_or_default();
        text.trim_end_matches("~end").to_owned()
    };
    let names = ["at", "action", "who", "outcome"];
    let items = stack.items("AuditTable");
    let mut lines: Vec<_> = items.iter().map(|item| names.map(|name| text(item, name))).collect();
    lines.sort_by_key(|line| (line[0].clone(), line[3] != "begun"));
    lines
}

/// Whichever call the command dies at, what the table says is in the locked bucket as well, and
/// nothing is changed of which the bucket knows nothing.
#[tokio::test]
async fn no_line_is_without_its_copy_wherever_the_command_dies() {
    let add = ["hold", "add", "--tenant", TENANT, "--message", "3EB0A", "--reason", "PROCESS-7"];
    for is_done in [false, true] {
        for call in 1.. {
            let stack = Stack::start().await;
            register(&stack, INSTANCE, TENANT);
            stack.set_fault(Some(Fault { call, is_done }));
            stack.run(&add).await;
            let was_reached = stack.set_fault(None);
            let (copied, lines) = (stack.copied_lines(), table_lines(&stack));
            let is_copied = lines.iter().all(|line| copied.contains(line));
            assert!(is_copied, "{call} {is_done}: {lines:?}, and copies {copied:?}");
            let is_held = !stack.items("OrdersTable").is_empty();
            assert!(!is_held || !copied.is_empty(), "{call} {is_done}: held without a copy");
            if !was_reached {
                assert_eq!((copied, lines.len()), (lines, 2));
                break;
            }
        }
    }
}

/// The bucket refuses the end of an act that was done: what it led to is shown, with a warning.
#[tokio::test]
async fn an_end_that_cannot_be_written_hides_no_result() {
    let add = ["hold", "add", "--tenant", TENANT, "--message", "3EB0A", "--reason", "PROCESS-7"];
    let whole = Stack::start().await;
    register(&whole, INSTANCE, TENANT);
    whole.run(&add).await;
    // The last two calls are the copy of the end and its line.
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    stack.set_fault(Some(Fault { call: whole.calls() - 1, is_done: false }));
    let held = stack.run(&add).await;
    assert!(held.code == Some(0) && held.out["hold"].is_string(), "{held:?}");
    assert!(held.err.contains("warning: the audit table has no line about the end"), "{held:?}");
    assert_eq!((stack.copied_lines().len(), stack.items("AuditTable").len()), (1, 1));
}
