//! The local event bus: collects what is put on it in a queue.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::Stack;

impl Stack {
    /// Makes a queue that gets every event of the account's bus that this source put. Returns its
    /// URL.
    ///
    /// # Errors
    /// If the local AWS refuses a call.
    pub async fn collect_bus_events(&self, source: &str, queue: &str) -> Result<String> {
        let asked = json!({ "QueueName": queue });
        let made = self.endpoint().call_json("sqs", "AmazonSQS.CreateQueue", &asked).await?;
        let url = made.get("QueueUrl").and_then(Value::as_str);
        let url = url.context("a queue without a URL")?;
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
        let answer =
            self.endpoint().call_json("sqs", "AmazonSQS.GetQueueAttributes", &asked).await?;
        let arn = answer.pointer("/Attributes/QueueArn").cloned().context("a queue's ARN")?;
        let pattern = json!({ "source": [source] }).to_string();
        let rule = json!({ "Name": queue, "EventPattern": pattern });
        self.endpoint().call_json("events", "AWSEvents.PutRule", &rule).await?;
        let targets = json!({ "Rule": queue, "Targets": [{ "Id": "queue", "Arn": arn }] });
        self.endpoint().call_json("events", "AWSEvents.PutTargets", &targets).await?;
        Ok(url.to_owned())
    }

    /// Receives messages of a queue once, and returns their bodies.
    ///
    /// # Errors
    /// If the queue cannot be read.
    pub async fn receive_bodies(&self, queue_url: &str) -> Result<Vec<String>> {
        let asked = json!({ "QueueUrl": queue_url, "MaxNumberOfMessages": 10 });
        let answer = self.endpoint().call_json("sqs", "AmazonSQS.ReceiveMessage", &asked).await?;
        let messages = answer.get("Messages").and_then(Value::as_array).into_iter().flatten();
        let bodies = messages.filter_map(|one| one.get("Body")?.as_str().map(str::to_owned));
        Ok(bodies.collect())
    }
}
