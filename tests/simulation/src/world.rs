//! One world: a cloud, origins, functions and senders, run to its end and accounted for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use fetch::Origins;
use media::media_link::LinkRule;
use redaction::{Class, plant};
use stand_in::{ReceivedRequest, StandIn};
use tokio::sync::Mutex;
use watch::Pass;
use webhook::Webhook;

use crate::{
    accounting::{Account, Evidence},
    backfiller,
    chance::Chance,
    cleaner, clockwork,
    cloud::{Cloud, queue::Settings},
    decisions::Decisions,
    evidence,
    function::{COUNTERS, DELIVERIES, JOBS, PARKED, PEOPLE_TABLE, ProcessContext, Slot},
    operator::Desk,
    plan::{CUSTOMERS, Plan},
    publisher::{self, Publisher},
    schema,
    senders::HookSecrets,
    source::EventSource,
    watcher::{self, Watcher},
    wire::ResourceAccess,
};

/// Webhook functions that run at the same time.
pub(crate) const WEBHOOKS: u64 = 2;
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
    /// How many items the table of people has.
    pub people: usize,
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
        Box::pin(World::build_world(plan).await.expect("a world").run_to_end()).await
    })
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) origins: Arc<StandIn>,
    source: Arc<EventSource>,
    around: Arc<ProcessContext>,
    pub(crate) webhooks: Vec<Arc<Mutex<Slot<Arc<Webhook>>>>>,
    pub(crate) operator: Desk,
    pub(crate) decisions: Decisions,
    pub(crate) secrets: HookSecrets,
}

impl World {
    async fn build_world(plan: Plan) -> anyhow::Result<Self> {
        let chance = Chance::from_seed(plan.seed);
        let cloud = Cloud::start(chance, Arc::clone(&plan.faults), plan.copies_per_mille)?;
        if !plan.read_lag.is_zero() {
            cloud.tables.lag_behind(plan.read_lag)?;
        }
        let origins = Arc::new(StandIn::start().await?);
        let clock = cloud.clock;
        origins.set_clock(stand_in::Clock::new(move || clock.unix_ms()));
        let around = Arc::new(ProcessContext {
            cloud: Arc::clone(&cloud),
            origins: Origins::parse(&origins.wapi_base(), &origins.cdn_bases())?,
            skew: Arc::clone(&plan.skew),
            max_cold_start: plan.max_cold_start,
            stalls: Arc::clone(&plan.stalls),
        });
        let source = EventSource::new(&around, Arc::clone(&plan.time_left));
        let slot = |n| Arc::new(Mutex::new(Slot::new(&around, format!("webhook-{n}"))));
        let world = Self {
            webhooks: (0..WEBHOOKS).map(slot).collect(),
            operator: Desk::new(&cloud, plan.order.clone()),
            decisions: Decisions::default(),
            secrets: HookSecrets::default(),
            plan,
            cloud,
            origins,
            source,
            around,
        };
        world.create_resources().await?;
        Ok(world)
    }

    /// Creates the queues of `template.yaml`, the tables and the customers.
    async fn create_resources(&self) -> anyhow::Result<()> {
        let max_in_flight = self.plan.max_in_flight;
        let settings = Settings {
            visibility: Duration::from_secs(3630),
            retention: Duration::from_hours(7 * 24),
            redrive: Some((140, PARKED.to_owned())),
            is_fair: true,
            max_in_flight,
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
            schema::receivers_table(),
            schema::links_table(),
        ] {
            self.write_table("CreateTable", &table);
        }
        if self.plan.has_receivers {
            // What was delivered would be gone; here it is kept, and counted at the end.
            let retention = Duration::from_hours(365 * 24);
            let settings = Settings { retention, ..Settings::default() };
            self.cloud.lock_sqs().create_queue(DELIVERIES, settings);
            publisher::receiver_items().iter().for_each(|item| self.write_table("PutItem", item));
        }
        for customer in CUSTOMERS {
            self.origins.register_instance(customer.instance, customer.token);
            plant(Class::Secret, "webhook secret", customer.secret);
            let mut policy = self.plan.policy.clone();
            if self.plan.has_receivers && customer.tenant == publisher::TENANT_WITH_LINKS {
                policy.links = LinkRule::Days7;
            }
            self.operator.add_tenant(customer.tenant, &policy).await;
            let secret = self.operator.add_instance(customer).await;
            anyhow::ensure!(secret.expose() == customer.secret, "another secret");
        }
        Ok(())
    }

    /// Writes to a table without the wire.
    ///
    /// # Panics
    /// If the table refuses it.
    pub(crate) fn write_table(&self, operation: &str, asked: &serde_json::Value) {
        let answer = self.cloud.tables.answer_call(operation, asked);
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    async fn run_to_end(self) -> Outcome {
        let world = Arc::new(self);
        let servers = (0..world.plan.downloads)
            .map(|n| tokio::task::spawn_local(Arc::clone(&world.source).run_poller(n)));
        let servers: Vec<_> = servers.collect();
        let watcher = Watcher::new(&world.around);
        let watching = tokio::task::spawn_local(Arc::clone(&watcher).run());
        let publisher = Publisher::new(&world.around);
        let publishing = Arc::clone(&publisher).run();
        let publishing = world.plan.has_receivers.then(|| tokio::task::spawn_local(publishing));
        let (cloud, rules) = (Arc::clone(&world.cloud), world.plan.expiry.clone());
        let cleaning = tokio::task::spawn_local(cleaner::run_cleaner(cloud, rules));
        let backfills =
            backfiller::run_backfills(Arc::clone(&world.around), world.plan.backfills.clone());
        let (announced, ()) = tokio::join!(world.send_everything(), backfills);
        let max_time = world.plan.max_time.max(world.plan.min_time + Duration::from_hours(24));
        while !world.is_done() && world.cloud.clock.now() < max_time {
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
        world.cloud.log.add_line(took, format!("{} days have passed", took.as_secs() / 86_400));
        watcher.run_pass(Pass::Look).await;
        tokio::time::sleep(SWEEP_AGE + Duration::from_hours(1)).await;
        // No fault of a seed lasts until then: the look that a fault has ended comes again.
        watcher.run_pass(Pass::Look).await;
        cleaning.abort();
        let untold = match publishing {
            Some(publishing) => {
                publishing.abort();
                publisher.publish_all().await;
                publisher.untold().await
            }
            None => Vec::new(),
        };
        let uploads = world.cloud.bucket.abort_old_uploads(SWEEP_AGE);
        let evidence = evidence::gather_evidence(&world.cloud, uploads);
        let mut account = Account::new(&world.decisions.judge_media(announced), &evidence);
        account.unexpected.extend(world.decisions.refusals());
        account.unexpected.extend(untold);
        Outcome {
            account,
            evidence,
            trace: world.cloud.log.lines(),
            took,
            violations: world.origins.violations(),
            noncurrent: world.cloud.bucket.noncurrent_keys(),
            people: world.cloud.tables.items(PEOPLE_TABLE).expect("people").len(),
            reached: world.cloud.log.resource_accesses(),
            counts: world.cloud.tables.sum_numbers(COUNTERS).expect("counts"),
            invoked: world.source.invoked_time(),
            requests: world.origins.requests(),
        }
    }

    /// Whether the time of the plan is over and every job is settled: nothing is queued, in work or
    /// due later.
    fn is_done(&self) -> bool {
        let is_due = |place| watcher::next_due(&self.cloud, place).is_some();
        let is_over = self.cloud.clock.now() >= self.plan.min_time;
        is_over && self.source.is_done() && !is_due("table") && !is_due("queue")
    }
}
