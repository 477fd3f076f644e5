//! Moves one stored file: a proven copy, then the record, then the removal of the old file. A run
//! that ends between two of these steps is finished by the next one.

use std::collections::BTreeSet;

use aws::{
    ledger::{Ledger, WriteOutcome},
    orders::Orders,
};
use boot::clock;
use media::{
    identity::RecordKey,
    ids::{MessageId, TenantId},
    message::Chat,
    object_key::ObjectKey,
    order::{OrderKind, OrderSubject},
    record::Lease,
    sha256::Sha256,
};
use operator::{
    erase::EraseMode,
    records::MediaRecord,
    relink::{CopyOutcome, FileCopy},
    tags::BucketTags,
};

use super::{count::MoveResult, person::Person};
use crate::{random::random_base64, session::Session};

/// How long a lease lasts, in seconds: longer than S3 takes for a copy of 4 GiB, and no longer than
/// `media erase` waits for one.
const LEASE_SECONDS: i64 = 10 * 60;

/// What is to be done for one record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Move {
    key: RecordKey,
    /// The object's key in the LID's folder.
    from: String,
    /// Its key in the folder of the phone number.
    to: String,
    /// Whether the record names the new key already.
    is_begun: bool,
    /// Whether the record names another number or LID than the person's.
    is_doubtful: bool,
}

impl Move {
    /// `None` if the record is not that of a file of the tenant's in the LID's folder.
    pub(super) fn plan(record: &MediaRecord, tenant: &TenantId, person: &Person) -> Option<Self> {
        let object = record.object_key.as_deref().filter(|_| record.state == "stored")?;
        let folder_of = |chat: &Chat| ObjectKey::chat_prefix(tenant, &person.instance, chat);
        let (old, new) = (folder_of(&Chat::from_lid(&person.lid)?), folder_of(&person.folder()?));
        let moved = |key: &str| key.strip_prefix(&old).map(|rest| format!("{new}{rest}"));
        let from = record.relinked_from.as_deref();
        let is_begun = from.is_some_and(|from| moved(from).as_deref() == Some(object));
        let from = if is_begun { from? } else { object };
        let number = Chat::normalize_phone(&person.phone);
        let is_other_number =
            record.chat_phone.as_ref().is_some_and(|other| Chat::normalize_phone(other) != number);
        let is_other_lid = record.chat_lid.as_ref().is_some_and(|other| *other != person.lid);
        Some(Self {
            key: RecordKey::from_record(&*record.key),
            to: moved(from)?,
            from: from.to_owned(),
            is_begun,
            is_doubtful: record.tenant != tenant.as_str() || is_other_number || is_other_lid,
        })
    }

    /// The key that the record names now, and the old one that a begun move left in it.
    fn present_keys(&self) -> (&str, Option<&str>) {
        if self.is_begun { (&self.to, Some(&self.from)) } else { (&self.from, None) }
    }
}

/// Moves the files of one person.
pub(super) struct Mover<'a> {
    session: &'a Session,
    tenant: &'a TenantId,
    person: &'a Person,
    ledger: Ledger,
    orders: Orders,
    tags: BucketTags,
    /// The keys of the tenant's holds, without their ids.
    holds: BTreeSet<String>,
}

impl<'a> Mover<'a> {
    pub(super) async fn new(
        tenant: &'a TenantId,
        person: &'a Person,
        session: &'a Session,
    ) -> anyhow::Result<Self> {
        let (orders, now) = (session.orders()?, clock::now());
        let listed = orders.list(tenant).await?;
        let holds = listed.iter().filter(|order| order.holds(now));
        let holds = holds.map(|hold| hold.subject_key().to_owned()).collect();
        let (ledger, tags) = (session.ledger()?, session.tags()?);
        Ok(Self { session, tenant, person, ledger, orders, tags, holds })
    }

    /// Moves a file under the lease of its record.
    pub(super) async fn move_file(
        &self,
        record: &MediaRecord,
        one: &Move,
    ) -> anyhow::Result<MoveResult> {
        let subjects = self.subjects(record);
        if one.is_doubtful {
            return Ok(MoveResult::Doubtful);
        }
        if self.is_held(&subjects).await? {
            return Ok(MoveResult::Held);
        }
        let now = clock::now();
        let lease = Lease { owner: random_base64()?, until: now.saturating_add(LEASE_SECONDS) };
        let place = (&self.person.instance, &one.key);
        let leased = self.ledger.lease_stored(place, one.present_keys(), &lease, now).await?;
        if leased == WriteOutcome::Overtaken {
            return Ok(MoveResult::Busy);
        }
        // As a run does: an erasure that is ordered later finds the record under the lease.
        let result = match self.is_ordered(record, subjects).await {
            Ok(true) => Ok(MoveResult::Ordered),
            Ok(false) => self.move_leased(record, one, &lease).await,
            Err(error) => Err(error),
        };
        if !matches!(result, Ok(MoveResult::Moved)) {
            // Without an answer, the lease ends at its own time.
            let released = self.ledger.release(place.0, place.1, &lease).await;
            return result.and_then(|result| released.map(|_| result).map_err(Into::into));
        }
        result
    }

    async fn move_leased(
        &self,
        record: &MediaRecord,
        one: &Move,
        lease: &Lease,
    ) -> anyhow::Result<MoveResult> {
        let recorded = record.sha256.as_deref().map(Sha256::from_hex);
        let (Some(Ok(sha256)), Some(folder)) = (recorded, self.person.folder()) else {
            return Ok(MoveResult::Changed);
        };
        let copy =
            FileCopy { from: &one.from, to: &one.to, sha256, chat_kind: folder.kind().as_str() };
        let copied = match one.is_begun {
            true => self.tags.prove_copy(&copy).await?,
            false => self.tags.copy_file(&copy).await?,
        };
        match copied {
            CopyOutcome::Proven => {}
            CopyOutcome::HasRetention => return Ok(MoveResult::Retained),
            CopyOutcome::Absent => return Ok(MoveResult::Absent),
            CopyOutcome::Changed => return Ok(MoveResult::Changed),
            CopyOutcome::Occupied => return Ok(MoveResult::Occupied),
            CopyOutcome::Refused => return Ok(MoveResult::Refused),
        }
        let place = (&self.person.instance, &one.key);
        if !one.is_begun {
            let keys = (one.from.as_str(), one.to.as_str());
            let changed = self.ledger.change_object(place, keys, lease).await?;
            if changed == WriteOutcome::Overtaken {
                self.remove_orphan(one).await?;
                return Ok(MoveResult::Busy);
            }
        }
        let bucket = self.session.stack.output("MediaBucket")?;
        let is_old = |key: &str| key == one.from;
        let operator = &self.session.operator;
        let gone = operator.erase_files(bucket, &one.from, is_old, EraseMode::Remove).await?;
        if gone.failed > 0 {
            return Ok(MoveResult::Refused);
        }
        let new = (&folder, self.person.phone.as_str());
        Ok(match self.ledger.end_relink(place, new, lease, clock::now()).await? {
            WriteOutcome::Yes => MoveResult::Moved,
            WriteOutcome::Overtaken => MoveResult::Busy,
        })
    }

    /// Removes the copy of a file whose record was erased while it was copied: nothing else would
    /// find it. While there is a record, the next run adopts the copy.
    async fn remove_orphan(&self, one: &Move) -> anyhow::Result<()> {
        let records = self.session.records()?;
        let record = records.get(&self.person.instance, one.key.as_str()).await?;
        if record.is_none_or(|record| record.is_mark()) {
            let bucket = self.session.stack.output("MediaBucket")?;
            let is_copy = |key: &str| key == one.to;
            let operator = &self.session.operator;
            operator.erase_files(bucket, &one.to, is_copy, EraseMode::Remove).await?;
        }
        Ok(())
    }

    /// The subjects of all orders that may be about the record: its person under each name, its
    /// message, its instance and its tenant.
    fn subjects(&self, record: &MediaRecord) -> BTreeSet<OrderSubject> {
        let named = record.chat_phone.clone().into_iter().chain([record.chat.clone()]);
        let named = named.filter_map(|name| Chat::try_from(name).ok());
        let chats = Chat::from_lid(&self.person.lid).into_iter().chain(self.person.folder());
        let in_key = RecordKey::from_record(&*record.key).message_id().to_owned();
        let ids = [record.message_id.clone(), in_key].map(MessageId::parse);
        OrderSubject::list_all(&self.person.instance, chats.chain(named), ids.into_iter().flatten())
    }

    async fn is_held(&self, subjects: &BTreeSet<OrderSubject>) -> anyhow::Result<bool> {
        if self.holds.is_empty() {
            return Ok(false);
        }
        let Some(key) = self.orders.find_key(self.tenant).await? else {
            return Ok(false);
        };
        let mut keys = subjects.iter().map(|one| one.sort_key(OrderKind::Hold, &key));
        Ok(keys.any(|key| self.holds.contains(&key)))
    }

    /// Whether an order to erase covers the record, strongly consistent.
    async fn is_ordered(
        &self,
        record: &MediaRecord,
        subjects: BTreeSet<OrderSubject>,
    ) -> anyhow::Result<bool> {
        let times = [record.moment, record.stored_at, record.updated_at];
        let known_since = times.into_iter().flatten().min().unwrap_or_default();
        Ok(self.orders.find_covering(self.tenant, subjects, known_since).await?.is_some())
    }
}
