//! `wapi-media parked`: lists, redrives and drops parked jobs and unread webhooks.

pub(crate) mod display;
pub(crate) mod result;

use std::time::Duration;

use anyhow::{Context, bail};
use boot::clock;
use clap::{Args, Subcommand};
use media::{
    failure::FailureClass,
    ids::{InstanceId, MessageId, TenantId},
    parked::{Filter, ParkedJob},
};
use parking::{MaybeHeld, RedriveMode};
use serde_json::json;

use self::{
    display::{
        class_remedies, count_classes, describe_classes, describe_unread, first_rows, parked_table,
        to_json,
    },
    result::{choose_exit, describe_dropped, describe_redriven, drop_json, redrive_json},
};
use crate::{audit::AuditScope, exit::Exit, holds::HoldBook, screen, session::Session};

/// The verbs of `wapi-media parked`.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Lists parked jobs, those that expire first at the top, and what to do about each class.
    ///
    /// What SQS parked itself, after too many receives, is listed after the next hourly look.
    #[command(
        after_help = "Example:\n  wapi-media parked list --class instance --expiring-within 48h"
    )]
    List(List),
    /// Shows the parked jobs of one message with all their attempts; without a message, the
    /// instance's webhooks that could not be read. Bodies are never shown.
    Show(ParkedArgument),
    /// Sends parked jobs to the jobs queue again, after confirmation. With --dry-run, lists them.
    ///
    /// The jobs table says that they are tried again before they are sent, and the hourly look
    /// removes their messages from the parked queue. A job whose media file is stored by now is
    /// only removed. A webhook that could not be read stays parked until it is read. Exit code 3:
    /// some jobs were not sent. Nothing is lost; the text says why, and what becomes of them.
    #[command(after_help = "Examples:\n  \
        wapi-media parked redrive --instance LITE-AAAAAA-BBBBBB --dry-run\n  \
        wapi-media parked redrive --tenant acme --class instance --rate 100\n  \
        wapi-media parked redrive --class transient --yes")]
    Redrive(Redrive),
    /// Drops parked jobs permanently: deletes them, and records that they were dropped. Their media
    /// files can then only be fetched by posting their webhooks again (replay, backfill). What is
    /// held stays parked (exit code 1), and so does every webhook that could not be read of an
    /// instance of which something is held.
    #[command(
        after_help = "Example:\n  wapi-media parked drop --class expired --older-than 30days"
    )]
    Drop(ParkedSelection),
}

/// Which parked jobs to select: without options, all of them.
#[derive(Args)]
pub(crate) struct ParkedSelection {
    /// Only jobs of this tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Only jobs of this instance.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Only jobs of this class: transient, instance, refused, expired, corrupt, unread, poison.
    #[arg(long)]
    class: Option<FailureClass>,
    /// Only jobs parked at least this long ago, such as 2h or 3days.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Only jobs whose media files may be lost within this time, such as 48h.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expiring_within: Option<Duration>,
}

/// Which parked jobs to list, and how many rows to show.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    which: ParkedSelection,
    /// How many rows to show at most; with --json, all are printed.
    #[arg(long, default_value_t = MAX_ROWS)]
    limit: usize,
}

/// Which parked jobs to show.
#[derive(Args)]
pub(crate) struct ParkedArgument {
    /// The instance's id.
    instance: InstanceId,
    /// The message's id.
    message: Option<String>,
}

/// Which parked jobs to send again, and how fast.
#[derive(Args)]
pub(crate) struct Redrive {
    #[command(flatten)]
    which: ParkedSelection,
    /// How many jobs to send per second, at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=500))]
    rate: u32,
    /// Let SQS move the whole parked queue. It continues after this command has ended, takes no
    /// filter, and does not reset the jobs' age: a job that is too old gets one more run. The queue
    /// has nothing that was parked more than 14 days ago; without --all, those jobs are sent too.
    #[arg(long)]
    all: bool,
}

impl From<ParkedSelection> for Filter {
    fn from(which: ParkedSelection) -> Self {
        Self {
            tenant: which.tenant,
            instance: which.instance,
            class: which.class,
            older_than: which.older_than,
            expiring_within: which.expiring_within,
        }
    }
}

/// How many rows a table of parked jobs has at most, without another limit.
const MAX_ROWS: usize = 100;

/// The error of every verb that cannot read what is parked.
const UNREAD: &str = "the parked jobs could not be read";

/// Runs a verb of `wapi-media parked`.
pub(crate) async fn run_parked(verb: Verb, session: &Session) -> anyhow::Result<Exit> {
    match verb {
        Verb::List(List { which, limit }) => list_parked(&which.into(), limit, session).await,
        Verb::Show(one) => show_parked(&one, session).await,
        Verb::Redrive(redrive) => redrive.run(session).await,
        Verb::Drop(which) => drop_parked(&which.into(), session).await,
    }
}

/// Lists the parked jobs that match the filter, those that expire first at the top. Reads indexes
/// of the jobs table only.
async fn find_parked(filter: &Filter, session: &Session) -> anyhow::Result<Vec<ParkedJob>> {
    let (parking, mut jobs) = (session.parking()?, Vec::new());
    let bar = screen::new_counter("parked jobs looked at");
    let listed = parking.list(filter, clock::now(), |parked| {
        bar.inc(1);
        jobs.push(parked.clone());
    });
    listed.await.context(UNREAD)?;
    bar.finish_and_clear();
    jobs.sort_by_key(|parked| parked.recoverable_until().unwrap_or(i64::MAX));
    Ok(jobs)
}

async fn list_parked(filter: &Filter, limit: usize, session: &Session) -> anyhow::Result<Exit> {
    let found = find_parked(filter, session).await?;
    let mut text = String::new();
    if !found.is_empty() {
        text = format!("{}\n\n", first_rows(&found, limit));
        for (class, remedy) in class_remedies(&found) {
            text += &format!("{class}: {remedy}.\n");
        }
    }
    text += &match found.len() {
        0 => "No parked job matches.".to_owned(),
        n => format!("{n} parked jobs match: {}.", describe_classes(&count_classes(&found))),
    };
    session.flags.print(&found.iter().map(to_json).collect(), text)?;
    Ok(Exit::Ok)
}

async fn show_parked(one: &ParkedArgument, session: &Session) -> anyhow::Result<Exit> {
    let message = one.message.clone().map(MessageId::parse).transpose()?;
    let of_instance = Filter { instance: Some(one.instance.clone()), ..Filter::default() };
    let mut found = find_parked(&of_instance, session).await?;
    found.retain(|parked| match (&message, parked.message_id()) {
        (Some(message), Some(id)) => MessageId::parse(id).is_ok_and(|id| id.belongs_to(message)),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    });
    if found.is_empty() {
        let what = message.map_or_else(
            || "webhook that could not be read".to_owned(),
            |message| format!("job of message {message}"),
        );
        bail!("no {what} of {} is parked. See: wapi-media parked list", one.instance);
    }
    let (records, mut shown, mut text) =
        (session.records()?, Vec::new(), parked_table(&found).to_string());
    for parked in &found {
        let record = match (parked.entry(), parked.job()) {
            (Some(entry), _) => records.get(&entry.instance, entry.key.as_str()).await?,
            (None, Some(job)) => records.find(&job.instance, &job.message).await?,
            (None, None) => {
                let (json, line) = describe_unread(parked);
                shown.push(json);
                text += &line;
                continue;
            }
        };
        let attempts = record.map(|record| record.attempts).unwrap_or_default();
        let mut json = to_json(parked);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("attempts".to_owned(), json!(attempts));
        }
        shown.push(json);
        text += &format!("\n\nThe last attempts:\n{}", screen::attempts_table(&attempts));
    }
    for (class, remedy) in class_remedies(&found) {
        text += &format!("\n\n{class}: {remedy}.");
    }
    session.flags.print(&json!(shown), text)?;
    Ok(Exit::Ok)
}

impl Redrive {
    async fn run(self, session: &Session) -> anyhow::Result<Exit> {
        let (filter, rate) = (Filter::from(self.which), self.rate);
        let (flags, parking) = (&session.flags, session.parking()?);
        if self.all {
            if !filter.is_everything() {
                bail!("--all moves the whole parked queue; leave it out to use the other options");
            }
            let what = "the whole parked queue (not what was parked more than 14 days ago)";
            let change = format!("have SQS move {what}, at most {rate} per second");
            if flags.confirm(&change)? {
                let scope = audit_scope("parked redrive", &filter);
                session.audit(scope, parking.redrive_all(rate)).await??;
                let text = format!("SQS moves {what}, at most {rate} per second.");
                flags.print(&json!({ "moving": true, "per_second": rate }), text)?;
            }
            return Ok(Exit::Ok);
        }
        let mut found = Vec::new();
        let look = parking.redrive(&filter, RedriveMode::DryRun, clock::now(), |parked| {
            found.push(parked.clone());
        });
        let meant = look.await.context(UNREAD)?;
        if meant.admitted == 0 {
            flags.print(&redrive_json(&meant, &found), "No parked job matches.")?;
            return Ok(Exit::Ok);
        }
        let change = format!(
            "send {} parked jobs again ({})",
            meant.admitted,
            describe_classes(&count_classes(&found))
        );
        if flags.dry_run {
            let rows = first_rows(&found, MAX_ROWS);
            let text = format!("{rows}\n\nWould {change}. Nothing was changed.");
            flags.print(&redrive_json(&meant, &found), text)?;
            return Ok(Exit::Ok);
        }
        if !flags.confirm(&change)? {
            return Ok(Exit::Ok);
        }
        let bar = screen::new_counter("jobs sent again");
        let mode = RedriveMode::Send { per_second: rate };
        let redrive = parking.redrive(&filter, mode, clock::now(), |_| bar.inc(1));
        let redrive = session.audit(audit_scope("parked redrive", &filter), redrive);
        let redriven = redrive.await?.context(UNREAD)?;
        bar.finish_and_clear();
        flags.print(&redrive_json(&redriven, &found), describe_redriven(&redriven))?;
        Ok(choose_exit(redriven.in_use, &redriven.failures))
    }
}

async fn drop_parked(filter: &Filter, session: &Session) -> anyhow::Result<Exit> {
    let found = find_parked(filter, session).await?;
    if found.is_empty() {
        session.flags.print(&json!({ "admitted": 0 }), "No parked job matches.")?;
        return Ok(Exit::Ok);
    }
    let change = format!(
        "drop {} parked jobs permanently ({})",
        found.len(),
        describe_classes(&count_classes(&found))
    );
    if !session.flags.confirm(&change)? {
        return Ok(Exit::Ok);
    }
    let (parking, bar) = (session.parking()?, screen::new_counter("jobs dropped"));
    let mut book = HoldBook::new(session);
    let is_held = async |what: MaybeHeld<'_>| book.is_held(what).await;
    let drop = parking.drop_unless_held(filter, clock::now(), is_held, |_| bar.inc(1));
    let dropped = session.audit(audit_scope("parked drop", filter), drop).await?.context(UNREAD)?;
    bar.finish_and_clear();
    let holds: Vec<_> = book.found.into_iter().collect();
    session.flags.print(&drop_json(&dropped, &holds), describe_dropped(&dropped, &holds))?;
    let exit = choose_exit(dropped.in_use, &dropped.failures);
    Ok(if exit == Exit::Ok && dropped.held > 0 { Exit::Findings } else { exit })
}

/// What the audit table says of a command about the parked jobs that match the filter.
fn audit_scope(action: &'static str, filter: &Filter) -> AuditScope {
    let scope = AuditScope::new(action, filter.class.map_or("jobs", FailureClass::as_str));
    scope.of_tenant(filter.tenant.as_ref()).of_instance(filter.instance.as_ref())
}

#[cfg(test)]
mod tests {
    use media::{
        failure::FailureClass,
        job::QueuedJob,
        parked::{Content, UnknownSummary},
        unread::UnreadBody,
    };

    use super::{ParkedJob, describe_unread, first_rows, parked_table, to_json};

    fn found() -> [ParkedJob; 3] {
        let job = r#"{"version":"1","tenant":"acme","instance":"LITE-AAAAAA-000001",
            "accepted_at":1787432100,"message":{"message_id":"3EB0000002","chat":"5500900000001",
            "direction":"in","moment":1787432100,"kind":"image"}}"#;
        let job = QueuedJob::parse(job).expect("a job");
        let body = r#"{"version":"unread-1","tenant":"acme","instance":"LITE-AAAAAA-000001",
            "accepted_at":1787432100,"why":"bad_body","body":"eyJzZWdyZWRvIjo="}"#;
        let body = UnreadBody::parse(body).expect("an unread body");
        [
            ParkedJob {
                content: Content::Job(Box::new(job.into_job())),
                unknown_class: None,
                class: FailureClass::Expired,
                reason: "wapi: HTTP 404; cdn: WhatsApp's copy is gone".to_owned(),
                receives: Some(4),
                parked_at: 1_787_433_000,
                is_moved_by_sqs: false,
                is_unrecorded: false,
            },
            ParkedJob {
                content: Content::Unknown(UnknownSummary::default()),
                unknown_class: None,
                class: FailureClass::Poison,
                reason: "the queue message is not a job that this version understands".to_owned(),
                receives: None,
                parked_at: 1_787_433_100,
                is_moved_by_sqs: false,
                is_unrecorded: false,
            },
            ParkedJob {
                content: Content::Unread(body.summary()),
                unknown_class: None,
                class: FailureClass::Unread,
                reason: "bad_body: the body is not JSON, also after repair".to_owned(),
                receives: Some(1),
                parked_at: 1_787_433_200,
                is_moved_by_sqs: false,
                is_unrecorded: false,
            },
        ]
    }

    /// 40,000 rows are no list. What is left out is counted.
    #[test]
    fn a_long_list_is_cut_and_counted() {
        let found = found();
        let shown = first_rows(&found, 1);
        assert!(shown.contains("3EB0000002") && !shown.contains("bad_body"), "{shown}");
        assert!(shown.ends_with("\u{2026} and 2 more: --limit shows more, --json all"), "{shown}");
        assert_eq!(first_rows(&found, 3), parked_table(&found).to_string());
    }

    /// As a table and as JSON.
    #[test]
    fn parked_jobs_are_shown_without_bodies() {
        let found = found();
        insta::assert_snapshot!(parked_table(&found));
        insta::assert_json_snapshot!(found.each_ref().map(to_json));
    }

    /// Only its time, its reason word and its length.
    #[test]
    fn an_unread_body_is_not_shown() {
        let [_, _, parked] = found();
        let (json, line) = describe_unread(&parked);
        let about = &json["unread"];
        assert_eq!((&about["why"], &about["size_bytes"]), (&"bad_body".into(), &11.into()));
        assert_eq!(about["accepted_at"], 1_787_432_100);
        assert!(line.contains("11 bytes") && line.contains("bad_body"), "{line}");
        let shown = format!("{json} {line} {parked:?}");
        assert!(!shown.contains("segredo") && !shown.contains("eyJ"), "{shown}");
    }
}
