//! What an operator does, with the code of the command.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws::{
    body_key::BodyKey,
    clients::Clients,
    instances::Instances,
    ledger::{Erasable, KeptBody, Ledger, LedgerTables, MARKED_FOR, WriteOutcome},
    orders::{NewErasure, Orders},
    queues::{JobsQueue, ParkedQueue},
    register::{NewInstance, Register, RegisterError, RegisterTables, Tenant},
};
use media::{
    ids::{InstanceId, MessageId, TenantId},
    job::{Job, QueuedJob},
    kind::MediaKind,
    message::{Chat, Secret},
    object_key::ObjectKey,
    order::OrderSubject,
    parked::Filter,
    policy::Policy,
    strategy::StrategyOrder,
    unread::Search,
};
use operator::{
    Operator,
    erase::{ErasableNames, EraseMode, FilesCount},
    records::MediaRecords,
};
use parking::{Parking, RedriveMode};
use serde_json::json;

use crate::{
    accounting::Identity,
    clockwork::WORLD_START,
    cloud::{Cloud, sqs::QUEUE_URL_BASE},
    evidence::body_identities,
    function::{INSTANCES, JOBS, JOBS_TABLE, MEDIA, ORDERS, PARKED, TENANTS},
    plan::{ChatOrder, Customer, EraseScope, ErasedPart},
    wire::{ENDPOINT, Process, Wire},
};

/// How long an operator waits between an order and the search, as in the command.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// How long an operator waits for a run that has a media file to be erased: the command says eleven
/// minutes.
const ERASE_AGAIN_AFTER: Duration = Duration::from_mins(11);

/// How many times an operator runs the command at most until nothing is left.
const MAX_ERASE_PASSES: u32 = 20;

/// An operator with the clients of the command.
pub(crate) struct Desk {
    cloud: Arc<Cloud>,
    clients: Clients,
    /// The order of strategies of every instance.
    strategies: StrategyOrder,
    orders_given: AtomicU32,
    pub(crate) register: Register,
}

impl Desk {
    /// Connects an operator to the cloud.
    pub(crate) fn new(cloud: &Arc<Cloud>, strategies: StrategyOrder) -> Self {
        let client = Wire::http_client(cloud, &Process::new("operator", 0));
        let clients = Clients::with_http_client(client, ENDPOINT, Duration::from_mins(1));
        let tables = RegisterTables {
            instances_table: INSTANCES.to_owned(),
            tenants_table: TENANTS.to_owned(),
            token_key: "key".to_owned(),
        };
        let register = Register::new(&clients, tables);
        let (cloud, orders_given) = (Arc::clone(cloud), AtomicU32::default());
        Self { cloud, clients, strategies, orders_given, register }
    }

    fn ledger(&self) -> Ledger {
        let tables = LedgerTables { media: MEDIA.to_owned(), jobs: JOBS_TABLE.to_owned() };
        Ledger::new(&self.clients, tables)
    }

    fn parking(&self) -> Parking {
        let url = |name: &str| format!("{QUEUE_URL_BASE}{name}");
        let parked = ParkedQueue::new(&self.clients, url(PARKED));
        let jobs = JobsQueue::new(&self.clients, url(JOBS));
        let instances = Instances::new(&self.clients, INSTANCES.to_owned());
        Parking::new(parked, jobs, self.ledger(), instances).with_orders(self.orders())
    }

    fn orders(&self) -> Orders {
        Orders::new(&self.clients, ORDERS.to_owned())
    }

    fn note(&self, line: String) {
        self.cloud.log.add_line(self.cloud.clock.now(), line);
    }

    /// Redrives everything that is parked.
    pub(crate) async fn redrive_parked(&self) {
        let (parking, now) = (self.parking(), self.cloud.clock.unix());
        let mode = RedriveMode::Send { per_second: 500 };
        let redriven = parking.redrive(&Filter::default(), mode, now, |_| {}).await;
        self.note(format!("redriven: {redriven:?}"));
    }

    /// Drops everything that is parked.
    pub(crate) async fn drop_parked(&self) {
        let (parking, now) = (self.parking(), self.cloud.clock.unix());
        let before = body_identities(&self.cloud);
        let dropped = parking.drop(&Filter::default(), now, |_| {}).await.expect("a drop");
        self.note(format!("dropped {} of {} parked jobs", dropped.dropped, dropped.admitted));
        let left = body_identities(&self.cloud);
        let is_gone = |(key, _): &(String, Identity)| !left.iter().any(|(other, _)| other == key);
        let gone = before.into_iter().filter(is_gone).map(|(_, identity)| identity);
        self.cloud.dropped.lock().expect("what was dropped").extend(gone);
    }

    /// Adds a tenant with these rules, unless it is there.
    pub(crate) async fn add_tenant(&self, tenant: &str, policy: &Policy) {
        let id = tenant_id(tenant);
        let tenant = Tenant { id, policy: policy.clone(), created_at: WORLD_START };
        let added = self.register.add_tenant(&tenant).await;
        assert!(matches!(added, Ok(()) | Err(RegisterError::AlreadyThere)), "{added:?}");
    }

    /// Adds an instance under the rules of its tenant, and returns its webhook secret.
    pub(crate) async fn add_instance(&self, customer: Customer) -> Secret {
        let new = NewInstance {
            id: &instance_id(customer),
            tenant: &tenant_id(customer.tenant),
            strategies: &self.strategies,
            token: &Secret::new(customer.token),
            now: self.cloud.clock.unix(),
        };
        self.register.add_instance(&new, customer.random).await.expect("an instance")
    }

    /// Removes an instance's record.
    pub(crate) async fn remove_instance(&self, customer: Customer) {
        self.register.remove_instance(&instance_id(customer)).await.expect("a removal");
    }

    /// Refuses an instance's webhooks, or accepts them again.
    pub(crate) async fn pause_instance(&self, customer: Customer, is_paused: bool) {
        let (id, now) = (instance_id(customer), self.cloud.clock.unix());
        let set = match is_paused {
            true => self.register.set_paused(&id, now).await,
            false => self.register.set_resumed(&id, now).await,
        };
        set.expect("a pause");
    }

    /// Stores no more media of this kind for the tenant.
    pub(crate) async fn exclude_kind(&self, tenant: &str, without: MediaKind) {
        let tenant = tenant_id(tenant);
        let known = self.register.get_tenant(&tenant).await.expect("an answer");
        let kinds = MediaKind::ALL.into_iter().filter(|kind| *kind != without).collect();
        let policy = Policy { kinds, ..known.expect("a tenant").policy };
        self.register.set_policy(&tenant, &policy).await.expect("a change of rules");
    }

    /// Gives an order to erase a chat in all instances of a tenant, and does nothing else.
    pub(crate) async fn order_erasure(&self, order: ChatOrder) {
        let chat = Chat::try_from(order.chat.to_owned()).expect("a chat");
        let tenant = tenant_id(order.customer.tenant);
        self.give_order(&tenant, OrderSubject::for_chat(None, &chat), order.from_now_on).await;
    }

    /// Gives an order to erase what a person sent to groups, and does nothing else.
    pub(crate) async fn order_sender(&self, order: ChatOrder) {
        let person = Chat::try_from(order.chat.to_owned()).expect("a chat");
        let tenant = tenant_id(order.customer.tenant);
        self.give_order(&tenant, OrderSubject::for_sender(None, &person), order.from_now_on).await;
    }

    async fn give_order(&self, tenant: &TenantId, subject: OrderSubject, from_now_on: bool) {
        let orders = self.orders();
        let key = orders.create_key(tenant, "key", [7; _]).await.expect("a key");
        let nth = self.orders_given.fetch_add(1, Ordering::Relaxed) + 1;
        let new = NewErasure {
            tenant,
            subjects: &[subject],
            before: self.cloud.clock.unix(),
            from_now_on,
            reference: None,
            by: "arn:aws:iam::000000000000:user/operator",
            id: &format!("order{nth}"),
        };
        orders.put_erasure(&key, &new).await.expect("an order");
    }

    /// Gives an order to erase, then erases until nothing is left and no run has any of it, and
    /// returns whether that was reached.
    pub(crate) async fn erase(&self, scope: &EraseScope) -> bool {
        let erasure = Erasure::new(self, scope);
        self.give_order(&erasure.tenant, erasure.subject(), false).await;
        tokio::time::sleep(SETTLE_TIME).await;
        for nth in 1..=MAX_ERASE_PASSES {
            let left = erasure.remove_all().await.expect("a pass of erasing");
            self.note(format!("erased {scope:?}, pass {nth}: {left} left"));
            if left == 0 {
                return true;
            }
            tokio::time::sleep(ERASE_AGAIN_AFTER).await;
        }
        false
    }
}

fn instance_id(customer: Customer) -> InstanceId {
    InstanceId::parse(customer.instance).expect("an instance's id")
}

fn tenant_id(tenant: &str) -> TenantId {
    TenantId::parse(tenant).expect("a tenant's id")
}

/// Removes the objects, records and entries of a chat, but not its messages in the queues.
pub(crate) fn remove_chat(cloud: &Cloud, chat: &str) {
    cloud.bucket.remove_objects(&format!("/{chat}/"));
    for table in [MEDIA, JOBS_TABLE] {
        for item in cloud.tables.items(table).expect("items") {
            if !item.to_string().contains(chat) {
                continue;
            }
            let key = json!({
                "TableName": table,
                "Key": { "instance": item["instance"], "message_id": item["message_id"] },
            });
            let answer = cloud.tables.answer_call("DeleteItem", &key);
            assert_eq!(answer.status(), 200, "{:?}", answer.body());
        }
    }
}

/// What `media erase` does after its order, in the order of the command: parked jobs; records whose
/// jobs may be in work; jobs without a record; files; the other records.
struct Erasure<'a> {
    desk: &'a Desk,
    operator: Operator,
    tenant: TenantId,
    instance: InstanceId,
    part: Part,
}

/// What is erased of an instance.
enum Part {
    Chat(Chat),
    Message(MessageId),
}

impl<'a> Erasure<'a> {
    fn new(desk: &'a Desk, scope: &EraseScope) -> Self {
        let part = match &scope.part {
            ErasedPart::Chat(chat) => Part::Chat(Chat::try_from(chat.clone()).expect("a chat")),
            ErasedPart::Message(id) => {
                Part::Message(MessageId::parse(id.clone()).expect("a message's id"))
            }
        };
        Self {
            desk,
            operator: Operator::with_clients(desk.clients.clone(), ENDPOINT),
            tenant: tenant_id(scope.customer.tenant),
            instance: instance_id(scope.customer),
            part,
        }
    }

    fn subject(&self) -> OrderSubject {
        let only = Some(self.instance.clone());
        match &self.part {
            Part::Chat(chat) => OrderSubject::for_chat(only, chat),
            Part::Message(whole) => OrderSubject::for_message(only, whole),
        }
    }

    fn covers_job(&self, job: &Job) -> bool {
        let is_of_part = match &self.part {
            Part::Chat(chat) => job.message.chat == *chat,
            Part::Message(whole) => job.message.message_id.belongs_to(whole),
        };
        job.tenant == self.tenant && job.instance == self.instance && is_of_part
    }

    /// The records that are meant.
    async fn list_records(&self) -> anyhow::Result<Vec<Erasable>> {
        let (chats, message) = match &self.part {
            Part::Chat(chat) => (vec![chat.as_str().to_owned()], None),
            Part::Message(whole) => (Vec::new(), Some(whole)),
        };
        let records = MediaRecords::new(&self.desk.clients, MEDIA.to_owned());
        let names = ErasableNames { chats: &chats, senders: &[] };
        let found = records.list_erasable(&self.tenant, &self.instance, names, message).await?;
        Ok(found.meant)
    }

    /// The job entries that are meant.
    async fn list_entries(&self, ledger: &Ledger) -> anyhow::Result<Vec<Erasable>> {
        let mut found = Vec::new();
        let visit = ledger.jobs.visit_entries(&self.instance, |key, body| {
            if let Ok(job) = QueuedJob::parse(body).map(QueuedJob::into_job)
                && self.covers_job(&job)
            {
                found.push(Erasable::from_job(&key, &job));
            }
        });
        visit.await?;
        Ok(found)
    }

    /// The parked jobs that are meant and not of their instance's tenant.
    async fn list_bodies(&self, ledger: &Ledger) -> anyhow::Result<Vec<BodyKey>> {
        let mut found = Vec::new();
        let each = |key, kept: KeptBody| {
            let job = QueuedJob::parse(&kept.body).map(QueuedJob::into_job);
            if job.is_ok_and(|job| self.covers_job(&job)) {
                found.push(key);
            }
        };
        let partition = BodyKey::partition_of(Some(&self.instance));
        ledger.jobs.visit_bodies(partition, each).await?;
        Ok(found)
    }

    async fn erase_files(&self, mode: EraseMode) -> anyhow::Result<FilesCount> {
        let (folder, id) = match &self.part {
            Part::Chat(chat) => (ObjectKey::chat_prefix(&self.tenant, &self.instance, chat), None),
            Part::Message(whole) => {
                let folder = ObjectKey::instance_prefix(&self.tenant, &self.instance);
                (folder, Some(whole.to_key_part()))
            }
        };
        let is_meant = |key: &str| {
            id.as_ref().is_none_or(|id| ObjectKey::find_message_id(key) == Some(id.as_str()))
        };
        Ok(self.operator.erase_files("media", &folder, is_meant, mode).await?)
    }

    /// One pass. Returns how many records and files are left.
    async fn remove_all(&self) -> anyhow::Result<u64> {
        let (ledger, now) = (self.desk.ledger(), self.desk.cloud.clock.unix());
        let is_job = |job: &Job, _: &str| self.covers_job(job);
        let parking = self.desk.parking();
        parking.erase(is_job, |_| Search::Absent, |_| Search::Absent, now).await?;
        let records = self.list_records().await?;
        let (queued, others): (Vec<_>, Vec<_>) =
            records.iter().partition(|record| record.may_be_in_work());
        let mut busy = 0;
        let mut erase = async |record: &Erasable| -> anyhow::Result<()> {
            let erased = ledger.erase(&self.instance, record, now + MARKED_FOR, now).await?;
            busy += u64::from(erased == WriteOutcome::Overtaken);
            Ok(())
        };
        for record in queued {
            erase(record).await?;
        }
        for record in &self.list_entries(&ledger).await? {
            if !records.iter().any(|one| one.key == record.key) {
                erase(record).await?;
            }
        }
        for key in &self.list_bodies(&ledger).await? {
            ledger.jobs.settle_body(key, now).await?;
        }
        self.erase_files(EraseMode::Remove).await?;
        for record in others {
            erase(record).await?;
        }
        let files = self.erase_files(EraseMode::Count).await?;
        let left = self.list_records().await?.len() + self.list_entries(&ledger).await?.len();
        let left = left + self.list_bodies(&ledger).await?.len();
        Ok(busy + files.versions + files.uploads + left as u64)
    }
}
