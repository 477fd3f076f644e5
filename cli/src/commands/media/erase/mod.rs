//! `wapi-media media erase`: erases a chat, a phone number's chat or a message from everything the
//! stack keeps, and proves it by searching again.

mod count;

use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use aws::ledger::{Erasable, WriteOutcome};
use boot::clock;
use clap::{ArgGroup, Args};
use media::{
    ids::{InstanceId, MessageId, TenantId},
    job::{Job, NotAJob, QueuedJob},
    message::Chat,
    object_key::ObjectKey,
    unread::{Search, UnreadBody},
};
use operator::{
    audit::AuditLine,
    erase::{Erasables, EraseMode, FilesCount},
};
use serde_json::json;

use self::count::{EraseCount, describe_result, describe_unclear};
use crate::{
    commands::parked::result::print_failures, exit::Exit, odd_records::OddRecords, screen,
    session::Session,
};

/// The name of this action in the audit table.
pub(super) const ACTION: &str = "media erase";

/// How long a mark keeps a job from storing an erased media file again, in seconds: longer than
/// both queues together keep a message (21 days), and than W-API's log, which the back-fill reads,
/// keeps a webhook (30 days).
const MARKED_FOR: i64 = 32 * 24 * 60 * 60;

/// How long to wait for other commands that use parked jobs.
const MAX_LOOK_TIME: Duration = Duration::from_mins(2);

/// What to erase: a chat, a phone number's chat or a message, of one tenant or one instance.
#[derive(Args)]
#[command(
    group(ArgGroup::new("whose").required(true).args(["tenant", "instance"])),
    group(ArgGroup::new("what").required(true).args(["chat", "phone", "message"])),
)]
pub(crate) struct Erase {
    /// Erase in all instances of this tenant, including removed ones.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// Erase in this instance.
    #[arg(long)]
    instance: Option<InstanceId>,
    /// The chat whose folder has this name, such as group-120363000000000001.
    #[arg(long)]
    chat: Option<String>,
    /// The chat with this phone number: digits, with the country code. Includes both spellings of a
    /// Brazilian mobile number, but not what this person sent to groups: that is in the groups'
    /// folders.
    #[arg(long)]
    phone: Option<String>,
    /// This message, with all its media.
    #[arg(long)]
    message: Option<String>,
    /// The reason for the audit table, such as a ticket's number. Give no name and no phone number.
    #[arg(long)]
    reference: Option<String>,
}

/// What is erased, resolved to instances, chats and message.
struct EraseScope {
    tenant: TenantId,
    instances: Vec<InstanceId>,
    /// The instance, if only one was given.
    only: Option<InstanceId>,
    chats: Vec<Chat>,
    message: Option<MessageId>,
    scope: &'static str,
    /// What the operator has to type to confirm.
    word: String,
}

impl Erase {
    /// Counts what there is, asks for confirmation, erases it, and searches again.
    pub(crate) async fn run_erase(self, session: &Session) -> anyhow::Result<Exit> {
        let meant = self.resolve_scope(session).await?;
        let (before, odd) = meant.count_all(session).await?;
        if before.is_nothing() {
            let hidden = await_other_looks(session).await?;
            let mut said = "Nothing was found.".to_owned();
            if hidden > 0 {
                said += &format!(
                    "\n{hidden} parked jobs are in use by another command: run this again in \
                     five minutes."
                );
            }
            said += &describe_unclear(&meant.owner_option(), &before);
            session.flags.print(&json!({ "found": before, "parked_and_hidden": hidden }), said)?;
            let is_sure = hidden == 0 && !before.is_doubtful();
            return Ok(if is_sure { odd.print_notes() } else { Exit::Findings });
        }
        let change = format!(
            "erase {} permanently: {}{}",
            meant.describe_scope(),
            before.describe_counts(),
            describe_unclear(&meant.owner_option(), &before)
        );
        if !session.flags.confirm_typed(&change, &meant.word)? {
            return Ok(Exit::Ok);
        }
        let table = session.stack.output("AuditTable")?;
        let mut line = AuditLine {
            action: ACTION.to_owned(),
            at: screen::format_now(),
            who: session.operator.caller_arn().await?,
            tenant: meant.tenant.to_string(),
            scope: meant.scope.to_owned(),
            reference: self.reference,
            outcome: "begun".to_owned(),
            removed: HashMap::new(),
            not_understood: Vec::new(),
        };
        // Before anything is touched: what is not written down is not done.
        session.operator.put_audit_line(table, &line).await?;
        let removed = meant.remove_all(session).await?;
        let hidden = await_other_looks(session).await?;
        let (left, odd) = meant.count_all(session).await?;
        let is_left = !left.is_nothing() || left.is_doubtful();
        let is_proven = !is_left && hidden == 0 && removed.files.failed == 0 && odd.count() == 0;
        line.outcome = if is_proven { "complete" } else { "incomplete" }.to_owned();
        line.removed = removed.to_audit_counts();
        session.operator.put_audit_line(table, &line).await?;
        let json = json!({
            "removed": removed, "left": left, "parked_and_hidden": hidden, "proven": is_proven,
            "audit": line.at,
        });
        let told = describe_result(&removed, &left, hidden, is_proven)
            + &describe_unclear(&meant.owner_option(), &left);
        session.flags.print(&json, told)?;
        let exit = odd.print_notes();
        Ok(if is_proven { exit } else { Exit::Findings })
    }

    async fn resolve_scope(&self, session: &Session) -> anyhow::Result<EraseScope> {
        let (scope, word, chats, message) = match (&self.chat, &self.phone, &self.message) {
            (Some(chat), ..) => {
                let folder = Chat::try_from(chat.clone());
                let folder = folder.context(
                    "a chat is given as the name of its folder: \
                     lower-case letters, digits and dashes",
                )?;
                ("chat", chat, vec![folder], None)
            }
            (_, Some(phone), _) => match Chat::spellings_of_phone(phone) {
                chats if chats.is_empty() => {
                    bail!(
                        "a phone number is given in digits with the country code, \
                         such as 5500900000002"
                    )
                }
                chats => ("phone", phone, chats, None),
            },
            (_, _, Some(message)) => {
                ("message", message, Vec::new(), Some(MessageId::parse(message.clone())?))
            }
            (None, None, None) => bail!("one of --chat, --phone and --message is needed"),
        };
        let (tenant, instances) = self.resolve_owner(session).await?;
        Ok(EraseScope {
            tenant,
            instances,
            only: self.instance.clone(),
            chats,
            message,
            scope,
            word: word.clone(),
        })
    }

    /// The tenant and its instances: the registered ones, and those that still have a folder.
    async fn resolve_owner(
        &self,
        session: &Session,
    ) -> anyhow::Result<(TenantId, Vec<InstanceId>)> {
        if let Some(id) = &self.instance {
            return Ok((session.find_instance(id).await?.tenant, vec![id.clone()]));
        }
        let tenant = self.tenant.clone().context("one of --tenant and --instance is needed")?;
        // An instance whose record cannot be parsed may have media as well.
        let mut odd = OddRecords::default();
        let registered = session.list_owners(Some(&tenant), None, &mut odd).await?;
        let mut instances: BTreeSet<_> = registered.into_iter().map(|(_, id)| id).collect();
        let bucket = session.stack.output("MediaBucket")?;
        let folder = ObjectKey::tenant_prefix(&tenant);
        for path in session.operator.list_version_folders(bucket, &folder).await? {
            instances.extend(ObjectKey::find_instance(&path, &tenant));
        }
        Ok((tenant, instances.into_iter().collect()))
    }
}

/// What the jobs table has of what is erased.
#[derive(Default)]
struct FoundEntries {
    meant: Vec<Erasable>,
    /// Entries of a kind that this version does not know, and whose text suggests that they have to
    /// be erased.
    unreadable: u64,
}

impl EraseScope {
    fn describe_scope(&self) -> String {
        let instances =
            screen::join_words(self.instances.iter().map(InstanceId::as_str), "no instance");
        let what = match &self.message {
            Some(message) => format!("message {message}"),
            None => {
                format!("chat {}", screen::join_words(self.chats.iter().map(Chat::as_str), "-"))
            }
        };
        format!("{what} of {} ({instances})", self.tenant)
    }

    /// The option that selects this scope in other commands.
    fn owner_option(&self) -> String {
        let tenant = || format!("--tenant {}", self.tenant);
        let instance = |only| format!("--instance {only}");
        self.only.as_ref().map_or_else(tenant, instance)
    }

    fn covers_message(&self, chat: &str, message: &MessageId) -> bool {
        match &self.message {
            Some(whole) => message.belongs_to(whole),
            None => self.chats.iter().any(|one| one.as_str() == chat),
        }
    }

    fn covers_job(&self, job: &Job) -> bool {
        let message = &job.message;
        job.tenant == self.tenant
            && self.instances.contains(&job.instance)
            && self.covers_message(message.chat.as_str(), &message.message_id)
    }

    /// Whether the body of an unread webhook contains the message id or the phone number.
    fn search_body(&self, body: &UnreadBody) -> Search {
        let is_of_another = |only: &InstanceId| only != body.instance();
        if *body.tenant() != self.tenant || self.only.as_ref().is_some_and(is_of_another) {
            return Search::Absent;
        }
        self.search_bytes(body.expose())
    }

    fn search_bytes(&self, bytes: &[u8]) -> Search {
        let texts: Vec<_> = match &self.message {
            Some(message) => vec![message.as_str()],
            None => self.chats.iter().filter_map(Chat::in_address).collect(),
        };
        let result = wapi::raw::search(bytes, &texts);
        // A derived message id was made here, and is in no body.
        let is_made_here = self.message.as_ref().is_some_and(MessageId::is_derived);
        match result {
            Search::Absent if is_made_here => Search::Unclear,
            Search::Found | Search::Absent | Search::Unclear => result,
        }
    }

    async fn find_erasables(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<Erasables> {
        let chats: Vec<_> = self.chats.iter().map(|chat| chat.as_str().to_owned()).collect();
        let records = session.records()?;
        let found = records.list_erasable(&self.tenant, instance, &chats, self.message.as_ref());
        let mut found = found.await?;
        if let Some(whole) = &self.message {
            let is_of = |record: &Erasable| record.message_ids().any(|id| id.belongs_to(whole));
            found.meant.retain(is_of);
        }
        Ok(found)
    }

    /// The entries of the jobs table that match, as records to erase.
    async fn find_entries(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<FoundEntries> {
        let mut found = FoundEntries::default();
        let ledger = session.ledger()?;
        let visit = ledger.jobs.visit_entries(instance, |key, body| match QueuedJob::parse(body) {
            Ok(job) => {
                let job = job.into_job();
                if self.covers_job(&job) {
                    found.meant.push(Erasable::from_job(&key, &job));
                }
            }
            Err(NotAJob) => {
                let is_absent = self.search_bytes(body.as_bytes()) == Search::Absent;
                found.unreadable += u64::from(!is_absent);
            }
        });
        visit.await?;
        Ok(found)
    }

    /// Counts or removes files. The files of a message are found by the id in their names.
    async fn erase_files(
        &self,
        instance: &InstanceId,
        records: &[Erasable],
        mode: EraseMode,
        session: &Session,
    ) -> anyhow::Result<FilesCount> {
        let (operator, bucket) = (&session.operator, session.stack.output("MediaBucket")?);
        let whole = ObjectKey::instance_prefix(&self.tenant, instance);
        let mut count = FilesCount::default();
        let Some(message) = &self.message else {
            for chat in &self.chats {
                let folder = ObjectKey::chat_prefix(&self.tenant, instance, chat);
                count.add(operator.erase_files(bucket, &folder, |_| true, mode).await?);
            }
            return Ok(count);
        };
        let recorded = records.iter().flat_map(Erasable::message_ids);
        let recorded = recorded.filter(|id| id.belongs_to(message));
        let ids = recorded.map(|message| message.to_key_part());
        let ids: BTreeSet<_> = ids.chain([message.to_key_part()]).collect();
        let is_meant =
            |key: &str| ObjectKey::find_message_id(key).is_some_and(|id| ids.contains(id));
        count.add(operator.erase_files(bucket, &whole, is_meant, mode).await?);
        Ok(count)
    }

    /// Counts what there is, and notes the records whose tenant or chat cannot be read.
    async fn count_all(&self, session: &Session) -> anyhow::Result<(EraseCount, OddRecords)> {
        let (mut found, mut odd) = (EraseCount::default(), OddRecords::default());
        let now = clock::now();
        let bar = screen::new_counter("instances searched");
        for instance in &self.instances {
            let Erasables { meant: records, unread: keys } =
                self.find_erasables(instance, session).await?;
            for key in keys {
                odd.add_note(format!("{instance} {key}: its tenant or its chat"));
            }
            let entries = self.find_entries(instance, session).await?;
            found.entries += entries.meant.len() as u64;
            found.unknown_messages += entries.unreadable;
            found.records += records.len() as u64;
            found.busy += records.iter().filter(|one| one.lease_until >= now).count() as u64;
            let files = self.erase_files(instance, &records, EraseMode::Count, session).await?;
            found.files.add(files);
            bar.inc(1);
        }
        let parking = session.parking()?;
        let (is_job, in_body) = (|job: &_| self.covers_job(job), |body: &_| self.search_body(body));
        let in_text = |text: &str| self.search_bytes(text.as_bytes());
        let parked = parking.count_erasable(is_job, in_body, in_text, now).await?;
        found.parked_jobs = parked.meant.jobs as u64;
        found.unread_bodies = parked.meant.bodies as u64;
        found.unclear_bodies = parked.unclear as u64;
        found.unknown_messages += parked.unreadable as u64;
        bar.finish_and_clear();
        Ok((found, odd))
    }

    /// Removes everything, in an order after which a second run finds what a crash left: parked
    /// jobs, then records whose jobs may be in work, then jobs without a record, then files, and
    /// the other records last. A mark takes the place of each record.
    async fn remove_all(&self, session: &Session) -> anyhow::Result<EraseCount> {
        let (mut removed, now) = (EraseCount::default(), clock::now());
        let bar = screen::new_counter("instances erased");
        let parking = session.parking()?;
        let (is_job, in_body) = (|job: &_| self.covers_job(job), |body: &_| self.search_body(body));
        let in_text = |text: &str| self.search_bytes(text.as_bytes());
        let parked = parking.erase(is_job, in_body, in_text, now).await?;
        removed.parked_jobs = parked.removed.jobs as u64;
        removed.unread_bodies = parked.removed.bodies as u64;
        print_failures("parked messages could not be deleted or examined", &parked.failures);
        let ledger = session.ledger()?;
        for instance in &self.instances {
            let records = self.find_erasables(instance, session).await?.meant;
            let (queued, others): (Vec<_>, Vec<_>) =
                records.iter().partition(|record| record.may_be_in_work());
            let mut erase = async |record: &Erasable| -> anyhow::Result<()> {
                match ledger.erase(instance, record, now + MARKED_FOR, now).await? {
                    WriteOutcome::Yes => removed.records += 1,
                    WriteOutcome::Overtaken => removed.busy += 1,
                }
                Ok(())
            };
            for record in queued {
                erase(record).await?;
            }
            for record in &self.find_entries(instance, session).await?.meant {
                if !records.iter().any(|one| one.key == record.key) {
                    erase(record).await?;
                }
            }
            let files = self.erase_files(instance, &records, EraseMode::Remove, session).await?;
            for record in others {
                erase(record).await?;
            }
            removed.files.add(files);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(removed)
    }
}

/// Waits until no parked job is in use by another command, and returns how many still are. Their
/// owner cannot be read meanwhile.
async fn await_other_looks(session: &Session) -> anyhow::Result<u64> {
    let queue = session.stack.output("ParkedQueueUrl")?;
    let bar = screen::new_spinner("waiting until no other command uses parked jobs");
    let begun = Instant::now();
    loop {
        let hidden = session.operator.queue_health(queue).await?.hidden;
        if hidden == 0 || begun.elapsed() > MAX_LOOK_TIME {
            bar.finish_and_clear();
            return Ok(hidden);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
