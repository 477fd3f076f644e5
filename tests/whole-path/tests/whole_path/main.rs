//! The whole path on a local stack: `template.yaml` as users deploy it, real function binaries, webhooks in, files out.
//!
//! One stack serves all tests here; each has an instance of its own. The stack ends with this process.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod doctor;
mod ends;
mod erase;
mod field;
mod isolation;
mod media;
mod odd_records;
mod operator;
mod parked;
mod stored;
mod unread;
mod webhook;

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use local::{Answer, Deployment, Instance, Stack, StoredFile, TestStack};
use serde_json::{Value, json};
use stand_in::{Announced, Spec, StandIn};
use tokio::{runtime::Runtime, sync::Mutex};

/// Retries are half a minute apart at first, and the stack works on several tests at once.
const WITHIN: Duration = Duration::from_secs(150);

/// Held while a command looks through the parked queue, which all tests share: what one command has
/// received, another does not see.
static PARKED_QUEUE: Mutex<()> = Mutex::const_new(());

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static WORLD: LazyLock<World> = LazyLock::new(|| {
    RUNTIME
        .block_on(World::start())
        .expect("the local stack starts")
});

/// Seconds since 1970.
fn now() -> i64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed();
    let seconds = since_1970.expect("a clock that goes").as_secs();
    i64::try_from(seconds).expect("seconds")
}

/// The token of an instance of these tests. Neither its beginning nor its end is found in anything else.
fn token_of(instance: &str) -> String {
    format!("invented-token-of-{instance}-for-the-whole-path")
}

struct World {
    origins: StandIn,
    test: TestStack,
}

/// One registered instance and where its webhooks go.
struct Account {
    id: String,
    url: String,
}

/// What the media table says of a medium, its DynamoDB types taken away.
#[derive(Debug)]
struct Record(Value);

impl Record {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.get("S")?.as_str()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.get("N")?.as_str()?.parse().ok()
    }

    /// `strategy: verdict` of every attempt, in order.
    fn attempts(&self) -> Vec<(String, String)> {
        let list = self
            .0
            .pointer("/attempts/L")
            .and_then(Value::as_array)
            .expect("attempts");
        let text = |attempt: &Value, name: &str| {
            attempt
                .pointer(&format!("/M/{name}/S"))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        list.iter()
            .map(|one| (text(one, "strategy"), text(one, "verdict")))
            .collect()
    }
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let origins = StandIn::start().await?;
        let deployment = Deployment::named("whole-path")?
            .from_origins(origins.wapi_base(), origins.cdn_bases())
            .with("AlarmEmail", "operator@example.com");
        let test = TestStack::start("whole-path", &deployment).await?;
        test.stack().build_wapi_media().await?;
        Ok(Self { origins, test })
    }

    fn stack(&self) -> &Stack {
        self.test.stack()
    }

    /// A new instance of a tenant of its own.
    async fn account(&self) -> Account {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let id = format!("LITE-TEST00-{:06}", COUNT.fetch_add(1, Ordering::Relaxed));
        let token = token_of(&id);
        self.origins.register_instance(&id, &token);
        let instance = Instance::new(format!("tenant-{}", id.to_lowercase()), &id, token);
        let url = self
            .stack()
            .add_instance(&instance)
            .await
            .expect("the instance is registered");
        Account { id, url }
    }

    fn announce(&self, account: &Account, spec: Spec) -> Announced {
        self.origins
            .announce(spec.instance(&account.id))
            .expect("the medium can be made")
    }

    async fn post(&self, account: &Account, webhook: &Value) -> Answer {
        self.stack()
            .post(&account.url, webhook)
            .await
            .expect("an answer")
    }

    /// Posts a medium's webhook and expects it to be queued.
    async fn send(&self, account: &Account, announced: &Announced) {
        // An emulator that is busy with other tests may be slower than the function waits; 503 asks for this.
        let begun = Instant::now();
        let answer = loop {
            let answer = self.post(account, &announced.webhook).await;
            if answer.status != 503 || begun.elapsed() > WITHIN {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        assert_eq!((answer.status, answer.body), (200, json!({ "queued": 1 })));
    }

    /// Waits until the medium's record says `state`.
    async fn until(&self, announced: &Announced, state: &str) -> Record {
        let begun = Instant::now();
        loop {
            let records = self.stack().media_records().await.expect("the media table");
            let mut records = records.into_iter().map(Record);
            let found = records.find(|record| {
                record.text("instance") == Some(&announced.instance)
                    && record.text("message") == Some(&announced.message_id)
            });
            match found {
                Some(record) if record.text("state") == Some(state) => return record,
                last if begun.elapsed() > WITHIN => {
                    panic!("not {state} within {WITHIN:?}: {last:?}")
                }
                Some(_) | None => tokio::time::sleep(Duration::from_millis(300)).await,
            }
        }
    }

    /// Waits until the medium is stored, and reads it back: record and object must agree with the sender.
    async fn stored(&self, announced: &Announced) -> (Record, StoredFile) {
        let record = self.until(announced, "stored").await;
        let key = record.text("object_key").expect("a key");
        let file = self
            .stack()
            .bucket()
            .read(key)
            .await
            .expect("the object is there");
        assert_eq!(file.size_bytes, announced.size, "{key}");
        assert_eq!(
            record.number("size_bytes"),
            i64::try_from(announced.size).ok(),
            "{key}"
        );
        assert_eq!(
            record.text("sha256"),
            Some(file.sha256_hex.as_str()),
            "{key}"
        );
        (record, file)
    }

    /// Sends media and waits until each is stored byte for byte, by this strategy and with this proof.
    async fn all_stored(
        &self,
        account: &Account,
        specs: Vec<Spec>,
        strategy: &str,
        integrity: &str,
    ) {
        let announced: Vec<_> = specs
            .into_iter()
            .map(|spec| self.announce(account, spec))
            .collect();
        for one in &announced {
            self.send(account, one).await;
        }
        for one in &announced {
            let (record, file) = self.stored(one).await;
            assert_eq!(file.sha256_hex, one.sha256_hex, "{}", file.key);
            assert_eq!(record.text("strategy"), Some(strategy), "{record:?}");
            assert_eq!(record.text("integrity"), Some(integrity), "{record:?}");
        }
    }

    /// Keys below this instance's folder.
    async fn keys(&self, account: &Account) -> Vec<String> {
        let keys = self.stack().bucket().keys().await.expect("a listing");
        keys.into_iter()
            .filter(|key| key.contains(&format!("/{}/", account.id)))
            .collect()
    }
}

/// Runs a test on the shared stack.
fn on_the_stack(test: impl AsyncFnOnce(&'static World)) {
    let world = &*WORLD;
    RUNTIME.block_on(test(world));
}
