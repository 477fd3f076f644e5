//! What the functions are invoked with: a webhook as API Gateway passes it on, a batch of SQS.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::stand_ins::{aws::SECRET, media::MediaFile, origins::Origins};

/// The recorded webhook whose media message is replaced.
const RECORDED: &str = "events/2026-document.json";

/// Announces media files: makes webhooks out of a recorded one.
pub(crate) struct Announcer {
    recorded: Value,
    count: u32,
}

/// A media file that both origins serve, and its webhook.
pub(crate) struct Announced {
    pub(crate) name: String,
    /// The invocation of the webhook function.
    pub(crate) webhook: String,
}

impl Announcer {
    /// Reads the recorded webhook of the project in this folder.
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(RECORDED)).context(RECORDED)?;
        Ok(Self { recorded: serde_json::from_str(&text).context(RECORDED)?, count: 0 })
    }

    /// Serves a file under a new name and message id, and makes the webhook that announces it.
    pub(crate) fn announce(
        &mut self,
        origins: &Origins,
        instance: &str,
        file: &Arc<MediaFile>,
    ) -> Result<Announced> {
        self.count += 1;
        let name = format!("{:020}_n", self.count);
        origins.serve_file(&name, file);
        let path = format!(
            "/v/t62.7119-24/{name}.enc?ccb=11-4&oh=01_Q5AapMny2wJDIZFonXNh0F8-d5vOI61Fg9LsTG3hR3LU\
             oME&oe=F4865700&_nc_sid=5e03e0"
        );
        let mut webhook = self.recorded.clone();
        let fields = [
            ("/instanceId", json!(instance)),
            ("/messageId", json!(format!("3EB0{:016X}", self.count))),
        ];
        let document = "/msgContent/documentMessage";
        let url = format!("https://mmg.whatsapp.net{path}&mms3=true");
        let of_document = [
            ("URL", json!(url)),
            ("directPath", json!(path)),
            ("fileEncSHA256", json!(file.encrypted_sha256)),
            ("fileSHA256", json!(file.plain_sha256)),
            ("fileLength", json!(file.size.to_string())),
            ("mediaKey", json!(file.media_key)),
            ("mimetype", json!("application/octet-stream")),
            ("fileName", json!("medicao.bin")),
        ];
        for (pointer, value) in fields {
            *webhook.pointer_mut(pointer).context(RECORDED)? = value;
        }
        for (name, value) in of_document {
            *webhook.pointer_mut(&format!("{document}/{name}")).context(RECORDED)? = value;
        }
        Ok(Announced { name, webhook: gateway_event(instance, &webhook).to_string() })
    }
}

/// The event of an HTTP API with a payload of version 2.0.
fn gateway_event(instance: &str, webhook: &Value) -> Value {
    let path = format!("/webhooks/{instance}/{SECRET}");
    let route = "POST /webhooks/{instanceId}/{secret}";
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json, text/plain, */*",
            "content-type": "application/json",
            "host": "api.example.invalid",
            "user-agent": "axios/1.7.9",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.example.invalid",
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "axios/1.7.9",
            },
            "requestId": "bench",
            "routeKey": route,
            "stage": "$default",
            "time": "22/Aug/2026:19:47:59 +0000",
            "timeEpoch": 1_787_438_879_000_u64,
        },
        "pathParameters": { "instanceId": instance, "secret": SECRET },
        "body": webhook.to_string(),
        "isBase64Encoded": false,
    })
}

/// A batch of the jobs queue. The n-th record has the id n.
pub(crate) fn sqs_event(jobs: &[String]) -> String {
    let records: Vec<_> = jobs
        .iter()
        .enumerate()
        .map(|(n, job)| {
            json!({
                "messageId": n.to_string(),
                "receiptHandle": format!("receipt-{n}"),
                "body": job,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1787438879000",
                    "SenderId": "bench",
                    "ApproximateFirstReceiveTimestamp": "1787438879001",
                    "MessageGroupId": "acme",
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records }).to_string()
}
