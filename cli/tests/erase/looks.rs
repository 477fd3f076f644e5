//! Verbs that show people's numbers, chats and documents leave a line in the audit table.

use serde_json::Value;

use crate::{
    INSTANCE, LID, OTHER, PHONE, TENANT, register,
    relink::name_pair,
    stack::{Fault, Stack},
    store,
};

const FOLDER: &str = "acme/LITE-AAAAAA-000001/";
const MESSAGE: &str = "3EB0A";

/// Each verb, with its options and what its line is about.
const LOOKS: [(&[&str], &str); 5] = [
    (&["people", "show", "--instance", INSTANCE, "--phone", PHONE], "person"),
    (&["media", "find", "--instance", INSTANCE, "--phone", PHONE, "--since", "36500days"], "chat"),
    (&["media", "find", "--tenant", TENANT, "--since", "36500days"], "records"),
    (&["media", "show", INSTANCE, MESSAGE], "message"),
    (&["media", "ls", FOLDER], "folder"),
];

async fn start() -> Stack {
    let stack = Stack::start().await;
    register(&stack, INSTANCE, TENANT);
    name_pair(&stack, LID, PHONE);
    store(&stack, INSTANCE, MESSAGE, PHONE);
    stack
}

fn text_of<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name]["S"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn what_shows_people_leaves_a_line() {
    for (look, about) in LOOKS {
        let stack = start().await;
        let shown = stack.run(look).await;
        assert_eq!(shown.code, Some(0), "{look:?}: {shown:?}");
        assert!(shown.out.to_string().contains(PHONE), "{look:?} shows nobody: {shown:?}");
        let lines = stack.items("AuditTable");
        let mut outcomes: Vec<_> = lines.iter().map(|line| text_of(line, "outcome")).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["begun", "complete"], "{look:?}: {lines:?}");
        for line in &lines {
            let said = ["action", "scope", "tenant"].map(|name| text_of(line, name));
            assert_eq!(said, [&*look[..2].join(" "), about, TENANT], "{look:?}");
            assert!(text_of(line, "who").ends_with("user/operator"), "{line}");
            let personal = [PHONE, OTHER, LID, MESSAGE];
            assert!(!personal.iter().any(|one| line.to_string().contains(one)), "{line}");
        }
    }
}

/// The line is inserted before anything is read that is shown: without it nothing is.
#[tokio::test]
async fn what_cannot_be_written_down_is_not_shown() {
    for (look, _) in LOOKS {
        let mut refused = 0;
        for call in 1.. {
            let stack = start().await;
            stack.set_fault(Some(Fault { call, is_done: false }));
            let shown = stack.run(look).await;
            let was_reached = stack.set_fault(None);
            let is_shown = shown.out.to_string().contains(PHONE);
            let has_line = !stack.items("AuditTable").is_empty();
            assert!(has_line || !is_shown, "{look:?} at call {call}: {shown:?}");
            refused += usize::from(!is_shown);
            if !was_reached {
                break;
            }
        }
        assert!(refused > 2, "{look:?}: only {refused} calls before it is shown");
    }
}
