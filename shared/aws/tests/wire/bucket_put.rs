//! A media file that fits into one part: one `PutObject`, or no request.

use aws::bucket::{Bucket, Commit, MultipartChecksum, StoreError, StoredObject};
use futures_util::stream;
use media::{
    object::{Claims, ObjectDescription},
    open::Proof,
    part::Part,
};
use scripted_aws::{Answer, Aws};

use crate::samples::{Broke, JPEG, Refused, describe, key, parts, proof_of};

async fn store(aws: &Aws, parts: Vec<Result<Part, Broke>>) -> Result<StoredObject, Refused> {
    let bucket = Bucket::new(
        &aws.patient_clients(),
        "media-bucket".to_owned(),
        MultipartChecksum::FullObject,
    );
    let described = |head: &[u8], proof: Option<&_>| {
        describe(head, proof.map_or_else(Claims::default, Claims::from_proof))
    };
    let announced = async |_: &ObjectDescription, _: &Proof| true;
    bucket.store(stream::iter(parts), described, announced).await
}

async fn store_jpeg(aws: &Aws) -> Result<StoredObject, Refused> {
    store(aws, parts(JPEG, JPEG.len())).await
}

#[tokio::test]
async fn a_small_file_is_one_conditional_put() {
    let aws = Aws::answer_in_order([Answer::empty_success()]).await;
    let stored = store_jpeg(&aws).await.expect("stored");
    assert!(stored.commit == Commit::Created);
    assert_eq!((stored.description.key.as_str(), stored.proof), (key().as_str(), proof_of(JPEG)));
    assert_eq!(aws.operations(), ["PutObject"]);
    let put = aws.only_request("PutObject");
    assert_eq!(put.path, format!("/media-bucket/{}", key()));
    assert_eq!(put.header("if-none-match"), Some("*"));
    assert_eq!(put.body, JPEG);
}

/// The body is not hashed again for the signature.
#[tokio::test]
async fn s3_checks_the_hash_of_the_proof() {
    let aws = Aws::answer_in_order([Answer::empty_success()]).await;
    store_jpeg(&aws).await.expect("stored");
    let put = aws.only_request("PutObject");
    let sha256 = proof_of(JPEG).sha256.to_base64();
    assert_eq!(put.header("x-amz-checksum-sha256"), Some(sha256.as_str()));
    assert_eq!(put.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
    assert_eq!(put.header("content-length"), Some(JPEG.len().to_string().as_str()));
    let checksums: Vec<_> =
        put.headers.keys().filter(|name| name.as_str().starts_with("x-amz-checksum-")).collect();
    assert_eq!(checksums, ["x-amz-checksum-sha256"]);
    assert_eq!((put.header("x-amz-trailer"), put.header("content-encoding")), (None, None));
}

#[tokio::test]
async fn metadata_and_tags_are_sent_with_the_object() {
    let aws = Aws::answer_in_order([Answer::empty_success()]).await;
    store_jpeg(&aws).await.expect("stored");
    let put = aws.only_request("PutObject");
    let sha256 = proof_of(JPEG).sha256.to_hex();
    for (name, value) in [
        ("content-type", "image/jpeg"),
        (
            "content-disposition",
            "inline; filename=\"Or_amento.jpg\"; filename*=UTF-8''Or%C3%A7amento.jpg",
        ),
        ("x-amz-meta-message-id", "3EB0AAAAAAAAAAAAAAAA"),
        ("x-amz-meta-strategy", "cdn"),
        ("x-amz-meta-integrity", "mac+sha256"),
        ("x-amz-meta-sha256", &sha256),
        ("x-amz-meta-file-name", "Or%C3%A7amento.jpg"),
        (
            "x-amz-tagging",
            "tenant=acme&instance=LITE%2DAAAAAA%2DBBBBBB&kind=document&direction=in&chat-kind=person",
        ),
    ] {
        assert_eq!(put.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn an_object_that_is_there_already_counts_as_stored() {
    let aws = Aws::answer_in_order([Answer::s3_error(412, "PreconditionFailed")]).await;
    let stored = store_jpeg(&aws).await.expect("stored before");
    assert!(stored.commit == Commit::AlreadyThere);
    assert_eq!(aws.operations(), ["PutObject"]);
}

#[tokio::test]
async fn another_writer_at_the_same_moment_is_a_conflict() {
    let aws = Aws::answer_in_order([Answer::s3_error(409, "ConditionalRequestConflict")]).await;
    let refused = store_jpeg(&aws).await.expect_err("a conflict");
    assert!(matches!(refused, StoreError::Conflict), "{refused:?}");
    assert_eq!(aws.operations(), ["PutObject"]);
}

#[tokio::test]
async fn a_refusal_has_its_code_and_is_not_repeated() {
    let aws = Aws::answer_in_order([Answer::s3_error(403, "AccessDenied")]).await;
    let refused = store_jpeg(&aws).await.expect_err("refused");
    assert_eq!(refused.to_string(), "s3:PutObject failed: AccessDenied (HTTP 403)");
    assert_eq!(aws.operations(), ["PutObject"]);
}

#[tokio::test]
async fn what_passes_within_seconds_is_repeated_whole() {
    let aws = Aws::answer_in_order([
        Answer::s3_error(503, "SlowDown"),
        Answer::s3_error(500, "InternalError"),
        Answer::empty_success(),
    ])
    .await;
    let stored = store_jpeg(&aws).await.expect("stored at last");
    assert!(stored.commit == Commit::Created);
    let puts = aws.requests_of("PutObject");
    assert_eq!(puts.len(), 3);
    assert!(puts.iter().all(|put| put.body == JPEG && put.header("if-none-match") == Some("*")));
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_retry() {
    let aws = Aws::answer_in_order([
        Answer::s3_error(500, "InternalError"),
        Answer::s3_error(412, "PreconditionFailed"),
    ])
    .await;
    assert!(store_jpeg(&aws).await.expect("stored by the first").commit == Commit::AlreadyThere);
}

/// After the third failure, the queue retries the job.
#[tokio::test]
async fn s3_is_tried_three_times() {
    let aws = Aws::start(|_| Answer::s3_error(503, "SlowDown")).await;
    let refused = store_jpeg(&aws).await.expect_err("S3 is down");
    assert_eq!(refused.to_string(), "s3:PutObject failed: SlowDown (HTTP 503)");
    assert!(matches!(refused, StoreError::S3(_)));
    assert_eq!(aws.operations(), ["PutObject"; 3]);
}

#[tokio::test]
async fn a_stream_that_breaks_at_once_sends_nothing() {
    let aws = Aws::answer_in_order([]).await;
    let refused = store(&aws, vec![Err(Broke)]).await.expect_err("the stream broke");
    assert!(matches!(refused, StoreError::Source(Broke)), "{refused:?}");
    let refused = store(&aws, Vec::new()).await.expect_err("an empty stream");
    assert!(matches!(refused, StoreError::NoProof), "{refused:?}");
    assert!(aws.operations().is_empty());
}

#[tokio::test]
async fn metadata_of_a_small_file_is_never_refuted() {
    let aws = Aws::answer_in_order([Answer::empty_success()]).await;
    let stored = store_jpeg(&aws).await.expect("stored");
    assert!(!stored.description.claims.are_refuted_by(&stored.proof));
    assert_eq!(stored.description.claims, Claims::from_proof(&stored.proof));
}

#[tokio::test]
async fn without_an_intent_nothing_is_put() {
    let aws = Aws::answer_in_order([Answer::empty_success()]).await;
    let bucket = Bucket::new(
        &aws.patient_clients(),
        "media-bucket".to_owned(),
        MultipartChecksum::FullObject,
    );
    let described = |head: &[u8], _: Option<&_>| describe(head, Claims::default());
    let mut asked = None;
    let refusing = async |object: &ObjectDescription, proof: &Proof| {
        asked = Some((object.key.as_str().to_owned(), *proof));
        false
    };
    let whole = stream::iter(parts(JPEG, JPEG.len()));
    let refused = bucket.store(whole, described, refusing).await;
    assert!(matches!(refused, Err(StoreError::IntentNotWritten)));
    assert_eq!(asked, Some((key(), proof_of(JPEG))));
    assert!(aws.requests().is_empty());
}
