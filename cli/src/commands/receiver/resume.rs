//! `wapi-media receiver resume`.

use std::time::Duration;

use anyhow::bail;
use aws::{
    instances::Instance,
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
    from_records::{RecordReader, RecordSummary},
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
    /// Pass on again what was lost from this long ago on, such as 10d, because its three days were
    /// over: webhooks from W-API's log, which covers 30 days, and a media.stored for each file that
    /// was stored.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Pass on again what was lost until this long ago. What is younger is kept in this stack; six
    /// hours come twice.
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
    if receiver.kind == ReceivedKind::Unknown {
        bail!("receiver {id} gets what this version does not know: update the command")
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
    let found = if session.flags.dry_run {
        let found = find_lost(&receiver, range, &instances, session).await?;
        print_plan(&receiver, &found, session)?;
        found
    } else {
        let passage = async {
            let found = find_lost(&receiver, range, &instances, session).await?;
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

/// What was lost, as far as the receiver gets it.
#[derive(Default)]
struct Lost {
    log: Option<LogSummary>,
    events: Option<RecordSummary>,
}

impl Lost {
    fn is_whole(&self) -> bool {
        self.log.as_ref().is_none_or(LogSummary::is_whole)
            && self.events.as_ref().is_none_or(|events| events.failed.is_empty())
    }

    /// Whether a second command could find more.
    fn has_failed(&self) -> bool {
        self.log.as_ref().is_some_and(|log| !log.failed.is_empty())
            || self.events.as_ref().is_some_and(|events| !events.failed.is_empty())
    }

    /// How much it is, in words.
    fn describe(&self) -> String {
        let log = self.log.as_ref();
        let log = log.map(|log| format!("{} webhooks of W-API's log", log.passed_on));
        let events = self.events.as_ref();
        let events = events.map(|one| format!("media.stored of {} files", one.announced));
        log.into_iter().chain(events).collect::<Vec<_>>().join(" and ")
    }

    fn notes(&self) -> Vec<String> {
        let failed = self.events.iter().flat_map(|events| &events.failed);
        let failed = failed.map(|one| format!("The records were not read to their end: {one}"));
        self.log.iter().flat_map(LogSummary::notes).chain(failed).collect()
    }
}

/// Puts to rest what was lost: webhooks, events, or both.
async fn find_lost(
    receiver: &Receiver,
    range: LogRange,
    instances: &[Instance],
    session: &Session,
) -> anyhow::Result<Lost> {
    let mut lost = Lost::default();
    if receiver.kind != ReceivedKind::Media {
        lost.log = Some(LogReader::new(session, receiver, range)?.read_all(instances).await);
    }
    if receiver.kind != ReceivedKind::Webhooks {
        let records = RecordReader::new(session, receiver, range).await?;
        lost.events = Some(records.read_all(instances).await);
    }
    Ok(lost)
}

async fn end_pause(receiver: &Receiver, session: &Session) -> anyhow::Result<()> {
    match session.receivers()?.resume(receiver).await? {
        WriteOutcome::Yes => Ok(()),
        WriteOutcome::Overtaken => bail!("receiver {} was removed meanwhile", receiver.id),
    }
}

fn print_plan(receiver: &Receiver, found: &Lost, session: &Session) -> anyhow::Result<()> {
    let change = format!("resume receiver {}, and pass on {}", receiver.id, found.describe());
    let mut lines = vec![format!("Would {change}. Nothing was changed.")];
    lines.extend(found.notes());
    let json =
        json!({ "dry_run": true, "would": change, "log": found.log, "events": found.events });
    session.flags.print(&json, lines.join("\n"))
}

fn print_resumed(
    receiver: &Receiver,
    found: Option<&Lost>,
    session: &Session,
) -> anyhow::Result<()> {
    let (id, tenant) = (&receiver.id, &receiver.tenant);
    let mut lines = vec![format!(
        "Receiver {id} gets webhooks again: what was kept, from the next minute on, up to 300 in a \
         minute, and new ones at once."
    )];
    if let Some(found) = found {
        lines.push(format!("After them come {}.", found.describe()));
        lines.extend(found.notes());
        if found.has_failed() {
            lines.push(format!(
                "Try again: wapi-media receiver resume {id} --tenant {tenant} with the same \
                 --since. What was passed on already comes again with the same webhook-id."
            ));
        }
    }
    let json = match found {
        Some(found) => {
            json!({ "receiver": id, "paused": false, "log": found.log, "events": found.events })
        }
        None => json!({ "receiver": id, "paused": false }),
    };
    session.flags.print(&json, lines.join("\n"))
}
