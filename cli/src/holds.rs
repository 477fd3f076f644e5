//! Which hold covers a file, a record or a job: holds name their subjects only as keyed hashes, so
//! that everything is compared under each of its names.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use aws::{
    error::AwsError,
    ledger::Erasable,
    orders::{Order, OrderDemand},
    people::PeopleTable,
};
use boot::clock;
use media::{
    ids::{InstanceId, MessageId, TenantId},
    job::Job,
    message::Chat,
    object_key::{KeyFolders, ObjectKey},
    order::{OrderKey, OrderKind, OrderScope, OrderSubject},
};

use crate::{person::PersonChats, session::Session};

/// The holds of one tenant that last.
pub(crate) struct TenantHolds {
    holds: Vec<Order>,
    /// The key of the tenant's orders; `None` if it has none, and then no holds either.
    key: Option<Arc<OrderKey>>,
    people: PeopleTable,
    /// The names of chats that were asked for already.
    names: HashMap<(InstanceId, Chat), Vec<Chat>>,
}

impl TenantHolds {
    /// Reads the holds of a tenant that last, strongly consistent.
    pub(crate) async fn read(tenant: &TenantId, session: &Session) -> anyhow::Result<Self> {
        let now = clock::now();
        Ok(Self::read_all(tenant, session).await?.only(|hold| hold.holds(now)))
    }

    /// Reads all holds of a tenant, also those that have ended.
    pub(crate) async fn read_all(tenant: &TenantId, session: &Session) -> anyhow::Result<Self> {
        let orders = session.orders()?;
        let mut holds = orders.list(tenant).await?;
        holds.retain(|order| matches!(order.demand, OrderDemand::Hold { .. }));
        let key = if holds.is_empty() { None } else { orders.find_key(tenant).await? };
        Ok(Self { holds, key, people: session.people()?, names: HashMap::new() })
    }

    /// Only those that are meant.
    pub(crate) fn only(mut self, is_meant: impl Fn(&Order) -> bool) -> Self {
        self.holds.retain(is_meant);
        self
    }

    /// Whether the tenant has none.
    pub(crate) fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }

    /// The first hold of which this is so.
    pub(crate) fn find_by(&self, is_meant: impl Fn(&Order) -> bool) -> Option<&Order> {
        self.holds.iter().find(|hold| is_meant(hold))
    }

    /// The hold that is about one of these subjects.
    pub(crate) fn find_of_subjects(&self, subjects: &BTreeSet<OrderSubject>) -> Option<&Order> {
        let key = self.key.as_ref()?;
        let keys = subjects.iter().map(|subject| subject.sort_key(OrderKind::Hold, key));
        let keys: BTreeSet<_> = keys.collect();
        self.find_by(|hold| keys.contains(hold.subject_key()))
    }

    /// The hold on something of an instance that has these chats and message ids, or on what
    /// contains it.
    pub(crate) async fn find(
        &mut self,
        instance: &InstanceId,
        chats: impl IntoIterator<Item = Chat>,
        messages: impl IntoIterator<Item = MessageId>,
    ) -> Result<Option<Order>, AwsError> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut names = Vec::new();
        for chat in chats {
            names.extend(self.find_names(instance, chat).await?);
        }
        Ok(self.find_of_subjects(&OrderSubject::list_all(instance, names, messages)).cloned())
    }

    /// The hold on a file with this key. Of a message whose id the key has only in part, it cannot
    /// be known whether it is held: it is, if any message of the instance is.
    pub(crate) async fn find_of_file(&mut self, key: &str) -> Result<Option<Order>, AwsError> {
        let KeyFolders { instance, chat, .. } = ObjectKey::find_folders(key).unwrap_or_default();
        let Ok(instance) = InstanceId::parse(instance) else {
            return Ok(self.holds.first().cloned());
        };
        let id = ObjectKey::find_message_id(key).unwrap_or_default();
        let is_whole = !id.is_empty() && !id.contains('-');
        let message = MessageId::parse(id).ok().filter(|_| is_whole);
        let chat = Chat::try_from(chat.to_owned()).ok();
        let known = self.find(&instance, chat, message).await?;
        let is_possible = |hold: &Order| {
            let is_of_message = hold.scope_word() == OrderScope::Message.as_str();
            !is_whole && is_of_message && is_about(hold, &instance)
        };
        Ok(known.or_else(|| self.find_by(is_possible).cloned()))
    }

    /// The hold on a record.
    pub(crate) async fn find_of_record(
        &mut self,
        instance: &InstanceId,
        record: &Erasable,
    ) -> Result<Option<Order>, AwsError> {
        // The hold of a person holds what the person sent to groups.
        let chats = record.chats().chain(record.senders());
        self.find(instance, chats, record.message_ids()).await
    }

    /// The hold on a parked job. A webhook that could not be read may contain anything of its
    /// instance.
    async fn find_of_parked(
        &mut self,
        instance: &InstanceId,
        job: Option<&Job>,
    ) -> Result<Option<Order>, AwsError> {
        let Some(job) = job else {
            return Ok(self.find_by(|hold| is_about(hold, instance)).cloned());
        };
        let message = &job.message;
        let chats = [message.chat.clone()].into_iter().chain(message.envelope.peer.own_chats());
        let chats = chats.chain(message.senders());
        self.find(instance, chats, [message.message_id.clone()]).await
    }

    /// Whether a webhook of this instance that could not be read may contain what is held.
    pub(crate) fn may_hold_bodies(&self, instance: &InstanceId) -> bool {
        self.find_by(|hold| is_about(hold, instance)).is_some()
    }

    /// Every name of a chat: those that the table of people connects with it.
    async fn find_names(
        &mut self,
        instance: &InstanceId,
        chat: Chat,
    ) -> Result<Vec<Chat>, AwsError> {
        let place = (instance.clone(), chat);
        if let Some(names) = self.names.get(&place) {
            return Ok(names.clone());
        }
        let from = std::slice::from_ref(&place.1);
        let names = PersonChats::find(&self.people, instance, from).await?.chats;
        self.names.insert(place, names.clone());
        Ok(names)
    }
}

/// Whether a hold is about something of this instance.
fn is_about(hold: &Order, instance: &InstanceId) -> bool {
    ["*", instance.as_str()].contains(&hold.instance_word())
}

/// The holds of several tenants, each read when it is first asked for.
pub(crate) struct HoldBook<'a> {
    session: &'a Session,
    tenants: BTreeMap<TenantId, TenantHolds>,
    /// The holds that were found, as `k3mq7r2a of tenant acme`.
    pub(crate) found: BTreeSet<String>,
}

impl<'a> HoldBook<'a> {
    /// Has read nothing yet.
    pub(crate) fn new(session: &'a Session) -> Self {
        Self { session, tenants: BTreeMap::new(), found: BTreeSet::new() }
    }

    /// Whether a parked job or webhook is held.
    pub(crate) async fn is_held(
        &mut self,
        (tenant, instance, job): parking::MaybeHeld<'_>,
    ) -> Result<bool, AwsError> {
        if !self.tenants.contains_key(tenant) {
            let holds = TenantHolds::read(tenant, self.session).await.map_err(as_aws_error)?;
            self.tenants.insert(tenant.clone(), holds);
        }
        let Some(holds) = self.tenants.get_mut(tenant) else {
            return Ok(false);
        };
        let Some(hold) = holds.find_of_parked(instance, job).await? else {
            return Ok(false);
        };
        self.found.insert(format!("{} of tenant {tenant}", hold.id));
        Ok(true)
    }
}

/// The error of AWS in an error of this command.
fn as_aws_error(error: anyhow::Error) -> AwsError {
    let other = || AwsError::unexpected("dynamodb:Query", "the holds could not be read");
    error.downcast::<AwsError>().unwrap_or_else(|_| other())
}

/// The reason of a hold, as its operator gave it.
pub(crate) fn reason_of(hold: &Order) -> &str {
    match &hold.demand {
        OrderDemand::Hold { reason, .. } => reason,
        OrderDemand::Erase { .. } => "-",
    }
}
