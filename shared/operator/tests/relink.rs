//! A copy of a stored file under another key: what S3 is asked for, and what proves the copy.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::sha256::Sha256;
use operator::{
    relink::{CopyOutcome, FileCopy},
    tags::BucketTags,
};
use scripted_aws::{Answer, Aws, RecordedRequest};

const BYTES: &[u8] = b"the bytes of a picture";
const FROM: &str = "acme/LITE-AAAAAA-000001/lid-7/2026-08/20260817-100000_in_image_3EB0-A.jpg";
const TO: &str =
    "acme/LITE-AAAAAA-000001/5500900000002/2026-08/20260817-100000_in_image_3EB0-A.jpg";

fn sum(bytes: &[u8]) -> String {
    Sha256::from_data(bytes).to_base64()
}

fn tags(of: &[(&str, &str)]) -> Answer {
    let tag = |(name, value): &(&str, &str)| {
        format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>")
    };
    let tags: String = of.iter().map(tag).collect();
    Answer::new(200, format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"))
}

fn file(bytes: Option<&[u8]>) -> Answer {
    let answer = Answer::new(200, "").with_header("x-amz-storage-class", "STANDARD_IA");
    match bytes {
        Some(bytes) => answer.with_header("x-amz-checksum-sha256", sum(bytes)),
        None => answer,
    }
}

fn copied(bytes: Option<&[u8]>) -> Answer {
    let sum = bytes.map(|bytes| format!("<ChecksumSHA256>{}</ChecksumSHA256>", sum(bytes)));
    let body =
        format!("<CopyObjectResult><ETag>e</ETag>{}</CopyObjectResult>", sum.unwrap_or_default());
    Answer::new(200, body).with_header("x-amz-version-id", "v7")
}

async fn copy(answers: Vec<Answer>) -> (Result<CopyOutcome, String>, Vec<RecordedRequest>) {
    let aws = Aws::answer_in_order(answers).await;
    let copy =
        FileCopy { from: FROM, to: TO, sha256: Sha256::from_data(BYTES), chat_kind: "person" };
    let outcome = BucketTags::new(&aws.clients, "media").copy_file(&copy).await;
    (outcome.map_err(|error| error.code), aws.requests())
}

const KINDS: [(&str, &str); 3] =
    [("chat-kind", "lid"), ("kind", "image"), ("GuardDutyMalwareScanStatus", "NO_THREATS_FOUND")];

/// Nothing is overwritten, and S3 computes the checksum that proves the copy.
#[tokio::test]
async fn a_copy_keeps_class_and_tags_and_overwrites_nothing() {
    let answers = vec![tags(&KINDS), file(None), copied(Some(BYTES))];
    let (outcome, requests) = copy(answers).await;
    assert_eq!(outcome, Ok(CopyOutcome::Proven));
    let sent = requests.last().expect("a copy");
    let header = |name: &str| sent.header(name).unwrap_or_default().to_owned();
    assert!(sent.path.ends_with(TO) && sent.method == "PUT", "{} {}", sent.method, sent.path);
    assert_eq!(header("x-amz-copy-source"), format!("media/{FROM}"));
    assert_eq!(header("if-none-match"), "*");
    assert_eq!(header("x-amz-metadata-directive"), "COPY");
    assert_eq!(header("x-amz-storage-class"), "STANDARD_IA");
    assert_eq!(header("x-amz-checksum-algorithm"), "SHA256");
    assert_eq!(header("x-amz-tagging-directive"), "REPLACE");
    assert_eq!(header("x-amz-tagging"), "chat%2Dkind=person&kind=image");
}

/// An earlier run made it, and died before the record named it.
#[tokio::test]
async fn a_copy_that_is_there_is_adopted_if_it_is_proven() {
    for (found, outcome) in [
        (file(Some(BYTES)), CopyOutcome::Proven),
        (file(Some(b"other bytes")), CopyOutcome::Occupied),
        (file(None), CopyOutcome::Occupied),
        (Answer::new(403, ""), CopyOutcome::Refused),
    ] {
        let taken = Answer::s3_error(412, "PreconditionFailed");
        let (copied, requests) = copy(vec![tags(&KINDS), file(None), taken, found]).await;
        assert_eq!(copied, Ok(outcome));
        let last = requests.last().expect("a look");
        assert_eq!(
            (last.method.as_str(), last.header("x-amz-checksum-mode")),
            ("HEAD", Some("ENABLED"))
        );
    }
}

/// The one version that this call made, and no other.
#[tokio::test]
async fn a_copy_that_is_not_as_recorded_is_removed() {
    for answers in [
        vec![tags(&KINDS), file(None), copied(Some(b"other bytes")), Answer::new(204, "")],
        vec![tags(&KINDS), file(None), copied(None), file(None), Answer::new(204, "")],
    ] {
        let (outcome, requests) = copy(answers).await;
        assert_eq!(outcome, Ok(CopyOutcome::Changed));
        let last = requests.last().expect("a removal");
        assert!(last.method == "DELETE" && last.path.ends_with(TO), "{}", last.path);
        assert_eq!(last.query.get("versionId").map(String::as_str), Some("v7"));
    }
}

#[tokio::test]
async fn a_file_that_may_not_or_cannot_be_copied_is_left() {
    let retained = [("retention", "90d"), ("kind", "image")];
    for (answers, outcome) in [
        (vec![tags(&retained)], Ok(CopyOutcome::HasRetention)),
        (vec![Answer::s3_error(404, "NoSuchKey")], Ok(CopyOutcome::Absent)),
        (vec![tags(&KINDS), Answer::new(403, "")], Ok(CopyOutcome::Refused)),
        (
            vec![tags(&KINDS), file(None), Answer::s3_error(403, "InvalidObjectState")],
            Ok(CopyOutcome::Refused),
        ),
        (
            vec![tags(&KINDS), file(None), Answer::s3_error(400, "ExpiredToken")],
            Err("ExpiredToken".to_owned()),
        ),
    ] {
        assert_eq!(copy(answers).await.0, outcome);
    }
}
