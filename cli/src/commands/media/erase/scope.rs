//! What is erased: the options of a command, resolved to a tenant, its instances, and chats or a
//! message.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use aws::ledger::Erasable;
use boot::clock;
use clap::Args;
use media::{
    ids::{InstanceId, MessageId, TenantId},
    job::Job,
    message::{Chat, ChatKind},
    object_key::ObjectKey,
    order::OrderSubject,
    unread::{Search, UnreadBody},
};

use crate::{
    audit::AuditScope,
    odd_records::OddRecords,
    owners::list_former,
    person::{parse_folder, parse_phone},
    screen,
    session::Session,
};

/// Whose media are meant.
#[derive(Args)]
pub(crate) struct OwnerOptions {
    /// All instances of this tenant, including removed ones.
    #[arg(long)]
    pub(crate) tenant: Option<TenantId>,
    /// Only this instance. If it was removed, or belonged to another tenant before, add --tenant.
    #[arg(long)]
    pub(crate) instance: Option<InstanceId>,
}

/// Which media are meant.
#[derive(Args)]
pub(crate) struct SubjectOptions {
    /// The chat whose folder has this name, such as group-120363000000000001.
    #[arg(long)]
    pub(crate) chat: Option<String>,
    /// The chat with this phone number: digits, with the country code; - reads it from standard
    /// input. Includes both spellings of a Brazilian mobile number and the LIDs that webhooks named
    /// beside it. What this person sent to groups is in the groups' folders, and has a rule of its
    /// own (tenant set --group-media).
    #[arg(long)]
    pub(crate) phone: Option<String>,
    /// This message, with all its media.
    #[arg(long)]
    pub(crate) message: Option<String>,
    /// Everything of the tenant or the instance.
    #[arg(long)]
    pub(crate) all: bool,
}

/// What is erased, resolved to instances, chats and message. Without chats and message, it is
/// everything of the instances.
#[derive(Clone)]
pub(crate) struct EraseScope {
    pub(crate) tenant: TenantId,
    pub(super) instances: Vec<InstanceId>,
    /// The instance, if only one was given.
    pub(crate) only: Option<InstanceId>,
    pub(super) chats: BTreeSet<Chat>,
    pub(super) message: Option<MessageId>,
    /// Whether what a person sent to chats of more than two is meant as well.
    pub(super) has_groups: bool,
    /// Until when something must have been accepted for a receiver to be meant, in seconds since
    /// 1970: the time of the order, once there is one.
    pub(super) until: i64,
    /// Objects that records name and that may be in another folder than the chat's.
    pub(super) objects: BTreeSet<String>,
    /// LIDs that were seen with this person and with somebody else's number: left out.
    pub(super) doubtful: BTreeSet<Chat>,
    /// `chat`, `phone`, `message`, `instance` or `tenant`: never the chat itself.
    pub(crate) word: &'static str,
    /// What the operator has to type to confirm.
    pub(super) typed: String,
}

impl EraseScope {
    /// Resolves the options, and finds the tenant's instances.
    pub(crate) async fn resolve(
        owner: &OwnerOptions,
        subject: &SubjectOptions,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let (tenant, instances) = find_owner(owner, session).await?;
        let only = owner.instance.clone();
        let whole = only.as_ref().map_or_else(|| tenant.to_string(), InstanceId::to_string);
        let (word, typed, chats, message) = match (&subject.chat, &subject.phone, &subject.message)
        {
            (Some(chat), ..) => ("chat", chat.clone(), parse_chat(chat)?, None),
            (_, Some(phone), _) => {
                let phone = screen::read_phone(phone)?;
                let chats = parse_phone(&phone)?.into_iter().collect();
                ("phone", phone, chats, None)
            }
            (_, _, Some(id)) => {
                ("message", id.clone(), BTreeSet::new(), Some(MessageId::parse(id.clone())?))
            }
            (None, None, None) if only.is_some() => ("instance", whole, BTreeSet::new(), None),
            (None, None, None) => ("tenant", whole, BTreeSet::new(), None),
        };
        let (objects, doubtful) = (BTreeSet::new(), BTreeSet::new());
        let (has_groups, until) = (false, clock::now());
        Ok(Self {
            tenant,
            instances,
            only,
            chats,
            message,
            has_groups,
            until,
            objects,
            doubtful,
            word,
            typed,
        })
    }

    /// What the audit table says of a command about it.
    pub(super) fn audit_scope(&self, action: &'static str) -> AuditScope {
        let audited = AuditScope::new(action, self.word).of_tenant(&self.tenant);
        audited.of_instance(self.only.as_ref())
    }

    /// Whether it is everything of the instances.
    pub(super) fn is_all(&self) -> bool {
        self.chats.is_empty() && self.message.is_none()
    }

    /// Whether it is about a person's own chats.
    pub(super) fn is_of_person(&self) -> bool {
        self.people().next().is_some()
    }

    /// The own chats of a person among its chats.
    pub(super) fn people(&self) -> impl Iterator<Item = &Chat> {
        self.chats.iter().filter(|chat| chat.is_direct())
    }

    /// The folders of the LIDs whose owner cannot be told. `None`: there are none.
    pub(super) fn doubtful_folders(&self) -> Option<Self> {
        let aside = Self {
            chats: self.doubtful.clone(),
            objects: BTreeSet::new(),
            doubtful: BTreeSet::new(),
            has_groups: false,
            ..self.clone()
        };
        (!aside.chats.is_empty()).then_some(aside)
    }

    /// Whether a record is meant because of its sender.
    pub(super) fn is_of_sender(&self, record: &Erasable) -> bool {
        self.has_groups && record.senders().any(|sender| self.chats.contains(&sender))
    }

    /// What an order about it names.
    pub(crate) fn subjects(&self) -> Vec<OrderSubject> {
        let only = || self.only.clone();
        if let Some(message) = &self.message {
            return vec![OrderSubject::for_message(only(), message)];
        }
        if self.is_all() {
            return vec![only().map_or_else(OrderSubject::for_tenant, OrderSubject::for_instance)];
        }
        let mut subjects = Vec::new();
        for chat in &self.chats {
            let subject = OrderSubject::for_chat(only(), chat);
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        for person in self.people().filter(|_| self.has_groups) {
            let subject = OrderSubject::for_sender(only(), person);
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        subjects
    }

    pub(super) fn describe(&self) -> String {
        let instances =
            screen::join_words(self.instances.iter().map(InstanceId::as_str), "no instance");
        let what = match &self.message {
            Some(message) => format!("message {message}"),
            None if self.is_all() => "everything".to_owned(),
            None => {
                format!("chat {}", screen::join_words(self.chats.iter().map(Chat::as_str), "-"))
            }
        };
        let with = if self.has_groups { " with what was sent to groups" } else { "" };
        format!("{what}{with} of {} ({instances})", self.tenant)
    }

    /// The option that selects the owner in other commands.
    pub(super) fn owner_option(&self) -> String {
        let tenant = || format!("--tenant {}", self.tenant);
        let instance = |only| format!("--instance {only}");
        self.only.as_ref().map_or_else(tenant, instance)
    }

    pub(super) fn covers_job(&self, job: &Job) -> bool {
        let message = &job.message;
        let is_of_message = |whole: &MessageId| message.message_id.belongs_to(whole);
        let is_of_chat = || {
            let names = std::iter::once(message.chat.clone());
            let names = names.chain(message.envelope.peer.own_chats());
            let senders = message.senders().filter(|_| self.has_groups);
            names.chain(senders).any(|name| self.chats.contains(&name))
        };
        job.tenant == self.tenant
            && self.instances.contains(&job.instance)
            && self.message.as_ref().map_or_else(|| self.is_all() || is_of_chat(), is_of_message)
    }

    /// Whether the body of an unread webhook contains the message id or the phone number.
    pub(super) fn search_body(&self, body: &UnreadBody) -> Search {
        let is_of_another = |only: &InstanceId| only != body.instance();
        if *body.tenant() != self.tenant || self.only.as_ref().is_some_and(is_of_another) {
            return Search::Absent;
        }
        if self.is_all() { Search::Found } else { self.search_bytes(body.expose()) }
    }

    pub(super) fn search_bytes(&self, bytes: &[u8]) -> Search {
        let texts: Vec<_> = match &self.message {
            Some(message) => vec![message.as_str()],
            None if self.is_all() => self.instances.iter().map(InstanceId::as_str).collect(),
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

    /// Adds the other names of the chats that records know: the phone number of a LID, the LID of a
    /// phone number. A LID that records connect with several numbers adds nothing, and is left out
    /// unless it was `given`.
    pub(super) fn add_names<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Erasable> + Clone,
        given: &BTreeSet<Chat>,
    ) {
        if self.chats.is_empty() {
            return;
        }
        let mut numbers = BTreeMap::<Chat, BTreeSet<String>>::new();
        for record in records.clone() {
            let (lids, phones) = self.direct_names(record);
            for lid in lids {
                let phones = phones.iter().map(|phone| Chat::normalize_phone(phone.as_str()));
                numbers.entry(lid).or_default().extend(phones);
            }
        }
        let several = numbers.into_iter().filter(|(_, phones)| phones.len() > 1);
        self.doubtful.extend(several.map(|(lid, _)| lid));
        for record in records {
            let (lids, phones) = self.direct_names(record);
            if lids.iter().any(|lid| self.doubtful.contains(lid)) {
                continue;
            }
            for phone in phones {
                self.chats.extend(Chat::spellings_of_phone(phone.as_str()));
                self.chats.insert(phone);
            }
            self.chats.extend(lids);
        }
        self.chats.retain(|chat| given.contains(chat) || !self.doubtful.contains(chat));
    }

    /// The LIDs and the phone numbers that a record names for its chat, or for its sender if that
    /// is why the record is meant.
    fn direct_names(&self, record: &Erasable) -> (Vec<Chat>, Vec<Chat>) {
        let senders = record.senders().filter(|_| self.is_of_sender(record));
        let names = record.chats().filter(Chat::is_direct).chain(senders);
        names.partition(|chat| matches!(chat.kind(), ChatKind::Lid))
    }

    /// Adds another chat that was given.
    pub(super) fn add_chat(&mut self, chat: &str) -> anyhow::Result<()> {
        self.chats.extend(parse_chat(chat)?);
        Ok(())
    }
}

fn parse_chat(chat: &str) -> anyhow::Result<BTreeSet<Chat>> {
    let folder = parse_folder(chat)?;
    let spellings = match folder.kind() {
        ChatKind::Person => Chat::spellings_of_phone(chat),
        ChatKind::Lid
        | ChatKind::Group
        | ChatKind::Channel
        | ChatKind::Status
        | ChatKind::Other => Vec::new(),
    };
    Ok(spellings.into_iter().chain([folder]).collect())
}

/// The tenant and its instances: the registered ones, those that were removed, and those that still
/// have a folder in the bucket or an entry in the jobs table.
async fn find_owner(
    owner: &OwnerOptions,
    session: &Session,
) -> anyhow::Result<(TenantId, Vec<InstanceId>)> {
    match (&owner.tenant, &owner.instance) {
        (Some(tenant), Some(id)) => Ok((tenant.clone(), vec![id.clone()])),
        (Some(tenant), None) => Ok((tenant.clone(), list_instances(tenant, session).await?)),
        (None, Some(id)) => match session.register()?.get_instance(id).await? {
            Some(instance) => Ok((instance.tenant, vec![id.clone()])),
            None => bail!("instance {id} is not registered: add --tenant with its tenant"),
        },
        (None, None) => bail!("one of --tenant and --instance is needed"),
    }
}

/// Every instance that a tenant has, or had: registered, removed, with a folder in the bucket, or
/// with an entry in the jobs table.
pub(crate) async fn list_instances(
    tenant: &TenantId,
    session: &Session,
) -> anyhow::Result<Vec<InstanceId>> {
    // An instance whose record cannot be parsed may have media as well.
    let mut odd = OddRecords::default();
    let registered = session.list_owners(Some(tenant), None, &mut odd).await?;
    let mut instances: BTreeSet<_> = registered.into_iter().map(|(_, id)| id).collect();
    instances.extend(list_former(tenant, session).await?);
    let bucket = session.stack.output("MediaBucket")?;
    let folder = ObjectKey::tenant_prefix(tenant);
    for path in session.operator.list_version_folders(bucket, &folder).await? {
        instances.extend(ObjectKey::find_instance(&path, tenant));
    }
    Ok(instances.into_iter().collect())
}
