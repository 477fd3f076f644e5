//! `wapi-media audit`: shows who revealed, changed or erased what, and when.

use std::time::Duration;

use boot::clock;
use clap::{Args, Subcommand};
use comfy_table::Table;
use media::ids::TenantId;
use operator::audit::{ANY_TENANT, AuditLine};
use serde_json::json;

use crate::{audit::ACTIONS, exit::Exit, odd_records::OddRecords, screen, session::Session};

/// The lines of an action that are read, at most.
const MAX_LINES: usize = 1_000;

/// The verbs of `wapi-media audit`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Lists who ran which command that reveals, changes or erases something, the newest first.
    #[command(after_help = "Example:\n  wapi-media audit list --tenant acme --since 30days")]
    List(AuditSelection),
}

/// Which lines to show: without options, the newest of each action.
#[derive(Debug, Default, Args)]
pub(crate) struct AuditSelection {
    /// Only lines about this tenant, or about all tenants.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Only lines of this time, such as 7days.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Only lines of callers whose ARN contains this text.
    #[arg(long, value_name = "TEXT")]
    who: Option<String>,
}

impl AuditSelection {
    fn admits(&self, line: &AuditLine) -> bool {
        let is_its = |tenant: &TenantId| [tenant.as_str(), ANY_TENANT].contains(&&*line.tenant);
        self.tenant.as_ref().is_none_or(is_its)
            && self.who.as_ref().is_none_or(|who| line.who.contains(who))
    }

    /// The time in UTC from which lines are shown.
    fn start(&self) -> String {
        self.since.map_or_else(
            || "0".to_owned(),
            |since| {
                let age = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
                screen::format_time(clock::now().saturating_sub(age).max(0))
            },
        )
    }
}

/// Runs a verb of `wapi-media audit`.
pub(crate) async fn run_audit(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    let Verb::List(selection) = verb;
    list_lines(&ACTIONS, &selection, session).await
}

/// Prints the lines of these actions, the newest first.
pub(crate) async fn list_lines(
    actions: &[&str],
    selection: &AuditSelection,
    session: &Session,
) -> anyhow::Result<Exit> {
    let (table, start) = (session.audit_table()?, selection.start());
    let mut lines = Vec::new();
    for action in actions {
        lines.extend(table.list_lines((action, &start), MAX_LINES).await?);
    }
    lines.retain(|line| selection.admits(line));
    lines.sort_by(|one, other| other.at.cmp(&one.at));
    let mut odd = OddRecords::default();
    for line in lines.iter().filter(|line| !line.not_understood.is_empty()) {
        odd.add_note(format!("{}: {}", line.at, line.not_understood.join(", ")));
    }
    let text = match lines.is_empty() {
        true => "The audit table has no such line.".to_owned(),
        false => audit_table(&lines).to_string(),
    };
    session.flags.print(&json!(lines), text)?;
    Ok(odd.print_notes())
}

fn audit_table(lines: &[AuditLine]) -> Table {
    let mut shown = screen::new_table([
        "when",
        "action",
        "who",
        "tenant",
        "instance",
        "of a",
        "reference",
        "outcome",
        "removed",
    ]);
    for line in lines {
        let counts = ["versions", "records"].into_iter();
        let counts = counts.filter_map(|name| Some(format!("{} {name}", line.removed.get(name)?)));
        let word = |text: &str| match text {
            "" => "-".to_owned(),
            text => text.to_owned(),
        };
        shown.add_row([
            word(&line.at),
            word(&line.action),
            word(&line.who),
            word(&line.tenant),
            line.instance.clone().unwrap_or_default(),
            word(&line.scope),
            line.reference.clone().unwrap_or_default(),
            word(&line.outcome),
            counts.collect::<Vec<_>>().join(", "),
        ]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use media::ids::TenantId;

    use super::{AuditLine, AuditSelection};

    /// A line about all tenants concerns each of them.
    #[test]
    fn lines_are_selected_by_tenant_and_caller() {
        let line = |tenant: &str| AuditLine {
            tenant: tenant.to_owned(),
            who: "arn:aws:sts::123456789012:assumed-role/Operators/one".to_owned(),
            ..AuditLine::default()
        };
        let tenant = TenantId::parse("acme").ok();
        let of_acme = AuditSelection { tenant, ..AuditSelection::default() };
        let admitted = ["acme", "*", "beta"].map(|tenant| of_acme.admits(&line(tenant)));
        assert_eq!(admitted, [true, true, false]);
        let by = |who: &str| AuditSelection { who: Some(who.to_owned()), ..Default::default() };
        let admitted = ["Operators/one", "Watchers"].map(|who| by(who).admits(&line("acme")));
        assert_eq!(admitted, [true, false]);
    }
}
