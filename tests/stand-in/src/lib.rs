//! A stand-in for W-API and WhatsApp's CDN on loopback, for tests, the demo and work by hand.
//!
//! It makes its own media, seals them with `RustCrypto` (never with the project's own `media` crate, so that the two
//! check each other), tells of them in webhooks shaped as W-API's, and serves them as both origins do, or as badly as a
//! scenario asks.
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
//! // post `photo.webhook` to the webhook function, then compare what was stored with `photo.plain.bytes()`
//! assert!(stand_in.requests().is_empty());
//! stand_in.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Beside media it knows an [`Account`] for each instance, which W-API's management endpoints read and change: whether
//! a phone is connected, where the six hooks point, and a log of every webhook that was announced.
//!
//! Other processes speak to it over HTTP: see [`control`].

mod account;
mod activity;
mod announce;
mod answer;
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
pub use activity::activity;
pub use announce::Announced;
pub use clock::Clock;
pub use encrypt::{KeyType, MediaKeys, Seal, Sealed, seal_bytes};
pub use events::Event;
pub use plain::{Chunks, Plain};
pub use record::{Received, Role};
pub use relay::{Relay, Relays};
pub use scenario::{CdnScenario, MessageShape, WapiScenario};
pub use spec::{
    DEFAULT_INSTANCE, DEFAULT_MOMENT, DEFAULT_OE, DEFAULT_TOKEN, Dialect, Field, Format, Kind,
    Lies, Spec,
};
pub use webhook_log::{LogShape, LoggedWebhook};

use server::Server;
use state::{Bases, State};

/// The three listeners before they serve.
struct Listeners {
    wapi: TcpListener,
    cdn: TcpListener,
    fallback: TcpListener,
}

impl Listeners {
    async fn open(wapi_port: u16, cdn_port: u16, fallback_port: u16) -> Result<Self> {
        let wapi = server::listen(wapi_port).await;
        let cdn = server::listen(cdn_port).await;
        let fallback = server::listen(fallback_port).await;
        Ok(Self {
            wapi: wapi.context("listener of W-API")?,
            cdn: cdn.context("listener of the CDN")?,
            fallback: fallback.context("listener of the CDN's fallback")?,
        })
    }

    fn bases(&self) -> Result<Bases> {
        Ok(Bases {
            wapi: server::base(&self.wapi)?,
            cdn: server::base(&self.cdn)?,
            fallback: server::base(&self.fallback)?,
        })
    }
}

/// The running stand-in: three loopback listeners. It stops when dropped.
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

    /// Starts on these ports of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// If a listener cannot be opened, for instance because a port is taken.
    pub async fn start_on(wapi_port: u16, cdn_port: u16, fallback_port: u16) -> Result<Self> {
        let listeners = Listeners::open(wapi_port, cdn_port, fallback_port).await?;
        let bases = listeners.bases()?;
        Ok(Self::serve(listeners, bases))
    }

    /// Starts behind relays that can be cut: the addresses it tells of are theirs.
    ///
    /// # Errors
    /// If a listener cannot be opened.
    pub async fn start_behind_relays() -> Result<(Self, Relays)> {
        let listeners = Listeners::open(0, 0, 0).await?;
        let relays = Relays {
            wapi: Relay::before(server::port(&listeners.wapi)?).await?,
            cdn: Relay::before(server::port(&listeners.cdn)?).await?,
            fallback: Relay::before(server::port(&listeners.fallback)?).await?,
        };
        let bases = Bases {
            wapi: relays.wapi.base(),
            cdn: relays.cdn.base(),
            fallback: relays.fallback.base(),
        };
        Ok((Self::serve(listeners, bases), relays))
    }

    fn serve(listeners: Listeners, bases: Bases) -> Self {
        let Listeners {
            wapi,
            cdn,
            fallback,
        } = listeners;
        redaction::listen();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let state = Arc::new(State::new(bases, stopped));
        state.register_instance(DEFAULT_INSTANCE, DEFAULT_TOKEN);
        let stop = Arc::new(stop);
        let servers = vec![
            Server::run(wapi, wapi::router(Arc::clone(&state)), Arc::clone(&stop)),
            Server::run(
                cdn,
                cdn::router(Arc::clone(&state), Role::Cdn),
                Arc::clone(&stop),
            ),
            Server::run(
                fallback,
                cdn::router(Arc::clone(&state), Role::CdnFallback),
                stop,
            ),
        ];
        Self { state, servers }
    }

    /// W-API's base URL, `http://127.0.0.1:P/v1`. Its files are under `http://127.0.0.1:P/media/file/`.
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

    /// Both CDN bases, main first, separated by a comma: the value of `CDN_BASE_URLS`.
    pub fn cdn_bases(&self) -> String {
        format!("{},{}", self.state.bases.cdn, self.state.bases.fallback)
    }

    /// Where other processes control it: `http://127.0.0.1:P/control`.
    pub fn control_base(&self) -> String {
        format!("{}/control", self.state.bases.wapi)
    }

    /// Makes an instance known, with the only token that it accepts. Registering it again replaces the token.
    /// [`DEFAULT_INSTANCE`] is known from the start, with [`DEFAULT_TOKEN`].
    pub fn register_instance(&self, instance: &str, token: &str) {
        self.state.register_instance(instance, token);
    }

    /// Forgets an instance: its calls get 401 from then on. Its account and its log are there again if it is registered
    /// again.
    pub fn forget_instance(&self, instance: &str) {
        self.state.forget_instance(instance);
    }

    /// What W-API knows of an instance beside its token. Every instance begins as [`Account::default`].
    pub fn account(&self, instance: &str) -> Account {
        self.state.account(instance)
    }

    /// Changes what W-API knows of an instance, as if somebody had paired a phone, paid or saved hooks.
    pub fn change_account(&self, instance: &str, change: impl FnOnce(&mut Account)) {
        self.state.change_account(instance, change);
    }

    /// Logs a webhook that was not announced here, posted at `time_ms` (milliseconds since the epoch; `None` is now),
    /// and gives the id that it is logged under.
    pub fn log_webhook(&self, instance: &str, body: &Value, time_ms: Option<u64>) -> String {
        self.state.log_webhook(instance, body, time_ms)
    }

    /// W-API's log of an instance's webhooks, newest first, without those older than 30 days.
    pub fn webhook_logs(&self, instance: &str) -> Vec<LoggedWebhook> {
        self.state.webhook_logs(instance)
    }

    /// Makes a media, serves it on both origins, logs the webhook that tells of it, and returns it. Computes the hashes in one
    /// pass over the file without holding it: about two seconds per GiB when optimised.
    ///
    /// # Errors
    /// If a file of that format cannot be made.
    pub fn announce(&self, spec: Spec) -> Result<Announced> {
        self.state.announce(spec)
    }

    /// Serves bytes on the CDN under every path that ends with this name, if the request carries a signature;
    /// without one it answers 403, as WhatsApp does. For media that were announced by somebody else.
    pub fn serve_file(&self, name: &str, bytes: Vec<u8>) {
        self.state.serve_file(name, bytes.into());
    }

    /// Serves the media of one event of the catalogue ([`events::catalogue`]), logs its webhook and returns the event.
    ///
    /// # Errors
    /// If the catalogue has no such stem.
    pub fn load_event(&self, stem: &str, wapi: WapiScenario, cdn: CdnScenario) -> Result<Event> {
        events::load(&self.state, stem, wapi, cdn)
    }

    /// Serves the media of every `*.json` of a folder, in the order of their names; `scenarios` says for each stem how
    /// W-API and the CDN behave.
    ///
    /// # Errors
    /// If the folder cannot be read, a file is not in the catalogue, or a file differs from what the catalogue makes.
    pub fn load_events(
        &self,
        dir: &Path,
        scenarios: impl Fn(&str) -> (WapiScenario, CdnScenario),
    ) -> Result<Vec<Event>> {
        events::load_all(&self.state, dir, scenarios)
    }

    /// From now on W-API behaves like this for every media, whatever its spec says; `None` ends that.
    pub fn set_wapi(&self, scenario: Option<WapiScenario>) {
        self.state.set_wapi(scenario);
    }

    /// From now on the CDN behaves like this for every media, whatever its spec says; `None` ends that.
    pub fn set_cdn(&self, scenario: Option<CdnScenario>) {
        self.state.set_cdn(scenario);
    }

    /// From now on every management call fails like this, if its token and instance are in order; `None` ends that.
    /// Calls that download are not touched.
    pub fn set_management(&self, scenario: Option<ManagementScenario>) {
        self.state.set_management(scenario);
    }

    /// Whether the calls that save a hook answer well and save nothing.
    pub fn set_hooks_forget(&self, forget: bool) {
        self.state.set_hooks_forget(forget);
    }

    /// How W-API tells its log of webhooks from now on.
    pub fn set_log_shape(&self, shape: LogShape) {
        self.state.set_log_shape(shape);
    }

    /// Whether `POST /media/download` and `GET /media/info` exist. At first they do not: 404.
    pub fn set_alternates(&self, present: bool) {
        self.state.set_alternates(present);
    }

    /// From now on links and CDN paths expire by this clock, in milliseconds since the epoch.
    pub fn live_by(&self, clock: Clock) {
        self.state.live_by(clock);
    }

    /// Everything received so far on all three listeners, in order, except calls of `/control`.
    pub fn requests(&self) -> Vec<Received> {
        self.state.requests()
    }

    /// Forgets what was received so far. Counters of `FailTimes` and the like go on.
    pub fn clear_requests(&self) {
        self.state.clear_requests();
    }

    /// Every breach of the origins' rules that was received, as one sentence each with the request it belongs to: a missing
    /// `Origin`, an altered query, a token sent to the CDN, a fifth field, a hook in the form that saves nothing.
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

    /// Stops listening, lets go of every hanging answer, and waits for the listeners to close.
    pub async fn shutdown(self) {
        for server in self.servers {
            server.shutdown().await;
        }
    }
}
