//! One world: a cloud, origins, both functions, senders; lived through to its end and accounted for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use aws::{
    clients::Clients,
    register::{NewInstance, Places, Register},
};
use data_encoding::BASE64;
use fetch::Origins;
use futures_util::future::join_all;
use media::{
    ids::{InstanceId, TenantId},
    message::Secret,
    policy::Policy,
    sha256::Sha256,
};
use redaction::{Class, plant};
use serde_json::{Value, json};
use stand_in::StandIn;
use tokio::sync::Mutex;
use watch::Watch;
use webhook::Webhook;

use crate::{
    accounting::{Account, Announced, Evidence, Fate, Identity, Told},
    before,
    chance::Chance,
    clockwork,
    cloud::{Cloud, queue::Settings, sqs::BASE},
    evidence,
    function::{Ended, INSTANCES, JOBS, MEDIA, PARKED, Slot, Surroundings},
    plan::{CUSTOMERS, Customer, Happening, Medium, Plan},
    source::Source,
    wire::{ENDPOINT, Process, Reached, Wire},
};

/// Webhook functions that run at the same time.
const WEBHOOKS: u64 = 2;
/// A world in which a job still waits after this has failed.
const HORIZON: Duration = Duration::from_hours(16 * 24);
/// What a sender waits before it tries again.
const SENDER_WAITS: Duration = Duration::from_secs(5);
/// Uploads older than this are swept, as `template.yaml` has it.
const SWEPT_AFTER: Duration = Duration::from_hours(24);

/// What became of a world.
#[derive(Debug)]
pub struct Outcome {
    /// The books.
    pub account: Account,
    /// What they were made of.
    pub evidence: Evidence,
    /// Every call, in order.
    pub trace: Vec<String>,
    /// How long the world took in its own time, until nothing waited any more.
    pub took: Duration,
    /// Breaches of the origins' rules.
    pub violations: Vec<String>,
    /// What each function did to which part of AWS.
    pub reached: BTreeSet<Reached>,
}

/// Lives through a plan on this thread.
///
/// # Panics
/// When the world cannot be built.
#[must_use]
pub fn live(plan: Plan) -> Outcome {
    // The SDK spreads its retries by this.
    fastrand::seed(plan.seed);
    clockwork::run(async move { World::build(plan).await.expect("a world").live().await })
}

struct World {
    plan: Plan,
    cloud: Arc<Cloud>,
    origins: Arc<StandIn>,
    source: Arc<Source>,
    webhooks: Vec<Arc<Mutex<Slot<Arc<Webhook>>>>>,
}

impl World {
    async fn build(plan: Plan) -> anyhow::Result<Self> {
        let chance = Chance::of_seed(plan.seed);
        let cloud = Cloud::start(chance, Arc::clone(&plan.faults), plan.copies_per_mille)?;
        let origins = Arc::new(StandIn::start().await?);
        let clock = cloud.clock;
        origins.live_by(stand_in::Clock::new(move || clock.unix_ms()));
        let around = Arc::new(Surroundings {
            cloud: Arc::clone(&cloud),
            origins: Origins::parse(&origins.wapi_base(), &origins.cdn_bases())?,
            skew: Arc::clone(&plan.skew),
        });
        let source = Source::new(&around, Arc::clone(&plan.time_left));
        let slot = |n| Arc::new(Mutex::new(Slot::new(&around, format!("webhook-{n}"))));
        let world = Self {
            webhooks: (0..WEBHOOKS).map(slot).collect(),
            plan,
            cloud,
            origins,
            source,
        };
        world.furnish().await?;
        Ok(world)
    }

    /// Queues as in `template.yaml`, tables, customers.
    async fn furnish(&self) -> anyhow::Result<()> {
        let settings = Settings {
            visibility: Duration::from_secs(3630),
            retention: Duration::from_hours(7 * 24),
            redrive: Some((140, PARKED.to_owned())),
            is_fair: true,
        };
        self.cloud.sqs().create(JOBS, settings);
        let settings = Settings {
            retention: Duration::from_hours(14 * 24),
            ..Settings::default()
        };
        self.cloud.sqs().create(PARKED, settings);
        for table in [instances_table(), media_table()] {
            let answer = self.cloud.tables.call("CreateTable", &table);
            anyhow::ensure!(answer.status() == 200, "{:?}", answer.body());
        }
        let operator = Clients::over(
            Wire::client(&self.cloud, &Process::new("operator", 0)),
            ENDPOINT,
            Duration::from_mins(1),
        );
        let places = Places {
            instances_table: INSTANCES.to_owned(),
            tenants_table: "tenants".to_owned(),
            token_key: "key".to_owned(),
        };
        let register = Register::new(&operator, places);
        for customer in CUSTOMERS {
            self.origins
                .register_instance(customer.instance, customer.token);
            plant(Class::Secret, "webhook secret", customer.secret);
            let new = NewInstance {
                id: &InstanceId::parse(customer.instance)?,
                tenant: &TenantId::parse(customer.tenant)?,
                secret_hash: Sha256::from_data(customer.secret.as_bytes()),
                strategies: &[],
                policy: &Policy::default(),
                token: &Secret::new(customer.token),
                now: clockwork::BEGINNING,
            };
            register.add_instance(&new).await?;
        }
        Ok(())
    }

    async fn live(self) -> Outcome {
        let world = Arc::new(self);
        let servers = (0..world.plan.downloads)
            .map(|n| tokio::task::spawn_local(Arc::clone(&world.source).serve(n)));
        let servers: Vec<_> = servers.collect();
        let announced = world.send_everything().await;
        while !world.source.is_done() && world.cloud.clock.now() < HORIZON {
            tokio::select! {
                () = world.cloud.queues_changed() => {}
                () = tokio::time::sleep(Duration::from_hours(1)) => {}
            }
        }
        for server in servers {
            server.abort();
        }
        let took = world.cloud.clock.now();
        world.look().await;
        tokio::time::sleep(SWEPT_AFTER + Duration::from_hours(1)).await;
        let uploads = world.cloud.bucket.sweep(SWEPT_AFTER);
        let evidence = evidence::gather(&world.cloud, uploads);
        Outcome {
            account: Account::of(&announced, &evidence),
            evidence,
            trace: world.cloud.log.lines(),
            took,
            violations: world.origins.violations(),
            reached: world.cloud.log.reached(),
        }
    }

    /// The hourly look, once. If the faults hit it, the next one would make it good.
    async fn look(&self) {
        let client = Wire::client(&self.cloud, &Process::new("watch-0", 0));
        let clients = Clients::over(client, ENDPOINT, Duration::from_secs(10));
        let config = watch::config::Config {
            region: "us-east-1".to_owned(),
            endpoint: None,
            media_table: MEDIA.to_owned(),
            jobs_queue_url: format!("{BASE}{JOBS}"),
            parked_queue_url: format!("{BASE}{PARKED}"),
        };
        let look = Watch::with_clients(&clients, config);
        if let Err(error) = look.look(self.cloud.clock.unix()).await {
            let line = format!("the hourly look failed: {error}");
            self.cloud.log.note(self.cloud.clock.now(), line);
        }
    }

    /// Announces all media, puts the strangers, lets everything happen, each at its time.
    async fn send_everything(self: &Arc<Self>) -> Vec<Announced> {
        let media = self.plan.media.iter().cloned();
        let posts: Vec<_> = media
            .map(|medium| tokio::task::spawn_local(Arc::clone(self).announce(medium)))
            .collect();
        let strangers = self.plan.strangers.iter().map(|(at, body)| async move {
            self.cloud.clock.until(*at).await;
            self.cloud.sqs().put(JOBS, body, None, *at);
            self.cloud.tell_of_queues();
            Announced {
                identity: Identity::of_body(body),
                tenant: String::new(),
                sha256: String::new(),
                told: Told::Accepted,
                fate: Fate::Parked,
            }
        });
        let happenings = self
            .plan
            .happenings
            .iter()
            .map(|(at, happening)| async move {
                self.cloud.clock.until(*at).await;
                self.cloud.log.note(*at, format!("{happening:?}"));
                self.happen(happening);
            });
        let (posted, strangers, _) =
            tokio::join!(join_all(posts), join_all(strangers), join_all(happenings));
        let posted = posted
            .into_iter()
            .map(|one| one.expect("a sender does not panic"));
        posted.chain(strangers).collect()
    }

    async fn announce(self: Arc<Self>, medium: Medium) -> Announced {
        let mut made = self.origins.announce(medium.spec).expect("a media");
        for (pointer, value) in medium.told {
            let place = made.webhook.pointer_mut(pointer).expect("a place");
            *place = value;
        }
        let customer = CUSTOMERS
            .into_iter()
            .find(|it| it.instance == made.instance);
        let customer = customer.expect("a known instance");
        self.cloud.clock.until(medium.at).await;
        if let Some(state) = medium.left.record {
            let item = before::record(&made, customer, state);
            let put = json!({ "TableName": MEDIA, "Item": item });
            let answer = self.cloud.tables.call("PutItem", &put);
            assert_eq!(answer.status(), 200, "{:?}", answer.body());
        }
        if medium.left.job {
            let (job, now) = (before::job(&made, customer), self.cloud.clock.now());
            self.cloud.sqs().put(JOBS, &job, None, now);
            self.cloud.tell_of_queues();
        }
        let posts = if medium.left.job { 0 } else { medium.posts };
        let posts = (0..posts).map(|n| self.post(customer, &made.webhook, &made.message_id, n));
        let told = join_all(posts).await;
        Announced {
            identity: Identity::new(made.instance, made.message_id)
                .holding(&made.chat, &made.sha256_hex),
            tenant: customer.tenant.to_owned(),
            sha256: made.sha256_hex,
            told: told
                .into_iter()
                .find(|told| *told == Told::Accepted)
                .unwrap_or(Told::Unsure),
            fate: medium.fate,
        }
    }

    /// Posts until 200, as often as the plan's senders do.
    async fn post(&self, customer: Customer, body: &Value, message_id: &str, n: u32) -> Told {
        for again in 0..self.plan.sender_tries.max(1) {
            let chance = self.cloud.chance.of(message_id).of(n).of(again);
            let slot = usize::try_from(chance.below(WEBHOOKS)).unwrap_or_default();
            let Some(slot) = self.webhooks.get(slot) else {
                break;
            };
            let ended = slot.lock().await.post(customer, body).await;
            let now = self.cloud.clock.now();
            self.cloud
                .log
                .note(now, format!("post of {message_id}: {ended:?}"));
            if ended == Ended::Answered(200) {
                return Told::Accepted;
            }
            tokio::time::sleep(SENDER_WAITS).await;
        }
        Told::Unsure
    }

    fn happen(&self, happening: &Happening) {
        match happening {
            Happening::Wapi(scenario) => self.origins.set_wapi(scenario.clone()),
            Happening::Cdn(scenario) => self.origins.set_cdn(scenario.clone()),
            Happening::NewToken(customer, token) => {
                self.origins.register_instance(customer.instance, token);
            }
            Happening::TokenWritten(customer, token) => self.write_token(*customer, token),
            Happening::Removed(customer) => {
                let key = json!({ "TableName": INSTANCES, "Key": { "instance": { "S": customer.instance } } });
                let answer = self.cloud.tables.call("DeleteItem", &key);
                assert_eq!(answer.status(), 200, "{:?}", answer.body());
            }
        }
    }

    fn write_token(&self, customer: Customer, token: &str) {
        let context = json!({ "tenant": customer.tenant, "instance": customer.instance });
        let sealed = Cloud::seal(token, &context);
        let update = json!({
            "TableName": INSTANCES,
            "Key": { "instance": { "S": customer.instance } },
            "UpdateExpression": "SET sealed_token = :token",
            "ExpressionAttributeValues": { ":token": { "S": BASE64.encode(&sealed) } },
        });
        let answer = self.cloud.tables.call("UpdateItem", &update);
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }
}

fn instances_table() -> Value {
    json!({
        "TableName": INSTANCES,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "instance", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "instance", "KeyType": "HASH" }],
    })
}

/// With the two indexes that list media by state and by instance.
fn media_table() -> Value {
    let attribute =
        |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let keys = |hash: &str, range: &str| {
        json!([
            { "AttributeName": hash, "KeyType": "HASH" },
            { "AttributeName": range, "KeyType": "RANGE" },
        ])
    };
    let index = |name: &str, hash: &str, range: &str| json!({ "IndexName": name, "KeySchema": keys(hash, range), "Projection": { "ProjectionType": "ALL" } });
    json!({
        "TableName": MEDIA,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            attribute("instance", "S"), attribute("message_id", "S"),
            attribute("state", "S"), attribute("recoverable_until", "N"), attribute("moment", "N"),
        ],
        "KeySchema": keys("instance", "message_id"),
        "GlobalSecondaryIndexes": [
            index("by_state", "state", "recoverable_until"),
            index("by_instance", "instance", "moment"),
        ],
    })
}
