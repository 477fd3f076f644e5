//! Jobs that the queue does not take: the jobs table keeps them.

use media::job::QueuedJob;
use scripted_aws::{Answer, Aws, RecordedRequest, Update};
use serde_json::json;

use crate::{INSTANCE, create_webhook, healthy_aws, image_webhook, post_request, webhook_request};

/// The jobs table takes what SQS refuses, and the watch function sends it. Only if neither takes a
/// job, the answer tells the sender when to try again.
#[tokio::test]
async fn the_jobs_table_takes_what_sqs_refuses() {
    let two_media = {
        let mut body = image_webhook();
        let image = |n| json!({ "imageMessage": { "directPath": n } });
        body["msgContent"] = json!({ "cards": [image("/v/1"), image("/v/2")] });
        body
    };
    let failed = |id: &str| json!({ "Id": id, "Code": "InternalError", "SenderFault": false });
    let both = json!({ "Successful": [], "Failed": [failed("0"), failed("1")] });
    let refusals = [
        (image_webhook(), None),
        (image_webhook(), Some(json!({}))),
        (two_media.clone(), None),
        (two_media.clone(), Some(both)),
        (two_media, Some(json!({ "Successful": [], "Failed": [] }))),
    ];
    let both_tables = refusals.iter().flat_map(|refusal| [(refusal, true), (refusal, false)]);
    for ((body, refusal), table_works) in both_tables {
        let refusal = refusal.clone();
        let script = move |seen: &RecordedRequest| match (seen.operation(), &refusal) {
            ("SendMessage" | "SendMessageBatch", None) => {
                Answer::json_error(400, "QueueDoesNotExist")
            }
            ("SendMessage" | "SendMessageBatch", Some(refusal)) => Answer::json(refusal),
            ("UpdateItem", _) if !table_works => Answer::json_error(400, "AccessDeniedException"),
            _ => healthy_aws(seen),
        };
        let aws = Aws::start(script).await;
        let (status, answer, headers) =
            post_request(&create_webhook(&aws), &webhook_request(INSTANCE, "secret", body)).await;
        if !table_works {
            assert_eq!((status, answer), (503, json!({ "error": "unavailable" })));
            assert!(headers.contains_key("retry-after"));
            continue;
        }
        let count = if body["msgContent"]["cards"].is_array() { 2 } else { 1 };
        assert_eq!((status, answer), (200, json!({ "queued": count })));
        let kept = aws.requests_of("UpdateItem");
        assert_eq!(kept.len(), count);
        for entry in kept.iter().map(Update::from_request) {
            assert_eq!(entry.table, "jobs-table");
            let job = QueuedJob::parse(entry.sets["body"]["S"].as_str().expect("a body"));
            assert_eq!(job.expect("a job").into_job().tenant.as_str(), "acme");
        }
    }
}
