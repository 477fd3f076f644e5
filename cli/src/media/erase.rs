//! `wapi-media media erase`: takes a chat, a phone or a message out of everything the stack keeps, and proves it.

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use aws::ledger::{Erasable, Ledger, Written};
use boot::clock;
use clap::{ArgGroup, Args};
use indicatif::DecimalBytes;
use media::{
    ids::{InstanceId, MessageId, TenantId},
    job::Job,
    message::Chat,
    object_key::ObjectKey,
};
use operator::{
    audit::AuditLine,
    erase::{FilesCount, Mode},
};
use serde::Serialize;
use serde_json::json;

use crate::{exit::Exit, screen, session::Session};

/// What erasing is called in the audit table.
const ACTION: &str = "media erase";

/// For how long a mark keeps a queued job from bringing a medium back: longer than both queues keep a
/// message, one after the other.
const MARKED_FOR: i64 = 22 * 24 * 60 * 60;

/// For how long the end of somebody else's look at parked jobs is waited for.
const LONGEST_LOOK: Duration = Duration::from_mins(2);

/// What is erased: of one tenant or one instance, a chat, a phone or a message.
#[derive(Args)]
#[command(
    group(ArgGroup::new("whose").required(true).args(["tenant", "instance"])),
    group(ArgGroup::new("what").required(true).args(["chat", "phone", "message"])),
)]
pub(crate) struct Erase {
    /// In all instances of this tenant, also in those that were removed.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// In this instance.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// The chat whose folder has this name, such as group-120363000000000001.
    #[arg(long)]
    chat: Option<String>,
    /// The chat with this number: digits, with the country's code. Both spellings of a Brazilian mobile
    /// number are meant. What this person sent to groups is in the groups' folders.
    #[arg(long)]
    phone: Option<String>,
    /// This message, with all its media.
    #[arg(long)]
    message: Option<String>,
    /// What the audit table says about why, such as a ticket's number. No name and no phone.
    #[arg(long)]
    reference: Option<String>,
}

/// What is meant, spelled out.
struct Meant {
    tenant: TenantId,
    instances: Vec<InstanceId>,
    chats: Vec<Chat>,
    message: Option<MessageId>,
    scope: &'static str,
    /// What has to be typed to confirm.
    word: String,
}

/// How much of what is meant there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Found {
    #[serde(flatten)]
    files: FilesCount,
    records: u64,
    /// Records that a run holds at this moment, among the records.
    busy: u64,
    parked_jobs: u64,
    /// Marks that keep queued jobs from bringing a medium back.
    marks: u64,
}

impl Found {
    fn is_nothing(&self) -> bool {
        self.files.is_empty() && self.records + self.parked_jobs == 0
    }

    fn words(&self) -> String {
        let FilesCount {
            versions,
            bytes,
            delete_markers,
            uploads,
            ..
        } = self.files;
        format!(
            "{versions} versions of files ({}), {delete_markers} delete markers, {uploads} unfinished uploads, \
             {} records, {} parked jobs",
            DecimalBytes(bytes),
            self.records,
            self.parked_jobs
        )
    }

    fn counts(&self) -> HashMap<String, u64> {
        [
            ("versions", self.files.versions),
            ("bytes", self.files.bytes),
            ("delete_markers", self.files.delete_markers),
            ("uploads", self.files.uploads),
            ("records", self.records),
            ("parked_jobs", self.parked_jobs),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
    }
}

impl Erase {
    /// Erases, after somebody has typed what.
    pub(crate) async fn run(self, session: &Session) -> anyhow::Result<Exit> {
        let meant = self.meant(session).await?;
        let before = meant.count(session).await?;
        if before.is_nothing() {
            let said = "Nothing of it is here.";
            session.flags.print(&json!({ "found": before }), said)?;
            return Ok(Exit::Ok);
        }
        let change = format!("erase {} for ever: {}", meant.described(), before.words());
        if !session.flags.confirm_typed(&change, &meant.word)? {
            return Ok(Exit::Ok);
        }
        let table = session.stack.output("AuditTable")?;
        let mut line = AuditLine {
            action: ACTION.to_owned(),
            at: screen::timestamp(),
            who: session.operator.who().await?,
            tenant: meant.tenant.to_string(),
            scope: meant.scope.to_owned(),
            reference: self.reference,
            outcome: "begun".to_owned(),
            removed: HashMap::new(),
        };
        // Before anything is touched: what is not written down is not done.
        session.operator.write_audit(table, &line).await?;
        let removed = meant.remove(session).await?;
        let hidden = hidden_parked(session).await?;
        let left = meant.count(session).await?;
        let is_proven = left.is_nothing() && hidden == 0 && removed.files.failed == 0;
        line.outcome = if is_proven { "complete" } else { "incomplete" }.to_owned();
        line.removed = removed.counts();
        session.operator.write_audit(table, &line).await?;
        let json = json!({ "removed": removed, "left": left, "parked_and_hidden": hidden, "proven": is_proven, "audit": line.at });
        session.flags.print(&json, told(&removed, &left, hidden))?;
        Ok(if is_proven { Exit::Ok } else { Exit::Findings })
    }

    async fn meant(&self, session: &Session) -> anyhow::Result<Meant> {
        let (scope, word, chats, message) = match (&self.chat, &self.phone, &self.message) {
            (Some(chat), ..) => {
                let folder = Chat::try_from(chat.clone());
                let folder = folder.context(
                    "a chat is named as its folder is: lower-case letters, digits and dashes",
                )?;
                ("chat", chat, vec![folder], None)
            }
            (_, Some(phone), _) => match Chat::spellings_of_phone(phone) {
                chats if chats.is_empty() => {
                    bail!(
                        "a phone is given in digits with the country's code, such as 5500900000002"
                    )
                }
                chats => ("phone", phone, chats, None),
            },
            (_, _, Some(message)) => (
                "message",
                message,
                Vec::new(),
                Some(MessageId::parse(message.clone())?),
            ),
            (None, None, None) => bail!("one of --chat, --phone and --message is needed"),
        };
        let (tenant, instances) = self.whose(session).await?;
        Ok(Meant {
            tenant,
            instances,
            chats,
            message,
            scope,
            word: word.clone(),
        })
    }

    /// The tenant and its instances: those that are registered, and those that have a folder still.
    async fn whose(&self, session: &Session) -> anyhow::Result<(TenantId, Vec<InstanceId>)> {
        if let Some(id) = &self.instance {
            return Ok((session.instance(id).await?.tenant, vec![id.clone()]));
        }
        let tenant = self
            .tenant
            .clone()
            .context("one of --tenant and --instance is needed")?;
        let registered = session.register()?.instances().await?;
        let registered = registered.into_iter().filter(|one| one.tenant == tenant);
        let mut instances: BTreeSet<_> = registered.map(|one| one.id).collect();
        let bucket = session.stack.output("MediaBucket")?;
        let folder = format!("{tenant}/");
        for path in session
            .operator
            .folders_of_versions(bucket, &folder)
            .await?
        {
            let name = path.trim_start_matches(&folder).trim_end_matches('/');
            instances.extend(InstanceId::parse(name).ok());
        }
        Ok((tenant, instances.into_iter().collect()))
    }
}

impl Meant {
    fn described(&self) -> String {
        let instances = screen::words(self.instances.iter().map(InstanceId::as_str), "no instance");
        let what = match &self.message {
            Some(message) => format!("message {message}"),
            None => format!(
                "chat {}",
                screen::words(self.chats.iter().map(Chat::as_str), "-")
            ),
        };
        format!("{what} of {} ({instances})", self.tenant)
    }

    fn is_meant(&self, chat: &str, message: &MessageId) -> bool {
        match &self.message {
            Some(whole) => message.belongs_to(whole),
            None => self.chats.iter().any(|one| one.as_str() == chat),
        }
    }

    fn is_job(&self, job: &Job) -> bool {
        let message = &job.message;
        job.tenant == self.tenant
            && self.instances.contains(&job.instance)
            && self.is_meant(message.chat.as_str(), &message.message_id)
    }

    async fn records(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<Vec<Erasable>> {
        let chats: Vec<_> = self
            .chats
            .iter()
            .map(|chat| chat.as_str().to_owned())
            .collect();
        let records = session.records()?;
        let found = records.erasable(&self.tenant, instance, &chats, self.message.as_ref());
        let mut found = found.await?;
        found.retain(|record| {
            let message = record.message_id();
            message.is_ok_and(|message| self.is_meant(&record.chat, &message))
        });
        Ok(found)
    }

    /// Counts or removes files. One message's are found by its id in their names.
    async fn files(
        &self,
        instance: &InstanceId,
        records: &[Erasable],
        mode: Mode,
        session: &Session,
    ) -> anyhow::Result<FilesCount> {
        let (operator, bucket) = (&session.operator, session.stack.output("MediaBucket")?);
        let whole = format!("{}/{instance}/", self.tenant);
        let mut count = FilesCount::default();
        let Some(message) = &self.message else {
            for chat in &self.chats {
                let folder = format!("{whole}{}/", chat.as_str());
                count.add(operator.files(bucket, &folder, |_| true, mode).await?);
            }
            return Ok(count);
        };
        let recorded = records.iter().filter_map(|record| record.message_id().ok());
        let ids = recorded.map(|message| message.to_key_part());
        let ids: BTreeSet<_> = ids.chain([message.to_key_part()]).collect();
        let is_meant =
            |key: &str| ObjectKey::find_message_id(key).is_some_and(|id| ids.contains(id));
        count.add(operator.files(bucket, &whole, is_meant, mode).await?);
        Ok(count)
    }

    async fn count(&self, session: &Session) -> anyhow::Result<Found> {
        let (mut found, now) = (Found::default(), clock::now());
        let bar = screen::counter("instances looked through");
        for instance in &self.instances {
            let records = self.records(instance, session).await?;
            found.records += records.len() as u64;
            found.busy += records.iter().filter(|one| one.lease_until >= now).count() as u64;
            let files = self.files(instance, &records, Mode::Count, session).await?;
            found.files.add(files);
            bar.inc(1);
        }
        let parking = session.parking()?;
        let parked = parking.erase(|job| self.is_job(job), true, now).await?;
        found.parked_jobs = parked.meant as u64;
        bar.finish_and_clear();
        Ok(found)
    }

    /// Removes everything, in an order in which a crash leaves nothing that a second run does not find:
    /// parked jobs, marks against queued ones, files, and only then the other records.
    async fn remove(&self, session: &Session) -> anyhow::Result<Found> {
        let (mut removed, now) = (Found::default(), clock::now());
        let bar = screen::counter("instances erased");
        let parking = session.parking()?;
        let parked = parking.erase(|job| self.is_job(job), false, now).await?;
        removed.parked_jobs = parked.removed as u64;
        let table = session.stack.output("MediaTable")?.to_owned();
        let ledger = Ledger::new(&session.operator.clients, table);
        for instance in &self.instances {
            let records = self.records(instance, session).await?;
            let (queued, others): (Vec<_>, Vec<_>) = records
                .iter()
                .partition(|record| record.state == "retrying");
            let mut erase = async |record: &Erasable, mark| -> anyhow::Result<()> {
                match ledger.erase(instance, record, mark, now).await? {
                    Written::Yes => {
                        removed.records += 1;
                        removed.marks += u64::from(mark.is_some());
                    }
                    Written::Overtaken => removed.busy += 1,
                }
                Ok(())
            };
            for record in queued {
                erase(record, Some(now + MARKED_FOR)).await?;
            }
            let files = self
                .files(instance, &records, Mode::Remove, session)
                .await?;
            for record in others {
                erase(record, None).await?;
            }
            removed.files.add(files);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(removed)
    }
}

/// Parked jobs that somebody is looking at, so that nobody else can say whose they are. A look is short, and
/// is waited for.
async fn hidden_parked(session: &Session) -> anyhow::Result<u64> {
    let queue = session.stack.output("ParkedQueueUrl")?;
    let bar = screen::spinner("waiting until nobody looks at parked jobs");
    let begun = Instant::now();
    loop {
        let hidden = session.operator.queue(queue).await?.hidden;
        if hidden == 0 || begun.elapsed() > LONGEST_LOOK {
            bar.finish_and_clear();
            return Ok(hidden);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

fn told(removed: &Found, left: &Found, hidden: u64) -> String {
    let mut lines = vec![format!("Removed: {}.", removed.words())];
    if removed.marks > 0 {
        lines.push(format!(
            "{} of them had a job in the queue: a mark that names only instance and message id keeps it from coming back, for 22 days.",
            removed.marks
        ));
    }
    if left.is_nothing() && hidden == 0 && removed.files.failed == 0 {
        lines.push("Proof: looked for again, nothing is left.".to_owned());
    } else {
        lines.push(format!(
            "Left: {}. Run the same command again.",
            left.words()
        ));
    }
    if left.busy > 0 {
        lines.push(format!(
            "{} media are being fetched at this moment: run it again in eleven minutes.",
            left.busy
        ));
    }
    if hidden > 0 {
        lines.push(format!(
            "{hidden} parked jobs are being looked at by someone else: run it again in five minutes."
        ));
    }
    lines.push(
        "Not reached from here: W-API's own log (30 days), DynamoDB's backups (35 days)."
            .to_owned(),
    );
    lines.join("\n")
}

/// Shows who erased how much, the newest first.
pub(super) async fn audit(session: &Session) -> anyhow::Result<Exit> {
    const MOST_LINES: usize = 1_000;
    let table = session.stack.output("AuditTable")?;
    let lines = session.operator.audit(table, ACTION, MOST_LINES).await?;
    let mut shown = screen::table([
        "when",
        "who",
        "tenant",
        "of a",
        "reference",
        "outcome",
        "removed",
    ]);
    for line in &lines {
        let count = |name: &str| line.removed.get(name).copied().unwrap_or_default();
        let removed = format!(
            "{} versions, {} records",
            count("versions"),
            count("records")
        );
        shown.add_row([
            &line.at,
            &line.who,
            &line.tenant,
            &line.scope,
            line.reference.as_deref().unwrap_or_default(),
            &line.outcome,
            &removed,
        ]);
    }
    let text = match lines.is_empty() {
        true => "Nothing was ever erased.".to_owned(),
        false => shown.to_string(),
    };
    session.flags.print(&json!(lines), text)?;
    Ok(Exit::Ok)
}
