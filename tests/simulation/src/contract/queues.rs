//! What is claimed of SQS.

use aws_sdk_sqs::{
    error::ProvideErrorMetadata,
    types::{
        Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};

use super::{Services, until};

/// A received message is hidden, comes back after the visibility timeout, and is counted.
pub async fn hidden_and_back(services: &Services) {
    let url = queue(
        services,
        "hidden-and-back",
        &[(QueueAttributeName::VisibilityTimeout, "1")],
    )
    .await;
    send(services, &url, "body").await;
    let first = until("the first receipt", async || receive(services, &url).await).await;
    assert_eq!(count(&first), 1);
    assert!(receive(services, &url).await.is_none(), "it is hidden");
    let second = until("the return", async || receive(services, &url).await).await;
    assert_eq!((count(&second), second.body()), (2, Some("body")));
    assert_eq!(first.message_id(), second.message_id());
    assert_ne!(first.receipt_handle(), second.receipt_handle());
}

/// A receipt can hide a message for longer, and bring it back at once.
pub async fn hidden_for_longer(services: &Services) {
    let url = queue(
        services,
        "hidden-for-longer",
        &[(QueueAttributeName::VisibilityTimeout, "1")],
    )
    .await;
    send(services, &url, "body").await;
    let message = until("the receipt", async || receive(services, &url).await).await;
    hide(services, &url, &message, 3600)
        .await
        .expect("a longer time");
    // Longer than the queue's own time.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(
        receive(services, &url).await.is_none(),
        "it is still hidden"
    );
    hide(services, &url, &message, 0).await.expect("no time");
    let again = until("the return", async || receive(services, &url).await).await;
    assert_eq!(count(&again), 2);
}

/// No message is hidden for more than twelve hours. `MiniStack` hides it as long as it is told, so this is
/// claimed of the models alone.
pub async fn hidden_for_too_long(services: &Services) {
    let url = queue(services, "hidden-for-too-long", &[]).await;
    send(services, &url, "body").await;
    let message = until("the receipt", async || receive(services, &url).await).await;
    let refused = hide(services, &url, &message, 12 * 3600 + 1).await;
    assert_eq!(refused.expect_err("too long"), "InvalidParameterValue");
}

/// A deleted message does not come back. (That deleting it once more is no error, as on AWS, `MiniStack`
/// does not know.)
pub async fn deleted(services: &Services) {
    let url = queue(
        services,
        "deleted",
        &[(QueueAttributeName::VisibilityTimeout, "1")],
    )
    .await;
    send(services, &url, "body").await;
    let message = until("the receipt", async || receive(services, &url).await).await;
    let delete = services.sqs.delete_message().queue_url(&url);
    let receipt = message.receipt_handle().unwrap_or_default();
    delete
        .receipt_handle(receipt)
        .send()
        .await
        .expect("no error");
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(receive(services, &url).await.is_none());
}

/// After `maxReceiveCount` receives the next one moves the message, with all it has.
pub async fn moved_to_the_dead(services: &Services) {
    let (living, dead) = with_dead(services, "moved-to-the-dead").await;
    send(services, &living, "body").await;
    for n in 1..=2 {
        let message = until("a receipt", async || receive(services, &living).await).await;
        assert_eq!(count(&message), n);
    }
    let moved = until("the move", async || {
        assert!(
            receive(services, &living).await.is_none(),
            "a third receipt"
        );
        receive(services, &dead).await
    });
    let moved = moved.await;
    assert_eq!(moved.body(), Some("body"));
    let attribute = moved.message_attributes().and_then(|all| all.get("reason"));
    assert_eq!(
        attribute.and_then(MessageAttributeValue::string_value),
        Some("none")
    );
}

/// A redrive brings messages back with their bodies and attributes, counted afresh. `MiniStack` does not
/// know `StartMessageMoveTask`, so this is claimed of the models alone.
pub async fn moved_back_from_the_dead(services: &Services) {
    let (living, dead) = with_dead(services, "moved-back").await;
    send(services, &dead, "body").await;
    let arn = arn(services, &dead).await;
    let task = services.sqs.start_message_move_task().source_arn(arn);
    task.send().await.expect("a task");
    let moved = until("the move", async || receive(services, &living).await).await;
    assert_eq!((count(&moved), moved.body()), (1, Some("body")));
    assert!(receive(services, &dead).await.is_none());
}

/// Every entry of a batch is answered by its own id.
pub async fn batches(services: &Services) {
    let url = queue(services, "batches", &[]).await;
    let entry = |id: &str| {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(id);
        entry.message_group_id("tenant").build().expect("an entry")
    };
    let batch = services.sqs.send_message_batch().queue_url(&url);
    let sent = batch
        .entries(entry("a"))
        .entries(entry("b"))
        .send()
        .await
        .expect("an answer");
    let ids: Vec<_> = sent.successful().iter().map(|one| one.id()).collect();
    assert_eq!((ids, sent.failed().len()), (vec!["a", "b"], 0));
}

async fn queue(
    services: &Services,
    name: &str,
    attributes: &[(QueueAttributeName, &str)],
) -> String {
    let mut create = services.sqs.create_queue().queue_name(name);
    for (attribute, value) in attributes {
        create = create.attributes(attribute.clone(), *value);
    }
    let created = create.send().await.expect("a queue");
    created.queue_url().expect("its URL").to_owned()
}

async fn with_dead(services: &Services, name: &str) -> (String, String) {
    let dead = queue(services, &format!("{name}-dead"), &[]).await;
    let arn = arn(services, &dead).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":2}}"#);
    let attributes = [
        (QueueAttributeName::VisibilityTimeout, "1"),
        (QueueAttributeName::RedrivePolicy, policy.as_str()),
    ];
    (queue(services, name, &attributes).await, dead)
}

async fn arn(services: &Services, url: &str) -> String {
    let ask = services.sqs.get_queue_attributes().queue_url(url);
    let told = ask
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await;
    let told = told.expect("attributes");
    let arn = told
        .attributes()
        .and_then(|all| all.get(&QueueAttributeName::QueueArn));
    arn.expect("its ARN").clone()
}

async fn send(services: &Services, url: &str, body: &str) {
    let reason = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("none");
    let send = services
        .sqs
        .send_message()
        .queue_url(url)
        .message_body(body);
    let send = send.message_attributes("reason", reason.build().expect("an attribute"));
    send.send().await.expect("it is sent");
}

async fn receive(services: &Services, url: &str) -> Option<Message> {
    let receive = services
        .sqs
        .receive_message()
        .queue_url(url)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All");
    let received = receive.send().await.expect("an answer");
    received.messages.unwrap_or_default().pop()
}

async fn hide(
    services: &Services,
    url: &str,
    message: &Message,
    seconds: i32,
) -> Result<(), String> {
    let change = services.sqs.change_message_visibility().queue_url(url);
    let receipt = message.receipt_handle().unwrap_or_default();
    let change = change.receipt_handle(receipt).visibility_timeout(seconds);
    let code = |error: &dyn ProvideErrorMetadata| error.code().unwrap_or_default().to_owned();
    change.send().await.map(drop).map_err(|error| code(&error))
}

fn count(message: &Message) -> u32 {
    let name = MessageSystemAttributeName::ApproximateReceiveCount;
    let told = message.attributes().and_then(|all| all.get(&name));
    told.and_then(|text| text.parse().ok()).unwrap_or_default()
}
