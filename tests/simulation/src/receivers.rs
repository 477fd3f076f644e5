//! A world of receivers: webhooks come in at the door, and applications get them, and what becomes
//! of instances and receivers, while processes die and applications fail.
//!
//! It has no media: only the webhook, the deliver, the watch and the events function run.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use deliver::Deliver;
use fetch::Origins;
use media::{policy::Policy, strategy::StrategyOrder};
use serde_json::{Value, json};
use stand_in::{AppAnswer, Application};
use watch::{Pass, Watch};
use webhook::Webhook;

use crate::{
    chance::Chance,
    clockwork,
    cloud::{Cloud, queue::Settings},
    fault,
    function::{
        DELIVERIES, InvocationEnd, JOBS, JOBS_TABLE, MARKS_TABLE, PARKED, ProcessContext,
        RECEIVERS, Slot,
    },
    operator::Desk,
    plan::CUSTOMERS,
    schema,
    stream::{StreamReader, WINDOW},
    told::ToTell,
    wire::ResourceAccess,
};

/// What an application answers to its n-th request, counted from 0, at this time.
pub type Respond = Arc<dyn Fn(Duration, usize) -> u16 + Send + Sync>;

/// `BatchSize` in `template.yaml`.
const BATCH: usize = 10;

/// How often a webhook is posted until it is answered 200, and how long after each other.
const TRIES: u32 = 5;
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// The secret of every receiver.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A world of receivers.
pub struct ReceiverPlan {
    /// The seed of everything random.
    pub seed: u64,
    /// What happens to calls of AWS.
    pub faults: fault::Plan,
    /// The applications, each a receiver of the tenant.
    pub applications: Vec<Respond>,
    /// How many webhooks are posted, and at which interval.
    pub webhooks: (u32, Duration),
    /// Whether every second webhook says that the instance was disconnected, or connected again.
    pub has_connections: bool,
    /// When the world ends, whatever is still on its way.
    pub max_time: Duration,
}

/// A request that an application got.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The time since the world began.
    pub at: Duration,
    /// What it answered.
    pub status: u16,
    /// The header `webhook-id`.
    pub id: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The end of a world of receivers.
#[derive(Debug)]
pub struct ReceiverOutcome {
    /// The webhooks that were answered 200, with the time of the answer.
    pub accepted: Vec<(Duration, Vec<u8>)>,
    /// What each application got.
    pub got: Vec<Vec<Arrival>>,
    /// What rests at the end for applications that still want something.
    pub resting: usize,
    /// How many events about the instance and about receivers there have to be.
    pub events: usize,
    /// Which of them an application was not told.
    pub untold: Vec<String>,
    /// Every call, in order.
    pub trace: Vec<String>,
    /// What each function used of which part of AWS.
    pub reached: BTreeSet<ResourceAccess>,
}

impl ReceiverOutcome {
    /// The bodies that were accepted, and that the n-th application never took. One that wants
    /// nothing any more misses nothing.
    #[must_use]
    pub fn missed(&self, n: usize) -> Vec<&[u8]> {
        if is_gone(&self.got[n]) {
            return Vec::new();
        }
        let taken = self.got[n].iter().filter(|one| (200..300).contains(&one.status));
        let taken: BTreeSet<_> = taken.map(|one| one.body.as_slice()).collect();
        let accepted = self.accepted.iter().map(|(_, body)| body.as_slice());
        accepted.filter(|body| !taken.contains(body)).collect()
    }
}

/// Whether an application has answered that it wants nothing any more.
fn is_gone(got: &[Arrival]) -> bool {
    got.iter().any(|one| one.status == 410)
}

/// The receivers whose applications have answered so.
fn gone_receivers(got: &[Vec<Arrival>]) -> BTreeSet<String> {
    let gone = got.iter().enumerate().filter(|(_, got)| is_gone(got));
    gone.map(|(n, _)| receiver_id(n)).collect()
}

/// The id of the n-th application's receiver.
fn receiver_id(n: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(n).expect("few applications"));
    format!("rcv_{}", letter.to_string().repeat(16))
}

type Log = Arc<Mutex<Vec<(Duration, u16)>>>;

struct ReceiverWorld {
    cloud: Arc<Cloud>,
    around: Arc<ProcessContext>,
    applications: Vec<(Application, Log)>,
}

/// Runs a plan on this thread.
///
/// # Panics
/// If the world cannot be built.
#[must_use]
pub fn run_receivers(plan: ReceiverPlan) -> ReceiverOutcome {
    fastrand::seed(plan.seed);
    clockwork::run_in_virtual_time(async move {
        let world = Arc::new(ReceiverWorld::build(&plan).await);
        let deliver = tokio::task::spawn_local(Arc::clone(&world).run_deliver());
        let watch = tokio::task::spawn_local(Arc::clone(&world).run_watch());
        let streams = [(MARKS_TABLE, "events-1"), (RECEIVERS, "events-2")]
            .map(|(table, process)| world.read_stream(table, process))
            .map(tokio::task::spawn_local);
        let accepted = world.post_webhooks(&plan).await;
        let mut outcome = world.look(&accepted);
        let is_open = |outcome: &ReceiverOutcome| {
            let is_missed = |n: usize| !outcome.missed(n).is_empty();
            let is_late = (0..outcome.got.len()).any(is_missed) || outcome.resting > 0;
            is_late || !outcome.untold.is_empty()
        };
        while is_open(&outcome) && world.cloud.clock.now() < plan.max_time {
            tokio::time::sleep(Duration::from_secs(30)).await;
            outcome = world.look(&accepted);
        }
        deliver.abort();
        watch.abort();
        streams.iter().for_each(tokio::task::JoinHandle::abort);
        let log = &world.cloud.log;
        ReceiverOutcome { trace: log.lines(), reached: log.resource_accesses(), ..outcome }
    })
}

impl ReceiverWorld {
    async fn build(plan: &ReceiverPlan) -> Self {
        let chance = Chance::from_seed(plan.seed);
        let cloud = Cloud::start(chance, Arc::clone(&plan.faults), 0).expect("a cloud");
        let origins = Origins::parse("http://127.0.0.1:1/v1", "http://127.0.0.1:1");
        let around = Arc::new(ProcessContext {
            cloud: Arc::clone(&cloud),
            origins: origins.expect("origins"),
            skew: Arc::new(|_| 0),
            max_cold_start: Duration::ZERO,
            stalls: Arc::new(|_, _| None),
        });
        for queue in [JOBS, PARKED] {
            cloud.lock_sqs().create_queue(queue, Settings::default());
        }
        let visibility = Duration::from_secs(360);
        cloud.lock_sqs().create_queue(DELIVERIES, Settings { visibility, ..Settings::default() });
        let mut world = Self { cloud, around, applications: Vec::new() };
        for table in [
            schema::instances_table(),
            schema::tenants_table(),
            schema::jobs_table(),
            schema::people_table(),
            schema::orders_table(),
            schema::with_stream(schema::marks_table()),
            schema::with_stream(schema::receivers_table()),
        ] {
            world.write_table("CreateTable", &table);
        }
        let desk = Desk::new(&world.cloud, StrategyOrder::default());
        desk.add_tenant(CUSTOMERS[0].tenant, &Policy::default()).await;
        desk.add_instance(CUSTOMERS[0]).await;
        for (n, respond) in plan.applications.iter().enumerate() {
            world.add_application(n, Arc::clone(respond)).await;
        }
        world
    }

    /// Starts an application, and makes it a receiver of the tenant.
    async fn add_application(&mut self, n: usize, respond: Respond) {
        let (log, clock) = (Log::default(), self.cloud.clock);
        let written = Arc::clone(&log);
        let application = Application::start(move |nth| {
            let (at, status) = (clock.now(), respond(clock.now(), nth));
            written.lock().unwrap_or_else(PoisonError::into_inner).push((at, status));
            AppAnswer::status(status)
        });
        let application = application.await.expect("an application");
        let id = receiver_id(n);
        let tenant = CUSTOMERS[0].tenant;
        let endpoint = json!({ "url": application.base(), "secret": SECRET });
        let context = json!({ "tenant": tenant, "instance": format!("#receiver/{id}") });
        let sealed = Cloud::encrypt_text(&endpoint.to_string(), &context);
        let item = json!({
            "tenant": { "S": tenant }, "receiver": { "S": format!("*#{id}") },
            "host": { "S": "127.0.0.1" }, "what": { "S": "all" },
            "sealed": { "S": data_encoding::BASE64.encode(&sealed) },
        });
        self.write_table("PutItem", &json!({ "TableName": RECEIVERS, "Item": item }));
        self.applications.push((application, log));
    }

    fn write_table(&self, operation: &str, asked: &Value) {
        let answer = self.cloud.tables.answer_call(operation, asked);
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    /// Posts webhooks as W-API does, each until it is answered 200. Returns those that were.
    async fn post_webhooks(&self, plan: &ReceiverPlan) -> Vec<(Duration, Vec<u8>)> {
        let (count, every) = plan.webhooks;
        let mut slot = Slot::<Arc<Webhook>>::new(&self.around, "webhook-0".to_owned());
        let mut accepted = Vec::new();
        let customer = CUSTOMERS[0];
        for n in 0..count {
            self.cloud.clock.sleep_until(every * n).await;
            let event = match n % 4 {
                1 if plan.has_connections => "webhookDisconnected",
                3 if plan.has_connections => "webhookConnected",
                _ => "webhookStatus",
            };
            let body = json!({ "event": event, "instanceId": customer.instance, "n": n });
            for _ in 0..TRIES {
                let posted = slot.post_webhook((customer.instance, customer.secret), &body).await;
                if posted == InvocationEnd::Answered(200) {
                    accepted.push((self.cloud.clock.now(), body.to_string().into_bytes()));
                    break;
                }
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
        accepted
    }

    /// Serves the deliveries queue with one process after another, without end.
    async fn run_deliver(self: Arc<Self>) {
        let mut slot = Slot::<Arc<Deliver>>::new(&self.around, "deliver-0".to_owned());
        loop {
            let changed = self.cloud.wait_for_queue_change();
            let batch = self.cloud.receive(DELIVERIES, BATCH);
            if batch.is_empty() {
                match self.next_delivery() {
                    None => changed.await,
                    Some(moment) => tokio::select! {
                        () = changed => {}
                        () = self.cloud.clock.sleep_until(moment) => {}
                    },
                }
                continue;
            }
            let InvocationEnd::Answered(failed) = slot.deliver_batch(&batch).await else {
                continue;
            };
            for one in batch.iter().filter(|one| !failed.contains(&one.message.id)) {
                self.cloud.lock_sqs().acknowledge(DELIVERIES, &one.receipt);
            }
        }
    }

    /// When the queue may give out a message.
    fn next_delivery(&self) -> Option<Duration> {
        let sqs = self.cloud.lock_sqs();
        sqs.queue(DELIVERIES)?.next_receivable_at(self.cloud.clock.now())
    }

    /// Runs the watch function every minute in which something rests.
    async fn run_watch(self: Arc<Self>) {
        let mut slot = Slot::<Arc<Watch>>::new(&self.around, "watch-0".to_owned());
        loop {
            tokio::time::sleep(Duration::from_mins(1)).await;
            if self.count_resting() > 0 {
                slot.watch_pass(Pass::Due).await;
            }
        }
    }

    /// Publishes a table's stream without end.
    fn read_stream(&self, table: &'static str, process: &str) -> impl Future<Output = ()> + use<> {
        let mut reader = StreamReader::new(&self.around, table, process);
        async move {
            loop {
                tokio::time::sleep(WINDOW).await;
                while !reader.publish_some().await.is_empty() {}
            }
        }
    }

    fn count_resting(&self) -> usize {
        self.cloud.tables.items(JOBS_TABLE).expect("items").len()
    }

    /// What rests for the applications that still want something.
    fn count_wanted(&self, got: &[Vec<Arrival>]) -> usize {
        let gone = gone_receivers(got).into_iter();
        let gone: BTreeSet<_> = gone.map(|id| format!("~{id}")).collect();
        let items = self.cloud.tables.items(JOBS_TABLE).expect("items");
        let is_wanted = |item: &&Value| {
            item["instance"]["S"].as_str().is_none_or(|place| !gone.contains(place))
        };
        items.iter().filter(is_wanted).count()
    }

    fn look(&self, accepted: &[(Duration, Vec<u8>)]) -> ReceiverOutcome {
        let got = self.applications.iter().map(|(application, log)| {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let arrivals = application.posted().into_iter().zip(log);
            let arrival = |(posted, (at, status)): (stand_in::PostedWebhook, _)| Arrival {
                at,
                status,
                id: posted.header("webhook-id").to_owned(),
                body: posted.body,
            };
            arrivals.map(arrival).collect()
        });
        let got: Vec<Vec<Arrival>> = got.collect();
        let to_tell = ToTell::new(accepted, gone_receivers(&got));
        let untold = got.iter().enumerate().flat_map(|(n, got)| {
            let untold = to_tell.untold(&receiver_id(n), got).into_iter();
            untold.map(move |what| format!("application {n}: {what}"))
        });
        ReceiverOutcome {
            events: to_tell.count(),
            untold: untold.collect(),
            accepted: accepted.to_vec(),
            resting: self.count_wanted(&got),
            got,
            trace: Vec::new(),
            reached: BTreeSet::new(),
        }
    }
}
