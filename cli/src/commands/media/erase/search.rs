//! The proof's own search. It shares only the person's names with the selection that was removed:
//! it lists whole folders and whole partitions, and judges each key and each item by what is in it.

use std::collections::{BTreeMap, BTreeSet};

use aws::dynamodb::{Attributes, get_string};
use media::{
    ids::InstanceId,
    job::{Job, QueuedJob},
    message::Chat,
    object_key::{KeyFolders, ObjectKey},
    unread::Search,
};
use operator::erase::EraseMode;

use super::{
    count::EraseCount,
    leftovers::{Leftovers, SeenKeys},
    named::NamedPeople,
    scope::{EraseScope, list_instances},
};
use crate::session::Session;

impl EraseScope {
    /// What of the scope is left, of everything that is searched by its content: files of the
    /// tenant, records, their texts and links, job entries, and what rests for receivers.
    pub(super) async fn search_again(
        &self,
        session: &Session,
    ) -> anyhow::Result<(EraseCount, Leftovers)> {
        let mut found = EraseCount::default();
        let mut instances: BTreeSet<_> = match &self.only {
            Some(only) => [only.clone()].into(),
            None => list_instances(&self.tenant, session).await?.into_iter().collect(),
        };
        instances.extend(self.instances.iter().cloned());
        self.search_files(&instances, &mut found, session).await?;
        let (mut seen, jobs) = (BTreeMap::new(), session.ledger()?.jobs);
        for instance in &instances {
            // Before the records: a text is written with its record, which is seen then.
            let texts = jobs.list_texts(instance).await?;
            let (records, keys) = self.search_records(instance, session).await?;
            found.records += records;
            seen.insert(instance.clone(), (texts, keys));
            found.entries += self.search_entries(instance, session).await?;
        }
        let deliveries = self.search_deliveries(&instances, session).await?;
        (found.deliveries, found.unclear_deliveries) = (deliveries.count, deliveries.unclear);
        let leftovers = self.find_leftovers(&seen, session).await?;
        leftovers.add_to(&mut found);
        Ok((found, leftovers))
    }

    /// How many files, records and deliveries are of LIDs whose owner cannot be told.
    pub(super) async fn count_doubtful(&self, session: &Session) -> anyhow::Result<u64> {
        let Some(aside) = self.doubtful_folders() else {
            return Ok(0);
        };
        let (found, _) = aside.count_all(session).await?;
        Ok(found.files.versions + found.records + found.entries + found.deliveries)
    }

    /// Every version, delete marker and upload in the folder of the tenant.
    async fn search_files(
        &self,
        instances: &BTreeSet<InstanceId>,
        found: &mut EraseCount,
        session: &Session,
    ) -> anyhow::Result<()> {
        let bucket = session.stack.output("MediaBucket")?;
        let ids: BTreeSet<_> = self.message.iter().map(|id| id.to_key_part()).collect();
        let whole = ObjectKey::tenant_prefix(&self.tenant);
        let is_of_scope = |key: &str| {
            let KeyFolders { instance, chat, .. } =
                ObjectKey::find_folders(key).unwrap_or_default();
            let is_meant_instance =
                self.only.is_none() || instances.iter().any(|one| one.as_str() == instance);
            let is_of_message =
                || ObjectKey::find_message_id(key).is_some_and(|id| ids.contains(id));
            let is_of_chat = || self.chats.iter().any(|one| one.as_str() == chat);
            let is_named = || is_of_message() || is_of_chat() || self.objects.contains(key);
            is_meant_instance && (self.is_all() || is_named())
        };
        let each = |key: &str, item| {
            if is_of_scope(key) {
                found.files.count(item);
            }
        };
        session.operator.visit_files(bucket, &whole, each).await?;
        Ok(())
    }

    /// Every item of the instance in the media table, marks included, and the keys of all.
    async fn search_records(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<(u64, SeenKeys)> {
        let (mut count, mut keys) = (0, SeenKeys::default());
        let each = |item: &Attributes| {
            count += u64::from(self.is_in_item(item));
            keys.note(item, self.is_all());
        };
        session.records()?.visit_items(instance, each).await?;
        Ok((count, keys))
    }

    /// Counts or removes the daily counts of a tenant or an instance of which everything is erased;
    /// of anything else there are none.
    pub(super) async fn erase_counters(
        &self,
        mode: EraseMode,
        session: &Session,
    ) -> anyhow::Result<u64> {
        if !self.is_all() {
            return Ok(0);
        }
        let is_meant = |id: &str| self.only.as_ref().is_none_or(|only| only.as_str() == id);
        Ok(session.counters()?.erase(self.tenant.as_str(), is_meant, mode).await?)
    }

    /// Whether an item of the media table is in the scope, by any of its attributes. What the
    /// person sent to a group is in the group's scope, unless it is erased with the person.
    fn is_in_item(&self, item: &Attributes) -> bool {
        let text = |name: &str| get_string(item, name).unwrap_or_default();
        let is_mark = text("state") == "erased";
        if !is_mark && text("tenant") != self.tenant.as_str() {
            return false;
        }
        if let Some(message) = &self.message {
            let (own, key) = (text("message"), text("message_id"));
            let in_key = key.split(['#', '.']).next().unwrap_or_default();
            return !is_mark && [own, in_key].contains(&message.as_str());
        }
        if self.is_all() {
            return !is_mark;
        }
        let chat = Chat::try_from(text("chat").to_owned()).ok();
        let is_of_group = chat.is_some_and(|chat| !chat.is_direct());
        let of_sender = |name: &str| is_of_group && !self.has_groups && name.starts_with("sender");
        let texts = item.iter().filter(|(name, _)| !of_sender(name));
        texts.filter_map(|(_, value)| value.as_s().ok()).any(|text| self.is_named_by(text))
    }

    /// Whether a text is one of the chats, by its folder's name or by the digits in it, or the key
    /// of a file in one of their folders.
    fn is_named_by(&self, text: &str) -> bool {
        let folder = ObjectKey::find_folders(text).unwrap_or_default().chat;
        self.chats.iter().any(|chat| {
            let digits = chat.in_address().filter(|_| chat.is_direct());
            text == chat.as_str() || folder == chat.as_str() || digits == Some(text)
        })
    }

    /// Every job of the instance in the jobs table whose text names the scope.
    async fn search_entries(
        &self,
        instance: &InstanceId,
        session: &Session,
    ) -> anyhow::Result<u64> {
        let mut count = 0;
        let ledger = session.ledger()?;
        let visit = ledger.jobs.visit_entries(instance, |_, body| {
            // A job that this version does not understand is counted as such elsewhere.
            let job = QueuedJob::parse(body).map(QueuedJob::into_job);
            count += u64::from(job.is_ok_and(|job| self.is_left_of(&job, body)));
        });
        visit.await?;
        Ok(count)
    }

    /// Whether a job is in the scope by what its text says.
    pub(super) fn is_left_of(&self, job: &Job, body: &str) -> bool {
        let is_its = self.only.as_ref().is_none_or(|only| *only == job.instance);
        let is_named = || self.search_names(body.as_bytes(), true) == Search::Found;
        job.tenant == self.tenant && is_its && is_named()
    }

    /// Whether a job, webhook or media event is in the scope by what its text says. Who is only
    /// mentioned in it is not, unless it is not understood.
    pub(super) fn search_names(&self, body: &[u8], is_understood: bool) -> Search {
        if self.is_all() {
            return Search::Found;
        }
        let Some(names) = NamedPeople::read(body).filter(|_| is_understood) else {
            return self.search_bytes(body);
        };
        let is_named = match &self.message {
            Some(message) => names.contain_message(message.as_str()),
            None => self.chats.iter().any(|chat| names.contain(chat, self.has_groups)),
        };
        if is_named { Search::Found } else { Search::Absent }
    }
}
