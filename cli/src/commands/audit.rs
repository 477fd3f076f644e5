//! `wapi-media audit`: shows who looked at, handed out, changed or erased what, and when.

use std::time::Duration;

use boot::clock;
use clap::{Args, Subcommand};
use comfy_table::Table;
use media::ids::TenantId;
use operator::audit::{ANY_TENANT, AuditLine, LineSpan};
use serde_json::json;

use crate::{audit::ACTIONS, exit::Exit, odd_records::OddRecords, screen, session::Session};

/// The verbs of `wapi-media audit`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Lists who ran which command that shows people, hands out, changes or erases something, the
    /// newest first.
    #[command(after_help = "Examples:\n  wapi-media audit list --tenant acme --since 30days\n  \
        wapi-media audit list --before 2026-11-26T12:00:00Z --limit 100")]
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
    /// Only lines before this time in UTC, such as 2026-11-26 or the time of a line.
    #[arg(long, value_name = "TIME", value_parser = parse_line_time)]
    before: Option<String>,
    /// How many lines to show, at most.
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
}

/// The beginning of a time in the form of the table.
fn parse_line_time(text: &str) -> Result<String, String> {
    let is_year = text.len() >= 4 && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
    let is_time = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.TZ".contains(&byte));
    match is_year && is_time {
        true => Ok(text.to_owned()),
        false => Err("a time is given as 2026-11-26 or 2026-11-26T12:00:00Z".to_owned()),
    }
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
    let span = LineSpan { since: &start, before: selection.before.as_deref() };
    // One more than is shown tells whether there are more.
    let wanted = selection.limit.saturating_add(1);
    let mut lines = Vec::new();
    for action in actions {
        let is_meant = |line: &AuditLine| selection.admits(line);
        lines.extend(table.list_lines((action, span), is_meant, wanted).await?);
    }
    lines.sort_by(|one, other| other.at.cmp(&one.at));
    let is_more = lines.len() > selection.limit;
    lines.truncate(selection.limit);
    let mut odd = OddRecords::default();
    for line in lines.iter().filter(|line| !line.not_understood.is_empty()) {
        odd.add_note(format!("{}: {}", line.at, line.not_understood.join(", ")));
    }
    let text = match lines.is_empty() {
        true => "The audit table has no such line.".to_owned(),
        false => audit_table(&lines).to_string(),
    };
    session.flags.print(&json!(lines), text)?;
    if let (true, Some(last)) = (is_more, lines.last()) {
        let (count, at) = (lines.len(), screen::replace_control(&last.at));
        screen::print_error(&format!("{count} lines shown … and older ones: --before {at}"));
    }
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

    use super::{AuditLine, AuditSelection, parse_line_time};

    #[test]
    fn a_page_begins_before_a_time() {
        for good in ["2026", "2026-11-26", "2026-11-26T12:00:00.000000001Z"] {
            assert_eq!(parse_line_time(good).as_deref(), Ok(good));
        }
        for wrong in ["", "26/11/2026", "yesterday", "2026~end"] {
            assert!(parse_line_time(wrong).is_err(), "{wrong}");
        }
    }

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
