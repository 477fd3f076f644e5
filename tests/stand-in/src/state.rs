//! The state that the listeners share: media files, links, instances, overrides, and received
//! requests.

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
use crate::announce::AnnouncedMedia;
use crate::clock::Clock;
use crate::record::ReceivedRequest;
use crate::scenario::{CdnScenario, WapiScenario};
use crate::spec::Spec;
use crate::webhook_log::{LogShape, LoggedWebhook, MAX_LOG_AGE_MS, lower_case_keys};

/// The addresses of the three listeners, without a trailing slash.
#[derive(Debug, Clone)]
pub(crate) struct BaseUrls {
    pub(crate) wapi: String,
    pub(crate) cdn: String,
    pub(crate) fallback: String,
}

/// A media file that is served, with its counters.
#[derive(Debug)]
pub(crate) struct ServedMedia {
    pub(crate) announced: AnnouncedMedia,
    wapi_calls: AtomicU64,
    alternate_calls: AtomicU64,
    cdn_calls: AtomicU64,
}

/// A link that W-API gave out.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) media: Arc<ServedMedia>,
    pub(crate) scenario: WapiScenario,
    pub(crate) expires_ms: u64,
}

#[derive(Debug, Default)]
struct StateInner {
    /// Tokens by instance.
    instances: HashMap<String, String>,
    /// Accounts by instance; an absent one has the default values.
    accounts: HashMap<String, Account>,
    /// Logs by instance, oldest first.
    logs: HashMap<String, Vec<LoggedWebhook>>,
    /// Media files by path without query, in the order of announcement.
    media: HashMap<String, Vec<Arc<ServedMedia>>>,
    /// Links by file name.
    links: HashMap<String, Link>,
    /// Bytes that the CDN serves unchanged, by the last segment of the path.
    files: HashMap<String, Bytes>,
    requests: Vec<ReceivedRequest>,
    /// The number of requests that were cleared, so that answers to them do not change newer
    /// entries.
    forgotten: usize,
    wapi: Option<WapiScenario>,
    cdn: Option<CdnScenario>,
    management: Option<ManagementScenario>,
    hooks_forget: bool,
    log_shape: LogShape,
    /// The LID of each number that is on WhatsApp, if it has one.
    contacts: HashMap<String, Option<String>>,
    /// The status with which every question about a number is refused.
    phone_status: Option<u16>,
    alternates: bool,
    seeds: u64,
    texts: u64,
    links_made: u64,
    clock: Clock,
}

/// The state that all listeners share; the changing part is behind a mutex.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) bases: BaseUrls,
    stopped: watch::Receiver<bool>,
    inner: Mutex<StateInner>,
}

impl State {
    pub(crate) fn new(bases: BaseUrls, stopped: watch::Receiver<bool>) -> Self {
        Self { bases, stopped, inner: Mutex::default() }
    }

    fn lock_inner(&self) -> MutexGuard<'_, StateInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register_instance(&self, instance: &str, token: &str) {
        redaction::plant(redaction::Class::Secret, "token", token);
        self.lock_inner().instances.insert(instance.to_owned(), token.to_owned());
    }

    pub(crate) fn forget_instance(&self, instance: &str) {
        self.lock_inner().instances.remove(instance);
    }

    /// The token of a known instance.
    pub(crate) fn token_of(&self, instance: &str) -> Option<String> {
        self.lock_inner().instances.get(instance).cloned()
    }

    /// Whether any instance has this token.
    pub(crate) fn knows_token(&self, token: &str) -> bool {
        self.lock_inner().instances.values().any(|known| known == token)
    }

    pub(crate) fn announce_media(&self, mut spec: Spec) -> Result<AnnouncedMedia> {
        if spec.seed.is_empty() {
            let mut inner = self.lock_inner();
            inner.seeds += 1;
            spec.seed = format!("media-{}", inner.seeds);
        }
        let announced = AnnouncedMedia::from_spec(spec)?;
        redaction::plant_event(&announced.webhook);
        let path = announced
            .direct_path
            .split_once('?')
            .map_or(announced.direct_path.as_str(), |(path, _)| path)
            .to_owned();
        let media = Arc::new(ServedMedia {
            announced: announced.clone(),
            wapi_calls: AtomicU64::new(0),
            alternate_calls: AtomicU64::new(0),
            cdn_calls: AtomicU64::new(0),
        });
        self.lock_inner().media.entry(path).or_default().push(media);
        self.log_webhook(&announced.instance, &announced.webhook, None);
        Ok(announced)
    }

    /// The account of an instance; the default one if it was never changed.
    pub(crate) fn account(&self, instance: &str) -> Account {
        let inner = self.lock_inner();
        inner.accounts.get(instance).cloned().unwrap_or_default()
    }

    pub(crate) fn change_account(&self, instance: &str, change: impl FnOnce(&mut Account)) {
        let mut inner = self.lock_inner();
        change(inner.accounts.entry(instance.to_owned()).or_default());
    }

    /// Logs a webhook at this time, or now, and returns its id.
    pub(crate) fn log_webhook(&self, instance: &str, body: &Value, time_ms: Option<u64>) -> String {
        let time_ms = time_ms.unwrap_or_else(|| self.now_ms());
        let mut inner = self.lock_inner();
        let logs = inner.logs.entry(instance.to_owned()).or_default();
        let seed = format!("{instance}/{}", logs.len());
        let id = HEXLOWER.encode(&crate::noise::digest_seed(&seed, "webhook log"));
        let id = id.get(..24).unwrap_or(&id).to_owned();
        logs.push(LoggedWebhook { id: id.clone(), time_ms, body: lower_case_keys(body) });
        id
    }

    /// The log of an instance for as long as W-API keeps it, newest first.
    pub(crate) fn webhook_logs(&self, instance: &str) -> Vec<LoggedWebhook> {
        let now_ms = self.now_ms();
        let mut logs = self.lock_inner().logs.get(instance).cloned().unwrap_or_default();
        logs.retain(|logged| logged.time_ms.saturating_add(MAX_LOG_AGE_MS) > now_ms);
        logs.reverse();
        logs.sort_by_key(|logged| std::cmp::Reverse(logged.time_ms));
        logs
    }

    pub(crate) fn set_management(&self, scenario: Option<ManagementScenario>) {
        self.lock_inner().management = scenario;
    }

    pub(crate) fn management_override(&self) -> Option<ManagementScenario> {
        self.lock_inner().management
    }

    pub(crate) fn set_hooks_forget(&self, forget: bool) {
        self.lock_inner().hooks_forget = forget;
    }

    pub(crate) fn forgets_hooks(&self) -> bool {
        self.lock_inner().hooks_forget
    }

    pub(crate) fn set_log_shape(&self, shape: LogShape) {
        self.lock_inner().log_shape = shape;
    }

    pub(crate) fn set_contact(&self, phone: &str, lid: Option<&str>) {
        self.lock_inner().contacts.insert(phone.to_owned(), lid.map(str::to_owned));
    }

    pub(crate) fn set_phone_status(&self, status: Option<u16>) {
        self.lock_inner().phone_status = status;
    }

    pub(crate) fn phone_status(&self) -> Option<u16> {
        self.lock_inner().phone_status
    }

    /// The LID of a number; `None` if the number is not on WhatsApp.
    pub(crate) fn find_contact(&self, phone: &str) -> Option<Option<String>> {
        self.lock_inner().contacts.get(phone).cloned()
    }

    pub(crate) fn log_shape(&self) -> LogShape {
        self.lock_inner().log_shape
    }

    /// Counts a text that was sent and returns its number.
    pub(crate) fn next_text(&self) -> u64 {
        let mut inner = self.lock_inner();
        inner.texts += 1;
        inner.texts
    }

    /// The latest media file under a path (without query), preferably of this instance.
    pub(crate) fn media_at(&self, path: &str, instance: Option<&str>) -> Option<Arc<ServedMedia>> {
        let inner = self.lock_inner();
        let all = inner.media.get(path)?;
        all.iter()
            .rev()
            .find(|media| instance.is_none_or(|instance| media.announced.instance == instance))
            .or_else(|| all.last())
            .cloned()
    }

    pub(crate) fn serve_file(&self, name: &str, bytes: Bytes) {
        self.lock_inner().files.insert(name.to_owned(), bytes);
    }

    /// The bytes of a file that was not announced here, by the last segment of its path.
    pub(crate) fn file_at(&self, path: &str) -> Option<Bytes> {
        let name = path.rsplit('/').next()?;
        self.lock_inner().files.get(name).cloned()
    }

    /// The latest media file with this message id.
    pub(crate) fn media_by_id(&self, message_id: &str) -> Option<Arc<ServedMedia>> {
        self.lock_inner()
            .media
            .values()
            .flatten()
            .find(|media| media.announced.message_id == message_id)
            .cloned()
    }

    pub(crate) fn set_clock(&self, clock: Clock) {
        self.lock_inner().clock = clock;
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.lock_inner().clock.now_ms()
    }

    pub(crate) fn set_wapi(&self, scenario: Option<WapiScenario>) {
        self.lock_inner().wapi = scenario;
    }

    pub(crate) fn set_cdn(&self, scenario: Option<CdnScenario>) {
        self.lock_inner().cdn = scenario;
    }

    pub(crate) fn set_alternates(&self, present: bool) {
        self.lock_inner().alternates = present;
    }

    pub(crate) fn has_alternates(&self) -> bool {
        self.lock_inner().alternates
    }

    pub(crate) fn wapi_override(&self) -> Option<WapiScenario> {
        self.lock_inner().wapi.clone()
    }

    pub(crate) fn cdn_override(&self) -> Option<CdnScenario> {
        self.lock_inner().cdn.clone()
    }

    /// Stores a link under a new file name and returns the name.
    pub(crate) fn new_link(&self, link: Link, kind_and_extension: &str) -> String {
        let mut inner = self.lock_inner();
        inner.links_made += 1;
        let digest =
            crate::noise::digest_seed(&inner.links_made.to_string(), &link.media.announced.seed);
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

    pub(crate) fn find_link(&self, name: &str) -> Option<Link> {
        self.lock_inner().links.get(name).cloned()
    }

    /// Records a request; its number identifies it when its answer is known.
    pub(crate) fn record_request(&self, received: ReceivedRequest) -> usize {
        activity::count_activity();
        let mut inner = self.lock_inner();
        inner.requests.push(received);
        inner.forgotten + inner.requests.len() - 1
    }

    pub(crate) fn record_status(&self, number: usize, status: u16) {
        activity::count_activity();
        let mut inner = self.lock_inner();
        if let Some(index) = number.checked_sub(inner.forgotten)
            && let Some(received) = inner.requests.get_mut(index)
        {
            received.status = Some(status);
        }
    }

    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.lock_inner().requests.clone()
    }

    pub(crate) fn clear_requests(&self) {
        let mut inner = self.lock_inner();
        inner.forgotten += inner.requests.len();
        inner.requests.clear();
    }

    /// Waits until the stand-in stops, as a hanging answer does.
    pub(crate) async fn until_stopped(&self) {
        until_stopped(&mut self.stop_receiver()).await;
    }

    /// A receiver for bodies, which must end when the stand-in stops.
    pub(crate) fn stop_receiver(&self) -> watch::Receiver<bool> {
        self.stopped.clone()
    }
}

/// Waits until the stand-in stops. An error means that the sender was dropped, which is a stop
/// too.
pub(crate) async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    stopped.wait_for(|stopped| *stopped).await.map(drop).unwrap_or_default();
}

impl ServedMedia {
    /// Counts a POST to W-API and returns the number of earlier ones.
    pub(crate) fn count_wapi_call(&self) -> u64 {
        self.wapi_calls.fetch_add(1, Ordering::SeqCst)
    }

    /// Counts a POST to the alternate endpoint and returns the number of earlier ones.
    pub(crate) fn count_alternate_call(&self) -> u64 {
        self.alternate_calls.fetch_add(1, Ordering::SeqCst)
    }

    /// Counts a GET from the CDN and returns the number of earlier ones.
    pub(crate) fn count_cdn_call(&self) -> u64 {
        self.cdn_calls.fetch_add(1, Ordering::SeqCst)
    }
}
