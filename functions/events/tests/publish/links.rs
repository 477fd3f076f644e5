//! The links of a record that is gone.

use serde_json::{Value, json};

use crate::{Scene, change, create_events, handle, record};

/// A stored record with links.
fn with_links(links: &[&str]) -> Value {
    let mut record = record("3EB0A", "stored");
    record["links"] = json!({ "SS": links });
    record
}

fn removed(aws: &scripted_aws::Aws) -> Vec<String> {
    let deletes = aws.requests_of("DeleteItem").into_iter().map(|one| one.json());
    deletes
        .map(|one| {
            assert_eq!(one["TableName"], "links");
            one["Key"]["token"]["S"].as_str().expect("a hash").to_owned()
        })
        .collect()
}

/// Its time to live was over, or it was erased, or a link was taken back.
#[tokio::test]
async fn a_record_that_is_gone_leaves_no_link() {
    let erased = json!({ "instance": { "S": "LITE-AAAAAA-BBBBBB" },
        "message_id": { "S": "3EB0A#DIGEST" }, "state": { "S": "erased" } });
    for (after, gone) in [
        (json!({}), &["a", "b"][..]),
        (erased, &["a", "b"]),
        (with_links(&["b", "c"]), &["a"]),
        (with_links(&["a", "b"]), &[]),
    ] {
        let aws = Scene::default().start().await;
        let events = create_events(&aws, None);
        let failed = handle(&events, &[change(1, &with_links(&["a", "b"]), &after)]).await;
        assert_eq!((failed, removed(&aws)), (None, gone.iter().map(|&one| one.into()).collect()));
    }
}

/// What comes before a link that could not be removed is published, and what follows comes again.
#[tokio::test]
async fn a_link_that_could_not_be_removed_is_tried_again() {
    let scene = Scene { down: vec!["DeleteItem"], ..Scene::default() };
    let aws = scene.start().await;
    let events = create_events(&aws, None);
    let stored = |n: u64| change(n, &json!({}), &record("3EB0B", "stored"));
    let gone = change(2, &with_links(&["a"]), &json!({}));
    let failed = handle(&events, &[stored(1), gone, stored(3)]).await;
    assert_eq!(failed.as_deref(), Some("200"));
    assert_eq!(aws.requests_of("SendMessage").len(), 1, "the third comes again");
}
