//! The few AWS answers that storing a media file needs. Files are counted and dropped.

use data_encoding::BASE64;
use samples::TENANT;
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::json;
use stand_in::{DEFAULT_INSTANCE, DEFAULT_TOKEN};

/// The table of instances; every other table is the media table.
pub(crate) const INSTANCES_TABLE: &str = "instances";

/// Starts an AWS that stores files of any size.
pub(crate) async fn start_aws() -> Aws {
    Aws::start_without_files(answer_request).await
}

/// The number of bytes that S3 received.
pub(crate) fn stored_bytes(aws: &Aws) -> u64 {
    let parts = aws.requests_of("UploadPart").into_iter().chain(aws.requests_of("PutObject"));
    parts.map(|request| request.body_bytes).sum()
}

fn answer_request(request: &RecordedRequest) -> Answer {
    match request.operation() {
        "GetItem" if is_instance_read(request) => Answer::json(&json!({ "Item": {
                "instance": { "S": DEFAULT_INSTANCE }, "tenant": { "S": TENANT },
                "secret_hashes": { "L": [] },
                "sealed_token": { "S": BASE64.encode(b"sealed") }, "created_at": { "N": "0" },
            } })),
        "Decrypt" => Answer::json(
            &json!({ "Plaintext": BASE64.encode(DEFAULT_TOKEN.as_bytes()), "KeyId": "key" }),
        ),
        "PutObject" | "UploadPart" => Answer::empty_success().with_header("etag", "\"e\""),
        "CreateMultipartUpload" => s3_answer(
            "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId>\
             </InitiateMultipartUploadResult>",
        ),
        "CompleteMultipartUpload" => s3_answer(
            "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
        ),
        _ => Answer::json(&json!({})),
    }
}

fn is_instance_read(request: &RecordedRequest) -> bool {
    request.json().get("TableName").is_some_and(|table| table == INSTANCES_TABLE)
}

fn s3_answer(xml: &str) -> Answer {
    Answer::new(200, format!("<?xml version=\"1.0\"?>{xml}"))
}
