//! The stand-in's controls for other processes, on W-API's listener under `/control`.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /control/announce` | a [`crate::Spec`] as JSON, all fields optional | the [`crate::Announced`] |
//! | `POST /control/event` | `{"stem": …, "wapi": …, "cdn": …}` | the [`crate::Event`] |
//! | `POST /control/instances` | `{"instance": …, "token": …}`; without `token`: forgotten | 204 |
//! | `POST /control/global` | any of `{"wapi": scenario or null, "cdn": scenario or null, "alternates": bool}` | 204 |
//! | `GET /control/requests` | | a list of [`crate::Received`] |
//! | `DELETE /control/requests` | | 204 |
//! | `GET /control/plain/{message_id}` | | the file |
//! | `GET /control/bases` | | `{"wapi": …, "cdn": …, "cdn_fallback": …}` |
//!
//! Scenarios are written as serde writes them: `"ok"`, `{"fail500":{"message":"array"}}`, `{"truncate":{"at":100}}`.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, refusal};
use crate::body::{Faults, Outgoing};
use crate::events;
use crate::record::Received;
use crate::scenario::{CdnScenario, WapiScenario};
use crate::spec::Spec;
use crate::state::State as Shared;

/// The routes under `/control`.
pub(crate) fn router(state: Arc<Shared>) -> Router {
    Router::new()
        .route("/announce", post(announce))
        .route("/event", post(event))
        .route("/instances", post(instances))
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
}

async fn instances(State(state): State<Arc<Shared>>, Json(wanted): Json<Instance>) -> StatusCode {
    match wanted.token {
        Some(token) => state.register_instance(&wanted.instance, &token),
        None => state.forget_instance(&wanted.instance),
    }
    StatusCode::NO_CONTENT
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
