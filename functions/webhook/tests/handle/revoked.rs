//! A message that its sender deletes is queued only if the tenant's rule wants it.

use media::{job::QueueBody, revocation::Revocation};
use scripted_aws::{Answer, Aws, RecordedRequest};
use serde_json::{Value, json};

use crate::{
    INSTANCE, create_webhook, healthy_aws, instance_answer_with, post_request, webhook_request,
};

fn deletion() -> Value {
    json!({
        "event": "webhookReceived", "instanceId": INSTANCE, "messageId": "3EB0R",
        "moment": 1_787_438_879, "chat": { "id": "5500900000002" },
        "sender": { "id": "5500900000002" },
        "msgContent": { "protocolMessage": { "type": 0, "key": { "ID": "3EB0D" } } },
    })
}

/// AWS with an instance whose tenant has this rule.
async fn start_aws(rule: Value, is_queue_broken: bool) -> Aws {
    Aws::start(move |seen: &RecordedRequest| {
        let is_instance = seen.operation() == "GetItem" && seen.text().contains(INSTANCE);
        match seen.operation() {
            "SendMessage" if is_queue_broken => Answer::json_error(400, "AccessDeniedException"),
            _ if is_instance => {
                let policy = json!({ "M": { "revoked": rule } });
                instance_answer_with(&["secret"], &json!({ "policy": policy }))
            }
            _ => healthy_aws(seen),
        }
    })
    .await
}

/// A rule of a newer version refuses no webhook, and deletes nothing.
#[tokio::test]
async fn a_deletion_is_queued_by_the_tenants_rule() {
    for (rule, queued) in [
        (json!({ "S": "keep" }), 0),
        (json!({ "S": "flag" }), 1),
        (json!({ "S": "erase" }), 1),
        (json!({ "S": "shred" }), 0),
        (json!({ "N": "1" }), 0),
    ] {
        let aws = start_aws(rule.clone(), false).await;
        let webhook = create_webhook(&aws);
        let request = webhook_request(INSTANCE, "secret", &deletion());
        let (status, body, _) = post_request(&webhook, &request).await;
        assert_eq!((status, body), (200, json!({ "ignored": "no_media" })), "{rule}");
        let sent = aws.requests_of("SendMessage");
        assert_eq!(sent.len(), queued, "{rule}");
        for one in sent {
            let body = one.json()["MessageBody"].as_str().expect("a body").to_owned();
            assert!(QueueBody::parse(&body).is_err(), "{body}");
            let revocation = Revocation::parse(&body).expect("a deletion");
            assert_eq!(revocation.message().message_id.as_str(), "3EB0D");
            assert_eq!(revocation.accepted_at(), 1_787_438_879);
        }
    }
}

/// It is durable before it is answered 200.
#[tokio::test]
async fn a_deletion_that_is_not_queued_is_sent_again() {
    let aws = start_aws(json!({ "S": "erase" }), true).await;
    let request = webhook_request(INSTANCE, "secret", &deletion());
    let (status, ..) = post_request(&create_webhook(&aws), &request).await;
    assert_eq!(status, 503);
}
