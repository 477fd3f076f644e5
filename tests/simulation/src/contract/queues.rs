//! The contract of SQS.

use aws_sdk_sqs::{
    error::ProvideErrorMetadata,
    types::{
        Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};

use super::{Services, wait_for};

/// A received message is hidden, visible again after the visibility timeout, and counted.
pub async fn hide_and_return(services: &Services) {
    let url =
        create_queue(services, "hidden-and-back", &[(QueueAttributeName::VisibilityTimeout, "1")])
            .await;
    send_message(services, &url, "body").await;
    let first = wait_for("the first receipt", async || receive_message(services, &url).await).await;
    assert_eq!(receive_count(&first), 1);
    assert!(receive_message(services, &url).await.is_none(), "it is hidden");
    let second = wait_for("the return", async || receive_message(services, &url).await).await;
    assert_eq!((receive_count(&second), second.body()), (2, Some("body")));
    assert_eq!(first.message_id(), second.message_id());
    assert_ne!(first.receipt_handle(), second.receipt_handle());
}

/// A receipt can extend the visibility timeout or end it at once.
pub async fn extend_visibility(services: &Services) {
    let url = create_queue(
        services,
        "hidden-for-longer",
        &[(QueueAttributeName::VisibilityTimeout, "1")],
    )
    .await;
    send_message(services, &url, "body").await;
    let message = wait_for("the receipt", async || receive_message(services, &url).await).await;
    change_visibility(services, &url, &message, 3600).await.expect("a longer time");
    // Wait longer than the queue's own timeout.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(receive_message(services, &url).await.is_none(), "it is still hidden");
    change_visibility(services, &url, &message, 0).await.expect("no time");
    let again = wait_for("the return", async || receive_message(services, &url).await).await;
    assert_eq!(receive_count(&again), 2);
}

/// No message is hidden for more than twelve hours. `MiniStack` has no such limit, so only the
/// models are tested.
pub async fn limit_visibility(services: &Services) {
    let url = create_queue(services, "hidden-for-too-long", &[]).await;
    send_message(services, &url, "body").await;
    let message = wait_for("the receipt", async || receive_message(services, &url).await).await;
    let refused = change_visibility(services, &url, &message, 12 * 3600 + 1).await;
    assert_eq!(refused.expect_err("too long"), "InvalidParameterValue");
}

/// A deleted message is not delivered again. `MiniStack` does not implement that deleting it
/// again is no error, as on AWS.
pub async fn delete_message(services: &Services) {
    let url =
        create_queue(services, "deleted", &[(QueueAttributeName::VisibilityTimeout, "1")]).await;
    send_message(services, &url, "body").await;
    let message = wait_for("the receipt", async || receive_message(services, &url).await).await;
    let delete = services.sqs.delete_message().queue_url(&url);
    let receipt = message.receipt_handle().unwrap_or_default();
    delete.receipt_handle(receipt).send().await.expect("no error");
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(receive_message(services, &url).await.is_none());
}

/// After `maxReceiveCount` receives the next one moves the message with its body and attributes.
pub async fn move_to_dlq(services: &Services) {
    let (living, dead) = create_queue_with_dlq(services, "moved-to-the-dead").await;
    send_message(services, &living, "body").await;
    for n in 1..=2 {
        let message =
            wait_for("a receipt", async || receive_message(services, &living).await).await;
        assert_eq!(receive_count(&message), n);
    }
    let moved = wait_for("the move", async || {
        assert!(receive_message(services, &living).await.is_none(), "a third receipt");
        receive_message(services, &dead).await
    });
    let moved = moved.await;
    assert_eq!(moved.body(), Some("body"));
    let attribute = moved.message_attributes().and_then(|all| all.get("reason"));
    assert_eq!(attribute.and_then(MessageAttributeValue::string_value), Some("none"));
}

/// A redrive moves messages back with their bodies and attributes, and their count starts again.
/// `MiniStack` does not implement `StartMessageMoveTask`, so only the models are tested.
pub async fn redrive_from_dlq(services: &Services) {
    let (living, dead) = create_queue_with_dlq(services, "moved-back").await;
    send_message(services, &dead, "body").await;
    let arn = queue_arn(services, &dead).await;
    let task = services.sqs.start_message_move_task().source_arn(arn);
    task.send().await.expect("a task");
    let moved = wait_for("the move", async || receive_message(services, &living).await).await;
    assert_eq!((receive_count(&moved), moved.body()), (1, Some("body")));
    assert!(receive_message(services, &dead).await.is_none());
}

/// Each entry of a batch is answered by its own id.
pub async fn answer_batch_entries(services: &Services) {
    let url = create_queue(services, "batches", &[]).await;
    let entry = |id: &str| {
        let entry = SendMessageBatchRequestEntry::builder().id(id).message_body(id);
        entry.message_group_id("tenant").build().expect("an entry")
    };
    let batch = services.sqs.send_message_batch().queue_url(&url);
    let sent = batch.entries(entry("a")).entries(entry("b")).send().await.expect("an answer");
    let ids: Vec<_> = sent.successful().iter().map(|one| one.id()).collect();
    assert_eq!((ids, sent.failed().len()), (vec!["a", "b"], 0));
}

async fn create_queue(
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

async fn create_queue_with_dlq(services: &Services, name: &str) -> (String, String) {
    let dead = create_queue(services, &format!("{name}-dead"), &[]).await;
    let arn = queue_arn(services, &dead).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":2}}"#);
    let attributes = [
        (QueueAttributeName::VisibilityTimeout, "1"),
        (QueueAttributeName::RedrivePolicy, policy.as_str()),
    ];
    (create_queue(services, name, &attributes).await, dead)
}

async fn queue_arn(services: &Services, url: &str) -> String {
    let ask = services.sqs.get_queue_attributes().queue_url(url);
    let told = ask.attribute_names(QueueAttributeName::QueueArn).send().await;
    let told = told.expect("attributes");
    let arn = told.attributes().and_then(|all| all.get(&QueueAttributeName::QueueArn));
    arn.expect("its ARN").clone()
}

async fn send_message(services: &Services, url: &str, body: &str) {
    let reason = MessageAttributeValue::builder().data_type("String").string_value("none");
    let send = services.sqs.send_message().queue_url(url).message_body(body);
    let send = send.message_attributes("reason", reason.build().expect("an attribute"));
    send.send().await.expect("it is sent");
}

async fn receive_message(services: &Services, url: &str) -> Option<Message> {
    let receive = services
        .sqs
        .receive_message()
        .queue_url(url)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All");
    let received = receive.send().await.expect("an answer");
    received.messages.unwrap_or_default().pop()
}

async fn change_visibility(
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

fn receive_count(message: &Message) -> u32 {
    let name = MessageSystemAttributeName::ApproximateReceiveCount;
    let told = message.attributes().and_then(|all| all.get(&name));
    told.and_then(|text| text.parse().ok()).unwrap_or_default()
}
