//! A changed retention reaches the files that exist, and leaves everything else of them as it was.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and clippy sees only the functions marked as tests"
)]

use media::policy::Retention;
use operator::{
    retention::{EndChoice, RetainCount, RetainMode, RetainPlan, VersionStart},
    tags::BucketTags,
};
use scripted_aws::{Answer, Aws};

const NOW: i64 = 1_787_432_000;

/// 2026-08-22 20:53:20 UTC is [`NOW`].
const OLD: &str = "2026-08-20T00:00:00.000Z";

const YOUNG: &str = "2026-08-22T20:30:00.000Z";

fn listing(versions: &[(&str, &str, &str)]) -> Answer {
    let version = |(key, id, at): &(&str, &str, &str)| {
        format!(
            "<Version><Key>{key}</Key><VersionId>{id}</VersionId><LastModified>{at}</LastModified>\
             </Version>"
        )
    };
    let versions: String = versions.iter().map(version).collect();
    Answer::new(200, format!("<ListVersionsResult>{versions}</ListVersionsResult>"))
}

fn tags(pairs: &[(&str, &str)]) -> Answer {
    let tag = |(name, value): &(&str, &str)| {
        format!("<Tag><Key>{name}</Key><Value>{value}</Value></Tag>")
    };
    let set: String = pairs.iter().map(tag).collect();
    Answer::new(200, format!("<Tagging><TagSet>{set}</TagSet></Tagging>"))
}

const PLAN: RetainPlan =
    RetainPlan { retention: Some(Retention::Days30), mode: RetainMode::Apply, now: NOW };

async fn retain(aws: &Aws, plan: RetainPlan) -> RetainCount {
    let tags = BucketTags::new(&aws.clients, "media");
    let page = tags
        .retain_page("acme/", VersionStart::default(), plan, async |key| {
            let is_held = key.ends_with("held.jpg");
            Ok(if is_held { EndChoice::Held } else { EndChoice::Plan })
        })
        .await;
    page.expect("a page").count
}

/// The verdict of `GuardDuty` above all: without it, nobody could read the file.
#[tokio::test]
async fn a_new_class_keeps_the_other_tags() {
    let verdict = ("GuardDutyMalwareScanStatus", "NO_THREATS_FOUND");
    let before = [("kind", "image"), ("retention", "1y"), ("run", "a1b2"), verdict];
    let aws = Aws::answer_in_order([
        listing(&[("acme/a.jpg", "v1", OLD)]),
        tags(&before),
        Answer::new(200, ""),
    ])
    .await;
    assert_eq!(retain(&aws, PLAN).await, RetainCount { seen: 1, changed: 1, left: 0, held: 0 });
    let put = aws.only_request("PutObjectTagging");
    for (name, value) in [("kind", "image"), ("retention", "30d"), ("run", "a1b2"), verdict] {
        let tag = format!("<Key>{name}</Key><Value>{value}</Value>");
        assert!(put.text().contains(&tag), "{tag}: {}", put.text());
    }
}

#[tokio::test]
async fn what_is_right_or_gone_is_not_written() {
    let aws = Aws::answer_in_order([
        listing(&[("acme/a.jpg", "v1", OLD), ("acme/b.jpg", "v2", OLD)]),
        tags(&[("retention", "30d")]),
        Answer::s3_error(404, "NoSuchVersion"),
    ])
    .await;
    assert_eq!(retain(&aws, PLAN).await, RetainCount { seen: 2, changed: 0, left: 0, held: 0 });
}

/// A scan may add its verdict between the reading and the writing of the tags.
#[tokio::test]
async fn a_young_file_is_left_for_later() {
    let aws =
        Aws::answer_in_order([listing(&[("acme/a.jpg", "v1", YOUNG)]), tags(&[("kind", "image")])])
            .await;
    assert_eq!(retain(&aws, PLAN).await, RetainCount { seen: 1, changed: 0, left: 1, held: 0 });
}

#[tokio::test]
async fn a_count_changes_nothing() {
    let aws = Aws::answer_in_order([
        listing(&[("acme/a.jpg", "v1", OLD)]),
        tags(&[("retention", "30d"), ("kind", "image")]),
    ])
    .await;
    let plan = RetainPlan { retention: None, mode: RetainMode::Count, ..PLAN };
    assert_eq!(retain(&aws, plan).await, RetainCount { seen: 1, changed: 1, left: 0, held: 0 });
    assert_eq!(aws.requests_of("PutObjectTagging").len(), 0);
}

/// S3 cannot know holds: it ends whatever has the tag of a class.
#[tokio::test]
async fn a_held_file_loses_its_class() {
    let aws = Aws::answer_in_order([
        listing(&[("acme/held.jpg", "v1", OLD)]),
        tags(&[("retention", "30d"), ("kind", "image")]),
        Answer::new(200, ""),
    ])
    .await;
    assert_eq!(retain(&aws, PLAN).await, RetainCount { seen: 1, changed: 1, left: 0, held: 1 });
    let put = aws.only_request("PutObjectTagging");
    assert!(!put.text().contains("retention") && put.text().contains("kind"), "{}", put.text());
}
