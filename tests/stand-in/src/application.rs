//! An application of a tenant on loopback that receives webhooks, and answers as a test says.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode},
};

use tokio::sync::watch;

use crate::activity::count_activity;
use crate::server::{Server, base_url, open_listener};

/// A request that the application got.
#[derive(Debug, Clone)]
pub struct PostedWebhook {
    /// Path and query, as they came.
    pub path_and_query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

impl PostedWebhook {
    /// The text of a header; empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether one of its signatures is by this secret, as the library of Standard Webhooks says,
    /// at whatever time. The library understands only a body in UTF-8.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let Ok(webhook) = standardwebhooks::Webhook::new(secret) else { return false };
        let Ok(at) = self.header("webhook-timestamp").parse() else { return false };
        let signature = webhook.sign(self.header("webhook-id"), at, &self.body);
        let all = self.header("webhook-signature");
        signature.is_ok_and(|signature| all.split(' ').any(|one| one == signature))
    }
}

/// How the application answers a request.
#[derive(Debug, Clone, Copy)]
pub struct AppAnswer {
    /// The HTTP status.
    pub status: u16,
    /// A header.
    pub header: Option<(&'static str, &'static str)>,
}

impl AppAnswer {
    /// This status without headers.
    pub fn status(status: u16) -> Self {
        Self { status, header: None }
    }
}

type Respond = dyn Fn(usize) -> AppAnswer + Send + Sync;

#[derive(Clone)]
struct AppState {
    posted: Arc<Mutex<Vec<PostedWebhook>>>,
    respond: Arc<Respond>,
}

/// The application. It stops when dropped.
pub struct Application {
    base: String,
    posted: Arc<Mutex<Vec<PostedWebhook>>>,
    _server: Server,
}

impl Application {
    /// Starts an application. `respond` says how it answers the n-th request, counted from 0.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(
        respond: impl Fn(usize) -> AppAnswer + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = open_listener(0).await?;
        let base = base_url(&listener)?;
        let posted: Arc<Mutex<Vec<PostedWebhook>>> = Arc::default();
        let state = AppState { posted: Arc::clone(&posted), respond: Arc::new(respond) };
        let router = Router::new().fallback(receive).with_state(state);
        let (stop, _stopped) = watch::channel(false);
        let server = Server::serve_router(listener, router, Arc::new(stop));
        Ok(Self { base, posted, _server: server })
    }

    /// Its base URL, without a path.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Every request so far.
    pub fn posted(&self) -> Vec<PostedWebhook> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn receive(State(state): State<AppState>, request: Request) -> Response<String> {
    count_activity();
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
    let path_and_query = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let n = {
        let mut posted = state.posted.lock().unwrap_or_else(PoisonError::into_inner);
        posted.push(PostedWebhook { path_and_query, headers: head.headers, body });
        posted.len() - 1
    };
    let answer = (state.respond)(n);
    count_activity();
    let response = Response::builder().status(answer.status);
    let response =
        answer.header.into_iter().fold(response, |one, (name, value)| one.header(name, value));
    response.body(String::new()).unwrap_or_else(|_invalid| {
        let mut failed = Response::new(String::new());
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}
