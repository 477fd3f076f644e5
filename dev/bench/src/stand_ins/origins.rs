//! W-API and the CDN: a call gives a link after a delay, and both origins serve the files.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::{
    certificates::Certificates,
    media::{MediaFile, total_bytes},
    server::{Versions, serve_tls},
};

/// Expires in 2100.
const LINK_EXPIRES_MS: u64 = 4_102_444_800_000;

/// Both origins.
pub(crate) struct Origins {
    state: Arc<OriginState>,
    cdn_port: u16,
}

#[derive(Default)]
struct OriginState {
    files: Mutex<HashMap<String, Arc<MediaFile>>>,
    hanging: Mutex<HashSet<String>>,
    delay_ms: AtomicU64,
    wapi_port: AtomicU16,
}

impl Origins {
    /// Starts both.
    pub(crate) async fn start(certificates: &Certificates) -> Result<Self> {
        let state = Arc::<OriginState>::default();
        let wapi = Router::new()
            .route("/v1/message/download-media", post(give_link))
            .route("/media/file/{name}", get(serve_plain))
            .with_state(Arc::clone(&state));
        let cdn = Router::new()
            .route("/v/t62.7119-24/{name}", get(serve_encrypted))
            .with_state(Arc::clone(&state));
        let wapi_port = serve_tls(wapi, certificates, Versions::OneAndTwo).await?;
        let cdn_port = serve_tls(cdn, certificates, Versions::OneAndTwo).await?;
        state.wapi_port.store(wapi_port, Ordering::SeqCst);
        Ok(Self { state, cdn_port })
    }

    /// `WAPI_BASE_URL`.
    pub(crate) fn wapi_base(&self) -> String {
        format!("https://localhost:{}/v1", self.state.wapi_port.load(Ordering::SeqCst))
    }

    /// `CDN_BASE_URLS`.
    pub(crate) fn cdn_base(&self) -> String {
        format!("https://localhost:{}", self.cdn_port)
    }

    /// Serves a file under this name.
    pub(crate) fn serve_file(&self, name: &str, file: &Arc<MediaFile>) {
        let mut files = self.state.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(format!("{name}.enc"), Arc::clone(file));
    }

    /// Stops serving all files.
    pub(crate) fn forget_files(&self) {
        self.state.files.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.state.hanging.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Calls for this file are never answered.
    pub(crate) fn hang_calls(&self, name: &str) {
        let mut hanging = self.state.hanging.lock().unwrap_or_else(PoisonError::into_inner);
        hanging.insert(format!("{name}.enc"));
    }

    /// How long W-API takes to answer a call from now on.
    pub(crate) fn set_delay(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.state.delay_ms.store(millis, Ordering::SeqCst);
    }
}

impl OriginState {
    fn find_file(&self, name: &str) -> Option<Arc<MediaFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

async fn give_link(
    State(state): State<Arc<OriginState>>,
    headers: HeaderMap,
    Json(call): Json<Value>,
) -> Response {
    let path = call.get("directPath").and_then(Value::as_str).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_known = state.find_file(&name).is_some();
    if !is_known || !headers.contains_key(header::AUTHORIZATION) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if state.hanging.lock().unwrap_or_else(PoisonError::into_inner).contains(&name) {
        return std::future::pending().await;
    }
    tokio::time::sleep(Duration::from_millis(state.delay_ms.load(Ordering::SeqCst))).await;
    let port = state.wapi_port.load(Ordering::SeqCst);
    let link = format!("https://localhost:{port}/media/file/{name}");
    Json(json!({ "error": false, "fileLink": link, "expires": LINK_EXPIRES_MS })).into_response()
}

async fn serve_plain(State(state): State<Arc<OriginState>>, Path(name): Path<String>) -> Response {
    state.find_file(&name).map_or_else(not_found, |file| send_pieces(file.plain.clone()))
}

async fn serve_encrypted(
    State(state): State<Arc<OriginState>>,
    Path(name): Path<String>,
) -> Response {
    state.find_file(&name).map_or_else(not_found, |file| send_pieces(file.encrypted.clone()))
}

fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

fn send_pieces(pieces: Vec<Bytes>) -> Response {
    let length = total_bytes(&pieces).to_string();
    let pieces = pieces.into_iter().map(Ok::<_, Infallible>);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length),
    ];
    (headers, Body::from_stream(stream::iter(pieces))).into_response()
}
