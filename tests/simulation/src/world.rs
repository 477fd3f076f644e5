//! One world: a cloud, origins, functions and senders, run to its end and accounted for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use aws::{
    clients::Clients,
    register::{NewInstance, Register, RegisterError, RegisterTables, Tenant},
};
use data_encoding::BASE64;
use fetch::Origins;
use futures_util::future::join_all;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    sha256::Sha256,
};
use redaction::{Class, plant};
use serde_json::{Value, json};
use stand_in::{ReceivedRequest, StandIn};
use tokio::sync::Mutex;
use watch::Pass;
use webhook::Webhook;

use crate::{
    accounting::{Account, AnnouncedMedia, Evidence, Fate, Identity, SenderAnswer},
    backfiller, before,
    chance::Chance,
    cleaner, clockwork,
    cloud::{Cloud, queue::Settings},
    evidence,
    function::{
        COUNTERS, INSTANCES, InvocationEnd, JOBS, JOBS_TABLE, MEDIA, PARKED, ProcessContext, Slot,
        TENANTS,
    },
    operator,
    plan::{CUSTOMERS, Customer, OutsideEvent, Plan, PlannedMedia, PriorState},
    schema,
    source::EventSource,
    watcher::{self, Watcher},
    wire::{ENDPOINT, Process, ResourceAccess, Wire},
};

/// Webhook functions that run at the same time.
const WEBHOOKS: u64 = 2;
/// The world fails if a job still waits after this time.
const MAX_WORLD_TIME: Duration = Duration::from_hours(16 * 24);
/// How long a sender waits before it posts again.
const SENDER_RETRY_DELAY: Duration = Duration::from_secs(5);
/// Age at which uploads are swept, as in `template.yaml`.
const SWEEP_AGE: Duration = Duration::from_hours(24);

/// The result of a world.
#[derive(Debug)]
pub struct Outcome {
    /// The result of the audit.
    pub account: Account,
    /// The evidence it is based on.
    pub evidence: Evidence,
    /// Every call, in order.
    pub trace: Vec<String>,
    /// How long the world ran in virtual time, until no job waited.
    pub took: Duration,
    /// Violations of the origins' rules.
    pub violations: Vec<String>,
    /// The keys of versions that are not current, and of delete markers.
    pub noncurrent: Vec<String>,
    /// What each function used of which part of AWS.
    pub reached: BTreeSet<ResourceAccess>,
    /// The sum of each count in the table of counts.
    pub counts: BTreeMap<String, u64>,
    /// How long the download function's invocations ran, together.
    pub invoked: Duration,
    /// What the origins received.
    pub requests: Vec<ReceivedRequest>,
}

/// Runs a plan on this thread.
///
/// # Panics
/// If the world cannot be built.
#[must_use]
pub fn run_world(plan: Plan) -> Outcome {
    // The SDK's retries are spread with this generator.
    fastrand::seed(plan.seed);
    clockwork::run_in_virtual_time(async move {
        World::build_world(plan).await.expect("a world").run_to_end().await
    })
}

struct World {
    plan: Plan,
    cloud: Arc<Cloud>,
    origins: Arc<StandIn>,
    source: Arc<EventSource>,
    around: Arc<ProcessContext>,
    webhooks: Vec<Arc<Mutex<Slot<Arc<Webhook>>>>>,
}

impl World {
    async fn build_world(plan: Plan) -> anyhow::Result<Self> {
        let chance = Chance::from_seed(plan.seed);
        let cloud = Cloud::start(chance, Arc::clone(&plan.faults), plan.copies_per_mille)?;
        let origins = Arc::new(StandIn::start().await?);
        let clock = cloud.clock;
        origins.set_clock(stand_in::Clock::new(move || clock.unix_ms()));
        let around = Arc::new(ProcessContext {
            cloud: Arc::clone(&cloud),
            origins: Origins::parse(&origins.wapi_base(), &origins.cdn_bases())?,
            skew: Arc::clone(&plan.skew),
        });
        let source = EventSource::new(&around, Arc::clone(&plan.time_left));
        let slot = |n| Arc::new(Mutex::new(Slot::new(&around, format!("webhook-{n}"))));
        let webhooks = (0..WEBHOOKS).map(slot).collect();
        let world = Self { webhooks, plan, cloud, origins, source, around };
        world.create_resources().await?;
        Ok(world)
    }

    /// Creates the queues of `template.yaml`, the tables and the customers.
    async fn create_resources(&self) -> anyhow::Result<()> {
        let settings = Settings {
            visibility: Duration::from_secs(3630),
            retention: Duration::from_hours(7 * 24),
            redrive: Some((140, PARKED.to_owned())),
            is_fair: true,
        };
        self.cloud.lock_sqs().create_queue(JOBS, settings);
        let settings = Settings { retention: Duration::from_hours(14 * 24), ..Settings::default() };
        self.cloud.lock_sqs().create_queue(PARKED, settings);
        for table in [
            schema::instances_table(),
            schema::tenants_table(),
            schema::media_table(),
            schema::jobs_table(),
            schema::marks_table(),
            schema::people_table(),
            schema::counters_table(),
            schema::orders_table(),
        ] {
            let answer = self.cloud.tables.answer_call("CreateTable", &table);
            anyhow::ensure!(answer.status() == 200, "{:?}", answer.body());
        }
        let operator = Clients::with_http_client(
            Wire::http_client(&self.cloud, &Process::new("operator", 0)),
            ENDPOINT,
            Duration::from_mins(1),
        );
        let places = RegisterTables {
            instances_table: INSTANCES.to_owned(),
            tenants_table: TENANTS.to_owned(),
            token_key: "key".to_owned(),
        };
        let register = Register::new(&operator, places);
        for customer in CUSTOMERS {
            self.origins.register_instance(customer.instance, customer.token);
            plant(Class::Secret, "webhook secret", customer.secret);
            let tenant = Tenant {
                id: TenantId::parse(customer.tenant)?,
                policy: self.plan.policy.clone(),
                created_at: clockwork::WORLD_START,
            };
            match register.add_tenant(&tenant).await {
                Ok(()) | Err(RegisterError::AlreadyThere) => {}
                Err(error) => return Err(error.into()),
            }
            let new = NewInstance {
                id: &InstanceId::parse(customer.instance)?,
                tenant: &tenant.id,
                strategies: &self.plan.order,
                token: &Secret::new(customer.token),
                now: clockwork::WORLD_START,
            };
            let secret = register.add_instance(&new, customer.random).await?;
            anyhow::ensure!(secret.expose() == customer.secret, "another secret");
        }
        Ok(())
    }

    async fn run_to_end(self) -> Outcome {
        let world = Arc::new(self);
        let servers = (0..world.plan.downloads)
            .map(|n| tokio::task::spawn_local(Arc::clone(&world.source).run_poller(n)));
        let servers: Vec<_> = servers.collect();
        let watcher = Watcher::new(&world.around);
        let watching = tokio::task::spawn_local(Arc::clone(&watcher).run());
        let cleaning = tokio::task::spawn_local(cleaner::run_cleaner(
            Arc::clone(&world.cloud),
            world.plan.expiry.clone(),
        ));
        let backfills =
            backfiller::run_backfills(Arc::clone(&world.around), world.plan.backfills.clone());
        let (announced, ()) = tokio::join!(world.send_everything(), backfills);
        while !world.is_done() && world.cloud.clock.now() < MAX_WORLD_TIME {
            tokio::select! {
                () = world.cloud.wait_for_queue_change() => {}
                () = tokio::time::sleep(Duration::from_hours(1)) => {}
            }
        }
        for server in servers {
            server.abort();
        }
        watching.abort();
        let took = world.cloud.clock.now();
        watcher.run_pass(Pass::Look).await;
        tokio::time::sleep(SWEEP_AGE + Duration::from_hours(1)).await;
        cleaning.abort();
        let uploads = world.cloud.bucket.abort_old_uploads(SWEEP_AGE);
        let evidence = evidence::gather_evidence(&world.cloud, uploads);
        Outcome {
            account: Account::new(&announced, &evidence),
            evidence,
            trace: world.cloud.log.lines(),
            took,
            violations: world.origins.violations(),
            reached: world.cloud.log.resource_accesses(),
            counts: world.cloud.tables.sum_numbers(COUNTERS).expect("counts"),
            noncurrent: world.cloud.bucket.noncurrent_keys(),
            invoked: world.source.invoked_time(),
            requests: world.origins.requests(),
        }
    }

    /// Whether every job is settled: nothing is queued, in work or due later.
    fn is_done(&self) -> bool {
        let is_due = |place| watcher::next_due(&self.cloud, place).is_some();
        self.source.is_done() && !is_due("table") && !is_due("queue")
    }

    /// Announces all media messages, posts the unreadable bodies, sends the messages that are not
    /// jobs, and triggers the events, each at its time.
    async fn send_everything(self: &Arc<Self>) -> Vec<AnnouncedMedia> {
        let media = self.plan.media.iter().cloned();
        let posts: Vec<_> = media
            .map(|planned| tokio::task::spawn_local(Arc::clone(self).announce_media(planned)))
            .collect();
        let foreign_messages = self.plan.foreign_messages.iter().map(|(at, body)| async move {
            self.cloud.clock.sleep_until(*at).await;
            self.cloud.lock_sqs().send_directly(JOBS, body, None, *at);
            self.cloud.notify_queue_change();
            AnnouncedMedia {
                identity: Identity::from_body(body),
                tenant: String::new(),
                sha256: String::new(),
                told: SenderAnswer::Accepted,
                fate: Fate::Parked,
            }
        });
        let unreadable = self.plan.unreadable.iter().enumerate();
        let unreadable = unreadable.map(async |(n, (at, body))| {
            self.cloud.clock.sleep_until(*at).await;
            let customer = CUSTOMERS[0];
            let told =
                self.post_until_accepted(customer, body, &format!("unreadable {n}"), 0).await;
            AnnouncedMedia {
                identity: Identity::from_unread(
                    customer.instance,
                    &BASE64.encode(body.to_string().as_bytes()),
                ),
                tenant: customer.tenant.to_owned(),
                sha256: String::new(),
                told,
                fate: Fate::Parked,
            }
        });
        let happenings = self.plan.outside_events.iter().map(|(at, happening)| async move {
            self.cloud.clock.sleep_until(*at).await;
            self.cloud.log.add_line(*at, format!("{happening:?}"));
            self.apply_outside_event(happening).await;
        });
        let (posted, foreign_messages, unreadable, _) = tokio::join!(
            join_all(posts),
            join_all(foreign_messages),
            join_all(unreadable),
            join_all(happenings)
        );
        let posted = posted.into_iter().map(|one| one.expect("a sender does not panic"));
        posted.chain(foreign_messages).chain(unreadable).collect()
    }

    async fn announce_media(self: Arc<Self>, planned: PlannedMedia) -> AnnouncedMedia {
        let mut made = self.origins.announce(planned.spec).expect("a media message");
        for (pointer, value) in planned.changed_fields {
            let place = made.webhook.pointer_mut(pointer).expect("a place");
            *place = value;
        }
        let customer = CUSTOMERS.into_iter().find(|it| it.instance == made.instance);
        let customer = customer.expect("a known instance");
        self.cloud.clock.sleep_until(planned.at).await;
        if let Some(state) = planned.prior_state.record {
            let item = before::stored_record(&made, customer, state);
            let put = json!({ "TableName": MEDIA, "Item": item });
            let answer = self.cloud.tables.answer_call("PutItem", &put);
            assert_eq!(answer.status(), 200, "{:?}", answer.body());
        }
        if planned.prior_state.job {
            let (job, now) = (before::queued_job(&made, customer), self.cloud.clock.now());
            self.cloud.lock_sqs().send_directly(JOBS, &job, None, now);
            self.cloud.notify_queue_change();
        }
        if planned.prior_state.unread {
            let (body, now) = (before::unread(&made, customer), self.cloud.clock.now());
            self.cloud.lock_sqs().send_directly(JOBS, &body, None, now);
            self.cloud.notify_queue_change();
        }
        if planned.prior_state.parked {
            let (job, now) = (before::queued_job(&made, customer), self.cloud.clock.now());
            self.cloud.lock_sqs().send_with_attributes(PARKED, &job, before::ticket(), now);
        }
        let PriorState { job, unread, parked, .. } = planned.prior_state;
        let is_there = job || unread || parked;
        let posts = if is_there { 0 } else { planned.posts };
        let posts = (0..posts)
            .map(|n| self.post_until_accepted(customer, &made.webhook, &made.message_id, n));
        let told = join_all(posts).await;
        AnnouncedMedia {
            identity: Identity::new(made.instance, made.message_id)
                .with_content(&made.chat, &made.sha256_hex),
            tenant: self.tenant_at(customer, planned.at).to_owned(),
            sha256: made.sha256_hex,
            told: told
                .into_iter()
                // The version before has said 200 for what it kept.
                .chain((unread || parked).then_some(SenderAnswer::Accepted))
                .find(|told| *told == SenderAnswer::Accepted)
                .unwrap_or(self.answer_of_the_log()),
            fate: planned.fate,
        }
    }

    /// What a sender may rely on that was not told 200: W-API's log has the webhook.
    fn answer_of_the_log(&self) -> SenderAnswer {
        if self.plan.backfills.is_empty() { SenderAnswer::Unsure } else { SenderAnswer::Accepted }
    }

    /// Posts until the answer is 200, as many times as the plan's senders do.
    async fn post_until_accepted(
        &self,
        customer: Customer,
        body: &Value,
        message_id: &str,
        n: u32,
    ) -> SenderAnswer {
        for again in 0..self.plan.sender_tries.max(1) {
            let chance = self.cloud.chance.named(message_id).named(n).named(again);
            let slot = usize::try_from(chance.below(WEBHOOKS)).unwrap_or_default();
            let Some(slot) = self.webhooks.get(slot) else {
                break;
            };
            let ended = slot.lock().await.post_webhook(customer, body).await;
            let now = self.cloud.clock.now();
            self.cloud.log.add_line(now, format!("post of {message_id}: {ended:?}"));
            if ended == InvocationEnd::Answered(200) {
                return SenderAnswer::Accepted;
            }
            tokio::time::sleep(SENDER_RETRY_DELAY).await;
        }
        SenderAnswer::Unsure
    }

    /// The tenant that the customer's instance belongs to at this time.
    fn tenant_at(&self, customer: Customer, at: Duration) -> &'static str {
        let mut tenant = (Duration::ZERO, customer.tenant);
        for (moved_at, event) in &self.plan.outside_events {
            if let OutsideEvent::Added(added) = event
                && added.instance == customer.instance
                && (tenant.0..=at).contains(moved_at)
            {
                tenant = (*moved_at, added.tenant);
            }
        }
        tenant.1
    }

    async fn apply_outside_event(&self, happening: &OutsideEvent) {
        match happening {
            OutsideEvent::Wapi(scenario) => self.origins.set_wapi(scenario.clone()),
            OutsideEvent::Cdn(scenario) => self.origins.set_cdn(scenario.clone()),
            OutsideEvent::NewToken(customer, token) => {
                self.origins.register_instance(customer.instance, token);
            }
            OutsideEvent::TokenWritten(customer, token) => self.write_token(*customer, token),
            OutsideEvent::QueuesPurged => self.purge_queues(&[JOBS, PARKED]),
            OutsideEvent::ParkedExpired => self.purge_queues(&[PARKED]),
            OutsideEvent::ParkedMoved => {
                let now = self.cloud.clock.now();
                self.cloud.lock_sqs().move_all_messages(PARKED, JOBS, now);
                self.cloud.notify_queue_change();
            }
            OutsideEvent::Ordered(erasure) => operator::order_erasure(&self.cloud, *erasure).await,
            OutsideEvent::ChatRemoved(chat) => operator::remove_chat(&self.cloud, chat),
            OutsideEvent::Redriven => operator::redrive_parked(&self.cloud).await,
            OutsideEvent::StoredByPreviousVersion => self.store_records(),
            OutsideEvent::JobsTableReplaced => self.empty_jobs_table(),
            OutsideEvent::QueueCounted(count) => {
                let sqs = self.cloud.lock_sqs();
                let messages = sqs.queue(JOBS).map_or(0, |queue| queue.messages().count());
                count.store(messages, Ordering::Relaxed);
            }
            OutsideEvent::Removed(customer) => {
                let key = json!({
                    "TableName": INSTANCES, "Key": { "instance": { "S": customer.instance } }
                });
                let answer = self.cloud.tables.answer_call("DeleteItem", &key);
                assert_eq!(answer.status(), 200, "{:?}", answer.body());
            }
            OutsideEvent::Added(customer) => self.add_instance(*customer),
        }
    }

    /// Deletes the messages whose jobs have an entry in the jobs table.
    fn purge_queues(&self, queues: &[&str]) {
        let entries = self.cloud.tables.items(JOBS_TABLE).expect("entries");
        let body_of = |entry: &Value| entry["body"]["S"].as_str().map(Identity::from_body);
        let kept: BTreeSet<_> = entries.iter().filter_map(body_of).collect();
        for queue in queues {
            let is_kept = |body: &str| kept.contains(&Identity::from_body(body));
            self.cloud.lock_sqs().purge_messages(queue, is_kept);
        }
        self.cloud.notify_queue_change();
    }

    /// Sets every record's state to `stored`, and nothing else.
    fn store_records(&self) {
        for item in self.cloud.tables.items(MEDIA).expect("records") {
            let update = json!({
                "TableName": MEDIA,
                "Key": { "instance": item["instance"], "message_id": item["message_id"] },
                "UpdateExpression": "SET #state = :stored",
                "ExpressionAttributeNames": { "#state": "state" },
                "ExpressionAttributeValues": { ":stored": { "S": "stored" } },
            });
            let answer = self.cloud.tables.answer_call("UpdateItem", &update);
            assert_eq!(answer.status(), 200, "{:?}", answer.body());
        }
    }

    fn empty_jobs_table(&self) {
        for item in self.cloud.tables.items(JOBS_TABLE).expect("entries") {
            let key = json!({ "instance": item["instance"], "message_id": item["message_id"] });
            let delete = json!({ "TableName": JOBS_TABLE, "Key": key });
            assert_eq!(self.cloud.tables.answer_call("DeleteItem", &delete).status(), 200);
        }
    }

    fn add_instance(&self, customer: Customer) {
        let context = json!({ "tenant": customer.tenant, "instance": customer.instance });
        let sealed = Cloud::encrypt_text(customer.token, &context);
        let hash = Sha256::from_data(customer.secret.as_bytes()).to_hex();
        let item = json!({
            "instance": { "S": customer.instance },
            "tenant": { "S": customer.tenant },
            "secret_hashes": { "L": [{ "S": hash }] },
            "sealed_token": { "S": BASE64.encode(&sealed) },
            "created_at": { "N": clockwork::WORLD_START.to_string() },
        });
        let put = json!({ "TableName": INSTANCES, "Item": item });
        let answer = self.cloud.tables.answer_call("PutItem", &put);
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    fn write_token(&self, customer: Customer, token: &str) {
        let context = json!({ "tenant": customer.tenant, "instance": customer.instance });
        let sealed = Cloud::encrypt_text(token, &context);
        let update = json!({
            "TableName": INSTANCES,
            "Key": { "instance": { "S": customer.instance } },
            "UpdateExpression": "SET sealed_token = :token",
            "ExpressionAttributeValues": { ":token": { "S": BASE64.encode(&sealed) } },
        });
        let answer = self.cloud.tables.answer_call("UpdateItem", &update);
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }
}
