//! `wapi-media media audit`: shows who erased and held how much, and when.

use comfy_table::Table;
use operator::audit::AuditLine;
use serde_json::json;

use super::erase::{ACTION, VERIFY_ACTION};
use crate::{commands::hold, exit::Exit, odd_records::OddRecords, screen, session::Session};

/// Prints the audit table's lines about erasing and holding, the newest first.
pub(super) async fn show_audit(session: &Session) -> anyhow::Result<Exit> {
    const MAX_LINES: usize = 1_000;
    let name = session.stack.output("AuditTable")?;
    let mut lines = Vec::new();
    for action in [ACTION, VERIFY_ACTION, hold::ACTION] {
        lines.extend(session.operator.list_audit_lines(name, action, MAX_LINES).await?);
    }
    lines.sort_by(|one, other| other.at.cmp(&one.at));
    let mut odd = OddRecords::default();
    for line in lines.iter().filter(|line| !line.not_understood.is_empty()) {
        odd.add_note(format!("{}: {}", line.at, line.not_understood.join(", ")));
    }
    let text = match lines.is_empty() {
        true => "Nothing has been erased yet.".to_owned(),
        false => audit_table(&lines).to_string(),
    };
    session.flags.print(&json!(lines), text)?;
    Ok(odd.print_notes())
}

fn audit_table(lines: &[AuditLine]) -> Table {
    let mut shown = screen::new_table([
        "when",
        "what",
        "who",
        "tenant",
        "of a",
        "reference",
        "outcome",
        "removed",
    ]);
    for line in lines {
        let count = |name: &str| line.removed.get(name).copied().unwrap_or_default();
        let removed = format!("{} versions, {} records", count("versions"), count("records"));
        let word = |text: &str| match text {
            "" => "-".to_owned(),
            text => text.to_owned(),
        };
        shown.add_row([
            word(&line.at),
            word(&line.action),
            word(&line.who),
            word(&line.tenant),
            word(&line.scope),
            line.reference.clone().unwrap_or_default(),
            word(&line.outcome),
            removed,
        ]);
    }
    shown
}
