//! One request to AWS, with its operation and resource.

use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;

/// A request as the SDK built it.
#[derive(Debug, Clone)]
pub struct AwsRequest {
    head: Parts,
    body: Bytes,
}

impl AwsRequest {
    /// Builds a request from its head and body.
    #[must_use]
    pub fn new(head: Parts, body: Bytes) -> Self {
        Self { head, body }
    }

    /// The request's body, of any content type.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Builds the HTTP request again.
    #[must_use]
    pub fn to_http(&self) -> http::Request<Bytes> {
        http::Request::from_parts(self.head.clone(), self.body.clone())
    }

    /// The service and the operation.
    #[must_use]
    pub fn target(&self) -> (&'static str, &str) {
        let target = self.head.headers.get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok());
        match target.and_then(|target| target.split_once('.')) {
            Some(("AmazonSQS", operation)) => ("sqs", operation),
            Some(("DynamoDB_20120810", operation)) => ("dynamodb", operation),
            Some(("TrentService", operation)) => ("kms", operation),
            Some((_, operation)) => ("unknown", operation),
            None => ("s3", self.s3_operation()),
        }
    }

    /// `service:Operation`.
    #[must_use]
    pub fn operation(&self) -> String {
        let (service, operation) = self.target();
        format!("{service}:{operation}")
    }

    /// What the call concerns, the same in every run: an object's key, an item's key, a receipt,
    /// or the message.
    #[must_use]
    pub fn subject(&self) -> String {
        let (service, _) = self.target();
        if service == "s3" {
            let part = self.query_parameter("partNumber").unwrap_or_default();
            return format!("{} {part}", self.head.uri.path()).trim_end().to_owned();
        }
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let first_write = json["TransactItems"][0].as_object().and_then(|it| it.values().next());
        let of_item = || {
            let json = first_write.unwrap_or(&json);
            let key = json["Key"].as_object().or(json["Item"].as_object())?;
            let part = |name| key.get(name).and_then(|it| text(&it["S"]));
            // In the table of counts, `day` has the day and the instance.
            let names = ["day", "instance", "message_id"].map(part);
            let parts = [text(&json["TableName"])].into_iter().chain(names);
            Some(parts.flatten().collect::<Vec<_>>().join("/"))
        };
        let of_message = |it: &Value| {
            it["MessageBody"]
                .as_str()
                .map(|body| crate::accounting::Identity::from_body(body).to_string())
        };
        of_item()
            .or_else(|| text(&json["ReceiptHandle"]))
            .or_else(|| of_message(&json))
            .or_else(|| of_message(&json["Entries"][0]))
            .unwrap_or_else(|| "-".to_owned())
    }

    /// The table, queue, bucket or KMS key that the call uses.
    #[must_use]
    pub fn resource(&self) -> String {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        match self.target().0 {
            "s3" => self.head.uri.path().split('/').nth(1).unwrap_or_default().to_owned(),
            "sqs" => text("QueueUrl").rsplit('/').next().unwrap_or_default().to_owned(),
            "dynamodb" if json["IndexName"].is_string() => {
                format!("{}/index/{}", text("TableName"), text("IndexName"))
            }
            "dynamodb" => match json["RequestItems"].as_object().and_then(|it| it.keys().next()) {
                Some(table) => table.clone(),
                None => text("TableName"),
            },
            service => service.to_owned(),
        }
    }

    /// The writes of a transaction, each with the operation that it would be alone and its table.
    #[must_use]
    pub fn transacted_writes(&self) -> Vec<(String, String)> {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let writes = json["TransactItems"].as_array().into_iter().flatten();
        let named = writes.filter_map(|write| {
            let (name, write) = write.as_object()?.iter().next()?;
            Some((format!("dynamodb:{name}Item"), write["TableName"].as_str()?.to_owned()))
        });
        named.collect()
    }

    /// Whether the call sets an object's tags.
    #[must_use]
    pub fn is_tagging(&self) -> bool {
        self.head.headers.contains_key("x-amz-tagging")
    }

    fn s3_operation(&self) -> &'static str {
        let has = |name| self.query_parameter(name).is_some();
        match self.head.method.as_str() {
            "PUT" if has("partNumber") => "UploadPart",
            "PUT" => "PutObject",
            "POST" if has("uploads") => "CreateMultipartUpload",
            "POST" if has("uploadId") => "CompleteMultipartUpload",
            "POST" if has("delete") => "DeleteObjects",
            "GET" if has("versions") => "ListObjectVersions",
            "GET" if has("uploads") => "ListMultipartUploads",
            "DELETE" if has("uploadId") => "AbortMultipartUpload",
            "GET" if has("tagging") => "GetObjectTagging",
            "HEAD" => "Head",
            _ => "Other",
        }
    }

    fn query_parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.head.uri.query().unwrap_or_default().split('&');
        let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    }
}
