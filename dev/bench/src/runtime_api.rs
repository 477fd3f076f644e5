//! Lambda's runtime API for one process: hands out invocations one by one and takes the answers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, watch},
    task::JoinHandle,
};

/// The time that an invocation has, as the function is told.
const MAX_INVOCATION_TIME: Duration = Duration::from_mins(10);

/// The API of one process. It stops when dropped.
pub(crate) struct RuntimeApi {
    address: String,
    events: mpsc::Sender<String>,
    answers: Mutex<mpsc::Receiver<Outcome>>,
    ready: watch::Receiver<Option<Instant>>,
    server: JoinHandle<()>,
}

/// What the process posted: its answer or its failure, and when.
struct Outcome {
    text: String,
    is_success: bool,
    at: Instant,
}

struct ApiState {
    events: Mutex<mpsc::Receiver<String>>,
    answers: mpsc::Sender<Outcome>,
    ready: watch::Sender<Option<Instant>>,
}

impl RuntimeApi {
    /// Starts it for a process that will be started.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (events, given) = mpsc::channel(1);
        let (taken, answers) = mpsc::channel(1);
        let (ready, is_ready) = watch::channel(None);
        let state = ApiState { events: Mutex::new(given), answers: taken, ready };
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(give_invocation))
            .route("/2018-06-01/runtime/invocation/{id}/{result}", post(take_result))
            .route("/2018-06-01/runtime/init/error", post(take_init_error))
            .with_state(Arc::new(state));
        let server = tokio::spawn(async move {
            axum::serve(listener, routes).await.unwrap_or_default();
        });
        Ok(Self { address, events, answers: Mutex::new(answers), ready: is_ready, server })
    }

    /// `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits until the process asks for its first invocation: init is over. Returns when that was.
    pub(crate) async fn wait_until_ready(&self) -> Result<Instant> {
        let mut ready = self.ready.clone();
        let at = *ready.wait_for(Option::is_some).await?;
        at.context("a moment")
    }

    /// Gives the process an invocation and waits for its answer, which it returns with the time
    /// that it took.
    pub(crate) async fn invoke(&self, event: String) -> Result<(String, Duration)> {
        let started = Instant::now();
        self.events.send(event).await.context("the runtime API has stopped")?;
        let outcome = self.answers.lock().await.recv().await.context("no answer")?;
        if !outcome.is_success {
            bail!("the function failed: {}", outcome.text);
        }
        Ok((outcome.text, outcome.at - started))
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn give_invocation(State(state): State<Arc<ApiState>>) -> Response {
    state.ready.send_modify(|ready| {
        ready.get_or_insert_with(Instant::now);
    });
    match state.events.lock().await.recv().await {
        Some(event) => (invocation_headers(), event).into_response(),
        None => StatusCode::GONE.into_response(),
    }
}

/// Takes `response` or `error`.
async fn take_result(
    State(state): State<Arc<ApiState>>,
    Path((_, result)): Path<(String, String)>,
    text: String,
) -> StatusCode {
    let at = Instant::now();
    let outcome = Outcome { text, is_success: result == "response", at };
    state.answers.send(outcome).await.unwrap_or_default();
    StatusCode::ACCEPTED
}

async fn take_init_error(State(state): State<Arc<ApiState>>, text: String) -> StatusCode {
    let outcome = Outcome { text, is_success: false, at: Instant::now() };
    state.answers.send(outcome).await.unwrap_or_default();
    StatusCode::ACCEPTED
}

fn invocation_headers() -> [(&'static str, String); 4] {
    let deadline = boot::clock::since_1970() + MAX_INVOCATION_TIME;
    [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", "00000000-0000-0000-0000-000000000001".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned(),
        ),
    ]
}
