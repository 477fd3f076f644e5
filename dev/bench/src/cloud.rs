//! A runtime API with one invocation, and the few AWS answers that storing a media file needs.
//! Bytes are counted and dropped.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
use futures_util::StreamExt;
use serde_json::{Value, json};
use stand_in::{DEFAULT_INSTANCE, DEFAULT_TOKEN};
use tokio::{net::TcpListener, sync::Notify};

/// The table of instances; every other table is the media table.
pub(crate) const INSTANCES_TABLE: &str = "instances";

/// Requests other than parts are small.
const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The servers of one run.
pub(crate) struct Cloud {
    address: String,
    shared: Arc<SharedState>,
}

struct SharedState {
    job: Mutex<Option<String>>,
    answer: Mutex<Option<String>>,
    answered: Notify,
    stored_bytes: AtomicU64,
}

impl Cloud {
    /// Starts serving one invocation with this job.
    pub(crate) async fn start(job: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(SharedState {
            job: Mutex::new(Some(job)),
            answer: Mutex::default(),
            answered: Notify::new(),
            stored_bytes: AtomicU64::new(0),
        });
        let routes = Router::new().fallback(answer_request).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, shared })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// The number of bytes that S3 received.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.shared.stored_bytes.load(Ordering::Relaxed)
    }

    /// The function's answer to its invocation.
    pub(crate) async fn take_answer(&self) -> Result<String> {
        self.shared.answered.notified().await;
        let mut answer = self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.take().context("the invocation failed")
    }
}

async fn answer_request(State(shared): State<Arc<SharedState>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(call) = path.strip_prefix("/2018-06-01/runtime/") {
        return answer_runtime_call(&shared, call, request.into_body()).await;
    }
    match request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .map(str::to_owned)
    {
        Some(target) => {
            let body = to_bytes(request.into_body(), MAX_REQUEST_BYTES).await.unwrap_or_default();
            let asked = serde_json::from_slice(&body).unwrap_or_default();
            axum::Json(json_service(&target, &asked)).into_response()
        }
        None => answer_s3(&shared, request).await,
    }
}

/// Serves one invocation; later calls are not answered.
async fn answer_runtime_call(shared: &SharedState, call: &str, body: Body) -> Response {
    if call == "invocation/next" {
        let job = shared.job.lock().unwrap_or_else(PoisonError::into_inner).take();
        return match job {
            Some(job) => (invocation_headers(), axum::Json(sqs_event(&job))).into_response(),
            None => std::future::pending().await,
        };
    }
    let text = to_bytes(body, MAX_REQUEST_BYTES)
        .await
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if call.ends_with("/response") {
        *shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = text.ok();
    }
    shared.answered.notify_one();
    StatusCode::ACCEPTED.into_response()
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

fn json_service(target: &str, asked: &Value) -> Value {
    match target.rsplit('.').next() {
        Some("GetItem") if asked["TableName"] == INSTANCES_TABLE => json!({ "Item": {
            "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": "acme" },
            "secret_hashes": { "L": [] },
            "sealed_token": { "S": BASE64.encode(b"sealed") }, "created_at": { "N": "0" },
        } }),
        Some("Decrypt") => {
            json!({ "Plaintext": BASE64.encode(DEFAULT_TOKEN.as_bytes()), "KeyId": "key" })
        }
        _ => json!({}),
    }
}

/// S3 without storage.
async fn answer_s3(shared: &SharedState, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let xml =
        |text: &str| (HeaderMap::new(), format!("<?xml version=\"1.0\"?>{text}")).into_response();
    match *request.method() {
        Method::PUT => {
            let mut body = request.into_body().into_data_stream();
            while let Some(Ok(chunk)) = body.next().await {
                shared.stored_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            }
            [("etag", "\"e\"")].into_response()
        }
        Method::POST if query.starts_with("uploads") => {
            xml("<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>\
             <UploadId>u</UploadId></InitiateMultipartUploadResult>")
        }
        Method::POST => {
            xml("<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>")
        }
        _ => StatusCode::OK.into_response(),
    }
}
