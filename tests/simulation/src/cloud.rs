//! AWS inside this process: SQS, S3, `DynamoDB` and KMS, as far as the handlers use them, as AWS
//! documents them.

pub mod answer;
mod asked;
pub mod bucket;
mod kms;
pub mod queue;
pub mod sqs;
pub mod tables;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use s3s::service::{S3Service, S3ServiceBuilder};
use serde_json::Value;
use tokio::sync::Notify;

use crate::{accounting::Identity, chance::Chance, clockwork::Clock, fault::Plan, wire::Log};
use answer::{Answer, BuildAnswer};
pub use asked::AwsRequest;
use bucket::Bucket;
use queue::{Delivery, Luck};
use sqs::{CallContext, Sqs};
use tables::Tables;

/// The maximum time of one direction of a healthy call; the answer takes as long again.
const MAX_LATENCY: Duration = Duration::from_millis(20);

/// The cloud of one world.
pub struct Cloud {
    /// Decides what happens to each call.
    pub plan: Plan,
    /// The source of the world's random choices.
    pub chance: Chance,
    /// The clock of the world's virtual time.
    pub clock: Clock,
    /// The log of every call.
    pub log: Log,
    /// The only bucket.
    pub bucket: Bucket,
    /// The tables of instances and of media.
    pub tables: Tables,
    /// Of a thousand receipts, how many leave a duplicate visible.
    pub copies_per_mille: u64,
    /// The jobs without a record that an operator dropped.
    pub dropped: Mutex<Vec<Identity>>,
    s3: S3Service,
    sqs: Mutex<Sqs>,
    queues_changed: Notify,
}

impl Cloud {
    /// Starts an empty cloud whose time begins now.
    ///
    /// # Errors
    /// If the table engine cannot be created.
    pub fn start(chance: Chance, plan: Plan, copies_per_mille: u64) -> anyhow::Result<Arc<Self>> {
        let clock = Clock::start();
        let bucket = Bucket::new(Arc::new(move || clock.now()));
        Ok(Arc::new(Self {
            plan,
            chance,
            clock,
            log: Log::default(),
            s3: S3ServiceBuilder::new(bucket.clone()).build(),
            bucket,
            tables: Tables::new(clock)?,
            copies_per_mille,
            dropped: Mutex::default(),
            sqs: Mutex::default(),
            queues_changed: Notify::new(),
        }))
    }

    /// Encrypts a text as KMS would.
    #[must_use]
    pub fn encrypt_text(text: &str, context: &Value) -> Vec<u8> {
        let plain = data_encoding::BASE64.encode(text.as_bytes());
        kms::encrypt(&Value::from(plain), context)
    }

    /// Locks and returns the queues.
    pub fn lock_sqs(&self) -> MutexGuard<'_, Sqs> {
        self.sqs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a queue changes.
    pub async fn wait_for_queue_change(&self) {
        self.queues_changed.notified().await;
    }

    /// Reports that a queue changed to every waiter.
    pub fn notify_queue_change(&self) {
        self.queues_changed.notify_waiters();
    }

    /// Receives up to `most` messages as an event source does.
    pub fn receive(&self, queue: &str, most: usize) -> Vec<Delivery> {
        let mut luck = self.seeded_luck();
        let mut moment =
            CallContext { now: self.clock.now(), luck: &mut luck, failing: &|_| false };
        self.lock_sqs().receive(queue, most, &mut moment)
    }

    /// How long one direction of a call takes.
    #[must_use]
    pub fn random_latency(&self, chance: Chance) -> Duration {
        Duration::from_millis(1) + chance.random_time(MAX_LATENCY)
    }

    /// Executes a call. With `is_partial`, every second entry of a batch fails.
    pub async fn execute_call(
        &self,
        asked: &AwsRequest,
        chance: Chance,
        is_partial: bool,
    ) -> Answer {
        let (service, operation) = asked.target();
        if service == "s3" {
            return self.execute_s3_call(asked).await;
        }
        let json: Value = serde_json::from_slice(asked.body()).unwrap_or_default();
        match service {
            "dynamodb" => self.execute_table_call(operation, &json, chance),
            "kms" => kms::answer_call(operation, &json),
            "sqs" => {
                let first = chance.below(2) == 0;
                let mut luck = self.seeded_luck();
                let mut moment = CallContext {
                    now: self.clock.now(),
                    luck: &mut luck,
                    failing: &|n| is_partial && (n % 2 == 0) == first,
                };
                let answer = self.lock_sqs().answer_call(operation, &json, &mut moment);
                self.notify_queue_change();
                answer
            }
            _ => Answer::refusal("UnknownService", service),
        }
    }

    /// Half of the reads that may be late are.
    fn execute_table_call(&self, operation: &str, asked: &Value, chance: Chance) -> Answer {
        let late = self.tables.answer_late(operation, asked);
        let late = late.filter(|_| chance.named("replica").happens(500));
        let answer = self.tables.answer_call(operation, asked);
        let Some(late) = late else {
            return answer;
        };
        // Two engines may write the same item in different orders.
        let read = |one: &Answer| serde_json::from_slice::<Value>(one.body()).ok();
        if read(&late) != read(&answer) {
            let table = asked["TableName"].as_str().unwrap_or_default();
            self.log.add_line(self.clock.now(), format!("{operation} {table} was late"));
        }
        late
    }

    fn seeded_luck(&self) -> SeededLuck {
        SeededLuck { chance: self.chance.named("luck"), copies_per_mille: self.copies_per_mille }
    }

    async fn execute_s3_call(&self, asked: &AwsRequest) -> Answer {
        let mut request = asked.to_http().map(s3s::Body::from);
        // Signatures need the `host` header, which only a connection would add; an unsigned
        // request is accepted without it.
        request.headers_mut().remove("authorization");
        let Ok(answer) = self.s3.call(request).await else {
            return Answer::s3_error(500, "InternalError");
        };
        let (head, mut body) = answer.into_parts();
        let bytes = body.store_all_limited(1024 * 1024).await.unwrap_or_default();
        http::Response::from_parts(head, bytes)
    }
}

/// Order and duplicates, decided by the seed.
struct SeededLuck {
    chance: Chance,
    copies_per_mille: u64,
}

impl Luck for SeededLuck {
    fn order_of(&mut self, id: &str, receives: u32) -> u64 {
        self.chance.named(id).named(receives).number()
    }

    fn is_duplicated(&mut self, id: &str, receives: u32) -> bool {
        // A duplicate may be duplicated in turn, but not without end.
        receives < 4
            && self.chance.named("copy").named(id).named(receives).happens(self.copies_per_mille)
    }
}
