//! What the listeners share: media, links, instances, switches, and what was received.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde_json::Value;
use tokio::sync::watch;

use crate::account::{Account, ManagementScenario};
use crate::activity;
use crate::announce::Announced;
use crate::clock::Clock;
use crate::record::Received;
use crate::scenario::{CdnScenario, WapiScenario};
use crate::spec::Spec;
use crate::webhook_log::{KEPT_MS, LogShape, LoggedWebhook, lower_case_keys};

/// Where the three listeners are, without a trailing slash.
#[derive(Debug, Clone)]
pub(crate) struct Bases {
    pub(crate) wapi: String,
    pub(crate) cdn: String,
    pub(crate) fallback: String,
}

/// A media that is being served, with its counters.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) announced: Announced,
    wapi_calls: AtomicU64,
    alternate_calls: AtomicU64,
    cdn_calls: AtomicU64,
}

/// A link that W-API has given out.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) media: Arc<Media>,
    pub(crate) scenario: WapiScenario,
    pub(crate) expires_ms: u64,
}

#[derive(Debug, Default)]
struct Inner {
    /// By instance; the token.
    instances: HashMap<String, String>,
    /// By instance; absent is as every account begins.
    accounts: HashMap<String, Account>,
    /// By instance, in the order of logging.
    logs: HashMap<String, Vec<LoggedWebhook>>,
    /// By path without query, in the order of announcement.
    media: HashMap<String, Vec<Arc<Media>>>,
    /// By file name.
    links: HashMap<String, Link>,
    /// Bytes that the CDN serves as they are, by the last segment of the path.
    files: HashMap<String, Bytes>,
    requests: Vec<Received>,
    /// How many requests were forgotten, so that answers of older ones find no wrong place.
    forgotten: usize,
    wapi: Option<WapiScenario>,
    cdn: Option<CdnScenario>,
    management: Option<ManagementScenario>,
    hooks_forget: bool,
    log_shape: LogShape,
    alternates: bool,
    seeds: u64,
    texts: u64,
    links_made: u64,
    clock: Clock,
}

/// The shared state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) bases: Bases,
    stopped: watch::Receiver<bool>,
    inner: Mutex<Inner>,
}

impl State {
    pub(crate) fn new(bases: Bases, stopped: watch::Receiver<bool>) -> Self {
        Self {
            bases,
            stopped,
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register_instance(&self, instance: &str, token: &str) {
        redaction::plant(redaction::Class::Secret, "token", token);
        self.inner()
            .instances
            .insert(instance.to_owned(), token.to_owned());
    }

    pub(crate) fn forget_instance(&self, instance: &str) {
        self.inner().instances.remove(instance);
    }

    /// The token of an instance, or none when it is unknown.
    pub(crate) fn token(&self, instance: &str) -> Option<String> {
        self.inner().instances.get(instance).cloned()
    }

    /// Whether any instance has this token.
    pub(crate) fn knows_token(&self, token: &str) -> bool {
        self.inner().instances.values().any(|known| known == token)
    }

    pub(crate) fn announce(&self, mut spec: Spec) -> Result<Announced> {
        if spec.seed.is_empty() {
            let mut inner = self.inner();
            inner.seeds += 1;
            spec.seed = format!("media-{}", inner.seeds);
        }
        let announced = Announced::make(spec)?;
        redaction::plant_event(&announced.webhook);
        let path = announced
            .direct_path
            .split_once('?')
            .map_or(announced.direct_path.as_str(), |(path, _)| path)
            .to_owned();
        let media = Arc::new(Media {
            announced: announced.clone(),
            wapi_calls: AtomicU64::new(0),
            alternate_calls: AtomicU64::new(0),
            cdn_calls: AtomicU64::new(0),
        });
        self.inner().media.entry(path).or_default().push(media);
        self.log_webhook(&announced.instance, &announced.webhook, None);
        Ok(announced)
    }

    /// What is known of an instance, as every account begins if it was never changed.
    pub(crate) fn account(&self, instance: &str) -> Account {
        let inner = self.inner();
        inner.accounts.get(instance).cloned().unwrap_or_default()
    }

    pub(crate) fn change_account(&self, instance: &str, change: impl FnOnce(&mut Account)) {
        let mut inner = self.inner();
        change(inner.accounts.entry(instance.to_owned()).or_default());
    }

    /// Logs a webhook as of this time, or now, and gives its id.
    pub(crate) fn log_webhook(&self, instance: &str, body: &Value, time_ms: Option<u64>) -> String {
        let time_ms = time_ms.unwrap_or_else(|| self.now_ms());
        let mut inner = self.inner();
        let logs = inner.logs.entry(instance.to_owned()).or_default();
        let seed = format!("{instance}/{}", logs.len());
        let id = HEXLOWER.encode(&crate::noise::digest(&seed, "webhook log"));
        let id = id.get(..24).unwrap_or(&id).to_owned();
        logs.push(LoggedWebhook {
            id: id.clone(),
            time_ms,
            body: lower_case_keys(body),
        });
        id
    }

    /// The log of an instance as far as W-API still keeps it, newest first.
    pub(crate) fn webhook_logs(&self, instance: &str) -> Vec<LoggedWebhook> {
        let now_ms = self.now_ms();
        let mut logs = self.inner().logs.get(instance).cloned().unwrap_or_default();
        logs.retain(|logged| logged.time_ms.saturating_add(KEPT_MS) > now_ms);
        logs.reverse();
        logs.sort_by_key(|logged| std::cmp::Reverse(logged.time_ms));
        logs
    }

    pub(crate) fn set_management(&self, scenario: Option<ManagementScenario>) {
        self.inner().management = scenario;
    }

    pub(crate) fn management_override(&self) -> Option<ManagementScenario> {
        self.inner().management
    }

    pub(crate) fn set_hooks_forget(&self, forget: bool) {
        self.inner().hooks_forget = forget;
    }

    pub(crate) fn forgets_hooks(&self) -> bool {
        self.inner().hooks_forget
    }

    pub(crate) fn set_log_shape(&self, shape: LogShape) {
        self.inner().log_shape = shape;
    }

    pub(crate) fn log_shape(&self) -> LogShape {
        self.inner().log_shape
    }

    /// Counts one text sent and gives its number.
    pub(crate) fn next_text(&self) -> u64 {
        let mut inner = self.inner();
        inner.texts += 1;
        inner.texts
    }

    /// The latest media under a path (without query), preferring one of this instance.
    pub(crate) fn media_at(&self, path: &str, instance: Option<&str>) -> Option<Arc<Media>> {
        let inner = self.inner();
        let all = inner.media.get(path)?;
        all.iter()
            .rev()
            .find(|media| instance.is_none_or(|instance| media.announced.instance == instance))
            .or_else(|| all.last())
            .cloned()
    }

    pub(crate) fn serve_file(&self, name: &str, bytes: Bytes) {
        self.inner().files.insert(name.to_owned(), bytes);
    }

    /// The bytes of a file that was not announced here, by the last segment of its path.
    pub(crate) fn file_at(&self, path: &str) -> Option<Bytes> {
        let name = path.rsplit('/').next()?;
        self.inner().files.get(name).cloned()
    }

    /// The latest media with a message id.
    pub(crate) fn media_by_id(&self, message_id: &str) -> Option<Arc<Media>> {
        self.inner()
            .media
            .values()
            .flatten()
            .find(|media| media.announced.message_id == message_id)
            .cloned()
    }

    pub(crate) fn live_by(&self, clock: Clock) {
        self.inner().clock = clock;
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.inner().clock.now_ms()
    }

    pub(crate) fn set_wapi(&self, scenario: Option<WapiScenario>) {
        self.inner().wapi = scenario;
    }

    pub(crate) fn set_cdn(&self, scenario: Option<CdnScenario>) {
        self.inner().cdn = scenario;
    }

    pub(crate) fn set_alternates(&self, present: bool) {
        self.inner().alternates = present;
    }

    pub(crate) fn has_alternates(&self) -> bool {
        self.inner().alternates
    }

    pub(crate) fn wapi_override(&self) -> Option<WapiScenario> {
        self.inner().wapi.clone()
    }

    pub(crate) fn cdn_override(&self) -> Option<CdnScenario> {
        self.inner().cdn.clone()
    }

    /// Remembers a link under a fresh file name and gives that name.
    pub(crate) fn new_link(&self, link: Link, kind_and_extension: &str) -> String {
        let mut inner = self.inner();
        inner.links_made += 1;
        let digest =
            crate::noise::digest(&inner.links_made.to_string(), &link.media.announced.seed);
        let hex = data_encoding::HEXLOWER.encode(&digest);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("");
        let uuid = format!(
            "{}-{}-4{}-a{}-{}",
            part(0, 8),
            part(8, 12),
            part(12, 15),
            part(15, 18),
            part(18, 30)
        );
        let name = format!("{uuid}_{kind_and_extension}");
        inner.links.insert(name.clone(), link);
        name
    }

    pub(crate) fn link(&self, name: &str) -> Option<Link> {
        self.inner().links.get(name).cloned()
    }

    /// Records a request; the number given back finds it again when its answer is known.
    pub(crate) fn record(&self, received: Received) -> usize {
        activity::note();
        let mut inner = self.inner();
        inner.requests.push(received);
        inner.forgotten + inner.requests.len() - 1
    }

    pub(crate) fn record_status(&self, number: usize, status: u16) {
        activity::note();
        let mut inner = self.inner();
        if let Some(index) = number.checked_sub(inner.forgotten)
            && let Some(received) = inner.requests.get_mut(index)
        {
            received.status = Some(status);
        }
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.inner().requests.clone()
    }

    pub(crate) fn clear_requests(&self) {
        let mut inner = self.inner();
        inner.forgotten += inner.requests.len();
        inner.requests.clear();
    }

    /// Waits until the stand-in stops: what a hanging answer does.
    pub(crate) async fn until_stopped(&self) {
        until_stopped(&mut self.stopped()).await;
    }

    /// A receiver for bodies that must end when the stand-in does.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.clone()
    }
}

/// Waits until the stand-in stops. An error means that the sender is gone, which is a stop too.
pub(crate) async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    stopped
        .wait_for(|stopped| *stopped)
        .await
        .map(drop)
        .unwrap_or_default();
}

impl Media {
    /// Counts one POST to W-API and gives how many came before it.
    pub(crate) fn count_wapi_call(&self) -> u64 {
        self.wapi_calls.fetch_add(1, Ordering::SeqCst)
    }

    /// Counts one POST to the alternate endpoint and gives how many came before it.
    pub(crate) fn count_alternate_call(&self) -> u64 {
        self.alternate_calls.fetch_add(1, Ordering::SeqCst)
    }

    /// Counts one GET from the CDN and gives how many came before it.
    pub(crate) fn count_cdn_call(&self) -> u64 {
        self.cdn_calls.fetch_add(1, Ordering::SeqCst)
    }
}
