//! Lambda's runtime API with one invocation, as the function's process calls it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

/// The API, serving one invocation.
pub(crate) struct RuntimeApi {
    address: String,
    invocation: Arc<Invocation>,
}

#[derive(Default)]
struct Invocation {
    /// The queue message, until the function takes it.
    job: Mutex<Option<String>>,
    /// The answer of the function; `None` if it failed.
    answer: Mutex<Option<String>>,
    answered: Notify,
}

impl RuntimeApi {
    /// Serves one invocation with this queue message.
    pub(crate) async fn start(job: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let invocation = Arc::new(Invocation { job: Mutex::new(Some(job)), ..Default::default() });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(give_invocation))
            .route("/2018-06-01/runtime/invocation/{id}/{result}", post(take_result))
            .route("/2018-06-01/runtime/init/error", post(report_failure))
            .with_state(Arc::clone(&invocation));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, invocation })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// Waits for the function's answer.
    pub(crate) async fn wait_for_answer(&self) -> Result<String> {
        self.invocation.answered.notified().await;
        let mut answer = self.invocation.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.take().context("the invocation failed")
    }
}

/// Gives the invocation once; later calls are not answered.
async fn give_invocation(State(invocation): State<Arc<Invocation>>) -> Response {
    let job = invocation.job.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(job) = job else {
        return std::future::pending().await;
    };
    (invocation_headers(), Json(sqs_event(&job))).into_response()
}

/// Takes `response` or `error`.
async fn take_result(
    State(invocation): State<Arc<Invocation>>,
    Path((_, result)): Path<(String, String)>,
    text: String,
) -> StatusCode {
    if result == "response" {
        *invocation.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
    invocation.answered.notify_one();
    StatusCode::ACCEPTED
}

async fn report_failure(State(invocation): State<Arc<Invocation>>) -> StatusCode {
    invocation.answered.notify_one();
    StatusCode::ACCEPTED
}

fn invocation_headers() -> [(&'static str, String); 3] {
    let deadline = boot::clock::since_1970().as_millis() + 600_000;
    [
        ("lambda-runtime-aws-request-id", "00000000-0000-0000-0000-000000000001".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:download".to_owned(),
        ),
    ]
}

fn sqs_event(job: &str) -> Value {
    json!({ "Records": [{
        "messageId": "1", "receiptHandle": "r", "body": job,
        "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "us-east-1",
    }] })
}
