//! The contract of S3.

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use super::Services;

const BUCKET: &str = "contract";

/// A second conditional put is refused and changes nothing.
pub async fn put_once(services: &Services) {
    make_bucket(services).await;
    assert_eq!(put_object(services, "put-once", b"first", None).await, Ok(()));
    let (status, code) =
        put_object(services, "put-once", b"the second", None).await.expect_err("refused");
    assert_eq!((status, code.as_str()), (412, "PreconditionFailed"));
    assert_eq!(object_size(services, "put-once").await, Some(5));
}

/// Bytes that contradict their checksum are refused and store nothing.
pub async fn refuse_wrong_checksum(services: &Services) {
    make_bucket(services).await;
    let other = BASE64.encode(&Sha256::digest(b"other bytes"));
    let (status, _) =
        put_object(services, "wrong-checksum", b"bytes", Some(other)).await.expect_err("refused");
    assert_eq!(status, 400);
    assert_eq!(object_size(services, "wrong-checksum").await, None);
}

/// A conditional commit of an upload is refused if the object exists, and changes nothing.
pub async fn complete_once(services: &Services) {
    make_bucket(services).await;
    let key = "complete-once";
    let first = upload_one_part(services, key).await;
    let second = upload_one_part(services, key).await;
    assert_eq!(object_size(services, key).await, None, "nothing is seen before the commit");
    assert_eq!(complete_upload(services, key, &first).await, Ok(()));
    let (status, code) = complete_upload(services, key, &second).await.expect_err("refused");
    assert_eq!((status, code.as_str()), (412, "PreconditionFailed"));
    assert_eq!(object_size(services, key).await, Some(5));
}

/// An aborted upload is gone: it cannot be completed and is not listed.
pub async fn abort_upload(services: &Services) {
    make_bucket(services).await;
    let key = "aborted";
    let begun = upload_one_part(services, key).await;
    let abort = services.s3.abort_multipart_upload().bucket(BUCKET).key(key);
    abort.upload_id(&begun.0).send().await.expect("it is aborted");
    let (status, code) = complete_upload(services, key, &begun).await.expect_err("refused");
    assert_eq!((status, code.as_str()), (404, "NoSuchUpload"));
    let list = services.s3.list_multipart_uploads().bucket(BUCKET).send().await;
    let list = list.expect("a list");
    assert!(list.uploads().iter().all(|one| one.upload_id() != Some(&begun.0)));
}

async fn make_bucket(services: &Services) {
    // The bucket may already exist; if it does not, the following calls fail.
    services.s3.create_bucket().bucket(BUCKET).send().await.map(drop).unwrap_or_default();
}

async fn put_object(
    services: &Services,
    key: &str,
    bytes: &'static [u8],
    sha256: Option<String>,
) -> Result<(), (u16, String)> {
    let sha256 = sha256.unwrap_or_else(|| BASE64.encode(&Sha256::digest(bytes)));
    let put = services.s3.put_object().bucket(BUCKET).key(key).if_none_match("*");
    let sent = put.checksum_sha256(sha256).body(ByteStream::from_static(bytes)).send().await;
    sent.map(drop).map_err(|error| error_facts(&error))
}

/// Starts an upload with one part and returns that part's tag.
async fn upload_one_part(services: &Services, key: &str) -> (String, Option<String>) {
    let created = services.s3.create_multipart_upload().bucket(BUCKET).key(key).send().await;
    let id = created.expect("an upload").upload_id.expect("its id");
    let part = services.s3.upload_part().bucket(BUCKET).key(key).upload_id(&id).part_number(1);
    let sent = part.body(ByteStream::from_static(b"bytes")).send().await;
    (id, sent.expect("a part").e_tag)
}

async fn complete_upload(
    services: &Services,
    key: &str,
    (id, tag): &(String, Option<String>),
) -> Result<(), (u16, String)> {
    let part = CompletedPart::builder().part_number(1).set_e_tag(tag.clone()).build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let complete = services.s3.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(id);
    let completed = complete.if_none_match("*").multipart_upload(parts).send().await;
    completed.map(drop).map_err(|error| error_facts(&error))
}

async fn object_size(services: &Services, key: &str) -> Option<i64> {
    let head = services.s3.head_object().bucket(BUCKET).key(key).send().await;
    head.ok()?.content_length()
}

fn error_facts<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> (u16, String) {
    let status = error.raw_response().map(|response| response.status().as_u16());
    (status.unwrap_or_default(), error.code().unwrap_or_default().to_owned())
}
