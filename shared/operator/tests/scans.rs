//! Every file without a clean verdict of the malware scan is found, and none that is older.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use operator::tags::BucketTags;
use scripted_aws::{Answer, Aws};

/// 2026-08-22 20:53:20 UTC.
const FROM: i64 = 1_787_432_000;

fn listing(files: &[(&str, &str)]) -> Answer {
    let file = |(key, at): &(&str, &str)| {
        format!("<Contents><Key>{key}</Key><LastModified>{at}</LastModified></Contents>")
    };
    let files: String = files.iter().map(file).collect();
    Answer::new(200, format!("<ListBucketResult>{files}</ListBucketResult>"))
}

fn verdict(word: &str) -> Answer {
    Answer::new(
        200,
        format!(
            "<Tagging><TagSet><Tag><Key>kind</Key><Value>image</Value></Tag><Tag>\
             <Key>GuardDutyMalwareScanStatus</Key><Value>{word}</Value></Tag></TagSet></Tagging>"
        ),
    )
}

/// A file without a tag is one of which the scan never came.
#[tokio::test]
async fn each_new_file_is_shown_with_its_verdict() {
    let aws = Aws::answer_in_order([
        listing(&[
            ("acme/old.jpg", "2026-08-22T20:53:19.000Z"),
            ("acme/clean.jpg", "2026-08-22T20:53:20.000Z"),
            ("acme/threat.exe", "2026-08-23T00:00:00.000Z"),
            ("acme/gone.jpg", "2026-08-23T00:00:00.000Z"),
            ("acme/waits.jpg", "2026-08-23T00:00:00.000Z"),
        ]),
        verdict("NO_THREATS_FOUND"),
        verdict("THREATS_FOUND"),
        Answer::s3_error(404, "NoSuchKey"),
        Answer::new(200, "<Tagging><TagSet></TagSet></Tagging>"),
    ])
    .await;
    let mut shown = Vec::new();
    let tags = BucketTags::new(&aws.clients, "media");
    let visited = tags.visit_verdicts("acme/", FROM, |key, verdict| {
        shown.push(format!("{key} {}", verdict.as_str()));
    });
    visited.await.expect("a visit");
    assert_eq!(shown, ["acme/clean.jpg clean", "acme/threat.exe threat", "acme/waits.jpg missing"]);
    assert_eq!(aws.requests_of("GetObjectTagging").len(), 4);
}
