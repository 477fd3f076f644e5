//! S3, SQS, DynamoDB and KMS, as far as the functions call them. Files are counted and dropped.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::Result;
use aws_lc_rs::digest;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use data_encoding::{BASE64, HEXLOWER};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::{
    certificates::Certificates,
    s3_body::read_upload,
    server::{Versions, serve_tls},
};

/// The tenant of every instance.
pub(crate) const TENANT: &str = "acme";
/// The webhook secret of every instance.
pub(crate) const SECRET: &str = "invented-secret-of-the-bench";
/// The table of instances; every other table is empty.
pub(crate) const INSTANCES_TABLE: &str = "instances";
/// What the id of an instance begins with whose media come from the CDN alone.
pub(crate) const CDN_PREFIX: &str = "LITE-CDN";
/// What the id of an instance begins with whose media come from W-API, or else from the CDN.
const BOTH_PREFIX: &str = "LITE-BTH";
const TOKEN: &str = "invented-token-of-the-bench";
const MAX_JSON_BYTES: usize = 16 * 1024 * 1024;

/// An object that became visible.
#[derive(Debug, Clone)]
pub(crate) struct StoredObject {
    /// The bucket and the key.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// In base64, if hashes were asked for.
    pub(crate) sha256: Option<String>,
    pub(crate) at: Instant,
}

/// The stand-in for AWS.
pub(crate) struct Aws {
    state: Arc<AwsState>,
    port: u16,
}

#[derive(Default)]
struct AwsState {
    sent: Mutex<Vec<String>>,
    stored: Mutex<Vec<StoredObject>>,
    uploads: Mutex<HashMap<String, Upload>>,
    next_upload: AtomicU64,
    hashes: AtomicBool,
}

/// The parts of an upload: their bytes if hashes were asked for, and the size of them all.
#[derive(Default)]
struct Upload {
    parts: Vec<(u32, Vec<u8>)>,
    size: u64,
}

impl Aws {
    /// Starts it.
    pub(crate) async fn start(certificates: &Certificates) -> Result<Self> {
        let state = Arc::<AwsState>::default();
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let port = serve_tls(routes, certificates, Versions::One).await?;
        Ok(Self { state, port })
    }

    /// `AWS_ENDPOINT_URL`. An address, so that the bucket's name stays in the path.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Takes the bodies of the messages that were sent since the last call.
    pub(crate) fn take_sent(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.state.sent))
    }

    /// Takes the objects that were stored since the last call.
    pub(crate) fn take_stored(&self) -> Vec<StoredObject> {
        std::mem::take(&mut *lock(&self.state.stored))
    }

    /// Whether the objects' hashes are computed from now on.
    pub(crate) fn set_hashes(&self, hashes: bool) {
        self.state.hashes.store(hashes, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(state): State<Arc<AwsState>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let Some(target) = target else {
        return answer_s3(&state, &head, body).await;
    };
    let operation = target.rsplit('.').next().unwrap_or_default();
    let Ok(body) = to_bytes(body, MAX_JSON_BYTES).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = state.answer_json(operation, &asked);
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], answer.to_string()).into_response()
}

impl AwsState {
    fn answer_json(&self, operation: &str, asked: &Value) -> Value {
        let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
        match operation {
            "GetItem" if text("TableName") == INSTANCES_TABLE => {
                let id = asked.pointer("/Key/instance/S").and_then(Value::as_str);
                let id = id.filter(|id| id.starts_with("LITE-"));
                id.map_or_else(|| json!({}), |id| json!({ "Item": instance_item(id) }))
            }
            "Decrypt" => json!({
                "Plaintext": BASE64.encode(TOKEN.as_bytes()),
                "KeyId": "key",
                "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
            }),
            "SendMessage" => {
                let message = text("MessageBody");
                lock(&self.sent).push(message.to_owned());
                let hash = HEXLOWER.encode(&Md5::digest(message.as_bytes()));
                json!({ "MessageId": "m", "MD5OfMessageBody": hash })
            }
            "GetQueueAttributes" => json!({ "Attributes": {} }),
            _ => json!({}),
        }
    }

    fn store(&self, path: &str, size: u64, sha256: Option<String>) {
        let (path, at) = (path.to_owned(), Instant::now());
        lock(&self.stored).push(StoredObject { path, size, sha256, at });
    }

    fn end_upload(&self, path: &str, id: &str) {
        let Some(mut upload) = lock(&self.uploads).remove(id) else {
            return;
        };
        upload.parts.sort_by_key(|(number, _)| *number);
        let hashed = self.hashes.load(Ordering::SeqCst).then(|| {
            let mut hash = digest::Context::new(&digest::SHA256);
            upload.parts.iter().for_each(|(_, bytes)| hash.update(bytes));
            BASE64.encode(hash.finish().as_ref())
        });
        self.store(path, upload.size, hashed);
    }
}

/// The record of an instance: its secret, its token, and its strategies, of which the peers use the
/// first.
fn instance_item(id: &str) -> Value {
    let secret = digest::digest(&digest::SHA256, SECRET.as_bytes());
    let strategies: &[&str] = match id {
        _ if id.starts_with(CDN_PREFIX) => &["cdn"],
        _ if id.starts_with(BOTH_PREFIX) => &["wapi", "cdn"],
        _ => &["wapi"],
    };
    let strategies: Vec<_> = strategies.iter().map(|one| json!({ "S": one })).collect();
    json!({
        "instance": { "S": id },
        "tenant": { "S": TENANT },
        "secret_hashes": { "L": [{ "S": HEXLOWER.encode(secret.as_ref()) }] },
        "sealed_token": { "S": BASE64.encode(b"sealed") },
        "strategies": { "L": strategies },
        "strategies_set_at": { "N": "1" },
        "created_at": { "N": "0" },
    })
}

async fn answer_s3(state: &AwsState, head: &Parts, body: Body) -> Response {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    };
    let hashes = state.hashes.load(Ordering::SeqCst);
    let mut bytes = Vec::new();
    let take = |piece: &[u8]| {
        if hashes {
            bytes.extend_from_slice(piece);
        }
    };
    let Ok(size) = read_upload(&head.headers, body, take).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match (head.method.as_str(), value("partNumber"), value("uploadId")) {
        ("PUT", Some(number), Some(id)) => {
            let mut uploads = lock(&state.uploads);
            let upload = uploads.entry(id.to_owned()).or_default();
            upload.size += size;
            upload.parts.push((number.parse().unwrap_or_default(), bytes));
            [(header::ETAG, "\"e\"")].into_response()
        }
        ("PUT", ..) => {
            let hash = || BASE64.encode(digest::digest(&digest::SHA256, &bytes).as_ref());
            state.store(path, size, hashes.then(hash));
            [(header::ETAG, "\"e\"")].into_response()
        }
        ("POST", _, Some(id)) => {
            state.end_upload(path, id);
            xml("<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>\
                 <ETag>\"e\"</ETag></CompleteMultipartUploadResult>")
        }
        ("POST", ..) => {
            let id = state.next_upload.fetch_add(1, Ordering::SeqCst);
            xml(&format!(
                "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>\
                 <UploadId>u{id}</UploadId></InitiateMultipartUploadResult>"
            ))
        }
        _ => StatusCode::OK.into_response(),
    }
}

fn xml(content: &str) -> Response {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{content}");
    ([(header::CONTENT_TYPE, "application/xml")], text).into_response()
}
