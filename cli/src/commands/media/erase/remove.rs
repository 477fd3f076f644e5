//! Finds, counts and removes what is erased.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use aws::{
    ledger::{Erasable, MARKED_FOR, WriteOutcome},
    marks::Marks,
};
use boot::clock;
use media::{
    ids::{InstanceId, MessageId},
    job::{Job, NotAJob, QueuedJob},
    message::Chat,
    object_key::ObjectKey,
    unread::Search,
};
use operator::erase::{ErasableNames, Erasables, EraseMode, FilesCount};

use super::{count::EraseCount, scope::EraseScope};
use crate::{
    commands::parked::result::print_failures, holds::TenantHolds, odd_records::OddRecords, screen,
    session::Session,
};

/// How long to wait for other commands that use parked jobs.
const MAX_LOOK_TIME: Duration = Duration::from_mins(2);

/// How many files of a folder are looked for one by one. With more, the folder is read.
const MAX_SINGLE_KEYS: usize = 4;

/// What the jobs table has of what is erased.
#[derive(Default)]
struct FoundEntries {
    meant: Vec<Erasable>,
    /// Entries of a kind that this version does not know, and whose text suggests that they have to
    /// be erased.
    unreadable: u64,
}

impl EraseScope {
    /// Reads the records and the entries that are meant, and widens the scope by what they tell:
    /// other names of the chats, and the objects that they name. Of everything of a tenant, nothing
    /// is read: it has no other names.
    pub(crate) async fn widen(
        &mut self,
        session: &Session,
    ) -> anyhow::Result<Vec<(InstanceId, Erasable)>> {
        if self.is_all() {
            return Ok(Vec::new());
        }
        let (people, given) = (session.people()?, self.chats.clone());
        loop {
            self.add_aliases(&people).await?;
            let (known, mut found) = (self.chats.clone(), Vec::new());
            for instance in &self.instances {
                let records = self.find_erasables(instance, session).await?.meant;
                let entries = self.find_entries(instance, session).await?.meant;
                found.extend(records.into_iter().chain(entries).map(|one| (instance.clone(), one)));
            }
            self.add_names(found.iter().map(|(_, record)| record), &given);
            if self.chats == known {
                self.objects.clear();
                self.objects.extend(found.iter().flat_map(|(_, one)| one.object_keys().cloned()));
                return Ok(found);
            }
        }
    }

    /// The records that are meant. This alone selects them, and the proof asks it again.
    async fn find_erasables(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<Erasables> {
        let text = |chat: &Chat| chat.as_str().to_owned();
        let chats: Vec<_> = self.chats.iter().map(text).collect();
        let senders: Vec<_> = self.people().filter(|_| self.has_groups).map(text).collect();
        let names = ErasableNames { chats: &chats, senders: &senders };
        let records = session.records()?;
        let found = records.list_erasable(&self.tenant, instance, names, self.message.as_ref());
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

    /// Counts or removes files: of everything, the folder of the instance; of chats, their folders;
    /// of a message, the files with its id in their names.
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
        if self.message.is_none() {
            let folder_of = |chat| ObjectKey::chat_prefix(&self.tenant, instance, chat);
            let mut folders: Vec<_> = self.chats.iter().map(folder_of).collect();
            if self.is_all() {
                folders.push(whole.clone());
            }
            for folder in &folders {
                count.add(operator.erase_files(bucket, folder, |_| true, mode).await?);
            }
            count.add(self.erase_elsewhere((&whole, &folders), mode, session).await?);
            return Ok(count);
        }
        let is_meant = self.file_filter(records.iter());
        count.add(operator.erase_files(bucket, &whole, is_meant, mode).await?);
        Ok(count)
    }

    /// Whether a key in the folder of an instance is a file that is meant: by its folder, by the
    /// message id in its name (as it is, or as one of the `records` says), or because a record
    /// names it.
    pub(super) fn file_filter<'a>(
        &self,
        records: impl Iterator<Item = &'a Erasable>,
    ) -> impl Fn(&str) -> bool {
        let recorded = records.flat_map(Erasable::message_ids);
        let is_of = |id: &MessageId| self.message.as_ref().is_some_and(|one| id.belongs_to(one));
        let ids = recorded.filter(is_of).chain(self.message.clone());
        let ids: BTreeSet<_> = ids.map(|id| id.to_key_part()).collect();
        move |key| {
            let folders = ObjectKey::find_folders(key).unwrap_or_default();
            let is_of_chat = || self.chats.iter().any(|chat| chat.as_str() == folders.chat);
            let is_of_message =
                || ObjectKey::find_message_id(key).is_some_and(|id| ids.contains(id));
            self.is_all() || self.objects.contains(key) || is_of_chat() || is_of_message()
        }
    }

    /// Counts or removes the files that records name below `whole`, and that are in none of the
    /// `folders`.
    async fn erase_elsewhere(
        &self,
        (whole, folders): (&str, &[String]),
        mode: EraseMode,
        session: &Session,
    ) -> anyhow::Result<FilesCount> {
        let (operator, bucket) = (&session.operator, session.stack.output("MediaBucket")?);
        let is_elsewhere = |key: &&String| {
            key.starts_with(whole) && !folders.iter().any(|folder| key.starts_with(folder))
        };
        let mut months = BTreeMap::<&str, BTreeSet<&str>>::new();
        for key in self.objects.iter().filter(is_elsewhere) {
            let folder = key.rfind('/').and_then(|end| key.get(..=end)).unwrap_or_default();
            months.entry(folder).or_default().insert(key);
        }
        let mut count = FilesCount::default();
        for (folder, keys) in months {
            if keys.len() > MAX_SINGLE_KEYS {
                let is_meant = |key: &str| keys.contains(key);
                count.add(operator.erase_files(bucket, folder, is_meant, mode).await?);
                continue;
            }
            for key in keys {
                count.add(operator.erase_files(bucket, key, |one| one == key, mode).await?);
            }
        }
        Ok(count)
    }

    /// Counts what there is, and notes the records whose tenant or chat cannot be read.
    pub(super) async fn count_all(
        &self,
        session: &Session,
    ) -> anyhow::Result<(EraseCount, OddRecords)> {
        let (mut found, mut odd) = (EraseCount::default(), OddRecords::default());
        let (now, holds) = (clock::now(), TenantHolds::read(&self.tenant, session).await?);
        let bar = screen::new_counter("instances searched");
        for instance in &self.instances {
            let Erasables { meant: records, unread: keys } =
                self.find_erasables(instance, session).await?;
            for key in keys {
                odd.add_note(format!("{instance} {key}: its tenant or its chat"));
            }
            let entries = self.find_entries(instance, session).await?;
            found.entries += entries.meant.len() as u64;
            let bodies = self.find_bodies(Some(instance), &holds, session).await?;
            found.unread_bodies += bodies.meant.len() as u64;
            found.held_bodies += bodies.held.get();
            found.unclear_bodies += bodies.unclear;
            found.unknown_messages += entries.unreadable + bodies.unreadable;
            found.records += records.len() as u64;
            found.busy += records.iter().filter(|one| one.lease_until >= now).count() as u64;
            let files = self.erase_files(instance, &records, EraseMode::Count, session).await?;
            found.files.add(files);
            bar.inc(1);
        }
        let (parking, held) = (session.unordered_parking()?, Cell::new(0));
        // What the selection would leave out is found by its text.
        let is_job = |job: &Job, body: &str| self.covers_job(job) || self.is_left_of(job, body);
        let in_body = |body: &_| self.search_unheld(body, &holds, &held);
        let in_text = |text: &str| self.search_bytes(text.as_bytes());
        let parked = parking.count_erasable(is_job, in_body, in_text, now).await?;
        found.parked_jobs = parked.meant.jobs as u64;
        found.unread_bodies += parked.meant.bodies as u64;
        found.unclear_bodies += parked.unclear as u64;
        found.unknown_messages += parked.unreadable as u64;
        // Most of them have an entry in the jobs table as well.
        found.held_bodies = found.held_bodies.max(held.get());
        found.unknown_messages += self.find_bodies(None, &holds, session).await?.unreadable;
        let deliveries = self.count_deliveries(session).await?;
        (found.deliveries, found.unclear_deliveries) = (deliveries.count, deliveries.unclear);
        found.counters = self.erase_counters(EraseMode::Count, session).await?;
        bar.finish_and_clear();
        Ok((found, odd))
    }

    /// Removes everything, in an order after which a second run finds what a crash left: parked
    /// jobs, then records whose jobs may be in work, then jobs without a record, then files, and
    /// the other records last. A mark takes the place of each record. What a person sent to a group
    /// is found by its record alone, so its file is removed before every record.
    pub(super) async fn remove_all(&mut self, session: &Session) -> anyhow::Result<EraseCount> {
        let (mut removed, now) = (EraseCount::default(), clock::now());
        let bar = screen::new_counter("instances erased");
        let (parking, held) = (session.unordered_parking()?, Cell::new(0));
        let holds = TenantHolds::read(&self.tenant, session).await?;
        let is_job = |job: &Job, _: &str| self.covers_job(job);
        let in_body = |body: &_| self.search_unheld(body, &holds, &held);
        let in_text = |text: &str| self.search_bytes(text.as_bytes());
        let parked = parking.erase(is_job, in_body, in_text, now).await?;
        removed.parked_jobs = parked.removed.jobs as u64;
        removed.unread_bodies = parked.removed.bodies as u64;
        print_failures("parked messages could not be deleted or examined", &parked.failures);
        let (ledger, links) = (session.ledger()?, session.links()?);
        for instance in &self.instances.clone() {
            let records = self.find_erasables(instance, session).await?.meant;
            if self.has_groups {
                self.objects.extend(records.iter().flat_map(Erasable::object_keys).cloned());
                let whole = ObjectKey::instance_prefix(&self.tenant, instance);
                let of_groups = self.erase_elsewhere((&whole, &[]), EraseMode::Remove, session);
                removed.files.add(of_groups.await?);
            }
            let (queued, others): (Vec<_>, Vec<_>) =
                records.iter().partition(|record| record.may_be_in_work());
            let mut erase = async |record: &Erasable| -> anyhow::Result<()> {
                links.remove_all(&record.links).await?;
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
            removed.unread_bodies += self.remove_bodies(instance, &holds, session).await?;
            let files = self.erase_files(instance, &records, EraseMode::Remove, session).await?;
            for record in others {
                erase(record).await?;
            }
            removed.files.add(files);
            bar.inc(1);
        }
        let deliveries = self.remove_deliveries(session).await?;
        removed.deliveries += deliveries.count;
        removed.files.failed += deliveries.failed;
        removed.counters += self.erase_counters(EraseMode::Remove, session).await?;
        if self.is_all() {
            self.clear_marks(session).await?;
        }
        bar.finish_and_clear();
        Ok(removed)
    }

    /// Removes the marks of the back-fill. A registered instance keeps its mark: it has no personal
    /// data, and without it W-API's log would be read again.
    async fn clear_marks(&self, session: &Session) -> anyhow::Result<()> {
        let table = session.stack.output("MarksTable")?.to_owned();
        let marks = Marks::new(&session.operator.clients, table);
        let register = session.register()?;
        for instance in &self.instances {
            if register.get_instance(instance).await.is_ok_and(|found| found.is_none()) {
                marks.clear(&self.tenant, instance).await?;
            }
        }
        Ok(())
    }
}

/// Waits until no parked job is in use by another command, and returns how many still are. Their
/// owner cannot be read meanwhile.
pub(super) async fn await_other_looks(session: &Session) -> anyhow::Result<u64> {
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
