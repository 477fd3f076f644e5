//! A scripted AWS: one handler answers every request, and every request is recorded.
//!
//! For tests of wire requests, and of failures that an emulator cannot produce.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod connections;
mod update;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws::clients::Clients;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, Response},
};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::TcpListener;

pub use connections::{KeepAliveAws, Treatment};
pub use update::Update;

/// A request that was received.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The HTTP method.
    pub method: Method,
    /// The path, still percent-encoded, without the query.
    pub path: String,
    /// The query's parameters; a parameter without a value has an empty one.
    pub query: HashMap<String, String>,
    /// The headers, names in lower case.
    pub headers: HeaderMap,
    /// The whole body, decoded from its transfer encoding. Empty if the server drops it.
    pub body: Bytes,
    /// The length of the body in bytes, kept or dropped.
    pub body_bytes: u64,
}

impl RecordedRequest {
    /// The operation's name as AWS writes it.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        let target = self.header("x-amz-target").unwrap_or_default();
        let named = [
            "BatchGetItem",
            "DescribeTable",
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "TransactWriteItems",
            "ExecuteStatement",
            "Query",
            "Scan",
            "Encrypt",
            "Decrypt",
            "SendMessageBatch",
            "SendMessage",
            "ChangeMessageVisibility",
            "StartMessageMoveTask",
            "GetQueueAttributes",
            "DeleteMessage",
            "ReceiveMessage",
            "PutEvents",
        ]
        .into_iter()
        .find(|name| target.ends_with(&format!(".{name}")));
        let has = |name: &str| self.query.contains_key(name);
        match (named, self.method.as_str()) {
            (Some(name), _) => name,
            (None, "PUT") if has("partNumber") => "UploadPart",
            (None, "PUT") if has("tagging") => "PutObjectTagging",
            (None, "PUT") => "PutObject",
            (None, "GET") if has("tagging") => "GetObjectTagging",
            (None, "GET") if has("versions") => "ListObjectVersions",
            (None, "POST") if has("uploads") => "CreateMultipartUpload",
            (None, "POST") if has("uploadId") => "CompleteMultipartUpload",
            (None, "DELETE") if has("uploadId") => "AbortMultipartUpload",
            (None, _) => "something else",
        }
    }

    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }
}

/// An answer from AWS.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    is_silent: bool,
}

impl Answer {
    /// An answer with this status and body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), is_silent: false }
    }

    /// No answer: the connection stays open.
    #[must_use]
    pub fn silence() -> Self {
        Self { is_silent: true, ..Self::new(200, "") }
    }

    /// 200 with an empty body.
    #[must_use]
    pub fn empty_success() -> Self {
        Self::new(200, "")
    }

    /// 200 with a JSON body.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    /// DynamoDB cancels a transaction, with the code of each of its items.
    #[must_use]
    pub fn transaction_cancelled(codes: [&str; 2]) -> Self {
        let reasons = codes.map(|code| serde_json::json!({ "Code": code }));
        let body = serde_json::json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "CancellationReasons": reasons,
        });
        Self::new(400, body.to_string())
    }

    /// SQS accepts a message of a `SendMessage`.
    #[must_use]
    pub fn message_accepted() -> Self {
        Self::json(&serde_json::json!({ "MessageId": "m", "MD5OfMessageBody": "x" }))
    }

    /// SQS accepts every message of a `SendMessageBatch`.
    #[must_use]
    pub fn batch_accepted(request: &RecordedRequest) -> Self {
        let entries = request.json()["Entries"].as_array().cloned().expect("entries");
        let accepted: Vec<_> = entries
            .iter()
            .map(|entry| {
                serde_json::json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x" })
            })
            .collect();
        Self::json(&serde_json::json!({ "Successful": accepted, "Failed": [] }))
    }

    /// An error of `DynamoDB`, KMS or SQS.
    #[must_use]
    pub fn json_error(status: u16, code: &str) -> Self {
        let body =
            serde_json::json!({ "__type": format!("com.amazonaws#{code}"), "message": "scripted" });
        Self::new(status, body.to_string())
    }

    /// `DynamoDB`'s refusal of a write whose condition does not hold. `item` is the present item,
    /// if the write asked for it.
    #[must_use]
    pub fn condition_failed(item: Option<&Value>) -> Self {
        let code = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
        let mut body =
            serde_json::json!({ "__type": code, "message": "The conditional request failed" });
        if let Some(item) = item {
            body["Item"] = item.clone();
        }
        Self::new(400, body.to_string())
    }

    /// An error of S3. With status 200, the error comes in the body of a success.
    #[must_use]
    pub fn s3_error(status: u16, code: &str) -> Self {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        Self::new(
            status,
            format!("{xml}<Error><Code>{code}</Code><Message>scripted</Message></Error>"),
        )
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Closes the connection after each answer, so that no idle connection breaks in a later step
    /// of a test.
    fn into_response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status).header("connection", "close");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(self.body)).expect("an answer")
    }
}

/// The webhook function's call timeout, so that tests of a silent AWS are short.
const CALL_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(2500);
/// The download function's call timeout: the waits between three attempts alone may take three
/// seconds.
const PATIENT_CALL_TIMEOUT: std::time::Duration = std::time::Duration::from_mins(2);

/// The script, the requests received so far, and whether the bodies of PUT requests are dropped.
#[derive(Clone)]
struct ServerState {
    script: Arc<dyn Fn(&RecordedRequest) -> Answer + Send + Sync>,
    seen: Arc<Mutex<Vec<RecordedRequest>>>,
    drops_files: bool,
}

/// The server; it runs as long as the test's runtime.
pub struct Aws {
    /// Clients that are connected to it.
    pub clients: Clients,
    endpoint: String,
    seen: Arc<Mutex<Vec<RecordedRequest>>>,
}

impl Aws {
    /// Starts a server that answers every request by the script.
    pub async fn start(
        script: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::default();
        Self::serve(ServerState { script: Arc::new(script), seen, drops_files: false }).await
    }

    /// Starts a server that counts the bytes of stored files and drops them, so that files of any
    /// size can be stored.
    pub async fn start_without_files(
        script: impl Fn(&RecordedRequest) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::default();
        Self::serve(ServerState { script: Arc::new(script), seen, drops_files: true }).await
    }

    async fn serve(state: ServerState) -> Self {
        redaction::start_listening();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::clone(&state.seen);
        let app = Router::new().fallback(answer_request).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let endpoint = format!("http://{address}");
        Self { clients: Clients::for_stand_in(&endpoint, CALL_TIMEOUT), endpoint, seen }
    }

    /// Starts a server that answers each request with the next of `answers`. Further requests get
    /// a refusal that the SDK does not retry.
    pub async fn answer_in_order(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect::<std::collections::VecDeque<_>>());
        Self::start(move |_| {
            let next = answers.lock().expect("the script").pop_front();
            next.unwrap_or_else(|| Answer::json_error(400, "NothingScripted"))
        })
        .await
    }

    /// The address of the server, as a URL.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Clients with a longer timeout, for large bodies and for all of the SDK's attempts.
    #[must_use]
    pub fn patient_clients(&self) -> Clients {
        Clients::for_stand_in(&self.endpoint, PATIENT_CALL_TIMEOUT)
    }

    /// Every request received so far.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.seen.lock().expect("the requests").clone()
    }

    /// The operations of all requests, in order.
    #[must_use]
    pub fn operations(&self) -> Vec<&'static str> {
        self.requests().iter().map(RecordedRequest::operation).collect()
    }

    /// The requests with this operation.
    #[must_use]
    pub fn requests_of(&self, operation: &str) -> Vec<RecordedRequest> {
        let mut seen = self.requests();
        seen.retain(|one| one.operation() == operation);
        seen
    }

    /// The only request with this operation; fails if there are none or several.
    #[must_use]
    pub fn only_request(&self, operation: &str) -> RecordedRequest {
        let mut seen = self.requests_of(operation);
        assert_eq!(seen.len(), 1, "{operation} among {:?}", self.operations());
        seen.remove(0)
    }
}

/// The body and its length in bytes; an empty body if it is dropped.
async fn read_body(body: Body, drops: bool) -> Result<(Bytes, u64), axum::Error> {
    if !drops {
        let body = to_bytes(body, usize::MAX).await?;
        let length = body.len() as u64;
        return Ok((body, length));
    }
    let mut chunks = body.into_data_stream();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        length += chunk?.len() as u64;
    }
    Ok((Bytes::new(), length))
}

async fn answer_request(State(state): State<ServerState>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let drops = state.drops_files && head.method == Method::PUT;
    let Ok((body, body_bytes)) = read_body(body, drops).await else {
        return Answer::new(400, "").into_response();
    };
    let query = head.uri.query().unwrap_or_default();
    let pairs = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let one = RecordedRequest {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        headers: head.headers,
        body,
        body_bytes,
    };
    state.seen.lock().expect("the requests").push(one.clone());
    let answer = (state.script)(&one);
    if answer.is_silent {
        std::future::pending::<()>().await;
    }
    answer.into_response()
}
