//! `wapi-media parked`: shows the jobs that wait for a person, and sends them again.

use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use aws::{
    clients::Clients,
    ledger::Ledger,
    queues::{JobsQueue, ParkedQueue},
};
use boot::clock;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use media::{
    failure::FailureClass,
    ids::{InstanceId, TenantId},
    parked::{Filter, ParkedJob},
};
use parking::{Mode, Parking, Redriven};

/// What can be done with parked jobs.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Shows them, those that expire first at the top, and what to do about each class.
    ///
    /// On the way, the records of jobs that SQS parked by itself are brought up to date.
    List(List),
    /// Sends them again: shows what would be sent, and sends it with --yes.
    ///
    /// A job is sent first and removed from the parked queue then. What is stored meanwhile is only removed.
    Redrive(Redrive),
}

/// Where the stack's parts are. The names are outputs of the stack.
#[derive(Args)]
struct Stack {
    /// Output `ParkedQueueUrl`.
    #[arg(long, env = "WAPI_MEDIA_PARKED_QUEUE_URL")]
    parked_queue_url: String,
    /// Output `JobsQueueUrl`.
    #[arg(long, env = "WAPI_MEDIA_JOBS_QUEUE_URL")]
    jobs_queue_url: String,
    /// Output `MediaTable`.
    #[arg(long, env = "WAPI_MEDIA_MEDIA_TABLE")]
    media_table: String,
}

/// Which jobs are meant; without any of these, all.
#[derive(Args)]
struct Which {
    /// Of this tenant.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Of this instance.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// Of this class: transient, instance, refused, expired, corrupt, poison.
    #[arg(long)]
    class: Option<FailureClass>,
    /// Parked at least this long ago, such as 2h or 3days.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Of media that can be counted on no longer than this, such as 48h.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expiring_within: Option<Duration>,
}

/// Example: wapi-media parked list --class instance --expiring-within 48h
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    stack: Stack,
    #[command(flatten)]
    which: Which,
    /// Print one JSON object per job instead of a table.
    #[arg(long)]
    json: bool,
}

/// Example: wapi-media parked redrive --instance LITE-AAAAAA-BBBBBB --yes
#[derive(Args)]
pub(crate) struct Redrive {
    #[command(flatten)]
    stack: Stack,
    #[command(flatten)]
    which: Which,
    /// Really send.
    #[arg(long)]
    yes: bool,
    /// Jobs sent in a second, at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=500))]
    rate: u32,
    /// Let SQS move the whole queue by itself. It goes on after this command has ended, takes no filter,
    /// and gives no new life: a job whose time is over gets one more try.
    #[arg(long, requires = "yes")]
    all: bool,
}

/// Runs one verb.
pub(crate) async fn run(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::List(list) => list.run().await,
        Verb::Redrive(redrive) => redrive.run().await,
    }
}

impl Stack {
    async fn parking(self) -> Parking {
        let clients = Clients::for_operator().await;
        Parking::new(
            ParkedQueue::new(&clients, self.parked_queue_url),
            JobsQueue::new(&clients, self.jobs_queue_url),
            Ledger::new(&clients, self.media_table),
        )
    }
}

impl From<Which> for Filter {
    fn from(which: Which) -> Self {
        Self {
            tenant: which.tenant,
            instance: which.instance,
            class: which.class,
            older_than: which.older_than,
            expiring_within: which.expiring_within,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let (filter, now) = (Filter::from(self.which), clock::now());
        let mut found = Vec::new();
        let parking = self.stack.parking().await;
        let look = parking.look(now, |parked| {
            if filter.admits(parked, now) {
                found.push(parked.clone());
            }
        });
        let seen = look.await.context("the parked queue could not be read")?;
        found.sort_by_key(|parked| parked.recoverable_until().unwrap_or(i64::MAX));
        let mut out = std::io::stdout().lock();
        if self.json {
            for parked in &found {
                writeln!(out, "{}", object(parked))?;
            }
            return Ok(());
        }
        if !found.is_empty() {
            writeln!(out, "{}\n", table(&found))?;
            for (class, remedy) in remedies(&found) {
                writeln!(out, "{class}: {remedy}.")?;
            }
        }
        writeln!(
            out,
            "{} of {} parked jobs shown.",
            found.len(),
            seen.messages
        )?;
        if seen.reconciled > 0 {
            writeln!(
                out,
                "{} of them were parked by SQS itself; their records say so now.",
                seen.reconciled
            )?;
        }
        Ok(())
    }
}

impl Redrive {
    async fn run(self) -> anyhow::Result<()> {
        let (filter, rate) = (Filter::from(self.which), self.rate);
        let mut out = std::io::stdout().lock();
        let parking = self.stack.parking().await;
        if self.all {
            if !filter.is_everything() {
                bail!(
                    "--all moves everything; leave it out to send only what the other options name"
                );
            }
            parking.redrive_all(rate).await?;
            writeln!(
                out,
                "SQS moves all parked jobs, at most {rate} in a second."
            )?;
            return Ok(());
        }
        let mode = match self.yes {
            true => Mode::Send { per_second: rate },
            false => Mode::DryRun,
        };
        let mut classes = BTreeMap::<&str, usize>::new();
        let redrive = parking.redrive(&filter, mode, clock::now(), |parked| {
            *classes.entry(parked.class.as_str()).or_default() += 1;
        });
        let redriven = redrive
            .await
            .context("the parked queue could not be read")?;
        report(&mut out, redriven, &classes, mode)?;
        if redriven.failed > 0 {
            bail!("{} jobs could not be sent and stay parked", redriven.failed);
        }
        Ok(())
    }
}

fn report(
    out: &mut impl Write,
    redriven: Redriven,
    classes: &BTreeMap<&str, usize>,
    mode: Mode,
) -> anyhow::Result<()> {
    let counts: Vec<_> = classes
        .iter()
        .map(|(class, n)| format!("{n} {class}"))
        .collect();
    writeln!(
        out,
        "{} of {} parked jobs are meant: {}.",
        redriven.admitted,
        redriven.seen.messages,
        if counts.is_empty() {
            "none".to_owned()
        } else {
            counts.join(", ")
        }
    )?;
    match mode {
        Mode::DryRun => writeln!(out, "Nothing was sent. Add --yes to send them.")?,
        Mode::Send { .. } => writeln!(
            out,
            "{} sent again, {} only removed because they are stored already.",
            redriven.sent, redriven.stored_already
        )?,
    }
    Ok(())
}

/// A time as people read it, in UTC.
fn time(seconds: i64) -> String {
    let since_1970 = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let moment = SystemTime::UNIX_EPOCH + since_1970;
    humantime::format_rfc3339_seconds(moment).to_string()
}

fn table(found: &[ParkedJob]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([
        "expires", "class", "tenant", "instance", "message", "kind", "receives", "reason",
    ]);
    for parked in found {
        let of_job = |text: &dyn Fn(&media::job::Job) -> String| {
            parked.job.as_ref().map_or_else(|| "-".to_owned(), text)
        };
        table.add_row([
            parked
                .recoverable_until()
                .map_or_else(|| "-".to_owned(), time),
            parked.class.to_string(),
            of_job(&|job| job.tenant.to_string()),
            of_job(&|job| job.instance.to_string()),
            of_job(&|job| job.message.message_id.to_string()),
            of_job(&|job| job.message.kind.to_string()),
            parked
                .receives
                .map_or_else(|| "-".to_owned(), |n| n.to_string()),
            parked.reason.clone(),
        ]);
    }
    table
}

/// What to do about each class that is there.
fn remedies(found: &[ParkedJob]) -> impl Iterator<Item = (FailureClass, &'static str)> {
    let is_there = |class: &FailureClass| found.iter().any(|parked| parked.class == *class);
    let classes = FailureClass::ALL.into_iter().filter(is_there);
    classes.map(|class| (class, class.remedy()))
}

/// What a program needs: no body, because it holds a media key.
fn object(parked: &ParkedJob) -> serde_json::Value {
    let job = parked.job.as_ref();
    serde_json::json!({
        "tenant": job.map(|job| &job.tenant),
        "instance": job.map(|job| &job.instance),
        "message_id": job.map(|job| &job.message.message_id),
        "kind": job.map(|job| job.message.kind),
        "class": parked.class,
        "reason": parked.reason,
        "receives": parked.receives,
        "parked_at": parked.parked_at,
        "recoverable_until": parked.recoverable_until(),
        "moved_by_sqs": parked.is_moved_by_sqs,
    })
}
