//! The stand-in's controls for other processes, on W-API's listener under `/control`.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /control/announce` | a [`crate::Spec`] as JSON, all fields optional | the [`crate::Announced`] |
//! | `POST /control/event` | `{"stem": …, "wapi": …, "cdn": …}` | the [`crate::Event`] |
//! | `POST /control/instances` | `{"instance": …}`, and `token` to register it or any of `{"connected": bool, "connected_phone": digits or "", "hooks": {name: URL or null}, "payment_status": …, "expires": epoch ms}` to change its account, or both; neither: forgotten | 204, 404 |
//! | `GET /control/hooks/{instance}` | | the six hooks by name, `{"received": URL or null, …}`; 404 |
//! | `POST /control/logs` | `{"instance": …, "body": …, "time": epoch ms}`, `time` optional: a webhook that was not announced here | `{"id": …}` |
//! | `GET /control/logs/{instance}` | | a list of [`crate::LoggedWebhook`], newest first |
//! | `POST /control/global` | any of `{"wapi": scenario or null, "cdn": scenario or null, "alternates": bool, "management": status, "hang" or null, "hooks_forget": bool, "log_shape": name}` | 204, 422 |
//! | `GET /control/requests` | | a list of [`crate::Received`] |
//! | `DELETE /control/requests` | | 204 |
//! | `GET /control/plain/{message_id}` | | the file |
//! | `GET /control/bases` | | `{"wapi": …, "cdn": …, "cdn_fallback": …}` |
//!
//! Hooks are called as in the paths that update them: `message-status`. The shapes of the log are `logs`, `bare`, `data`,
//! `nested` and `opaque`; see [`crate::LogShape`].
//!
//! Scenarios are written as serde writes them: `"ok"`, `{"fail500":{"message":"array"}}`, `{"truncate":{"at":100}}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{Account, Hook};
use crate::answer::{self, refusal};
use crate::body::{Faults, Outgoing};
use crate::events;
use crate::record::Received;
use crate::scenario::{CdnScenario, WapiScenario};
use crate::spec::Spec;
use crate::state::State as Shared;
use crate::webhook_log::LoggedWebhook;

/// The routes under `/control`.
pub(crate) fn router(state: Arc<Shared>) -> Router {
    Router::new()
        .route("/announce", post(announce))
        .route("/event", post(event))
        .route("/instances", post(instances))
        .route("/hooks/{instance}", get(hooks))
        .route("/logs", post(log))
        .route("/logs/{instance}", get(logs))
        .route("/global", post(global))
        .route("/requests", get(requests).delete(clear_requests))
        .route("/plain/{message_id}", get(plain))
        .route("/bases", get(bases))
        .layer(DefaultBodyLimit::max(1024 * 1024))
        .with_state(state)
}

async fn announce(State(state): State<Arc<Shared>>, Json(spec): Json<Spec>) -> Response {
    match state.announce(spec) {
        Ok(announced) => Json(announced).into_response(),
        Err(error) => refusal(500, &format!("{error:#}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedEvent {
    stem: String,
    #[serde(default)]
    wapi: WapiScenario,
    #[serde(default)]
    cdn: CdnScenario,
}

async fn event(State(state): State<Arc<Shared>>, Json(wanted): Json<WantedEvent>) -> Response {
    match events::load(&state, &wanted.stem, wanted.wapi, wanted.cdn) {
        Ok(event) => Json(event).into_response(),
        Err(error) => refusal(404, &format!("{error:#}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instance {
    instance: String,
    token: Option<String>,
    connected: Option<bool>,
    connected_phone: Option<String>,
    hooks: Option<BTreeMap<Hook, Option<String>>>,
    payment_status: Option<String>,
    expires: Option<u64>,
}

impl Instance {
    fn changes_account(&self) -> bool {
        self.connected.is_some()
            || self.connected_phone.is_some()
            || self.hooks.is_some()
            || self.payment_status.is_some()
            || self.expires.is_some()
    }

    /// What is absent stays as it is.
    fn change(self, account: &mut Account) {
        account.connected = self.connected.unwrap_or(account.connected);
        if let Some(phone) = self.connected_phone {
            account.connected_phone = Some(phone).filter(|phone| !phone.is_empty());
        }
        for (hook, url) in self.hooks.unwrap_or_default() {
            match url {
                Some(url) => account.hooks.insert(hook, url),
                None => account.hooks.remove(&hook),
            };
        }
        if let Some(status) = self.payment_status {
            account.payment_status = status;
        }
        account.expires_ms = self.expires.unwrap_or(account.expires_ms);
    }
}

async fn instances(State(state): State<Arc<Shared>>, Json(wanted): Json<Instance>) -> Response {
    let instance = wanted.instance.clone();
    match &wanted.token {
        Some(token) => state.register_instance(&instance, token),
        None if !wanted.changes_account() => state.forget_instance(&instance),
        None if state.token(&instance).is_none() => return refusal(404, "no such instance"),
        None => {}
    }
    if wanted.changes_account() {
        state.change_account(&instance, |account| wanted.change(account));
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn hooks(State(state): State<Arc<Shared>>, Path(instance): Path<String>) -> Response {
    if state.token(&instance).is_none() {
        return refusal(404, "no such instance");
    }
    let account = state.account(&instance);
    let hooks: BTreeMap<_, _> = Hook::ALL
        .into_iter()
        .map(|hook| (hook, account.hook(hook)))
        .collect();
    Json(hooks).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    instance: String,
    body: Value,
    time: Option<u64>,
}

async fn log(State(state): State<Arc<Shared>>, Json(log): Json<Log>) -> Json<Value> {
    Json(json!({ "id": state.log_webhook(&log.instance, &log.body, log.time) }))
}

async fn logs(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
) -> Json<Vec<LoggedWebhook>> {
    Json(state.webhook_logs(&instance))
}

/// A field that is absent changes nothing; null ends an override.
async fn global(State(state): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    match apply(&state, &body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refusal(422, &error.to_string()),
    }
}

fn apply(state: &Shared, body: &Value) -> serde_json::Result<()> {
    if let Some(wapi) = body.get("wapi") {
        state.set_wapi(serde_json::from_value(wapi.clone())?);
    }
    if let Some(cdn) = body.get("cdn") {
        state.set_cdn(serde_json::from_value(cdn.clone())?);
    }
    if let Some(alternates) = body.get("alternates") {
        state.set_alternates(serde_json::from_value(alternates.clone())?);
    }
    if let Some(management) = body.get("management") {
        state.set_management(serde_json::from_value(management.clone())?);
    }
    if let Some(forget) = body.get("hooks_forget") {
        state.set_hooks_forget(serde_json::from_value(forget.clone())?);
    }
    if let Some(shape) = body.get("log_shape") {
        state.set_log_shape(serde_json::from_value(shape.clone())?);
    }
    Ok(())
}

async fn requests(State(state): State<Arc<Shared>>) -> Json<Vec<Received>> {
    Json(state.requests())
}

async fn clear_requests(State(state): State<Arc<Shared>>) -> StatusCode {
    state.clear_requests();
    StatusCode::NO_CONTENT
}

async fn plain(State(state): State<Arc<Shared>>, Path(message_id): Path<String>) -> Response {
    let Some(media) = state.media_by_id(&message_id) else {
        return answer::empty(404);
    };
    Outgoing {
        source: Box::new(media.announced.plain.chunks()),
        source_at: 0,
        from: 0,
        to: media.announced.size,
        faults: Faults::default(),
    }
    .response(&media.announced.mimetype, state.stopped())
}

async fn bases(State(state): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({
        "wapi": format!("{}/v1", state.bases.wapi),
        "cdn": state.bases.cdn,
        "cdn_fallback": state.bases.fallback,
    }))
}
