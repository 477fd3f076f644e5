//! Access to a local stack: its address, the environment that points programs at it, and plain
//! calls.

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::http;

/// The region of local stacks.
pub const REGION: &str = "us-east-1";
/// The access key and the secret key that local stacks accept.
const CREDENTIAL: &str = "test";

/// The address of a local stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint {
    port: u16,
}

impl Endpoint {
    /// The stack on this port of 127.0.0.1.
    pub fn at_port(port: u16) -> Self {
        Self { port }
    }

    /// The port on 127.0.0.1.
    pub fn port(self) -> u16 {
        self.port
    }

    /// The stack's URL, without a slash at the end.
    pub fn url(self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The base URL of an HTTP API: what precedes `/webhook/…`.
    pub fn api_base(self, api_id: &str) -> String {
        format!("{}/_aws/execute-api/{api_id}/$default", self.url())
    }

    /// The environment in which AWS programs and SDKs connect to this stack only.
    pub fn aws_environment(self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url()),
            ("AWS_ACCESS_KEY_ID", CREDENTIAL.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", CREDENTIAL.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    /// The configuration with which an AWS SDK client connects to this stack.
    pub fn sdk_config(self) -> SdkConfig {
        let credentials = Credentials::new(CREDENTIAL, CREDENTIAL, None, None, "local stack");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.url())
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
                credentials,
            ))
            .build()
    }

    /// Whether a stack answers on this port.
    pub async fn is_up(self) -> bool {
        let Ok(client) = http::build_client() else {
            return false;
        };
        let health = format!("{}/_ministack/health", self.url());
        match client.get(health).send().await {
            Ok(answer) => answer.status().is_success(),
            Err(_) => false,
        }
    }

    /// Calls an AWS service that uses JSON. `service` is as in an endpoint's name (`dynamodb`),
    /// `target` as in the header `X-Amz-Target` (`DynamoDB_20120810.Scan`).
    ///
    /// # Errors
    /// If there is no answer, or it is an error.
    pub async fn call_json(self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let request = self
            .build_request(Method::POST, "/", service)?
            .header("X-Amz-Target", target)
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .body(body.to_string());
        read_answer(request, target).await
    }

    /// Calls Lambda, which uses REST.
    pub(crate) async fn call_lambda(
        self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let mut request = self.build_request(method, path, "lambda")?;
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        read_answer(request, path).await
    }

    /// Every message of a queue, hidden ones included, without receiving any; `None` if the queue
    /// does not exist.
    ///
    /// # Errors
    /// If the emulator does not answer.
    pub async fn look_into_queue(self, queue_url: &str) -> Result<Option<Vec<Value>>> {
        let wanted = queue_url.rsplit('/').next().unwrap_or_default();
        let mut queues = self.look_into_queues().await?.into_iter();
        Ok(queues.find(|(name, _)| name == wanted).map(|(_, messages)| messages))
    }

    /// Every message of each queue, by the queue's name, hidden ones included, without receiving
    /// any, from the emulator's own interface.
    pub(crate) async fn look_into_queues(self) -> Result<Vec<(String, Vec<Value>)>> {
        let request = http::build_client()?.get(format!("{}/_ministack/sqs/messages", self.url()));
        let mut found = read_answer(request, "the queues' messages").await?;
        // By account, by region, by the queue's URL, whose host may differ.
        let accounts = found.pointer_mut("/messages").map(Value::take);
        let regions = accounts.iter().flat_map(object_values).flat_map(object_values);
        let queues = regions.filter_map(Value::as_object).flatten();
        let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
        let messages = |one: &Value| one.as_array().cloned().unwrap_or_default();
        Ok(queues.map(|(url, all)| (name(url), messages(all))).collect())
    }

    /// Calls a service that takes forms and answers in XML, which is not parsed.
    pub(crate) async fn call_form(self, service: &str, fields: &[(&str, &str)]) -> Result<()> {
        let answer = self
            .build_request(Method::POST, "/", service)?
            .form(fields)
            .send()
            .await
            .with_context(|| format!("{service}: no answer"))?;
        let status = answer.status();
        if !status.is_success() {
            bail!("{service}: {status} {}", http::read_text(answer).await?);
        }
        Ok(())
    }

    /// Builds a request with an unchecked signature, which only tells the region and the service.
    fn build_request(self, method: Method, path: &str, service: &str) -> Result<RequestBuilder> {
        let scope = format!("{CREDENTIAL}/20260101/{REGION}/{service}/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00");
        let request = http::build_client()?
            .request(method, format!("{}{path}", self.url()))
            .header(AUTHORIZATION, authorization);
        Ok(request)
    }
}

fn object_values(object: &Value) -> impl Iterator<Item = &Value> {
    object.as_object().into_iter().flat_map(|object| object.values())
}

async fn read_answer(request: RequestBuilder, what: &str) -> Result<Value> {
    let answer = request.send().await.with_context(|| format!("{what}: no answer"))?;
    let status = answer.status();
    let text = http::read_text(answer).await?;
    if !status.is_success() {
        bail!("{what}: {status} {text}");
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).with_context(|| format!("{what}: not JSON: {text}"))
}
