//! Controls for other processes, on W-API's listener under `/control`.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /control/announce` | a [`crate::Spec`], any fields | [`crate::AnnouncedMedia`] |
//! | `POST /control/event` | `{"stem": …, "wapi": …, "cdn": …}` | the [`crate::Event`] |
//! | `POST /control/instances` | see below | 204, 404 |
//! | `GET /control/hooks/{instance}` | | `{"received": URL or null, …}`, 404 |
//! | `POST /control/logs` | `{"instance": …, "body": …, "time": epoch ms}` | `{"id": …}` |
//! | `GET /control/logs/{instance}` | | a list of [`crate::LoggedWebhook`], newest first |
//! | `POST /control/global` | see below | 204, 422 |
//! | `GET /control/requests` | | a list of [`crate::ReceivedRequest`] |
//! | `DELETE /control/requests` | | 204 |
//! | `GET /control/plain/{message_id}` | | the file |
//! | `GET /control/bases` | | `{"wapi": …, "cdn": …, "cdn_fallback": …}` |
//!
//! All bodies are JSON. `POST /control/logs` logs a webhook that was not announced here; its `time`
//! is optional.
//!
//! `POST /control/instances` takes `{"instance": …}` with `token` to register the instance, with
//! any of `{"connected": bool, "connected_phone": digits or "", "hooks": {name: URL or null},
//! "payment_status": …, "expires": epoch ms}` to change its account, or with both. With neither,
//! the instance is forgotten.
//!
//! `POST /control/global` takes any of `{"wapi": scenario or null, "cdn": scenario or null,
//! "alternates": bool, "management": status, "hang" or null, "hooks_forget": bool, "log_shape":
//! name}`.
//!
//! Hooks have the names of the paths that update them: `message-status`. The shapes of the log
//! are `logs`, `bare`, `data`, `nested` and `opaque`; see [`crate::LogShape`].
//!
//! Scenarios are in serde's notation: `"ok"`, `{"fail500":{"message":"array"}}`,
//! `{"truncate":{"at":100}}`.

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
use crate::body::{BodyFaults, OutgoingBody};
use crate::events;
use crate::record::ReceivedRequest;
use crate::scenario::{CdnScenario, WapiScenario};
use crate::spec::Spec;
use crate::state::State as Shared;
use crate::webhook_log::LoggedWebhook;

/// The routes under `/control`.
pub(crate) fn control_router(state: Arc<Shared>) -> Router {
    Router::new()
        .route("/announce", post(announce_media))
        .route("/event", post(load_event))
        .route("/instances", post(change_instance))
        .route("/hooks/{instance}", get(read_hooks))
        .route("/logs", post(log_webhook))
        .route("/logs/{instance}", get(list_logs))
        .route("/global", post(change_overrides))
        .route("/requests", get(list_requests).delete(clear_requests))
        .route("/plain/{message_id}", get(read_plain_file))
        .route("/bases", get(read_bases))
        .layer(DefaultBodyLimit::max(1024 * 1024))
        .with_state(state)
}

async fn announce_media(State(state): State<Arc<Shared>>, Json(spec): Json<Spec>) -> Response {
    match state.announce_media(spec) {
        Ok(announced) => Json(announced).into_response(),
        Err(error) => refusal(500, &format!("{error:#}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRequest {
    stem: String,
    #[serde(default)]
    wapi: WapiScenario,
    #[serde(default)]
    cdn: CdnScenario,
}

async fn load_event(
    State(state): State<Arc<Shared>>,
    Json(wanted): Json<EventRequest>,
) -> Response {
    match events::load_event(&state, &wanted.stem, wanted.wapi, wanted.cdn) {
        Ok(event) => Json(event).into_response(),
        Err(error) => refusal(404, &format!("{error:#}")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceChange {
    instance: String,
    token: Option<String>,
    connected: Option<bool>,
    connected_phone: Option<String>,
    hooks: Option<BTreeMap<Hook, Option<String>>>,
    payment_status: Option<String>,
    expires: Option<u64>,
}

impl InstanceChange {
    fn changes_account(&self) -> bool {
        self.connected.is_some()
            || self.connected_phone.is_some()
            || self.hooks.is_some()
            || self.payment_status.is_some()
            || self.expires.is_some()
    }

    /// An absent field stays unchanged.
    fn apply_to(self, account: &mut Account) {
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

async fn change_instance(
    State(state): State<Arc<Shared>>,
    Json(wanted): Json<InstanceChange>,
) -> Response {
    let instance = wanted.instance.clone();
    match &wanted.token {
        Some(token) => state.register_instance(&instance, token),
        None if !wanted.changes_account() => state.forget_instance(&instance),
        None if state.token_of(&instance).is_none() => return refusal(404, "no such instance"),
        None => {}
    }
    if wanted.changes_account() {
        state.change_account(&instance, |account| wanted.apply_to(account));
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn read_hooks(State(state): State<Arc<Shared>>, Path(instance): Path<String>) -> Response {
    if state.token_of(&instance).is_none() {
        return refusal(404, "no such instance");
    }
    let account = state.account(&instance);
    let hooks: BTreeMap<_, _> =
        Hook::ALL.into_iter().map(|hook| (hook, account.hook(hook))).collect();
    Json(hooks).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogRequest {
    instance: String,
    body: Value,
    time: Option<u64>,
}

async fn log_webhook(State(state): State<Arc<Shared>>, Json(log): Json<LogRequest>) -> Json<Value> {
    Json(json!({ "id": state.log_webhook(&log.instance, &log.body, log.time) }))
}

async fn list_logs(
    State(state): State<Arc<Shared>>,
    Path(instance): Path<String>,
) -> Json<Vec<LoggedWebhook>> {
    Json(state.webhook_logs(&instance))
}

/// An absent field stays unchanged; null ends an override.
async fn change_overrides(State(state): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    match apply_overrides(&state, &body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => refusal(422, &error.to_string()),
    }
}

fn apply_overrides(state: &Shared, body: &Value) -> serde_json::Result<()> {
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

async fn list_requests(State(state): State<Arc<Shared>>) -> Json<Vec<ReceivedRequest>> {
    Json(state.requests())
}

async fn clear_requests(State(state): State<Arc<Shared>>) -> StatusCode {
    state.clear_requests();
    StatusCode::NO_CONTENT
}

async fn read_plain_file(
    State(state): State<Arc<Shared>>,
    Path(message_id): Path<String>,
) -> Response {
    let Some(media) = state.media_by_id(&message_id) else {
        return answer::empty_answer(404);
    };
    OutgoingBody {
        source: Box::new(media.announced.plain.chunks()),
        source_at: 0,
        from: 0,
        to: media.announced.size,
        faults: BodyFaults::default(),
    }
    .into_response(&media.announced.mimetype, state.stop_receiver())
}

async fn read_bases(State(state): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({
        "wapi": format!("{}/v1", state.bases.wapi),
        "cdn": state.bases.cdn,
        "cdn_fallback": state.bases.fallback,
    }))
}
