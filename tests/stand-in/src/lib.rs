//! A stand-in for W-API and WhatsApp's CDN on loopback, for tests, the demo and manual work.
//!
//! It generates its own files, encrypts them with `RustCrypto` (never with the project's own
//! `media` crate, so that the two check each other), announces them in webhooks shaped like
//! W-API's, and serves them as both origins do, or fails as a scenario asks.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use stand_in::{CdnScenario, Kind, Spec, StandIn, WapiScenario};
//!
//! let stand_in = StandIn::start().await?;
//! let photo = stand_in.announce(
//!     Spec::of(Kind::Image)
//!         .caption("legenda")
//!         .wapi(WapiScenario::fail_500())
//!         .cdn(CdnScenario::TruncateThenRange { at: 100 }),
//! )?;
//! // post `photo.webhook` to the webhook function, then compare the stored object with
//! // `photo.plain.bytes()`
//! assert!(stand_in.requests().is_empty());
//! stand_in.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! It also keeps an [`Account`] for each instance, which W-API's management endpoints read and
//! change: whether a phone is connected, the URLs of the six hooks, and a log of every webhook
//! that was announced.
//!
//! Other processes control it over HTTP: see [`control`].

mod account;
mod activity;
mod announce;
mod answer;
mod application;
mod body;
mod call;
mod cdn;
mod clock;
pub mod control;
pub mod events;
pub mod formats;
mod record;
mod relay;
mod scenario;
mod server;
mod spec;
mod state;
mod wapi;
mod webhook_log;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::net::TcpListener;

use stand_in_files::{encrypt, noise, plain};

pub use account::{Account, Hook, ManagementScenario};
pub use activity::activity_count;
pub use announce::AnnouncedMedia;
pub use application::{AppAnswer, Application, PostedWebhook};
pub use clock::Clock;
pub use encrypt::{EncryptedChunks, Encryption, KeyType, MediaKeys, encrypt_bytes};
pub use events::Event;
pub use plain::{Chunks, Plain};
pub use record::{ReceivedRequest, Role};
pub use relay::{Relay, Relays};
pub use scenario::{CdnScenario, MessageShape, WapiScenario};
pub use spec::{
    DEFAULT_INSTANCE, DEFAULT_MOMENT, DEFAULT_OE, DEFAULT_TOKEN, Dialect, FalseFields, Field,
    Format, Kind, Spec,
};
pub use webhook_log::{LogShape, LoggedWebhook};

use server::Server;
use state::{BaseUrls, State};

/// The three listeners before they serve.
struct Listeners {
    wapi: TcpListener,
    cdn: TcpListener,
    fallback: TcpListener,
}

impl Listeners {
    async fn open_listeners(wapi_port: u16, cdn_port: u16, fallback_port: u16) -> Result<Self> {
        let wapi = server::open_listener(wapi_port).await;
        let cdn = server::open_listener(cdn_port).await;
        let fallback = server::open_listener(fallback_port).await;
        Ok(Self {
            wapi: wapi.context("listener of W-API")?,
            cdn: cdn.context("listener of the CDN")?,
            fallback: fallback.context("listener of the CDN's fallback")?,
        })
    }

    fn base_urls(&self) -> Result<BaseUrls> {
        Ok(BaseUrls {
            wapi: server::base_url(&self.wapi)?,
            cdn: server::base_url(&self.cdn)?,
            fallback: server::base_url(&self.fallback)?,
        })
    }
}

/// A running stand-in: three loopback listeners. It stops when dropped.
#[derive(Debug)]
pub struct StandIn {
    state: Arc<State>,
    servers: Vec<Server>,
}

impl StandIn {
    /// Starts on three free ports.
    ///
    /// # Errors
    /// If a listener cannot be opened.
    pub async fn start() -> Result<Self> {
        Self::start_on(0, 0, 0).await
    }

    /// Starts on these ports of 127.0.0.1; 0 selects a free one.
    ///
    /// # Errors
    /// If a listener cannot be opened, for instance because a port is taken.
    pub async fn start_on(wapi_port: u16, cdn_port: u16, fallback_port: u16) -> Result<Self> {
        let listeners = Listeners::open_listeners(wapi_port, cdn_port, fallback_port).await?;
        let bases = listeners.base_urls()?;
        Ok(Self::serve_listeners(listeners, bases))
    }

    /// Starts behind relays that can be cut; the addresses it announces are the relays'.
    ///
    /// # Errors
    /// If a listener cannot be opened.
    pub async fn start_behind_relays() -> Result<(Self, Relays)> {
        let listeners = Listeners::open_listeners(0, 0, 0).await?;
        let relays = Relays {
            wapi: Relay::start_before(server::port_of(&listeners.wapi)?).await?,
            cdn: Relay::start_before(server::port_of(&listeners.cdn)?).await?,
            fallback: Relay::start_before(server::port_of(&listeners.fallback)?).await?,
        };
        let bases = BaseUrls {
            wapi: relays.wapi.base_url(),
            cdn: relays.cdn.base_url(),
            fallback: relays.fallback.base_url(),
        };
        Ok((Self::serve_listeners(listeners, bases), relays))
    }

    fn serve_listeners(listeners: Listeners, bases: BaseUrls) -> Self {
        let Listeners { wapi, cdn, fallback } = listeners;
        redaction::start_listening();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let state = Arc::new(State::new(bases, stopped));
        state.register_instance(DEFAULT_INSTANCE, DEFAULT_TOKEN);
        let stop = Arc::new(stop);
        let servers = vec![
            Server::serve_router(wapi, wapi::wapi_router(Arc::clone(&state)), Arc::clone(&stop)),
            Server::serve_router(
                cdn,
                cdn::cdn_router(Arc::clone(&state), Role::Cdn),
                Arc::clone(&stop),
            ),
            Server::serve_router(
                fallback,
                cdn::cdn_router(Arc::clone(&state), Role::CdnFallback),
                stop,
            ),
        ];
        Self { state, servers }
    }

    /// W-API's base URL, `http://127.0.0.1:P/v1`. Links to its files begin with
    /// `http://127.0.0.1:P/media/file/`.
    pub fn wapi_base(&self) -> String {
        format!("{}/v1", self.state.bases.wapi)
    }

    /// The CDN's base URL, `http://127.0.0.1:P`.
    pub fn cdn_base(&self) -> String {
        self.state.bases.cdn.clone()
    }

    /// The base URL of the CDN's fallback host.
    pub fn cdn_fallback_base(&self) -> String {
        self.state.bases.fallback.clone()
    }

    /// Both CDN bases, the main one first, separated by a comma: the value of `CDN_BASE_URLS`.
    pub fn cdn_bases(&self) -> String {
        format!("{},{}", self.state.bases.cdn, self.state.bases.fallback)
    }

    /// The base URL of the controls for other processes: `http://127.0.0.1:P/control`.
    pub fn control_base(&self) -> String {
        format!("{}/control", self.state.bases.wapi)
    }

    /// Registers an instance with the only token that it accepts; a second registration replaces
    /// the token. [`DEFAULT_INSTANCE`] is registered from the start, with [`DEFAULT_TOKEN`].
    pub fn register_instance(&self, instance: &str, token: &str) {
        self.state.register_instance(instance, token);
    }

    /// Removes an instance: its calls are answered 401 from then on. Its account and its log stay
    /// and are available again after a new registration.
    pub fn forget_instance(&self, instance: &str) {
        self.state.forget_instance(instance);
    }

    /// What W-API stores about an instance besides its token. Every instance begins as
    /// [`Account::default`].
    pub fn account(&self, instance: &str) -> Account {
        self.state.account(instance)
    }

    /// Changes an instance's account, as if somebody had paired a phone, paid or saved hooks.
    pub fn change_account(&self, instance: &str, change: impl FnOnce(&mut Account)) {
        self.state.change_account(instance, change);
    }

    /// Logs a webhook that was not announced here, posted at `time_ms` (milliseconds since 1970;
    /// `None` is now), and returns its id in the log.
    pub fn log_webhook(&self, instance: &str, body: &Value, time_ms: Option<u64>) -> String {
        self.state.log_webhook(instance, body, time_ms)
    }

    /// W-API's log of an instance's webhooks, newest first, without those older than 30 days.
    pub fn webhook_logs(&self, instance: &str) -> Vec<LoggedWebhook> {
        self.state.webhook_logs(instance)
    }

    /// Generates a file, serves it on both origins and logs the webhook that announces it. The
    /// hashes are computed in one pass without holding the file: about two seconds per GiB when
    /// optimised.
    ///
    /// # Errors
    /// If a file of the format cannot be generated.
    pub fn announce(&self, spec: Spec) -> Result<AnnouncedMedia> {
        self.state.announce_media(spec)
    }

    /// Serves bytes on the CDN under every path that ends with this name, if the request has a
    /// signature; without one it answers 403, as WhatsApp does. For media files that were not
    /// announced here.
    pub fn serve_file(&self, name: &str, bytes: Vec<u8>) {
        self.state.serve_file(name, bytes.into());
    }

    /// Serves the media file of one event of the catalogue ([`events::catalogue`]) and logs its
    /// webhook.
    ///
    /// # Errors
    /// If the catalogue has no such stem.
    pub fn load_event(&self, stem: &str, wapi: WapiScenario, cdn: CdnScenario) -> Result<Event> {
        events::load_event(&self.state, stem, wapi, cdn)
    }

    /// Serves the media file of every `*.json` in a folder, in the order of their names.
    /// `scenarios` returns the behaviour of W-API and the CDN for each stem.
    ///
    /// # Errors
    /// If the folder cannot be read, or a file is not in the catalogue or differs from it.
    pub fn load_events(
        &self,
        dir: &Path,
        scenarios: impl Fn(&str) -> (WapiScenario, CdnScenario),
    ) -> Result<Vec<Event>> {
        events::load_folder(&self.state, dir, scenarios)
    }

    /// W-API behaves like this from now on, for every media file; `None` ends the override.
    pub fn set_wapi(&self, scenario: Option<WapiScenario>) {
        self.state.set_wapi(scenario);
    }

    /// The CDN behaves like this from now on, for every media file; `None` ends the override.
    pub fn set_cdn(&self, scenario: Option<CdnScenario>) {
        self.state.set_cdn(scenario);
    }

    /// Every management call with a valid token and instance fails like this from now on; `None`
    /// ends the override. Downloads are not affected.
    pub fn set_management(&self, scenario: Option<ManagementScenario>) {
        self.state.set_management(scenario);
    }

    /// Whether calls that save a hook are answered as successful and save nothing.
    pub fn set_hooks_forget(&self, forget: bool) {
        self.state.set_hooks_forget(forget);
    }

    /// Puts a phone number on WhatsApp, under this LID or without one.
    pub fn set_contact(&self, phone: &str, lid: Option<&str>) {
        self.state.set_contact(phone, lid);
    }

    /// Every question about a phone number is refused with this status from now on; `None` ends
    /// it.
    pub fn set_phone_status(&self, status: Option<u16>) {
        self.state.set_phone_status(status);
    }

    /// The shape of W-API's answers about its log of webhooks.
    pub fn set_log_shape(&self, shape: LogShape) {
        self.state.set_log_shape(shape);
    }

    /// Whether `POST /media/download` and `GET /media/info` exist. At the start they do not, and
    /// answer 404.
    pub fn set_alternates(&self, present: bool) {
        self.state.set_alternates(present);
    }

    /// Links and CDN paths expire by this clock from now on, in milliseconds since 1970.
    pub fn set_clock(&self, clock: Clock) {
        self.state.set_clock(clock);
    }

    /// Everything received so far on all three listeners, in order, except calls of `/control`.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.state.requests()
    }

    /// Forgets what was received so far. The counters of `FailTimes` and similar scenarios go on.
    pub fn clear_requests(&self) {
        self.state.clear_requests();
    }

    /// Every violation of the origins' rules, as one sentence with its request: a missing
    /// `Origin`, an altered query, a token sent to the CDN, a fifth field, a hook in the form
    /// that saves nothing.
    pub fn violations(&self) -> Vec<String> {
        self.requests()
            .iter()
            .flat_map(|received| {
                received.violations.iter().map(move |violation| {
                    format!("{} {}: {violation}", received.method, received.path)
                })
            })
            .collect()
    }

    /// Stops listening, aborts every hanging answer, and waits for the listeners to close.
    pub async fn shutdown(self) {
        for server in self.servers {
            server.shutdown().await;
        }
    }
}
