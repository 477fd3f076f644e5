//! The whole path on a local stack: `template.yaml` as users deploy it, the real functions,
//! webhooks in, files out.
//!
//! One stack serves all tests here; each has its own instance. The stack stops with this process.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

mod backfill;
mod day;
mod doctor;
mod ends;
mod erase;
mod field;
mod isolation;
mod links;
mod media;
mod media_events;
mod odd_records;
mod operator;
mod parked;
mod receivers;
mod resumed;
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

use local::{Answer, Deployment, InstanceSettings, Stack, StoredFile, TestStack};
use serde_json::{Value, json};
use stand_in::{AnnouncedMedia, Hook, Spec, StandIn};
use tokio::{runtime::Runtime, sync::Mutex};

/// Retries are half a minute apart at first, and the stack serves several tests at once.
const MAX_WAIT: Duration = Duration::from_secs(150);

/// Locked while a command reads the parked queue, which all tests share: a message that one
/// command received is hidden from another.
static PARKED_QUEUE: Mutex<()> = Mutex::const_new(());

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static WORLD: LazyLock<World> =
    LazyLock::new(|| RUNTIME.block_on(World::start()).expect("the local stack starts"));

/// Seconds since 1970.
fn unix_now() -> i64 {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed();
    let seconds = since_1970.expect("a clock that goes").as_secs();
    i64::try_from(seconds).expect("seconds")
}

/// The token of an instance of these tests. Neither its beginning nor its end occurs anywhere
/// else.
fn token_of(instance: &str) -> String {
    format!("invented-token-of-{instance}-for-the-whole-path")
}

struct World {
    origins: StandIn,
    test: TestStack,
}

/// One registered instance and the URL of its webhooks.
struct Account {
    id: String,
    url: String,
}

/// The record of a media file in the media table, without DynamoDB's types.
#[derive(Debug)]
struct MediaRecord(Value);

impl MediaRecord {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.get("S")?.as_str()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.get("N")?.as_str()?.parse().ok()
    }

    /// `strategy: verdict` of every attempt, in order.
    fn list_attempts(&self) -> Vec<(String, String)> {
        let list = self.0.pointer("/attempts/L").and_then(Value::as_array).expect("attempts");
        let text = |attempt: &Value, name: &str| {
            attempt
                .pointer(&format!("/M/{name}/S"))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        list.iter().map(|one| (text(one, "strategy"), text(one, "verdict"))).collect()
    }
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let origins = StandIn::start().await?;
        let deployment = Deployment::with_name("whole-path")?
            .from_origins(origins.wapi_base(), origins.cdn_bases())
            .with_parameter("AlarmEmail", "operator@example.com")
            .with_parameter("EventBus", "default");
        let test = TestStack::start("whole-path", &deployment).await?;
        test.stack().build_wapi_media().await?;
        Ok(Self { origins, test })
    }

    fn stack(&self) -> &Stack {
        self.test.stack()
    }

    /// Registers a new instance with its own tenant.
    async fn new_account(&self) -> Account {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let id = format!("LITE-TEST00-{:06}", COUNT.fetch_add(1, Ordering::Relaxed));
        let token = token_of(&id);
        self.origins.register_instance(&id, &token);
        let instance = InstanceSettings::new(format!("tenant-{}", id.to_lowercase()), &id, token);
        let url = self.stack().add_instance(&instance).await.expect("the instance is registered");
        Account { id, url }
    }

    fn announce_media(&self, account: &Account, spec: Spec) -> AnnouncedMedia {
        self.origins.announce(spec.instance(&account.id)).expect("the media file can be generated")
    }

    async fn post_webhook(&self, account: &Account, webhook: &Value) -> Answer {
        self.stack().post_json(&account.url, webhook).await.expect("an answer")
    }

    /// Posts a media message's webhook, which must be queued.
    async fn post_announced(&self, account: &Account, announced: &AnnouncedMedia) {
        // An emulator that is busy with other tests may exceed the function's timeout; 503 asks
        // to post again.
        let begun = Instant::now();
        let answer = loop {
            let answer = self.post_webhook(account, &announced.webhook).await;
            if answer.status != 503 || begun.elapsed() > MAX_WAIT {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        assert_eq!((answer.status, answer.body), (200, json!({ "queued": 1 })));
    }

    /// A tenant and its instance as an operator registers them, with the command.
    async fn operator_account(&self, tenant: &str, instance: &str, token: &str) -> Account {
        self.origins.register_instance(instance, token);
        self.run_json(0, &["tenant", "add", tenant], "").await;
        self.run_json(0, &["instance", "add", instance, "--tenant", tenant], token).await;
        self.run_json(0, &["webhook", "register", instance], "").await;
        let account = self.origins.account(instance);
        let url = account.hook(Hook::Received).expect("a hook").to_owned();
        Account { id: instance.to_owned(), url }
    }

    /// Waits until the media file's record has this state.
    async fn wait_for_state(&self, announced: &AnnouncedMedia, state: &str) -> MediaRecord {
        self.wait_for_record(announced, state, |record| record.text("state") == Some(state)).await
    }

    /// Waits until a run has failed and is to be retried. A claim shows as `retrying`, too, but
    /// only the end of the run writes a class.
    async fn wait_for_retry(&self, announced: &AnnouncedMedia) -> MediaRecord {
        let is_retried = |record: &MediaRecord| {
            record.text("state") == Some("retrying") && record.text("class").is_some()
        };
        self.wait_for_record(announced, "retried", is_retried).await
    }

    async fn wait_for_record(
        &self,
        announced: &AnnouncedMedia,
        what: &str,
        is_met: impl Fn(&MediaRecord) -> bool,
    ) -> MediaRecord {
        let begun = Instant::now();
        loop {
            let records = self.stack().media_records().await.expect("the media table");
            let mut records = records.into_iter().map(MediaRecord);
            let found = records.find(|record| {
                record.text("instance") == Some(&announced.instance)
                    && record.text("message") == Some(&announced.message_id)
            });
            match found {
                Some(record) if is_met(&record) => return record,
                last if begun.elapsed() > MAX_WAIT => {
                    panic!("not {what} within {MAX_WAIT:?}: {last:?}")
                }
                Some(_) | None => tokio::time::sleep(Duration::from_millis(300)).await,
            }
        }
    }

    /// Waits until the media file is stored, and reads it: record and object must match the
    /// sender's file.
    async fn wait_until_stored(&self, announced: &AnnouncedMedia) -> (MediaRecord, StoredFile) {
        let record = self.wait_for_state(announced, "stored").await;
        let key = record.text("object_key").expect("a key");
        let file = self.stack().bucket().read_file(key).await.expect("the object is there");
        assert_eq!(file.size_bytes, announced.size, "{key}");
        assert_eq!(record.number("size_bytes"), i64::try_from(announced.size).ok(), "{key}");
        assert_eq!(record.text("sha256"), Some(file.sha256_hex.as_str()), "{key}");
        (record, file)
    }

    /// Posts media messages and waits until each file is stored byte for byte, by this strategy
    /// and with this proof.
    async fn store_all(
        &self,
        account: &Account,
        specs: Vec<Spec>,
        strategy: &str,
        integrity: &str,
    ) {
        let announced: Vec<_> =
            specs.into_iter().map(|spec| self.announce_media(account, spec)).collect();
        for one in &announced {
            self.post_announced(account, one).await;
        }
        for one in &announced {
            let (record, file) = self.wait_until_stored(one).await;
            assert_eq!(file.sha256_hex, one.sha256_hex, "{}", file.key);
            assert_eq!(record.text("strategy"), Some(strategy), "{record:?}");
            assert_eq!(record.text("integrity"), Some(integrity), "{record:?}");
        }
    }

    /// The keys in this instance's folder.
    async fn instance_keys(&self, account: &Account) -> Vec<String> {
        let keys = self.stack().bucket().list_keys().await.expect("a listing");
        keys.into_iter().filter(|key| key.contains(&format!("/{}/", account.id))).collect()
    }
}

/// Runs a test on the shared stack.
fn on_the_stack(test: impl AsyncFnOnce(&'static World)) {
    let world = &*WORLD;
    RUNTIME.block_on(test(world));
}
