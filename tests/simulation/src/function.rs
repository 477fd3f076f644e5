//! The functions as Lambda runs them: a process handles invocations until it is killed.

mod publish;

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws::{bucket::MultipartChecksum, clients::Clients};
use aws_lambda_events::sqs::SqsEvent;
use backfill::{Backfill, Pace, RunScope};
use deliver::{Ambient, Deliver};
use download::{
    batch,
    worker::{ClockAndRandom, Worker},
};
use fetch::{Limits, Origins};
use futures_util::FutureExt;
use lambda_http::{Body, Request, RequestExt};
use media::{ids::InstanceId, object_key::parse_offset};
use serde_json::{Value, json};
use tokio::time::Instant;
use watch::{Pass, Watch};
use webhook::Webhook;

use crate::{
    chance::Chance,
    cloud::{Cloud, queue::Delivery, sqs::QUEUE_URL_BASE},
    fault::Stalls,
    wire::{ENDPOINT, Process, Wire},
};

/// The table of instances. Every world uses the same names.
pub(crate) const INSTANCES: &str = "instances";
/// The table of tenants.
pub(crate) const TENANTS: &str = "tenants";
/// The table of media.
pub(crate) const MEDIA: &str = "media";
/// The table of unsettled jobs.
pub(crate) const JOBS_TABLE: &str = "jobs-table";
/// The table of counts.
pub(crate) const COUNTERS: &str = "counters";
/// The table of the back-fill's marks.
pub(crate) const MARKS_TABLE: &str = "marks";
/// The table of people.
pub(crate) const PEOPLE_TABLE: &str = "people";
/// The table of orders.
pub(crate) const ORDERS: &str = "orders";
/// The table of receivers.
pub(crate) const RECEIVERS: &str = "receivers";
/// The table of media links.
pub(crate) const LINKS: &str = "links";
/// The queue of deliveries.
pub(crate) const DELIVERIES: &str = "deliveries";
/// The queue of jobs.
pub(crate) const JOBS: &str = "jobs";
/// The queue of parked jobs.
pub(crate) const PARKED: &str = "parked";
/// The download function's timeout for AWS calls.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);
/// The watch function's timeout for AWS calls.
const WATCH_CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The watch function's timeout in `template.yaml`.
const WATCH_TIMEOUT: Duration = Duration::from_secs(90);
/// The back-fill function's timeout for AWS calls.
const BACKFILL_CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The back-fill function's timeout in `template.yaml`.
const BACKFILL_TIMEOUT: Duration = Duration::from_secs(270);
/// The webhook function's timeout in `template.yaml`.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// The deliver function's timeout in `template.yaml`.
const DELIVER_TIMEOUT: Duration = Duration::from_secs(60);

/// What all processes of a world share.
pub(crate) struct ProcessContext {
    /// The cloud that all processes call.
    pub(crate) cloud: Arc<Cloud>,
    /// The addresses of W-API and the CDN.
    pub(crate) origins: Origins,
    /// The error of a process's clock, in seconds.
    pub(crate) skew: Arc<dyn Fn(&str) -> i64 + Send + Sync>,
    /// How long a new process takes at most until it handles its first invocation.
    pub(crate) max_cold_start: Duration,
    /// Which invocations stall.
    pub(crate) stalls: Stalls,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvocationEnd<T> {
    /// It returned an answer.
    Answered(T),
    /// It returned an error that fails the whole invocation; the process lives on.
    Failed,
    /// Its process died: it was killed, panicked or ran out of time.
    Died(&'static str),
}

/// A place in which one process runs after another.
pub(crate) struct Slot<F> {
    around: Arc<ProcessContext>,
    name: String,
    lives: u32,
    invocations: u32,
    running: Option<(Arc<Process>, F)>,
}

impl<F> Slot<F> {
    /// Builds a slot without a process.
    #[must_use]
    pub(crate) fn new(around: &Arc<ProcessContext>, name: String) -> Self {
        Self { around: Arc::clone(around), name, lives: 0, invocations: 0, running: None }
    }

    fn now(&self) -> i64 {
        self.around.cloud.clock.unix() + (self.around.skew)(&self.name)
    }

    /// Waits until a new process would handle its first invocation. Lambda does not count this time
    /// against the invocation.
    async fn start_process(&self) {
        let ProcessContext { cloud, max_cold_start, .. } = &*self.around;
        if self.running.is_some() || max_cold_start.is_zero() {
            return;
        }
        let chance = cloud.chance.named("cold start").named(&self.name).named(self.lives);
        let took = chance.random_time(*max_cold_start);
        tokio::time::sleep(took).await;
        let line = format!("{} started cold, within {took:?}", self.name);
        cloud.log.add_line(cloud.clock.now(), line);
    }

    fn clock_and_random(&self) -> ClockAndRandom {
        let (clock, skew) = (self.around.cloud.clock, (self.around.skew)(&self.name));
        let chance: Chance = self.around.cloud.chance.named(&self.name).named(self.lives);
        let asked = AtomicU64::new(0);
        ClockAndRandom {
            now: Arc::new(move || clock.unix() + skew),
            random: Arc::new(move || chance.named(asked.fetch_add(1, Ordering::Relaxed)).number()),
        }
    }

    fn build_clients(&mut self, longest: Duration) -> (Arc<Process>, Clients) {
        let process = Process::new(&self.name, self.lives);
        self.lives += 1;
        let wire = Wire::http_client(&self.around.cloud, &process);
        let clients = Clients::with_http_client(wire, ENDPOINT, longest);
        (process, clients)
    }

    /// Runs an invocation until it ends or its process dies. One that stalls gets no processor from
    /// some moment on, so that its own watch over the time does not help, and Lambda ends it.
    async fn run_invocation<T>(
        &mut self,
        process: &Process,
        within: Duration,
        run: impl Future<Output = Result<T, lambda_http::Error>>,
    ) -> InvocationEnd<T> {
        self.invocations += 1;
        let stalls_after = (self.around.stalls)(&self.name, self.invocations);
        let mut run = pin!(AssertUnwindSafe(run).catch_unwind());
        let stalled = async {
            match stalls_after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            biased;
            () = process.wait_until_killed() => InvocationEnd::Died("killed"),
            ended = &mut run => match ended {
                Ok(Ok(answer)) => InvocationEnd::Answered(answer),
                Ok(Err(_)) => InvocationEnd::Failed,
                Err(_) => InvocationEnd::Died("panicked"),
            },
            () = stalled => {
                tokio::time::sleep(within.saturating_sub(stalls_after.unwrap_or_default())).await;
                InvocationEnd::Died("out of time")
            }
            () = tokio::time::sleep(within) => InvocationEnd::Died("out of time"),
        };
        if let InvocationEnd::Died(why) = &ended {
            let cloud = &self.around.cloud;
            cloud.log.add_line(cloud.clock.now(), format!("{} died: {why}", self.name));
            self.running = None;
        }
        ended
    }
}

impl Slot<Arc<Worker>> {
    /// Runs a batch and returns the ids of the messages that were not acknowledged.
    pub(crate) async fn download_batch(
        &mut self,
        batch: &[Delivery],
        within: Duration,
    ) -> InvocationEnd<Vec<String>> {
        self.start_process().await;
        if self.running.is_none() {
            self.running = Some(self.start_worker());
        }
        let Some((process, worker)) = self.running.clone() else {
            return InvocationEnd::Failed;
        };
        let event = sqs_event(batch);
        let deadline = Instant::now() + within;
        let run = async {
            let answer = batch::handle_batch(&worker, event, deadline).await?;
            let failures = answer.batch_item_failures.into_iter();
            Ok(failures.map(|one| one.item_identifier).collect())
        };
        self.run_invocation(&process, within, run).await
    }

    fn start_worker(&mut self) -> (Arc<Process>, Arc<Worker>) {
        let (process, clients) = self.build_clients(CALL_TIMEOUT);
        let config = download::config::Config {
            region: "us-east-1".to_owned(),
            endpoint: None,
            instances_table: INSTANCES.to_owned(),
            media_table: MEDIA.to_owned(),
            jobs_table: JOBS_TABLE.to_owned(),
            counters_table: COUNTERS.to_owned(),
            orders_table: ORDERS.to_owned(),
            bucket: "media".to_owned(),
            jobs_queue_url: format!("{QUEUE_URL_BASE}{JOBS}"),
            parked_queue_url: format!("{QUEUE_URL_BASE}{PARKED}"),
            origins: self.around.origins.clone(),
            offset: parse_offset("-03:00").expect("an offset"),
            checksum: MultipartChecksum::FullObject,
            planned_panic: download::fault::PlannedPanic::default(),
        };
        let ambient = self.clock_and_random();
        let worker = Worker::with_clients(&clients, config, Limits::default(), ambient);
        (process, Arc::new(worker.expect("a worker")))
    }
}

impl Slot<Arc<Deliver>> {
    /// Delivers a batch and returns the ids of the messages that were not acknowledged.
    pub(crate) async fn deliver_batch(&mut self, batch: &[Delivery]) -> InvocationEnd<Vec<String>> {
        self.start_process().await;
        if self.running.is_none() {
            let (process, clients) = self.build_clients(deliver::MAX_CALL_TIME);
            let config = deliver::config::Config {
                region: "us-east-1".to_owned(),
                endpoint: None,
                receivers_table: RECEIVERS.to_owned(),
                jobs_table: JOBS_TABLE.to_owned(),
                orders_table: ORDERS.to_owned(),
                deliveries_queue_url: format!("{QUEUE_URL_BASE}{DELIVERIES}"),
                deliveries_bucket: "deliveries".to_owned(),
                webhook_base_url: "https://api.example.invalid".to_owned(),
                wapi_base_url: "http://127.0.0.1:1/v1".to_owned(),
            };
            let ClockAndRandom { now, random } = self.clock_and_random();
            let deliver = Deliver::with_clients(&clients, config, Ambient { now, random });
            self.running = Some((process, Arc::new(deliver.expect("a function"))));
        }
        let Some((process, deliver)) = self.running.clone() else {
            return InvocationEnd::Failed;
        };
        let (event, deadline) = (sqs_event(batch), Instant::now() + DELIVER_TIMEOUT);
        let run = async {
            let answer = deliver::batch::handle_batch(&deliver, event, deadline).await?;
            let failures = answer.batch_item_failures.into_iter();
            Ok(failures.map(|one| one.item_identifier).collect())
        };
        self.run_invocation(&process, DELIVER_TIMEOUT, run).await
    }
}

impl Slot<Arc<Watch>> {
    /// Runs one pass of the watch function.
    pub(crate) async fn watch_pass(&mut self, pass: Pass) -> InvocationEnd<()> {
        self.start_process().await;
        if self.running.is_none() {
            let (process, clients) = self.build_clients(WATCH_CALL_TIMEOUT);
            let config = watch::config::Config {
                region: "us-east-1".to_owned(),
                endpoint: None,
                instances_table: INSTANCES.to_owned(),
                media_table: MEDIA.to_owned(),
                jobs_table: JOBS_TABLE.to_owned(),
                orders_table: ORDERS.to_owned(),
                receivers_table: RECEIVERS.to_owned(),
                jobs_queue_url: format!("{QUEUE_URL_BASE}{JOBS}"),
                deliveries_queue_url: format!("{QUEUE_URL_BASE}{DELIVERIES}"),
                parked_queue_url: format!("{QUEUE_URL_BASE}{PARKED}"),
            };
            self.running = Some((process, Arc::new(Watch::with_clients(&clients, config))));
        }
        let Some((process, watch)) = self.running.clone() else {
            return InvocationEnd::Failed;
        };
        let now = self.now();
        let run = async { Ok(watch.run_pass(pass, now).await?) };
        self.run_invocation(&process, WATCH_TIMEOUT, run).await
    }
}

impl Slot<Arc<Backfill>> {
    /// Reads the log of one instance.
    pub(crate) async fn backfill_instance(&mut self, instance: &InstanceId) -> InvocationEnd<()> {
        self.start_process().await;
        if self.running.is_none() {
            let (process, clients) = self.build_clients(BACKFILL_CALL_TIMEOUT);
            let config = backfill::config::Config {
                region: "us-east-1".to_owned(),
                endpoint: None,
                instances_table: INSTANCES.to_owned(),
                media_table: MEDIA.to_owned(),
                marks_table: MARKS_TABLE.to_owned(),
                orders_table: ORDERS.to_owned(),
                people_table: None,
                jobs_queue_url: format!("{QUEUE_URL_BASE}{JOBS}"),
                origins: self.around.origins.clone(),
            };
            let backfill = Backfill::with_clients(&clients, config, Pace::default());
            self.running = Some((process, Arc::new(backfill.expect("a back-fill"))));
        }
        let Some((process, backfill)) = self.running.clone() else {
            return InvocationEnd::Failed;
        };
        let (scope, now) = (RunScope::One(instance.clone()), self.now());
        let deadline = Instant::now() + BACKFILL_TIMEOUT;
        let run = async { Ok(backfill.run(&scope, now, deadline).await?) };
        self.run_invocation(&process, BACKFILL_TIMEOUT, run).await
    }
}

impl Slot<Arc<Webhook>> {
    /// Posts a webhook to the URL of this instance with this secret, and returns the status.
    pub(crate) async fn post_webhook(
        &mut self,
        (instance, secret): (&str, &str),
        body: &Value,
    ) -> InvocationEnd<u16> {
        self.start_process().await;
        if self.running.is_none() {
            let (process, clients) = self.build_clients(webhook::MAX_CALL_TIME);
            let config = webhook::config::Config {
                region: "us-east-1".to_owned(),
                endpoint: None,
                instances_table: INSTANCES.to_owned(),
                jobs_table: JOBS_TABLE.to_owned(),
                people_table: PEOPLE_TABLE.to_owned(),
                orders_table: ORDERS.to_owned(),
                asks_lids: false,
                marks_table: MARKS_TABLE.to_owned(),
                receivers_table: RECEIVERS.to_owned(),
                jobs_queue_url: format!("{QUEUE_URL_BASE}{JOBS}"),
                deliveries_queue_url: format!("{QUEUE_URL_BASE}{DELIVERIES}"),
                deliveries_bucket: "deliveries".to_owned(),
            };
            let webhook = Arc::new(Webhook::with_clients(&clients, config));
            self.running = Some((process, webhook));
        }
        let Some((process, webhook)) = self.running.clone() else {
            return InvocationEnd::Failed;
        };
        let (request, now) = (webhook_request(instance, secret, body), self.now());
        let run = async { Ok(webhook.handle_request(&request, now).await?.status().as_u16()) };
        self.run_invocation(&process, WEBHOOK_TIMEOUT, run).await
    }
}

fn webhook_request(instance: &str, secret: &str, body: &Value) -> Request {
    let path = HashMap::from([
        ("instanceId".to_owned(), instance.to_owned()),
        ("secret".to_owned(), secret.to_owned()),
    ]);
    let request = http::Request::post("/webhook").body(Body::from(body.to_string()));
    request.expect("a request").with_path_parameters(path)
}

/// The attributes of a message as Lambda writes them, with names in camel case.
fn event_attributes(attributes: &Value) -> Value {
    let attributes = attributes.as_object().into_iter().flatten();
    let renamed = attributes.map(|(name, value)| {
        let (text, kind) = (&value["StringValue"], &value["DataType"]);
        (name.clone(), json!({ "stringValue": text, "dataType": kind }))
    });
    Value::Object(renamed.collect())
}

fn sqs_event(batch: &[Delivery]) -> SqsEvent {
    let record = |one: &Delivery| {
        json!({
            "messageId": one.message.id,
            "receiptHandle": one.receipt,
            "body": one.message.body,
            "attributes": { "ApproximateReceiveCount": one.receives.to_string() },
            "messageAttributes": event_attributes(&one.message.attributes),
            "eventSource": "aws:sqs",
        })
    };
    let records: Vec<_> = batch.iter().map(record).collect();
    serde_json::from_value(json!({ "Records": records })).expect("an event")
}
