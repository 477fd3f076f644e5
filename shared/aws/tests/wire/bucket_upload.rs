//! A media file of several parts: uploaded invisibly, committed at the end, aborted otherwise.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aws::bucket::{Bucket, Commit, MultipartChecksum, StoreError, StoredObject};
use futures_util::{Stream, StreamExt, stream};
use media::{
    object::{Claims, ObjectDescription},
    open::Proof,
    part::{PART_BYTES, Part},
    record::Integrity,
    sha256::Sha256,
};
use scripted_aws::{Answer, Aws, RecordedRequest};

use crate::samples::{Broke, Refused, crc64nvme, describe, key, parts, picture, proof_of};

const MIB: usize = 1024 * 1024;

fn created() -> Answer {
    Answer::new(
        200,
        "<InitiateMultipartUploadResult><UploadId>upload/1+</UploadId></InitiateMultipartUploadResult>",
    )
}

fn completed() -> Answer {
    Answer::new(
        200,
        "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>",
    )
}

/// Answers as S3 does when nothing fails.
fn well(seen: &RecordedRequest) -> Answer {
    match seen.operation() {
        "CreateMultipartUpload" => created(),
        "UploadPart" => Answer::empty_success()
            .with_header("etag", format!("\"etag-{}\"", seen.query["partNumber"])),
        "CompleteMultipartUpload" => completed(),
        "AbortMultipartUpload" => Answer::new(204, ""),
        other => Answer::s3_error(400, other),
    }
}

/// S3 without a failure, except that one operation gets this answer.
async fn well_but(operation: &'static str, answer: fn(&RecordedRequest) -> Answer) -> Aws {
    Aws::start(move |seen| if seen.operation() == operation { answer(seen) } else { well(seen) })
        .await
}

async fn store_as(
    aws: &Aws,
    parts: impl Stream<Item = Result<Part, Broke>>,
    claims: Claims,
    checksum: MultipartChecksum,
) -> Result<StoredObject, Refused> {
    let bucket = Bucket::new(&aws.patient_clients(), "media-bucket".to_owned(), checksum);
    let described = |head: &[u8], proof: Option<&Proof>| {
        assert!(proof.is_none(), "nothing is proven at the first of several parts");
        describe(head, claims)
    };
    let announced = async |_: &ObjectDescription, _: &Proof| true;
    bucket.store(parts, described, announced).await
}

async fn store(aws: &Aws, parts: Vec<Result<Part, Broke>>) -> Result<StoredObject, Refused> {
    store_as(aws, stream::iter(parts), Claims::default(), MultipartChecksum::FullObject).await
}

/// Two parts, the second of one byte: the smallest possible upload.
fn two_parts() -> (Vec<u8>, Vec<Result<Part, Broke>>) {
    let bytes = picture(PART_BYTES + 1);
    let parts = parts(&bytes, 1);
    (bytes, parts)
}

/// Nothing is left of an upload: the abort names it, comes last, and no commit was sent after it.
fn assert_aborted(aws: &Aws) {
    let abort = aws.only_request("AbortMultipartUpload");
    assert_eq!(abort.path, format!("/media-bucket/{}", key()));
    assert_eq!(abort.query["uploadId"], "upload%2F1%2B");
    assert_eq!(aws.operations().last(), Some(&"AbortMultipartUpload"));
}

fn assert_uncommitted(aws: &Aws) {
    assert_aborted(aws);
    assert!(aws.requests_of("CompleteMultipartUpload").is_empty(), "{:?}", aws.operations());
}

/// The texts of every such element, in order.
fn elements<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let inner = xml.split(start.as_str()).skip(1);
    inner.map(|rest| rest.split(end.as_str()).next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn an_upload_begins_with_metadata_and_checksum_type() {
    let aws = Aws::start(well).await;
    let (bytes, parts) = two_parts();
    let stored = store_as(
        &aws,
        stream::iter(parts),
        Claims::from_proof(&proof_of(&bytes)),
        MultipartChecksum::FullObject,
    )
    .await;
    let stored = stored.expect("stored");
    assert!(stored.commit == Commit::Created);
    assert_eq!(aws.operations().first(), Some(&"CreateMultipartUpload"));
    let create = aws.only_request("CreateMultipartUpload");
    assert_eq!(create.path, format!("/media-bucket/{}", key()));
    let sha256 = proof_of(&bytes).sha256.to_hex();
    for (name, value) in [
        ("x-amz-checksum-algorithm", "CRC64NVME"),
        ("x-amz-checksum-type", "FULL_OBJECT"),
        ("content-type", "image/jpeg"),
        (
            "content-disposition",
            "inline; filename=\"Or_amento.jpg\"; filename*=UTF-8''Or%C3%A7amento.jpg",
        ),
        ("x-amz-meta-message-id", "3EB0AAAAAAAAAAAAAAAA"),
        ("x-amz-meta-sha256", sha256.as_str()),
        ("x-amz-meta-integrity", "mac+sha256"),
        (
            "x-amz-tagging",
            "tenant=acme&instance=LITE%2DAAAAAA%2DBBBBBB&kind=document&direction=in&chat-kind=person",
        ),
    ] {
        assert_eq!(create.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn each_part_has_8_mib_and_a_checksum() {
    let aws = Aws::start(well).await;
    let bytes = picture(2 * PART_BYTES + 3 * MIB + 7);
    store(&aws, parts(&bytes, 3 * MIB + 7)).await.expect("stored");
    let mut sent = aws.requests_of("UploadPart");
    sent.sort_by_key(|part| part.query["partNumber"].parse::<u32>().expect("a number"));
    let numbers: Vec<_> = sent.iter().map(|part| part.query["partNumber"].as_str()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    assert!(sent[..2].iter().all(|part| part.body.len() == 8 * MIB));
    for part in &sent {
        assert_eq!(part.query["uploadId"], "upload%2F1%2B");
        assert_eq!(part.header("x-amz-checksum-crc64nvme"), Some(crc64nvme(&part.body).as_str()));
        assert_eq!(part.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
        assert_eq!(part.header("content-length"), Some(part.body.len().to_string().as_str()));
        assert_eq!((part.header("x-amz-trailer"), part.header("content-encoding")), (None, None));
    }
    let together: Vec<u8> = sent.iter().flat_map(|part| part.body.to_vec()).collect();
    assert!(together == bytes, "the parts are the file");
}

#[tokio::test]
async fn the_commit_sends_everything_that_s3_can_check() {
    let aws = Aws::start(well).await;
    let bytes = picture(2 * PART_BYTES + 5);
    let stored = store(&aws, parts(&bytes, 5)).await.expect("stored");
    assert_eq!(stored.proof, proof_of(&bytes));
    assert!(aws.requests_of("AbortMultipartUpload").is_empty());
    assert_eq!(aws.operations().last(), Some(&"CompleteMultipartUpload"));
    let complete = aws.only_request("CompleteMultipartUpload");
    assert_eq!(complete.query["uploadId"], "upload%2F1%2B");
    assert_eq!(complete.header("if-none-match"), Some("*"));
    assert_eq!(complete.header("x-amz-checksum-crc64nvme"), Some(crc64nvme(&bytes).as_str()));
    assert_eq!(complete.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(complete.header("x-amz-mp-object-size"), Some(bytes.len().to_string().as_str()));
    let xml = complete.text();
    assert_eq!(elements(xml, "PartNumber"), ["1", "2", "3"]);
    let tags: Vec<_> =
        elements(xml, "ETag").into_iter().map(|tag| tag.replace("&quot;", "\"")).collect();
    assert_eq!(tags, ["\"etag-1\"", "\"etag-2\"", "\"etag-3\""]);
    let checksums: Vec<_> = bytes.chunks(PART_BYTES).map(crc64nvme).collect();
    assert_eq!(elements(xml, "ChecksumCRC64NVME"), checksums);
}

#[tokio::test]
async fn composite_omits_the_checksum_of_the_object() {
    let aws = Aws::start(well).await;
    let (bytes, parts) = two_parts();
    store_as(&aws, stream::iter(parts), Claims::default(), MultipartChecksum::Composite)
        .await
        .expect("stored");
    let complete = aws.only_request("CompleteMultipartUpload");
    assert_eq!(complete.header("x-amz-checksum-crc64nvme"), None);
    assert_eq!(complete.header("x-amz-mp-object-size"), Some(bytes.len().to_string().as_str()));
    assert_eq!(complete.header("if-none-match"), Some("*"));
}

#[tokio::test]
async fn whole_parts_end_with_an_empty_part() {
    let aws = Aws::start(well).await;
    let bytes = picture(PART_BYTES);
    store(&aws, parts(&bytes, 0)).await.expect("stored");
    let sent = aws.requests_of("UploadPart");
    let last = sent.iter().find(|part| part.query["partNumber"] == "2").expect("a second part");
    assert_eq!((last.body.len(), last.header("content-length")), (0, Some("0")));
    assert_eq!(last.header("x-amz-checksum-crc64nvme"), Some("AAAAAAAAAAA="));
    let complete = aws.only_request("CompleteMultipartUpload");
    assert_eq!(complete.header("x-amz-checksum-crc64nvme"), Some(crc64nvme(&bytes).as_str()));
    assert_eq!(elements(complete.text(), "PartNumber"), ["1", "2"]);
}

#[tokio::test]
async fn exactly_two_parts_upload_at_once() {
    let answered = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&answered);
    let aws = Aws::start(move |seen| {
        if seen.operation() == "UploadPart" {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        well(seen)
    })
    .await;
    let bytes = picture(5 * PART_BYTES + 1);
    let under_way = Arc::new(AtomicUsize::new(0));
    let (most, mut taken) = (Arc::clone(&under_way), 0);
    let watched = stream::iter(parts(&bytes, 1)).inspect(move |_| {
        taken += 1;
        most.fetch_max(taken - answered.load(Ordering::SeqCst), Ordering::SeqCst);
    });
    store_as(&aws, watched, Claims::default(), MultipartChecksum::FullObject)
        .await
        .expect("stored");
    assert_eq!(under_way.load(Ordering::SeqCst), 2);
    assert_eq!(
        elements(aws.only_request("CompleteMultipartUpload").text(), "PartNumber"),
        ["1", "2", "3", "4", "5", "6"]
    );
}

#[tokio::test]
async fn parts_answered_in_another_order_are_listed_in_theirs() {
    let aws = well_but("UploadPart", |seen| {
        let first_but_late = seen.query["partNumber"] == "1"
            && seen.header("amz-sdk-request").is_some_and(|text| text.contains("attempt=1"));
        if first_but_late { Answer::s3_error(500, "InternalError") } else { well(seen) }
    })
    .await;
    let (bytes, parts) = two_parts();
    store(&aws, parts).await.expect("stored");
    let order: Vec<_> =
        aws.requests_of("UploadPart").iter().map(|part| part.query["partNumber"].clone()).collect();
    assert_eq!(order.last().map(String::as_str), Some("1"), "{order:?}");
    let complete = aws.only_request("CompleteMultipartUpload");
    assert_eq!(elements(complete.text(), "PartNumber"), ["1", "2"]);
    assert_eq!(complete.header("x-amz-checksum-crc64nvme"), Some(crc64nvme(&bytes).as_str()));
}

#[tokio::test]
async fn an_upload_that_cannot_begin_leaves_nothing_to_abort() {
    let aws = well_but("CreateMultipartUpload", |_| Answer::s3_error(403, "AccessDenied")).await;
    let refused = store(&aws, two_parts().1).await.expect_err("refused");
    assert_eq!(refused.to_string(), "s3:CreateMultipartUpload failed: AccessDenied (HTTP 403)");
    assert_eq!(aws.operations(), ["CreateMultipartUpload"]);
}

#[tokio::test]
async fn an_upload_without_an_id_is_a_failure_of_s3() {
    let aws = well_but("CreateMultipartUpload", |_| {
        Answer::new(200, "<InitiateMultipartUploadResult></InitiateMultipartUploadResult>")
    })
    .await;
    let refused = store(&aws, two_parts().1).await.expect_err("no id");
    assert!(
        matches!(&refused, StoreError::S3(error) if error.code == "no upload id"),
        "{refused:?}"
    );
    assert_eq!(aws.operations(), ["CreateMultipartUpload"]);
}

#[tokio::test]
async fn an_existing_object_counts_and_parts_are_aborted() {
    let aws =
        well_but("CompleteMultipartUpload", |_| Answer::s3_error(412, "PreconditionFailed")).await;
    let (bytes, parts) = two_parts();
    let stored = store(&aws, parts).await.expect("stored before");
    assert!(stored.commit == Commit::AlreadyThere);
    assert_eq!(stored.proof, proof_of(&bytes));
    assert_aborted(&aws);
}

#[tokio::test]
async fn a_conflict_at_the_commit_aborts_the_upload() {
    let aws = well_but("CompleteMultipartUpload", |_| {
        Answer::s3_error(409, "ConditionalRequestConflict")
    })
    .await;
    let refused = store(&aws, two_parts().1).await.expect_err("a conflict");
    assert!(matches!(refused, StoreError::Conflict), "{refused:?}");
    assert_aborted(&aws);
}

#[tokio::test]
async fn an_error_inside_a_200_is_no_commit() {
    let aws = well_but("CompleteMultipartUpload", |_| Answer::s3_error(200, "BadDigest")).await;
    let refused = store(&aws, two_parts().1).await.expect_err("not committed");
    assert!(matches!(&refused, StoreError::S3(error) if error.code == "BadDigest"), "{refused:?}");
    assert_aborted(&aws);
}

#[tokio::test]
async fn a_conflict_inside_a_200_is_recognised() {
    for (code, was_there) in [("PreconditionFailed", true), ("ConditionalRequestConflict", false)] {
        let aws = Aws::start(move |seen| match seen.operation() {
            "CompleteMultipartUpload" => Answer::s3_error(200, code),
            _ => well(seen),
        })
        .await;
        match store(&aws, two_parts().1).await {
            Ok(stored) => assert!(stored.commit == Commit::AlreadyThere && was_there, "{code}"),
            Err(refused) => {
                assert!(matches!(refused, StoreError::Conflict) && !was_there, "{refused:?}")
            }
        }
        assert_aborted(&aws);
    }
}

#[tokio::test]
async fn a_part_that_s3_refuses_ends_the_upload() {
    let aws = well_but("UploadPart", |seen| match seen.query["partNumber"].as_str() {
        "2" => Answer::s3_error(400, "BadDigest"),
        _ => well(seen),
    })
    .await;
    let refused = store(&aws, two_parts().1).await.expect_err("refused");
    assert_eq!(refused.to_string(), "s3:UploadPart failed: BadDigest (HTTP 400)");
    assert_uncommitted(&aws);
}

#[tokio::test]
async fn a_stream_that_breaks_midway_ends_the_upload() {
    let aws = Aws::start(well).await;
    let (_, mut parts) = two_parts();
    parts[1] = Err(Broke);
    let refused = store(&aws, parts).await.expect_err("the stream broke");
    assert!(matches!(refused, StoreError::Source(Broke)), "{refused:?}");
    assert_uncommitted(&aws);
}

#[tokio::test]
async fn a_stream_that_ends_without_a_proof_is_not_committed() {
    let aws = Aws::start(well).await;
    let (_, mut parts) = two_parts();
    parts.pop();
    let refused = store(&aws, parts).await.expect_err("no proof");
    assert!(matches!(refused, StoreError::NoProof), "{refused:?}");
    assert_uncommitted(&aws);
}

#[tokio::test]
async fn metadata_that_the_proof_refutes_is_never_committed() {
    let (bytes, _) = two_parts();
    let proof = proof_of(&bytes);
    let another_hash = Claims { sha256: Some(Sha256::from_data(b"another file")), integrity: None };
    let more_proven = Claims { sha256: Some(proof.sha256), integrity: Some(Integrity::Sha256) };
    for claims in [another_hash, more_proven] {
        let aws = Aws::start(well).await;
        let parts = stream::iter(two_parts().1);
        let refused = store_as(&aws, parts, claims, MultipartChecksum::FullObject)
            .await
            .expect_err("refuted");
        assert!(
            matches!(&refused, StoreError::ClaimsRefuted(with) if *with == proof),
            "{refused:?}"
        );
        assert_uncommitted(&aws);
    }
}

#[tokio::test]
async fn a_failing_abort_keeps_the_first_error() {
    let aws = well_but("AbortMultipartUpload", |_| Answer::s3_error(403, "AccessDenied")).await;
    let (_, mut parts) = two_parts();
    parts[1] = Err(Broke);
    let refused = store(&aws, parts).await.expect_err("the stream broke");
    assert!(matches!(refused, StoreError::Source(Broke)), "{refused:?}");
    assert_eq!(aws.requests_of("AbortMultipartUpload").len(), 1);
}

#[tokio::test]
async fn a_failing_abort_keeps_the_object() {
    let aws = Aws::start(|seen| match seen.operation() {
        "CompleteMultipartUpload" => Answer::s3_error(412, "PreconditionFailed"),
        "AbortMultipartUpload" => Answer::s3_error(404, "NoSuchUpload"),
        _ => well(seen),
    })
    .await;
    assert!(
        store(&aws, two_parts().1).await.expect("stored before").commit == Commit::AlreadyThere
    );
}

#[tokio::test]
async fn without_an_intent_the_upload_is_aborted() {
    let aws = Aws::start(well).await;
    let bucket = Bucket::new(
        &aws.patient_clients(),
        "media-bucket".to_owned(),
        MultipartChecksum::FullObject,
    );
    let described = |head: &[u8], _: Option<&Proof>| describe(head, Claims::default());
    let refusing = async |_: &ObjectDescription, _: &Proof| false;
    let (_, two) = two_parts();
    let refused = bucket.store(stream::iter(two), described, refusing).await;
    assert!(matches!(refused, Err(StoreError::IntentNotWritten)));
    assert!(aws.requests_of("CompleteMultipartUpload").is_empty());
    assert_eq!(aws.requests_of("AbortMultipartUpload").len(), 1);
}
