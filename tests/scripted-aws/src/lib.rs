//! AWS as a script: one handler answers every request, and every request is kept to be looked at.
//!
//! For tests of what goes over the wire, and of what an emulator cannot be made to do.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

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
use serde_json::Value;
use tokio::net::TcpListener;

pub use update::Update;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// Still percent-encoded, without the query.
    pub path: String,
    /// Of parameters without a value, the value is empty.
    pub query: HashMap<String, String>,
    /// As they came.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
}

impl Seen {
    /// The operation in AWS's own words.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        let target = self.header("x-amz-target").unwrap_or_default();
        let named = [
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "TransactWriteItems",
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
        ]
        .into_iter()
        .find(|name| target.ends_with(&format!(".{name}")));
        let has = |name: &str| self.query.contains_key(name);
        match (named, self.method.as_str()) {
            (Some(name), _) => name,
            (None, "PUT") if has("partNumber") => "UploadPart",
            (None, "PUT") => "PutObject",
            (None, "POST") if has("uploads") => "CreateMultipartUpload",
            (None, "POST") if has("uploadId") => "CompleteMultipartUpload",
            (None, "DELETE") if has("uploadId") => "AbortMultipartUpload",
            (None, _) => "something else",
        }
    }

    /// A header that is text.
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

/// What AWS is to say.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    /// Any answer.
    #[must_use]
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// 200 without a body.
    #[must_use]
    pub fn ok() -> Self {
        Self::new(200, "")
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    /// An error of `DynamoDB`, KMS or SQS.
    #[must_use]
    pub fn json_error(status: u16, code: &str) -> Self {
        let body =
            serde_json::json!({ "__type": format!("com.amazonaws#{code}"), "message": "scripted" });
        Self::new(status, body.to_string())
    }

    /// `DynamoDB`'s refusal of a write whose condition does not hold. `item` is what lies there, if the
    /// write asked for it.
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

    /// An error of S3; with status 200, the kind that comes after S3 has said that all is well.
    #[must_use]
    pub fn s3_error(status: u16, code: &str) -> Self {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
        Self::new(
            status,
            format!("{xml}<Error><Code>{code}</Code><Message>scripted</Message></Error>"),
        )
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Each connection serves one request: what one test has idle cannot break in the next step.
    fn into_response(self) -> Response<Body> {
        let mut response = Response::builder()
            .status(self.status)
            .header("connection", "close");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(self.body)).expect("an answer")
    }
}

/// As long as the webhook function waits, so that a test of silence is not long.
const LONGEST_CALL: std::time::Duration = std::time::Duration::from_millis(2500);
/// As long as the download function's: the waits between three tries alone may take three seconds.
const PATIENT_CALL: std::time::Duration = std::time::Duration::from_mins(2);

type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// The server, for as long as the test's runtime lives.
pub struct Aws {
    /// Clients that talk to it.
    pub clients: Clients,
    endpoint: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Aws {
    /// Answers every request by the script.
    pub async fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        redaction::listen();
        let seen = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = (Arc::clone(&seen), Arc::new(script) as Script);
        let app = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        let endpoint = format!("http://{address}");
        Self {
            clients: Clients::for_stand_in(&endpoint, LONGEST_CALL),
            endpoint,
            seen,
        }
    }

    /// Answers each request with the next of `answers`; more requests than answers get a refusal that the
    /// SDK does not retry.
    pub async fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = Mutex::new(
            answers
                .into_iter()
                .collect::<std::collections::VecDeque<_>>(),
        );
        Self::start(move |_| {
            let next = answers.lock().expect("the script").pop_front();
            next.unwrap_or_else(|| Answer::json_error(400, "NothingScripted"))
        })
        .await
    }

    /// Clients that talk to it with more patience: for large bodies, and for all of the SDK's tries.
    #[must_use]
    pub fn patient_clients(&self) -> Clients {
        Clients::for_stand_in(&self.endpoint, PATIENT_CALL)
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the requests").clone()
    }

    /// Their operations.
    #[must_use]
    pub fn operations(&self) -> Vec<&'static str> {
        self.seen().iter().map(Seen::operation).collect()
    }

    /// The requests of one operation.
    #[must_use]
    pub fn of(&self, operation: &str) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|one| one.operation() == operation);
        seen
    }

    /// The only request of its kind.
    #[must_use]
    pub fn the(&self, operation: &str) -> Seen {
        let mut seen = self.of(operation);
        assert_eq!(seen.len(), 1, "{operation} among {:?}", self.operations());
        seen.remove(0)
    }
}

async fn answer(
    State((seen, script)): State<(Arc<Mutex<Vec<Seen>>>, Script)>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Answer::new(400, "").into_response();
    };
    let query = head.uri.query().unwrap_or_default();
    let pairs = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let one = Seen {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        headers: head.headers,
        body,
    };
    seen.lock().expect("the requests").push(one.clone());
    script(&one).into_response()
}
