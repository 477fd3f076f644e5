//! AWS inside this process: SQS, S3, `DynamoDB` and KMS as far as the handlers use them, and as AWS documents them.

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

use crate::{chance::Chance, clockwork::Clock, fault::Plan, wire::Log};
use answer::{Answer, Answers};
pub use asked::Asked;
use bucket::Bucket;
use queue::{Delivery, Luck};
use sqs::{Moment, Sqs};
use tables::Tables;

/// The slowest healthy way to AWS and back takes twice this.
const SLOWEST_WAY: Duration = Duration::from_millis(20);

/// The cloud of one world.
pub struct Cloud {
    /// Decides what happens to each call.
    pub plan: Plan,
    /// The world's chance.
    pub chance: Chance,
    /// The world's time.
    pub clock: Clock,
    /// Every call.
    pub log: Log,
    /// The bucket.
    pub bucket: Bucket,
    /// The tables.
    pub tables: Tables,
    /// Of a thousand receipts, how many are of a message that stays visible.
    pub copies_per_mille: u64,
    s3: S3Service,
    sqs: Mutex<Sqs>,
    queues_changed: Notify,
}

impl Cloud {
    /// An empty cloud whose time begins now.
    ///
    /// # Errors
    /// If the table engine cannot be made.
    pub fn start(chance: Chance, plan: Plan, copies_per_mille: u64) -> anyhow::Result<Arc<Self>> {
        let clock = Clock::start();
        let bucket = Bucket::empty(Arc::new(move || clock.now()));
        Ok(Arc::new(Self {
            plan,
            chance,
            clock,
            log: Log::default(),
            s3: S3ServiceBuilder::new(bucket.clone()).build(),
            bucket,
            tables: Tables::empty()?,
            copies_per_mille,
            sqs: Mutex::default(),
            queues_changed: Notify::new(),
        }))
    }

    /// A ciphertext as KMS would make it.
    #[must_use]
    pub fn seal(text: &str, context: &Value) -> Vec<u8> {
        let plain = data_encoding::BASE64.encode(text.as_bytes());
        kms::seal(&Value::from(plain), context)
    }

    /// The queues.
    pub fn sqs(&self) -> MutexGuard<'_, Sqs> {
        self.sqs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody has done something to a queue.
    pub async fn queues_changed(&self) {
        self.queues_changed.notified().await;
    }

    /// Tells every waiter that something was done to a queue.
    pub fn tell_of_queues(&self) {
        self.queues_changed.notify_waiters();
    }

    /// Receives up to `most` messages as an event source does.
    pub fn receive(&self, queue: &str, most: usize) -> Vec<Delivery> {
        let mut luck = self.luck();
        let mut moment = Moment {
            now: self.clock.now(),
            luck: &mut luck,
            failing: &|_| false,
        };
        self.sqs().receive(queue, most, &mut moment)
    }

    /// How long the way of one call takes.
    #[must_use]
    pub fn latency(&self, chance: Chance) -> Duration {
        Duration::from_millis(1) + chance.time(SLOWEST_WAY)
    }

    /// Does what a call asks for. With `is_partial` every second entry of a batch fails.
    pub async fn answer(&self, asked: &Asked, chance: Chance, is_partial: bool) -> Answer {
        let (service, operation) = asked.target();
        if service == "s3" {
            return self.of_s3(asked).await;
        }
        let json: Value = serde_json::from_slice(asked.body()).unwrap_or_default();
        match service {
            "dynamodb" => self.tables.call(operation, &json),
            "kms" => kms::call(operation, &json),
            "sqs" => {
                let first = chance.below(2) == 0;
                let mut luck = self.luck();
                let mut moment = Moment {
                    now: self.clock.now(),
                    luck: &mut luck,
                    failing: &|n| is_partial && (n % 2 == 0) == first,
                };
                let answer = self.sqs().call(operation, &json, &mut moment);
                self.tell_of_queues();
                answer
            }
            _ => Answer::refusal("UnknownService", service),
        }
    }

    fn luck(&self) -> SeededLuck {
        SeededLuck {
            chance: self.chance.of("luck"),
            copies_per_mille: self.copies_per_mille,
        }
    }

    async fn of_s3(&self, asked: &Asked) -> Answer {
        let mut request = asked.to_http().map(s3s::Body::from);
        // Signatures need the `host` header, which only a connection would add; without one s3s asks for none.
        request.headers_mut().remove("authorization");
        let Ok(answer) = self.s3.call(request).await else {
            return Answer::s3_error(500, "InternalError");
        };
        let (head, mut body) = answer.into_parts();
        let bytes = body
            .store_all_limited(1024 * 1024)
            .await
            .unwrap_or_default();
        http::Response::from_parts(head, bytes)
    }
}

/// Order and copies by the seed.
struct SeededLuck {
    chance: Chance,
    copies_per_mille: u64,
}

impl Luck for SeededLuck {
    fn place(&mut self, id: &str, receives: u32) -> u64 {
        self.chance.of(id).of(receives).number()
    }

    fn is_copied(&mut self, id: &str, receives: u32) -> bool {
        // A copy may be copied, though not for ever.
        receives < 4
            && self
                .chance
                .of("copy")
                .of(id)
                .of(receives)
                .happens(self.copies_per_mille)
    }
}
