//! `wapi-media receiver resume`.

use std::time::Duration;

use anyhow::bail;
use aws::{
    ledger::WriteOutcome,
    receivers::{ReceivedKind, Receiver},
};
use boot::clock;
use clap::Args;
use serde_json::json;

use super::{
    argument::ReceiverArgument,
    change::audit_scope,
    from_log::{LogRange, LogReader, LogSummary},
};
use crate::{exit::Exit, odd_records::OddRecords, session::Session};

/// Which receiver to resume, and what to pass on again.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    wapi-media receiver resume rcv_aaaaaaaaaaaaaaaa --tenant acme\n  \
    wapi-media receiver resume rcv_aaaaaaaaaaaaaaaa --tenant acme --since 10d --dry-run")]
pub(crate) struct Resume {
    #[command(flatten)]
    one: ReceiverArgument,
    /// Pass on what W-API's log has from this long ago on, such as 10d: webhooks for which the
    /// three days were over. The log covers 30 days.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Pass on what the log has until this long ago. What is younger is kept in this stack; six
    /// hours come from both.
    #[arg(
        long,
        requires = "since",
        default_value = "66h",
        value_name = "TIME",
        value_parser = humantime::parse_duration
    )]
    until: Duration,
}

pub(super) async fn resume_receiver(resume: &Resume, session: &Session) -> anyhow::Result<Exit> {
    let receiver = resume.one.find(session).await?;
    let id = &receiver.id;
    let Some(since) = resume.since else {
        if session.flags.may_change(&format!("resume receiver {id}"))? {
            let end = end_pause(&receiver, session);
            session.audit(audit_scope("receiver resume", &receiver), end).await??;
            print_resumed(&receiver, None, session)?;
        }
        return Ok(Exit::Ok);
    };
    if !matches!(receiver.kind, ReceivedKind::Webhooks | ReceivedKind::All) {
        bail!("receiver {id} gets no webhooks, and W-API's log has nothing else: leave out --since")
    }
    if since <= resume.until {
        bail!("--since must be longer ago than --until: what is younger is kept in this stack")
    }
    let ago = |time: Duration| {
        clock::now().saturating_sub(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
    };
    let range = LogRange { from: ago(since), until: ago(resume.until) };
    let mut odd = OddRecords::default();
    let mut instances = session.list_instances(Some(&receiver.tenant), &mut odd).await?;
    instances.retain(|one| receiver.instance.as_ref().is_none_or(|its| *its == one.id));
    let log = LogReader::new(session, &receiver, range)?;
    let found = if session.flags.dry_run {
        let found = log.read_all(&instances).await;
        print_plan(&receiver, &found, session)?;
        found
    } else {
        let passage = async {
            let found = log.read_all(&instances).await;
            end_pause(&receiver, session).await.map(|()| found)
        };
        let scope = audit_scope("receiver resume", &receiver).with_log();
        let found = session.audit(scope, passage).await??;
        print_resumed(&receiver, Some(&found), session)?;
        found
    };
    let exit = odd.print_notes();
    Ok(if found.is_whole() { exit } else { Exit::Findings })
}

async fn end_pause(receiver: &Receiver, session: &Session) -> anyhow::Result<()> {
    match session.receivers()?.resume(receiver).await? {
        WriteOutcome::Yes => Ok(()),
        WriteOutcome::Overtaken => bail!("receiver {} was removed meanwhile", receiver.id),
    }
}

fn print_plan(receiver: &Receiver, found: &LogSummary, session: &Session) -> anyhow::Result<()> {
    let change = format!(
        "resume receiver {}, and pass on {} webhooks of W-API's log",
        receiver.id, found.passed_on
    );
    let mut lines = vec![format!("Would {change}. Nothing was changed.")];
    lines.extend(found.notes());
    let json = json!({ "dry_run": true, "would": change, "log": found });
    session.flags.print(&json, lines.join("\n"))
}

fn print_resumed(
    receiver: &Receiver,
    found: Option<&LogSummary>,
    session: &Session,
) -> anyhow::Result<()> {
    let (id, tenant) = (&receiver.id, &receiver.tenant);
    let mut lines = vec![format!(
        "Receiver {id} gets webhooks again: what was kept, from the next minute on, up to 300 in a \
         minute, and new ones at once."
    )];
    if let Some(found) = found {
        lines.push(format!("After them come {} webhooks of W-API's log.", found.passed_on));
        lines.extend(found.notes());
        if !found.failed.is_empty() {
            lines.push(format!(
                "Try again: wapi-media receiver resume {id} --tenant {tenant} with the same \
                 --since. What was passed on already comes again with the same webhook-id."
            ));
        }
    }
    let json = match found {
        Some(found) => json!({ "receiver": id, "paused": false, "log": found }),
        None => json!({ "receiver": id, "paused": false }),
    };
    session.flags.print(&json, lines.join("\n"))
}
