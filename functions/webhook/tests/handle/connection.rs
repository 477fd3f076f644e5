//! That an instance was connected or disconnected is noted, and holds up no answer.

use scripted_aws::{Answer, Aws, Update};
use serde_json::{Value, json};

use crate::{INSTANCE, create_webhook, healthy_aws, post_request, webhook_request};

fn event(word: &str) -> Value {
    json!({ "event": word, "instanceId": INSTANCE, "moment": 1_787_438_879 })
}

#[tokio::test]
async fn a_connection_is_noted_beside_the_mark() {
    let aws = Aws::start(healthy_aws).await;
    let webhook = create_webhook(&aws);
    for (word, connection) in
        [("webhookDisconnected", "disconnected"), ("webhookConnected", "connected")]
    {
        let request = webhook_request(INSTANCE, "secret", &event(word));
        let (status, body, _) = post_request(&webhook, &request).await;
        assert_eq!((status, body), (200, json!({ "ignored": "not_a_message" })));
        let updates = aws.requests_of("UpdateItem");
        let update = Update::from_request(updates.last().expect("an update"));
        assert_eq!(update.table, "marks");
        assert_eq!(update.key, json!({ "instance": { "S": format!("state#{INSTANCE}") } }));
        assert_eq!(update.sets["connection"], json!({ "S": connection }));
        assert_eq!(update.sets["tenant"], json!({ "S": "acme" }));
    }
    for word in ["webhookStatus", "webhookPresence", "connected"] {
        let request = webhook_request(INSTANCE, "secret", &event(word));
        post_request(&webhook, &request).await;
    }
    assert_eq!(aws.requests_of("UpdateItem").len(), 2);
}

/// The back-fill asks W-API within the hour.
#[tokio::test]
async fn a_connection_that_is_not_noted_refuses_nothing() {
    let aws = Aws::start(|seen| match seen.operation() {
        "UpdateItem" => Answer::json_error(400, "AccessDeniedException"),
        _ => healthy_aws(seen),
    })
    .await;
    let request = webhook_request(INSTANCE, "secret", &event("webhookDisconnected"));
    let (status, ..) = post_request(&create_webhook(&aws), &request).await;
    assert_eq!((status, aws.requests_of("UpdateItem").len()), (200, 1));
}
